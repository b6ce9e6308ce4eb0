//! GRUB legacy (its manual, "Configuration"): entry `default`, counted from 0.

use crate::error::Result;
use crate::linux::text::TextFile;

use super::Seen;
use super::entry::{Entry, Loaded};
use super::paths::{Place, Volume};

#[derive(Debug, Default)]
struct Title {
    name: String,
    lines: Vec<(String, String)>,
}

/// What it starts by default.
pub(super) fn load(seen: &Seen<'_>, config: &str) -> Result<Loaded> {
    let Some(file) = TextFile::read(seen.guest, config)? else {
        return Ok(Loaded::broken(config, "it is not there"));
    };
    let mut default = None;
    let mut titles: Vec<Title> = Vec::new();
    for line in file.text.lines().map(str::trim).filter(|l| !l.starts_with('#')) {
        let (key, value) = line.split_once([' ', '\t', '=']).unwrap_or((line, ""));
        let value = value.trim_start_matches(['=', ' ', '\t']).to_owned();
        match (key, titles.last_mut()) {
            ("title", _) => titles.push(Title { name: value, lines: Vec::new() }),
            ("default", None) => default = Some(value),
            (_, Some(title)) => title.lines.push((key.to_owned(), value)),
            _ => {}
        }
    }
    let number = match default.as_deref().unwrap_or("0") {
        // The number is kept in a file of GRUB's own making; what h2k cannot tell is not guessed.
        "saved" => return Ok(Loaded::unknown(config, "it starts the entry that was started last")),
        text => text.parse().unwrap_or(0),
    };
    match titles.get::<usize>(number) {
        Some(title) => load_title(seen, config, title),
        None => {
            Ok(Loaded::broken(config, format!("there is no entry {number}, which is started by default")))
        }
    }
}

fn load_title(seen: &Seen<'_>, config: &str, title: &Title) -> Result<Loaded> {
    let mut volume = seen.any_volume();
    let (mut kernel, mut arguments, mut initramfs) = (None, String::new(), Vec::new());
    for (key, value) in &title.lines {
        match key.as_str() {
            "root" | "rootnoverify" => volume = by_name(seen, value),
            "uuid" => volume = seen.volume_of(seen.device(&format!("UUID={value}"), &Default::default())),
            "kernel" if kernel.is_none() => {
                let mut words = value.split_whitespace().skip_while(|w| w.starts_with("--"));
                kernel = Some(place(seen, &volume, words.next().unwrap_or_default())?);
                arguments = words.collect::<Vec<_>>().join(" ");
            }
            // Xen: the kernel is the hypervisor's first module, the initramfs the second.
            "module" | "chainloader" => {
                let why = format!("the entry {:?} starts something else than Linux", title.name);
                return Ok(Loaded::unknown(config, why));
            }
            "initrd" => initramfs.push(place(seen, &volume, value)?),
            _ => {}
        }
    }
    let Some(kernel) = kernel else {
        return Ok(Loaded::unknown(config, format!("the entry {:?} starts no kernel", title.name)));
    };
    let (config, title) = (config.to_owned(), title.name.clone());
    Ok(Loaded::Entry(Box::new(Entry { config, title, kernel, initramfs, arguments, unified: None })))
}

fn place(seen: &Seen<'_>, volume: &Volume<'_>, path: &str) -> Result<Place> {
    match path.strip_prefix('(').and_then(|p| p.split_once(')')) {
        Some((device, path)) => seen.on_volume(&by_name(seen, device), path),
        None => seen.on_volume(volume, path),
    }
}

/// `(hd0,0)`: disks in the firmware's order, partitions counted from 0.
fn by_name<'a>(seen: &Seen<'a>, name: &str) -> Volume<'a> {
    let name = name.split_whitespace().next().unwrap_or_default().trim_matches(['(', ')']);
    let parsed = name.strip_prefix("hd").and_then(|rest| {
        let (disk, partition) = rest.split_once(',')?;
        Some((disk.parse().ok()?, partition.parse::<u32>().ok()?.checked_add(1)?))
    });
    match parsed {
        Some((disk, partition)) => seen.by_order(disk, Some(partition)),
        None => seen.any_volume(),
    }
}
