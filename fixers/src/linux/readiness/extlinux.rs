//! extlinux and syslinux (their wiki's "SYSLINUX Config"): the entry that `DEFAULT` names, else the first.

use crate::error::Result;
use crate::guest;
use crate::linux::boot::cmdline;
use crate::linux::text::TextFile;

use super::Seen;
use super::entry::{Entry, Loaded};
use super::paths::Place;

#[derive(Debug, Default)]
struct Label {
    name: String,
    kernel: Option<String>,
    initramfs: Vec<String>,
    append: String,
    preferred: bool,
}

/// What it starts by default.
pub(super) fn load(seen: &Seen<'_>, config: &str) -> Result<Loaded> {
    let Some(file) = TextFile::read(seen.guest, config)? else {
        return Ok(Loaded::broken(config, "it is not there"));
    };
    let mut menu = Menu::default();
    menu.read(seen, config, &file.text, 0)?;
    let Menu { default, append, labels } = menu;
    let named = labels.iter().find(|l| default.as_deref().is_some_and(|d| d.eq_ignore_ascii_case(&l.name)));
    let Some(label) = labels.iter().find(|l| l.preferred).or(named).or(labels.first()) else {
        return Ok(Loaded::unknown(config, "it holds no entry"));
    };
    let Some(kernel) = &label.kernel else {
        return Ok(Loaded::unknown(config, format!("the entry {:?} starts no kernel", label.name)));
    };
    let arguments = if label.append.is_empty() { append } else { label.append.clone() };
    let mut images = label.initramfs.clone();
    for param in cmdline::params(&arguments).iter().filter(|p| p.key == "initrd") {
        images.extend(param.value.unwrap_or_default().split(',').map(str::to_owned));
    }
    let initramfs = images.iter().map(|path| place(seen, config, path)).collect::<Result<_>>()?;
    let kernel = place(seen, config, kernel)?;
    let (config, title) = (config.to_owned(), label.name.clone());
    Ok(Loaded::Entry(Box::new(Entry { config, title, kernel, initramfs, arguments, unified: None })))
}

/// Files that include each other; Debian's are two.
const MAX_DEPTH: usize = 4;

#[derive(Debug, Default)]
struct Menu {
    default: Option<String>,
    append: String,
    labels: Vec<Label>,
}

impl Menu {
    fn read(&mut self, seen: &Seen<'_>, config: &str, text: &str, depth: usize) -> Result<()> {
        for line in text.lines().map(str::trim) {
            let (key, value) = line.split_once([' ', '\t']).unwrap_or((line, ""));
            let (key, value) = (key.to_ascii_lowercase(), value.trim());
            let first = value.split_whitespace().next().unwrap_or_default();
            // `MENU INCLUDE` is `INCLUDE`.
            let menu = value.split_once([' ', '\t']).filter(|_| key == "menu");
            let included = match (key.as_str(), menu) {
                ("include", _) => Some(first),
                (_, Some((word, rest))) if word.eq_ignore_ascii_case("include") => {
                    rest.split_whitespace().next()
                }
                _ => None,
            };
            if let (Some(path), true) = (included, depth < MAX_DEPTH) {
                if let Place::There(path) = place(seen, config, path)?
                    && let Some(file) = TextFile::read(seen.guest, &path)?
                {
                    self.read(seen, config, &file.text, depth + 1)?;
                }
                continue;
            }
            self.line(&key, value, first);
        }
        Ok(())
    }

    fn line(&mut self, key: &str, value: &str, first: &str) {
        match (key, self.labels.last_mut()) {
            ("default", _) => self.default = Some(first.to_owned()),
            ("label", _) => self.labels.push(Label { name: first.to_owned(), ..Label::default() }),
            ("append", None) => value.clone_into(&mut self.append),
            ("append", Some(label)) => value.clone_into(&mut label.append),
            ("kernel" | "linux", Some(label)) => label.kernel = Some(first.to_owned()),
            ("initrd", Some(label)) => label.initramfs = value.split(',').map(str::to_owned).collect(),
            ("menu", Some(label)) => label.preferred |= value.eq_ignore_ascii_case("default"),
            _ => {}
        }
    }
}

/// A path is one of the file system that holds the configuration, or relative to the configuration.
fn place(seen: &Seen<'_>, config: &str, path: &str) -> Result<Place> {
    if !path.starts_with('/') {
        return seen.first_of(&[guest::join(guest::parent(config), path)]);
    }
    let mount = seen.mount_of(config).map_or("/", |m| m.mountpoint.as_str());
    seen.first_of(&[guest::join(mount, path.trim_start_matches('/'))])
}
