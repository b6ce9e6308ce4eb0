//! Whatever the bytes are: no panic, and what comes out is bounded.

use proptest::prelude::*;

use super::*;
use crate::windows::drivers::testing;

fn targets() -> Vec<WindowsTarget> {
    [(5, 1, 2600, Arch::X86), (6, 1, 7601, Arch::Amd64), (10, 0, 26100, Arch::Arm64)]
        .map(|(major, minor, build, arch)| WindowsTarget::new(major, minor, build, arch, ProductType::Server))
        .to_vec()
}

fn check(bytes: &[u8]) {
    let Ok(inf) = Inf::parse("a.inf", bytes) else { return };
    for line in inf.lines() {
        assert!(line.number > 0);
        for value in &line.values {
            assert!(value.chars().count() <= MAX_FIELD);
            assert!(inf.substitute(value).chars().count() <= MAX_FIELD);
        }
    }
    for target in targets() {
        match inf.resolve(&target) {
            Ok(devices) => assert!(devices.len() <= MAX_ENTRIES),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
        inf.listed_files(&target);
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "(\\[[a-c.]{1,3}\\]|[a-c%\"\\\\;,= \n\r]{1,8}|NTamd64|AddReg=|CopyFiles=){0,60}") {
        check(format!("{VERSION}{text}").as_bytes());
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        check(&bytes);
    }

    /// A real file with something broken in it.
    #[test]
    fn a_damaged_file_is_read_or_refused(
        at in 0_usize..4000, len in 0_usize..40, new in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        let mut bytes = testing::inf(&testing::named("vioscsi"), "NTamd64.6.1", false).into_bytes();
        let at = at.min(bytes.len());
        let end = (at + len).min(bytes.len());
        bytes.splice(at..end, new);
        check(&bytes);
    }

    /// What the lexer takes apart says the same when it is put together with quotes.
    #[test]
    fn fields_survive_quotes(fields in prop::collection::vec("[ -~]{0,20}", 1..5)) {
        let quoted: Vec<String> = fields.iter().map(|f| format!("\"{}\"", f.replace('"', "\"\""))).collect();
        prop_assert_eq!(values(&quoted.join(" , ")), fields);
    }
}
