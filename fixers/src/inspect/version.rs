//! Kernel versions in the order that a person would put them in.

/// A piece of a version, in sort order: a pre-release (`-rc1`, `~1`) comes before the end of the version that it
/// leads to, a number after any text, and numbers by their value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Piece {
    PreRelease(String),
    End,
    Text(String),
    /// Length without leading zeros, then the digits: the order of numbers of any size.
    Number(usize, String),
}

/// A key that sorts versions: `5.14.0-9` before `5.14.0-70`, `6.1-rc7` before `6.1`. As for rpm, a number is newer than
/// a word in its place: `3.10.0-1160.el7` before `3.10.0-1160.119.1.el7`.
pub(crate) fn key(version: &str) -> impl Ord + use<> {
    let mut pieces = Vec::new();
    let mut rest = version;
    loop {
        rest = rest.trim_start_matches(['-', '.', '_', '+']);
        let Some(first) = rest.chars().next() else { break };
        let digits = first.is_ascii_digit();
        let ends = |c: char| c.is_ascii_digit() != digits || "-._+".contains(c);
        let length = rest.find(ends).unwrap_or(rest.len());
        let (piece, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        pieces.push(if digits {
            let number = piece.trim_start_matches('0');
            Piece::Number(number.len(), number.to_owned())
        } else if piece.starts_with('~') || piece == "rc" {
            Piece::PreRelease(piece.to_owned())
        } else {
            Piece::Text(piece.to_owned())
        });
        rest = after;
    }
    pieces.push(Piece::End);
    (pieces, version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::key;

    #[test]
    fn versions_come_in_the_order_of_people() {
        let sorted = [
            "0-rescue-3f1c",
            "3.10.0-1160.el7.x86_64",
            "3.10.0-1160.119.1.el7.x86_64",
            "4.12.14-122.37-default",
            "4.12.14-122.231-default",
            "4.18.0-553.el8.x86_64",
            "5.4.0-9-generic",
            "5.14.0-9.el9",
            "5.14.0-70.13.1.el9",
            "5.14.0-70.30.1.el9",
            "5.14.21-150500.53-default",
            "6.1.0-rc7-amd64",
            "6.1.0",
            "6.1.0-0.deb11.6-amd64",
            "6.1.0-9-amd64",
            "6.1.0-56-amd64",
            "6.6.58-0-lts",
            "6.10.0-99999999999999999999999",
        ];
        let mut shuffled = sorted;
        shuffled.reverse();
        shuffled.sort_by_cached_key(|v| key(v));
        assert_eq!(shuffled, sorted);
    }
}
