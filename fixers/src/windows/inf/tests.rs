//! INF files with the grammar of real ones.

use super::*;
use crate::windows::{Arch, ProductType};

mod decorations;
mod directives;
mod grammar;
mod property;

const VERSION: &str = "[Version]\nSignature=\"$Windows NT$\"\n";

/// A file with a `[Version]` before its text.
fn inf(text: &str) -> Inf {
    Inf::parse("a.inf", format!("{VERSION}{text}").as_bytes()).unwrap()
}

fn fault(text: &str) -> String {
    match Inf::parse("a.inf", format!("{VERSION}{text}").as_bytes()) {
        Ok(inf) => inf.resolve(&target(10, 0, 17763)).unwrap_err().to_string(),
        Err(error) => error.to_string(),
    }
}

fn target(major: u32, minor: u32, build: u32) -> WindowsTarget {
    WindowsTarget::new(major, minor, build, Arch::Amd64, ProductType::Server)
}

/// Key and values of the lines of a section.
fn lines(inf: &Inf, section: &str) -> Vec<(Option<String>, Vec<String>)> {
    let section = inf.section(section).unwrap();
    section.lines.iter().map(|line| (line.key.clone(), line.values.clone())).collect()
}

/// The values of a section's only line.
fn values(text: &str) -> Vec<String> {
    let inf = inf(&format!("[s]\n{text}"));
    let [(_, values)] = lines(&inf, "s").try_into().unwrap();
    values
}
