use proptest::prelude::*;
use serde_json::json;

use super::*;

fn seen() -> Seen {
    let source =
        json!({"memory_mib": 4096, "name": "web01", "guest_os": null, "disks": [{"mode": "persistent"}]});
    let facts = json!({"systems": [{"distro": "centos", "major": 7}, {"distro": "debian", "major": 12}]});
    Arc::new([("source", source), ("facts", facts), ("policy", json!({"disk_bus": "virtio-blk"}))].into())
}

fn says(text: &str) -> Result<bool, String> {
    evaluate(&[&Expression::parse(text)?], &seen()).remove(0)
}

#[test]
fn conditions_look_at_what_was_seen() {
    for (text, expected) in [
        ("source.memory_mib > 65536", false),
        ("source.memory_mib > 1024 && source.name.startsWith('web')", true),
        ("facts.systems.exists(s, s.distro == \"centos\" && s.major < 8)", true),
        ("facts.systems.all(s, s.distro in ['debian', 'centos'])", true),
        ("facts.systems.filter(s, s.major + 1 > 8).size() == 1", true),
        ("size(facts.systems.map(s, s.distro)) == 2", true),
        ("source.guest_os == null", true),
        ("has(source.uuid)", false),
        ("source.memory_mib / 1024 == 4", true),
        ("policy.disk_bus != 'virtio-scsi'", true),
        ("source.name.contains('eb') ? true : false", true),
    ] {
        assert_eq!(says(text), Ok(expected), "{text}");
    }
}

#[test]
fn what_cannot_be_looked_at_is_an_error() {
    for (text, why) in [
        ("source.memory_gib > 4", "memory_gib"),
        ("source.memory_mib", "neither true nor false"),
        ("source.name > 4", "overload"),
        ("facts.systems[9].major == 1", "9"),
        ("1 / 0 == 1", "zero"),
        ("9223372036854775807 + source.memory_mib > 0", "verflow"),
    ] {
        let error = says(text).unwrap_err();
        assert!(error.contains(why), "{text}: {error}");
    }
}

#[test]
fn one_that_fails_does_not_hide_the_others() {
    let texts = ["source.nothing == 1", "true", "source.name == 'web01'"];
    let all: Vec<Expression> = texts.iter().map(|text| Expression::parse(text).unwrap()).collect();
    let results = evaluate(&all.iter().collect::<Vec<_>>(), &seen());
    assert!(results[0].is_err());
    assert_eq!(results[1..], [Ok(true), Ok(true)]);
    assert_eq!(evaluate(&[], &seen()), []);
}

#[test]
fn mistakes_are_told_when_it_is_read() {
    for (text, message) in [
        ("", "a rule without a condition"),
        (
            "source.memory_mib >",
            "the condition is not understood: Syntax error: mismatched input '<EOF>' (column 20)",
        ),
        ("sorce.name == 'a'", "there is no \"sorce\" to look at; did you mean \"source\"?"),
        (
            "edits.size() > 1",
            "there is no \"edits\" to look at; there are source, facts, target, forecast, policy",
        ),
        ("source.name.matches('a+')", "there is no function \"matches\""),
        (
            "facts.systems.exists(s, s.distro.startWith('c'))",
            "there is no function \"startWith\"; did you mean \"startsWith\"?",
        ),
    ] {
        let error = Expression::parse(text).unwrap_err();
        assert!(error.starts_with(message), "{text}: {error}");
    }
}

/// Each of them would double something at each step, or run for years.
#[test]
fn what_could_grow_or_never_end_is_not_taken() {
    let l = "facts.systems";
    for text in [
        "['a'].map(x, x + x).map(x, x + x).size() == 1".to_owned(),
        "[1].map(x, [x, x]).map(x, [x, x]) == [1]".to_owned(),
        "[1].map(x, {'a': x, 'b': x}).size() == 1".to_owned(),
        format!("{l}.exists(a, {l}.exists(b, {l}.exists(c, a == c)))"),
        "a".repeat(MAX_EXPRESSION + 1),
    ] {
        assert!(Expression::parse(&text).is_err(), "{text}");
    }
}

#[test]
fn deep_nesting_is_an_error_and_no_end() {
    for (open, close) in [("(", ")"), ("[", "]"), ("!", ""), ("-", ""), ("has(", ")"), ("{1:", "}")] {
        let depth = MAX_EXPRESSION / (open.len() + close.len()) - 1;
        let text = format!("{}1{}", open.repeat(depth), close.repeat(depth));
        let _ = Expression::parse(&text).map(|e| evaluate(&[&e], &seen()));
    }
}

#[test]
fn it_is_stored_as_its_text() {
    let expression = Expression::parse("source.name == \"a\"").unwrap();
    let json = serde_json::to_string(&expression).unwrap();
    assert_eq!(json, r#""source.name == \"a\"""#);
    assert_eq!(serde_json::from_str::<Expression>(&json).unwrap(), expression);
    assert!(serde_json::from_str::<Expression>("\"(\"").is_err());
}

/// Pieces that conditions are made of, good and bad.
const PIECES: &[&str] = &[
    "source",
    "facts",
    ".",
    "name",
    "systems",
    "x",
    "==",
    "!=",
    "&&",
    "||",
    "!",
    "-",
    "+",
    "*",
    "/",
    "%",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "?",
    " in ",
    "true",
    "null",
    "1",
    "0u",
    "1.5",
    "1e9",
    "0x",
    "\"s\"",
    "'t'",
    "r'",
    "b'a'",
    "\"",
    "\\",
    "\\u12",
    "`a`",
    ".exists(x, x",
    ".all(x, x == 1)",
    ".map(x, x)",
    ".filter(x, true)",
    "has(source.x)",
    "size(",
    "type(",
    "string(",
    "int(",
    "9223372036854775807",
    "-9223372036854775808",
    "99999999999999999999",
    "é",
    "😀",
    "//",
    "\n",
    "\0",
    "?.",
    "[?",
    "@",
    "#",
    "'''",
    " ",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_text_panics(text in any::<String>()) {
        let _ = Expression::parse(&text).map(|e| evaluate(&[&e], &seen()));
    }

    #[test]
    fn no_row_of_pieces_panics(pieces in proptest::collection::vec(0..PIECES.len(), 0..25)) {
        let text: String = pieces.iter().map(|piece| PIECES[*piece]).collect();
        let gave_up = |why: &str| why.contains("gave it up");
        match Expression::parse(&text) {
            Err(why) => prop_assert!(!gave_up(&why), "{text:?}"),
            Ok(e) => {
                let result = evaluate(&[&e], &seen()).remove(0);
                prop_assert!(!result.is_err_and(|why| gave_up(&why)), "{text:?}");
            }
        }
    }
}
