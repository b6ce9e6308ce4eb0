//! Changes of a hive as people read them: the lines of a `.reg` file, with a plus or a minus before each.

use std::fmt::Write;

use super::change::{RegChange, RegOp};
use super::data::{Hex, RegData};

/// The lines of changes, key by key.
pub fn lines(changes: &[RegChange]) -> String {
    let mut out = String::new();
    let mut last: Option<&str> = None;
    for change in changes {
        let (mark, head) = match &change.op {
            RegOp::Create => ('+', true),
            RegOp::Delete { .. } => ('-', true),
            _ => (' ', last != Some(change.key.as_str())),
        };
        if head {
            // Writing to a String cannot fail.
            let _ = writeln!(out, "{mark}[{}]", change.key);
        }
        match &change.op {
            RegOp::Set { name, before, after } => {
                if let Some(before) = before {
                    let _ = writeln!(out, "-{}", value(name, before));
                }
                let _ = writeln!(out, "+{}", value(name, after));
            }
            RegOp::Unset { name, before } => {
                let _ = writeln!(out, "-{}", value(name, before));
            }
            RegOp::Delete { keys } if *keys > 1 => {
                let _ = writeln!(out, "-  with the {} keys below it", keys - 1);
            }
            RegOp::Create | RegOp::Delete { .. } => {}
        }
        last = Some(&change.key);
    }
    out
}

/// A value as a `.reg` file has it; texts of other types than `REG_SZ` as texts all the same.
fn value(name: &str, data: &RegData) -> String {
    let name = if name.is_empty() { "@".to_owned() } else { quoted(name) };
    match data {
        RegData::Sz(text) => format!("{name}={}", quoted(text)),
        RegData::ExpandSz(text) => format!("{name}=expand:{}", quoted(text)),
        RegData::MultiSz(texts) => {
            let texts: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
            format!("{name}=multi:{}", texts.join(","))
        }
        RegData::Dword(number) => format!("{name}=dword:{number:08x}"),
        RegData::Qword(number) => format!("{name}=qword:{number:016x}"),
        RegData::Binary(Hex(bytes)) => format!("{name}=hex:{}", hex(bytes)),
        RegData::Other { kind, data: Hex(bytes) } => format!("{name}=hex({kind:x}):{}", hex(bytes)),
    }
}

fn hex(bytes: &[u8]) -> String {
    let bytes: Vec<String> = bytes.iter().map(|b| format!("{b:02x}")).collect();
    bytes.join(",")
}

/// Text between quotes. Control characters cannot play tricks on the terminal.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
