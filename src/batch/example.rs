//! The commented example of a batch file, from the tables that also feed its reader: every key and what it is for.

use h2k_config::KEYS;
use h2k_config::batch::keys::{FILE, Form, NOT_OF_A_VM, OwnKey, VM};

/// Width of the comments, in characters.
const WIDTH: usize = 118;

const HEAD: &str = "A batch file: many VMs with their settings, in waves. h2k batch check FILE says whether it is right, \
                    h2k plan -f FILE what would change, h2k migrate -f FILE does it. Relative paths start at this \
                    file's directory, ~/ at the home directory of whoever runs h2k. Unknown keys are errors.";

const LAYERS: &str = "The command line and H2K_* stand above this file, a VM's own settings above defaults, and this \
                      file above configuration files (h2k.yaml). Remove the # before a key to set it.";

const SECRETS: &str = "Secrets stand in no file: key names the place of each.";

/// The example. As it stands it names one VM; with the comment signs before its keys removed, it sets every key.
pub fn example() -> String {
    let mut out = String::new();
    for text in [HEAD, LAYERS, SECRETS] {
        comment(&mut out, 0, text);
        out.push_str("#\n");
    }
    out.truncate(out.len().saturating_sub(2));
    for key in FILE {
        out.push('\n');
        comment(&mut out, 0, key.summary);
        match key.form {
            Form::Settings => section(&mut out, key, settings()),
            Form::Vms(_) => vms(&mut out),
            Form::Named(keys) => list(&mut out, key, keys, Some("front")),
            Form::List(keys) => list(&mut out, key, keys, None),
            Form::Section(keys) => section(&mut out, key, keys.iter().map(line).collect()),
            _ if key.required => out.push_str(&format!("{}: {}\n", key.name, key.example)),
            _ => out.push_str(&format!("#{}: {}\n", key.name, key.example)),
        }
    }
    out
}

/// A key with its comment.
type Line = (&'static str, &'static str, &'static str);

fn line(key: &OwnKey) -> Line {
    (key.name, key.example, key.summary)
}

fn settings() -> Vec<Line> {
    // Networks have a section of their own.
    KEYS.iter().filter(|key| key.name != "network").map(|key| (key.name, key.example, key.summary)).collect()
}

fn comment(out: &mut String, indent: usize, text: &str) {
    let front = format!("{}# ", " ".repeat(indent));
    let mut line = front.clone();
    for word in text.split_whitespace() {
        if line.chars().count() + word.chars().count() > WIDTH {
            out.push_str(line.trim_end());
            out.push('\n');
            line.clone_from(&front);
        }
        line.push_str(word);
        line.push(' ');
    }
    out.push_str(line.trim_end());
    out.push('\n');
}

fn section(out: &mut String, key: &OwnKey, lines: Vec<Line>) {
    out.push_str(&format!("#{}:\n", key.name));
    for (name, example, summary) in lines {
        comment(out, 2, summary);
        out.push_str(&format!("#  {name}: {example}\n"));
    }
}

/// A list with one mapping that has every key; before it a plain name, where that will do.
fn list(out: &mut String, key: &OwnKey, keys: &[OwnKey], plain: Option<&str>) {
    out.push_str(&format!("#{}:\n", key.name));
    if let Some(plain) = plain {
        out.push_str(&format!("#  - {plain}\n"));
    }
    for (index, key) in keys.iter().enumerate() {
        comment(out, 4, key.summary);
        let mark = if index == 0 { "  - " } else { "    " };
        out.push_str(&format!("#{mark}{}: {}\n", key.name, key.example));
    }
}

/// One VM as it is written most of the time, and one with everything.
fn vms(out: &mut String) {
    out.push_str("vms:\n");
    for key in VM {
        let text = format!(
            "{}{}",
            key.summary,
            if key.name == "source" { "; every VM has this or from" } else { "" }
        );
        comment(out, 4, &text);
        match key.name {
            "source" => out.push_str(&format!("  - source: {}\n", key.example)),
            "from" => {}
            "hooks" => hooks(out),
            name => out.push_str(&format!("#    {name}: {}\n", key.example)),
        }
    }
    let settings: Vec<&str> =
        KEYS.iter().map(|key| key.name).filter(|name| !NOT_OF_A_VM.contains(name)).collect();
    comment(out, 4, &format!("any of {}: above defaults", settings.join(", ")));
    out.push_str("#    disk-bus: virtio-blk\n");
    comment(out, 4, "a VM for every path that matches");
    out.push_str("#  - from: [exports/*/*.vmx, more/**/*.ova]\n#    wave: rest\n");
}

fn hooks(out: &mut String) {
    out.push_str("#    hooks:\n#      - {when: after-validate, run: [/usr/local/bin/tell, --done]}\n");
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use h2k_config::batch::keys::{CONCURRENCY, HOOK, WAVE};
    use h2k_config::batch::read;

    use super::*;

    /// The example that is committed is the one that this h2k prints.
    #[test]
    fn the_committed_example_is_current() {
        let path = format!("{}/config/batch.example.yaml", env!("CARGO_MANIFEST_DIR"));
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            committed == example(),
            "config/batch.example.yaml is not current; regenerate it: cargo run -- batch example > config/batch.example.yaml"
        );
    }

    /// The example with the comment signs before its keys removed. Prose has a blank after the sign, or before it.
    pub(crate) fn live() -> String {
        let key = |line: &str| match line.strip_prefix('#') {
            Some(rest) if !rest.is_empty() && (!rest.starts_with(' ') || rest.starts_with("  ")) => {
                rest.to_owned()
            }
            _ => line.to_owned(),
        };
        example().lines().map(|line| key(line) + "\n").collect()
    }

    #[test]
    fn it_shows_every_key_and_reads_without_a_mistake() {
        let at = Path::new("/srv/night.yaml");
        assert!(read(at, &example(), None).is_ok());
        let text = live();
        let file = read(at, &text, None).unwrap_or_else(|mistakes| panic!("{mistakes:?}\n{text}"));
        let shown = format!("{:?}", file.defaults);
        assert!(!shown.contains("None"), "a key is missing: {shown}");
        assert_eq!((file.vms.len(), file.waves.len(), file.hooks.len()), (2, 2, 1));
        for key in [FILE, VM, WAVE, CONCURRENCY, HOOK].into_iter().flatten() {
            assert!(text.contains(&format!("{}:", key.name)), "{}", key.name);
        }
        assert!(text.lines().all(|line| line.chars().count() <= 120));
    }
}
