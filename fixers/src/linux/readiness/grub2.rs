//! What GRUB 2 starts by default: its configuration is run, as far as that decides it (GRUB manual, "Writing full
//! configuration files", "Commands").

use std::collections::BTreeMap;

use crate::error::Result;
use crate::guest;
use crate::linux::text::TextFile;

use super::Seen;
use super::bls::BlsEntry;
use super::entry::{Entry, Loaded};
use super::paths::Place;
use super::script::{Node, parse};

mod commands;

/// Configurations that lead on to another; a stub on the EFI system partition is one.
const MAX_STEPS: usize = 5;
/// Bytes that variables may grow to, all together, while a configuration is run.
const MAX_EXPANSION: usize = 16 << 20;

/// An entry of the menu.
#[derive(Debug, Clone)]
enum Item {
    Entry { title: String, id: String, body: Vec<Node> },
    Submenu { title: String, id: String, body: Vec<Node> },
    Bls(Box<BlsEntry>),
}

/// What an entry loads.
#[derive(Debug, Default)]
struct Load {
    kernel: Option<Place>,
    arguments: String,
    initramfs: Vec<Place>,
}

/// GRUB, running a configuration.
struct Grub<'s, 'a> {
    seen: &'s Seen<'a>,
    env: BTreeMap<String, String>,
    items: Vec<Item>,
    load: Load,
    /// The configuration that takes this one's place.
    next: Option<String>,
    /// File systems that were searched for and are on no disk.
    lost: Vec<String>,
    /// Files that are read within each other.
    depth: usize,
    /// Bytes that variables may still grow by.
    left: usize,
}

/// What it starts with the configuration at `path`.
pub(super) fn load(seen: &Seen<'_>, path: &str) -> Result<Loaded> {
    let mut grub = Grub {
        seen,
        env: BTreeMap::new(),
        items: Vec::new(),
        load: Load::default(),
        next: None,
        lost: Vec::new(),
        depth: 0,
        left: MAX_EXPANSION,
    };
    grub.start(path);
    let mut config = path.to_owned();
    for _ in 0..MAX_STEPS {
        let Some(file) = TextFile::read(seen.guest, &config)? else {
            return Ok(Loaded::broken(config, "it is not there"));
        };
        grub.run(&parse(&file.text))?;
        let Some(next) = grub.next.take() else { return grub.default(&config) };
        config = match grub.place(&next)? {
            Place::There(path) => path,
            Place::Missing(why) => {
                return Ok(Loaded::broken(config, format!("it leads on to another: {}", grub.lost(why))));
            }
            Place::Unseen(why) => {
                return Ok(Loaded::unknown(config, format!("it leads on to another: {why}")));
            }
        };
    }
    Ok(Loaded::unknown(config, "too many configurations lead on to each other"))
}

impl Grub<'_, '_> {
    /// The variables that GRUB itself sets: `root` is what holds the configuration.
    fn start(&mut self, path: &str) {
        let mount = self.seen.mount_of(path).map_or("/", |m| m.mountpoint.as_str());
        let inside = path.strip_prefix(mount.trim_end_matches('/')).unwrap_or(path);
        let device = format!("{}{mount}", commands::MOUNTED);
        let directory = guest::parent(inside).trim_end_matches('/').to_owned();
        let platform = if self.seen.target.uefi { "efi" } else { "pc" };
        for (name, value) in [
            ("root", device.clone()),
            ("prefix", format!("({device}){directory}")),
            ("config_directory", format!("({device}){directory}")),
            ("cmdpath", format!("({device}){directory}")),
            ("grub_platform", platform.to_owned()),
            ("menuentry_id_option", "--id".to_owned()),
        ] {
            self.env.insert(name.to_owned(), value);
        }
    }

    /// The entry that is started when nobody chooses.
    fn default(&mut self, config: &str) -> Result<Loaded> {
        let mut wanted = self.env.get("default").cloned().unwrap_or_default();
        let mut items = std::mem::take(&mut self.items);
        let mut titles: Vec<String> = Vec::new();
        for _ in 0..MAX_STEPS {
            let (first, rest) = wanted.split_once('>').unwrap_or((&wanted, ""));
            let Some(item) = pick(&items, first, &wanted) else {
                return Ok(Loaded::broken(config, "it has no entry to start"));
            };
            match item.clone() {
                Item::Bls(entry) => {
                    let options = self.expand(&entry.options);
                    return entry.load(self.seen, config, options);
                }
                Item::Entry { title, body, .. } => {
                    titles.push(title);
                    return self.entry(config, &titles.join(" > "), &body);
                }
                Item::Submenu { title, body, .. } => {
                    titles.push(title);
                    wanted = rest.to_owned();
                    self.run(&body)?;
                    items = std::mem::take(&mut self.items);
                }
            }
        }
        Ok(Loaded::unknown(config, "its menus are too deep"))
    }

    fn entry(&mut self, config: &str, title: &str, body: &[Node]) -> Result<Loaded> {
        self.run(body)?;
        let load = std::mem::take(&mut self.load);
        let Some(kernel) = load.kernel else {
            return Ok(Loaded::unknown(config, format!("the entry {title:?} starts no Linux kernel")));
        };
        let mend = |place: Place| match place {
            Place::Missing(why) => Place::Missing(self.lost(why)),
            other => other,
        };
        Ok(Loaded::Entry(Box::new(Entry {
            config: config.to_owned(),
            title: title.to_owned(),
            kernel: mend(kernel),
            initramfs: load.initramfs.into_iter().map(mend).collect(),
            arguments: load.arguments,
            unified: None,
        })))
    }

    /// Why something is missing, with what GRUB searched for before and did not find.
    fn lost(&self, why: String) -> String {
        match self.lost.as_slice() {
            [] => why,
            lost => format!("{why}; GRUB searches for {}, which is on no disk", lost.join(", ")),
        }
    }

    /// The file that a path of GRUB's names.
    fn place(&self, path: &str) -> Result<Place> {
        let (volume, path) = self.split(path);
        let place = self.seen.on_volume(&volume, path)?;
        Ok(match (&place, path.starts_with('/')) {
            (Place::Missing(_), false) => Place::Unseen(format!("the path {path:?} is not understood")),
            _ => place,
        })
    }
}

/// GRUB's own choice (`get_entry_number()` and `grub_menu_execute_entry()` of grub-core/normal): a number, a title or
/// an id; what names nothing is the first entry.
fn pick<'i>(items: &'i [Item], first: &str, whole: &str) -> Option<&'i Item> {
    let named = |item: &&Item| {
        let (title, id) = match item {
            Item::Entry { title, id, .. } | Item::Submenu { title, id, .. } => (title, id),
            Item::Bls(entry) => (&entry.title, &entry.id),
        };
        let bls = matches!(item, Item::Bls(_)) && first.strip_suffix(".conf") == Some(id);
        [first, whole].iter().any(|w| !w.is_empty() && (*w == title || *w == id)) || bls
    };
    let by_number = first.parse::<usize>().ok().and_then(|n| items.get(n));
    by_number.or_else(|| items.iter().find(named)).or(items.first())
}
