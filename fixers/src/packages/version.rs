//! Order of Debian's versions (deb-version(7)).

use std::cmp::Ordering;

/// Compares two versions.
pub fn compare(a: &str, b: &str) -> Ordering {
    let parts = |version: &str| -> (u64, String, String) {
        let (epoch, rest) = version.split_once(':').unwrap_or(("0", version));
        let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, "0"));
        (epoch.parse().unwrap_or(0), upstream.to_owned(), revision.to_owned())
    };
    let (a, b) = (parts(a), parts(b));
    a.0.cmp(&b.0).then_with(|| part(&a.1, &b.1)).then_with(|| part(&a.2, &b.2))
}

/// Whether `version` is in the relation `operator` to `wanted` (deb-control(5)); `None` for no such operator.
pub fn satisfies(version: &str, operator: &str, wanted: &str) -> Option<bool> {
    let order = compare(version, wanted);
    Some(match operator {
        "<<" => order.is_lt(),
        "<=" | "<" => order.is_le(),
        "=" => order.is_eq(),
        ">=" | ">" => order.is_ge(),
        ">>" => order.is_gt(),
        _ => return None,
    })
}

/// Runs of other characters and of digits by turns.
fn part(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    while !a.is_empty() || !b.is_empty() {
        let (text_a, rest_a) = run(a, |c| !c.is_ascii_digit());
        let (text_b, rest_b) = run(b, |c| !c.is_ascii_digit());
        let longest = text_a.len().max(text_b.len());
        for index in 0..longest {
            let order = rank(text_a.get(index)).cmp(&rank(text_b.get(index)));
            if order.is_ne() {
                return order;
            }
        }
        let (digits_a, after_a) = run(rest_a, |c| c.is_ascii_digit());
        let (digits_b, after_b) = run(rest_b, |c| c.is_ascii_digit());
        let (number_a, number_b) = (without_zeros(digits_a), without_zeros(digits_b));
        let order = number_a.len().cmp(&number_b.len()).then_with(|| number_a.cmp(number_b));
        if order.is_ne() {
            return order;
        }
        (a, b) = (after_a, after_b);
    }
    Ordering::Equal
}

fn run(bytes: &[u8], belongs: impl Fn(&u8) -> bool) -> (&[u8], &[u8]) {
    bytes.split_at(bytes.iter().position(|c| !belongs(c)).unwrap_or(bytes.len()))
}

fn without_zeros(digits: &[u8]) -> &[u8] {
    run(digits, |c| *c == b'0').1
}

/// A tilde stands before the end, the end before letters, letters before all else.
fn rank(character: Option<&u8>) -> i32 {
    match character {
        Some(b'~') => -1,
        None => 0,
        Some(c) if c.is_ascii_alphabetic() => i32::from(*c),
        Some(c) => i32::from(*c) + 256,
    }
}
