//! The general syntax rules, and encodings.

use super::*;

#[test]
fn sections_of_a_name_in_any_case_are_one() {
    let inf = inf("[One]\na=1\n[two]\nb=2\n[ONE] the rest of the line has no meaning\nc=3\n");
    let section = inf.section("oNe").unwrap();
    assert_eq!((section.name.as_str(), section.line), ("One", 3));
    let keys: Vec<_> = section.lines.iter().map(|line| (line.key.as_deref().unwrap(), line.number)).collect();
    assert_eq!(keys, [("a", 4), ("c", 8)]);
    assert!(inf.section("three").is_none());
}

#[test]
fn fields_end_at_commas_and_blanks_around_them_go() {
    assert_eq!(values("  a , b b\t,, c  "), ["a", "b b", "", "c"]);
    assert_eq!(values("1,,"), ["1", "", ""]);
    let inf = inf("[s]\n key name = x = y , z\nvalue only\n");
    let expected = [
        (Some("key name".to_owned()), vec!["x = y".to_owned(), "z".to_owned()]),
        (None, vec!["value only".to_owned()]),
    ];
    assert_eq!(lines(&inf, "s"), expected);
}

#[test]
fn quotes_keep_what_is_in_them() {
    assert_eq!(values(r#"" a, b ; c = ", x"#), [" a, b ; c = ", "x"]);
    assert_eq!(values(r#""Display an ""example"" string""#), [r#"Display an "example" string"#]);
    assert_eq!(values(r#"a"b"c"#), ["abc"]);
    let inf = inf("[s]\n\"open, to the end\nnext=1\n");
    assert_eq!(lines(&inf, "s")[0].1, ["open, to the end"]);
}

#[test]
fn comments_end_lines_except_in_quotes_and_tokens() {
    assert_eq!(values("a ; comment, with comma"), ["a"]);
    assert_eq!(values("%a;b%, c ; d"), ["%a;b%", "c"]);
    assert_eq!(values("50% ; the rest"), ["50%"]);
}

#[test]
fn backslashes_at_the_end_continue_a_line() {
    assert_eq!(values("a, \\\n  b"), ["a", "b"]);
    assert_eq!(values("dir\\\\\n,file"), ["dir", "file"]);
    assert_eq!(values("\"SomeDirectory\\\"\\ ; comment\n,SomeFile"), ["SomeDirectory\\", "SomeFile"]);
    assert_eq!(values("%12%\\a.sys, \\\\host\\b \\ c"), ["%12%\\a.sys", "\\\\host\\b \\ c"]);
    assert_eq!(values("a\\"), ["a"]);
}

#[test]
fn lines_end_in_all_ways_and_are_counted() {
    let inf = inf("[s]\r\na=1\rb=2 \\\r\n3\r\n\r\nc=4\n\u{1a}junk, \"");
    let section = inf.section("s").unwrap();
    let numbers: Vec<_> = section.lines.iter().map(|line| (line.number, line.value(0))).collect();
    assert_eq!(numbers, [(4, "1"), (5, "23"), (8, "4")]);
}

#[test]
fn strings_stand_for_tokens() {
    let inf = inf("[Strings]\nName = \"A, B\"\nEMPTY=\nname=second\n");
    for (text, expected) in [
        ("%name%", "A, B"),
        ("<%NAME%>%Empty%", "<A, B>"),
        ("%%SystemRoot%%\\x", "%SystemRoot%\\x"),
        ("%unknown% %12%", "%unknown% %12%"),
        ("100%", "100%"),
        ("%%%name%", "%A, B"),
    ] {
        assert_eq!(inf.substitute(text), expected, "{text}");
    }
}

#[test]
fn strings_that_go_in_circles_end() {
    let inf = inf("[Strings]\na = %b%\nb = %a%\nself = \"x%self%\"\nplain = \"%other%\"\n");
    assert_eq!(inf.substitute("%a%"), "%b%");
    assert_eq!(inf.substitute("%self%"), "x%self%");
    let notes = inf.notes().join("\n");
    for name in ["string a ", "string b ", "string self "] {
        assert!(notes.contains(name), "{notes}");
    }
    assert!(!notes.contains("plain"), "{notes}");
}

#[test]
fn substitution_is_bounded() {
    let long = "x".repeat(4000);
    let inf = inf(&format!("[Strings]\na = {long}\n"));
    assert_eq!(inf.substitute(&"%a%".repeat(1000)).chars().count(), MAX_FIELD);
}

#[test]
fn strings_of_a_language_come_first() {
    let text = format!(
        "{VERSION}[Strings]\na=base\nb=base\n[Strings.0407]\na=deutsch\n[Strings.0009]\na=english\n[Strings.0409]\nc=us\n"
    );
    let language =
        |language| Inf::parse_for("a.inf", text.as_bytes(), language).unwrap().substitute("%a% %b% %c%");
    assert_eq!(language(None), "base base us");
    assert_eq!(language(Some(0x0407)), "deutsch base us");
    assert_eq!(language(Some(0x0809)), "english base us");
}

fn utf16(text: &str, to: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(to).collect()
}

#[test]
fn every_encoding_gives_the_same() {
    let text = format!("{VERSION}Provider=%p%\r\n[Strings]\r\np=\"Gerätehersteller\"\r\n");
    let latin: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    let cases = [
        ("UTF-8", text.clone().into_bytes()),
        ("UTF-8 with mark", format!("\u{feff}{text}").into_bytes()),
        ("UTF-16LE with mark", utf16(&format!("\u{feff}{text}"), u16::to_le_bytes)),
        ("UTF-16BE with mark", utf16(&format!("\u{feff}{text}"), u16::to_be_bytes)),
        ("UTF-16LE", utf16(&text, u16::to_le_bytes)),
        ("UTF-16BE", utf16(&text, u16::to_be_bytes)),
        ("ANSI", latin),
    ];
    for (name, bytes) in cases {
        let inf = Inf::parse("a.inf", &bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(inf.version().provider.value, "Gerätehersteller", "{name}");
        assert_eq!(inf.version().provider.token, "%p%", "{name}");
    }
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    let parse = |text: &str| Inf::parse("a.inf", text.as_bytes()).unwrap_err().to_string();
    assert_eq!(parse(""), "a.inf line 0: it has no signature of an INF file");
    assert_eq!(parse("[Version]\nSignature=x\n"), "a.inf line 1: it has no signature of an INF file");
    assert_eq!(parse("; hello\nkey=1\n"), "a.inf line 2: it does not begin with a section");
    assert_eq!(fault("[open\n"), "a.inf line 3: a section's name does not end");
    assert_eq!(fault("ClassGuid = {123}\n"), "a.inf line 3: ClassGuid is not a GUID: {123}");
    assert_eq!(
        fault("DriverVer = 13/01/2020,1\n"),
        "a.inf line 3: DriverVer is not a date, mm/dd/yyyy: 13/01/2020"
    );
    assert_eq!(
        fault("DriverVer = 01/01/2020,1.70000\n"),
        "a.inf line 3: DriverVer is not a version, w.x.y.z: 1.70000"
    );
}

#[test]
fn limits_are_kept() {
    let field = |len| format!("[s]\na={}\n", "x".repeat(len));
    inf(&field(MAX_FIELD));
    assert!(fault(&field(MAX_FIELD + 1)).contains("more than 4095 characters"));
    let name = |len| format!("[{}]\n", "x".repeat(len));
    inf(&name(MAX_SECTION_NAME));
    assert!(fault(&name(MAX_SECTION_NAME + 1)).contains("more than 255 characters"));
    let sections: String = (0..=MAX_SECTIONS).map(|n| format!("[{n}]\n")).collect();
    assert!(fault(&sections).contains("more than 10000 sections"));
    assert!(fault(&format!("[s]\n{}", "a\n".repeat(MAX_LINES + 1))).contains("more than 100000 lines"));
    let large = Inf::parse("a.inf", &vec![b' '; MAX_BYTES + 1]).unwrap_err();
    assert_eq!(large.fault, Fault::TooLarge(MAX_BYTES + 1));
}

#[test]
fn the_version_is_read() {
    let text = "[version] \n signature = \"$CHICAGO$\" \nClass = Net \nClassGUID = {4d36e972-e325-11ce-bfc1-08002be10318}\n\
        Provider=%V%\nDriverVer= 09/05/2018, 1.01.01.0001\nCatalogFile=a.cat\nCatalogFile.NTamd64=b.cat\n\
        PnpLockdown = 1\n[Strings]\nV = \"Phony, Inc.\" ;\n";
    let inf = Inf::parse("a.inf", text.as_bytes()).unwrap();
    let version = inf.version();
    assert_eq!(version.class.as_deref(), Some("Net"));
    assert_eq!(version.class_guid.as_deref(), Some("{4D36E972-E325-11CE-BFC1-08002BE10318}"));
    assert_eq!(version.provider.value, "Phony, Inc.");
    assert_eq!(version.driver_ver.version, [1, 1, 1, 1]);
    assert_eq!(version.catalog(Arch::Amd64), Some("b.cat"));
    assert_eq!(version.catalog(Arch::X86), Some("a.cat"));
    assert!(version.lockdown);
}

/// Dates of FILETIMEs as `date -u -d @…` converts them: (seconds since 1970 + 11644473600) * 10^7.
#[test]
fn dates_are_filetimes() {
    for (date, unix) in [
        ("01/01/1970", 0),
        ("03/01/2000", 951_868_800),
        ("02/29/2024", 1_709_164_800),
        ("12/31/2024", 1_735_603_200),
        ("06-21-2006", 1_150_848_000),
    ] {
        let inf = inf(&format!("DriverVer={date},1.2.3.4\n"));
        assert_eq!(inf.version().driver_ver.date, (unix + 11_644_473_600_u64) * 10_000_000, "{date}");
    }
}
