//! The tree keeps its own rules.

use std::fs;
use std::path::{Path, PathBuf};

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn no_test_file_is_forgotten() {
    let runner = fs::read_to_string("tests/runner.rs").unwrap();
    for entry in fs::read_dir("tests").unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        if path.extension().is_some_and(|e| e == "rs") && stem != "runner" {
            assert!(
                runner.contains(&format!("mod {stem};")),
                "tests/{stem}.rs is not named in tests/runner.rs"
            );
        }
    }
}

#[test]
fn only_the_ui_prints_and_only_exec_starts_programs() {
    let mut files = Vec::new();
    for dir in ["src", "config/src", "transports/src", "fixers/src"] {
        sources(Path::new(dir), &mut files);
    }
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let name = file.to_string_lossy().into_owned();
        let prints = text.contains("println!(") || text.contains("print!(") || text.contains("eprint");
        assert!(!prints || name.starts_with("src/ui"), "{name} prints");
        let starts = text.contains("Command::new(") && text.contains("std::process");
        assert!(!starts || name.starts_with("src/exec") || name.contains("test"), "{name} starts programs");
    }
}

#[test]
fn linux_and_windows_fixers_do_not_know_each_other() {
    let mut files = Vec::new();
    sources(Path::new("fixers/src/linux"), &mut files);
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        assert!(!text.contains("crate::windows"), "{}", file.display());
    }
}
