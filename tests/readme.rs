//! Every command in the README is run here, in its order, on a real guest.

use std::process::Command;

use crate::common::guest::guest;
use crate::common::{Place, run};

/// Commands of the README's console blocks.
fn commands() -> Vec<String> {
    let text = std::fs::read_to_string("README.md").unwrap();
    let mut found = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if inside {
            found.push(line.to_owned());
        }
    }
    found
}

#[test]
fn every_command_of_the_readme_does_what_it_says() {
    let guest = guest("debian12-stock");
    let place = Place::new();
    place.write("passphrase.txt", "this guest has no encrypted volume\n");
    let bios = crate::common::guest::guest("debian12-bios");
    let mut ran = 0;
    for command in commands() {
        let words: Vec<&str> = command.split_whitespace().collect();
        match words.as_slice() {
            ["make", target] => {
                // CI itself runs `make test`; here it is enough that make knows how.
                let dry = run(Command::new("make").args(["--dry-run", target]));
                assert_eq!(dry.code, 0, "{}", dry.stderr);
            }
            ["h2k", args @ ..] => {
                let args: Vec<String> = args
                    .iter()
                    .map(|a| match *a {
                        "exports" => guest.dir.to_str().unwrap().to_owned(),
                        "guest.vmx" => guest.vmx().to_str().unwrap().to_owned(),
                        "guest.vmdk" => guest.dir.join("guest.vmdk").to_str().unwrap().to_owned(),
                        "guest.ova" => bios.dir.join("guest.ova").to_str().unwrap().to_owned(),
                        other => other.replace("NAME", "debian12-stock"),
                    })
                    .collect();
                let done = place.h2k(&args);
                assert_eq!(done.code, 0, "{command}:\n{}\n{}", done.stdout, done.stderr);
                if args.starts_with(&["batch".to_owned(), "init".to_owned()]) {
                    // As a user would, who has seen this guest boot above.
                    let file = place.path("night.yaml");
                    let begun = std::fs::read_to_string(&file).unwrap();
                    let edited =
                        begun.replace("  output: migrated\n", "  output: migrated\n  no-boot: true\n");
                    assert_ne!(edited, begun);
                    std::fs::write(&file, edited).unwrap();
                }
            }
            other => panic!("the README has a command that no test runs: {other:?}"),
        }
        ran += 1;
    }
    assert!(ran >= 8, "only {ran} commands were found in the README");
}
