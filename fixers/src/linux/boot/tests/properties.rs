//! What holds for every text.

use super::*;

/// A word as it may stand on a command line, without an unstable name.
const STABLE: &str =
    "(root=UUID=0a|resume=LABEL=\"x\"|quiet|[a-z.]{0,6}=[a-z0-9:,./\"'$\\\\]{0,8}|[ -~]{0,5}|/dev/mapper/x)";
/// A word that may name a device of the old hardware.
const ANY: &str = "(root=/dev/sda1|\"resume=/dev/sda2\"|'root=/dev/sda1'|root=/dev/sdb1|[ -~]{0,5})";
/// What makes the words a command line, in one file or another.
const PREFIX: &str = "(|linux /vmlinuz |kernel /vmlinuz |# kopt=|options |append |GRUB_CMDLINE_LINUX=\"|kernelopts=|set kernelopts=\")";

fn every_rewrite(text: &str) -> Vec<String> {
    let facts = facts();
    let names = Names::new(&facts);
    let mut all: Vec<String> = Kind::ALL.iter().map(|kind| rewrite(*kind, text, &names)).collect();
    all.push(grub_defaults::enable_uuid(text));
    all
}

proptest::proptest! {
    #[test]
    fn without_unstable_names_nothing_changes(
        words in proptest::collection::vec(STABLE, 0..8),
        prefix in PREFIX,
    ) {
        let text = format!("{prefix}{}\n", words.join(" "));
        for new in every_rewrite(&text) {
            proptest::prop_assert_eq!(&new, &text);
        }
    }

    #[test]
    fn every_rewrite_is_idempotent(
        words in proptest::collection::vec(ANY, 0..6),
        prefix in PREFIX,
    ) {
        let text = format!("{prefix}{}\n", words.join(" "));
        for (kind, new) in every_rewrite(&text).into_iter().enumerate() {
            let again = every_rewrite(&new).into_iter().nth(kind);
            proptest::prop_assert_eq!(again, Some(new));
        }
    }

    #[test]
    fn arbitrary_text_never_panics(text in "([ -~\n\t]|\\PC){0,120}") {
        every_rewrite(&text);
    }
}
