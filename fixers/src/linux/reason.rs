//! Reasons of edits, in words.

/// Names that are listed in one reason; the diff shows all.
const LISTED: usize = 4;

/// Why device names are replaced, with the first of them.
pub(crate) fn renamed<'a>(changes: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut pairs: Vec<String> = Vec::new();
    for (from, to) in changes {
        let pair = format!("{from} is {to}");
        if !pairs.contains(&pair) {
            pairs.push(pair);
        }
    }
    let more = pairs.len().saturating_sub(LISTED);
    pairs.truncate(LISTED);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("names of the old disk controllers do not hold on virtio: {}{more}", pairs.join(", "))
}
