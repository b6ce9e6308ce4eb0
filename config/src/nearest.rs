//! The known word that a misspelt one was probably meant to be.

/// Longest word that is looked at, in characters: the distance takes the product of both lengths.
const MAX_WORD: usize = 64;

/// The nearest of `known`, if it is near enough to be meant: a third of its letters may differ, at least two, and not
/// all of either word.
pub fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let given = given.to_lowercase().replace('_', "-");
    if given.chars().count() > MAX_WORD {
        return None;
    }
    known
        .into_iter()
        .map(|word| (distance(&given, word), word))
        .filter(|(distance, word)| {
            let length = word.chars().count();
            *distance <= (length / 3).max(2) && *distance < length.min(given.chars().count())
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// Levenshtein's distance: the fewest insertions, removals and replacements that make `a` into `b`.
pub fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    // One row of the table: the distances of the beginning of `a` to every beginning of `b`.
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i.saturating_add(1);
        let mut next = vec![left];
        for (cb, above) in b.iter().zip(row.iter().skip(1)) {
            let replaced = diagonal.saturating_add(usize::from(ca != *cb));
            left = replaced.min(above.saturating_add(1)).min(left.saturating_add(1));
            next.push(left);
            diagonal = *above;
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn distances_of_the_textbook() {
        for (a, b, expected) in [
            ("kitten", "sitting", 3),
            ("", "abc", 3),
            ("abc", "", 3),
            ("same", "same", 0),
            ("grün", "grun", 1),
        ] {
            assert_eq!(distance(a, b), expected, "{a} {b}");
        }
    }

    #[test]
    fn a_misspelt_word_is_recognised_and_another_word_is_not() {
        let known = ["output", "format", "disk-bus", "boot-timeout", "no-boot"];
        for (given, expected) in [
            ("ouput", Some("output")),
            ("Output", Some("output")),
            ("boot_timeout", Some("boot-timeout")),
            ("diskbus", Some("disk-bus")),
            ("noboot", Some("no-boot")),
            ("password", None),
            ("", None),
        ] {
            assert_eq!(nearest(given, known), expected, "{given}");
        }
    }

    proptest! {
        #[test]
        fn distance_is_symmetric_and_zero_for_equal_words(a in "\\PC{0,12}", b in "\\PC{0,12}") {
            prop_assert_eq!(distance(&a, &b), distance(&b, &a));
            prop_assert_eq!(distance(&a, &b) == 0, a == b);
        }
    }
}
