//! `h2k man`: writes the manual pages, which are committed in `man/`.
//!
//! clap_mangen renders names, synopses, descriptions and options from the command line's definitions; what follows
//! here comes from the tables that also feed the help, the settings and the registries.

use std::fs;
use std::path::PathBuf;

use clap::builder::Resettable;
use clap::{Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use h2k_config::{KEYS, Kind};
use h2k_fixers::registry::FIXERS;

use crate::cli::{Cli, ManArgs, help};
use crate::doctor::CHECKS;
use crate::error::{Doing, Failure};
use crate::plan::rules;
use crate::plan::text::severity;
use crate::ui::Ui;

/// Runs the subcommand: prints the files that it wrote.
///
/// # Errors
/// The directory or a file cannot be written.
pub fn run(args: &ManArgs, ui: &Ui) -> Result<(), Failure> {
    fs::create_dir_all(&args.dir).doing(format!("making {}", args.dir.display()))?;
    for (name, page) in pages()? {
        let file: PathBuf = args.dir.join(name);
        fs::write(&file, page).doing(format!("writing {}", file.display()))?;
        ui.answer(&file.display().to_string())?;
    }
    Ok(())
}

/// Every page with its file's name.
///
/// # Errors
/// None is known: writing to memory succeeds.
pub fn pages() -> Result<Vec<(String, String)>, Failure> {
    let mut main = Cli::command().disable_help_subcommand(true);
    // Names of the subcommands' pages, and the global options in each, come with the build.
    main.build();
    let subcommands: Vec<Command> =
        main.get_subcommands().filter(|sub| !sub.is_hide_set()).cloned().collect();
    let names: Vec<String> = subcommands.iter().map(|sub| sub.get_name().to_owned()).collect();
    let mut pages = vec![page(main, "h2k", &names)?];
    for sub in subcommands {
        let name = sub.get_name().to_owned();
        pages.push(page(sub, &name, &[])?);
    }
    Ok(pages)
}

fn page(command: Command, name: &str, subcommands: &[String]) -> Result<(String, String), Failure> {
    // Examples get a section of their own; the version stands in the footer.
    let command = command
        .after_help(Resettable::Reset)
        .after_long_help(Resettable::Reset)
        .version(Resettable::Reset)
        .disable_version_flag(true);
    // No date: the same sources give the same page. A blank, for an empty argument would be left out and shift the rest.
    let man =
        Man::new(command).date(" ").source(concat!("h2k ", env!("CARGO_PKG_VERSION"))).manual("h2k manual");
    let mut out = Vec::new();
    man.render(&mut out).doing("rendering a manual page")?;
    let mut roff = Roff::new();
    examples(&mut roff, name);
    match name {
        "h2k" => settings(&mut roff),
        "fixers" => list(&mut roff, "FIXERS", FIXERS.iter().map(|f| (f.id(), f.summary().to_owned()))),
        "rules" => {
            let rule = |r: &'static rules::Rule| (r.id, format!("{}: {}", severity(r.severity), r.summary));
            list(&mut roff, "RULES", rules::all().map(rule));
        }
        "doctor" => list(&mut roff, "CHECKS", CHECKS.iter().map(|c| (c.id, c.title.to_owned()))),
        _ => {}
    }
    let codes: Vec<(String, &str)> = help::EXIT_CODES.iter().map(|(c, m)| (c.to_string(), *m)).collect();
    list(
        &mut roff,
        "EXIT STATUS",
        codes.iter().map(|(code, meaning)| (code.as_str(), (*meaning).to_owned())),
    );
    list(&mut roff, "FILES", help::FILES.iter().map(|(file, meaning)| (*file, (*meaning).to_owned())));
    see_also(&mut roff, name, subcommands);
    roff.to_writer(&mut out).doing("rendering a manual page")?;
    Ok((man.get_filename(), String::from_utf8_lossy(&out).into_owned()))
}

fn list<'a>(roff: &mut Roff, title: &str, entries: impl Iterator<Item = (&'a str, String)>) {
    roff.control("SH", [title]);
    for (term, meaning) in entries {
        roff.control("TP", []);
        roff.text([bold(term)]);
        roff.text([roman(meaning)]);
    }
}

fn examples(roff: &mut Roff, name: &str) {
    roff.control("SH", ["EXAMPLES"]);
    for (line, what) in help::example_list(name) {
        roff.control("TP", []);
        roff.text([bold(*line)]);
        roff.text([roman(*what)]);
    }
}

fn settings(roff: &mut Roff) {
    roff.control("SH", ["SETTINGS"]);
    roff.text([roman(help::PRECEDENCE)]);
    for key in KEYS {
        roff.control("TP", []);
        match key.kind {
            Kind::Section => roff.text([bold(key.name), roman(" (only in a file)")]),
            _ => roff.text([bold(key.name), roman(", "), bold(key.variable())]),
        };
        roff.text([roman(key.summary)]);
    }
}

fn see_also(roff: &mut Roff, name: &str, subcommands: &[String]) {
    roff.control("SH", ["SEE ALSO"]);
    let mut pages: Vec<String> = subcommands.iter().map(|sub| format!("h2k-{sub}(1)")).collect();
    if name != "h2k" {
        pages.push("h2k(1)".to_owned());
    }
    pages.extend(["virsh(1)", "qemu-img(1)", "guestfs(3)"].map(str::to_owned));
    roff.text([roman(pages.join(", "))]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::Mode;
    use crate::ui::testing::captured;

    /// The pages that are committed are those that this h2k writes, and no others.
    #[test]
    fn the_committed_pages_are_current() {
        let again = "regenerate the pages: cargo run -- man man";
        let committed = format!("{}/man", env!("CARGO_MANIFEST_DIR"));
        let temp = tempfile::tempdir().unwrap();
        let (ui, out, _) = captured(Mode::default());
        run(&ManArgs { dir: temp.path().to_owned() }, &ui).unwrap();
        let names = |dir: &std::path::Path| {
            let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name());
            let mut names: Vec<_> = entries.collect();
            names.sort();
            names
        };
        assert_eq!(out.text().lines().count(), names(temp.path()).len());
        assert_eq!(names(temp.path()), names(committed.as_ref()), "{again}");
        for name in names(temp.path()) {
            let here = fs::read_to_string(temp.path().join(&name)).unwrap();
            let there = fs::read_to_string(PathBuf::from(&committed).join(&name)).unwrap();
            assert!(here == there, "man/{} is not current; {again}", name.to_string_lossy());
        }
    }

    #[test]
    fn every_page_tells_the_exit_codes_and_has_an_example() {
        for (name, page) in pages().unwrap() {
            assert!(page.contains(".SH \"EXIT STATUS\"") && page.contains("critical concerns"), "{name}");
            assert!(
                page.split(".SH EXAMPLES").nth(1).is_some_and(|rest| rest.starts_with("\n.TP")),
                "{name}"
            );
        }
    }
}
