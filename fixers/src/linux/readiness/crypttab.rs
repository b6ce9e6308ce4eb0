//! `/etc/crypttab` (crypttab(5)): encrypted volumes and what they are on.

use crate::error::Result;
use crate::linux::fields::fields;
use crate::linux::text::{TextFile, lines};
use crate::readiness::{Link, LinkKind, LinkState};

use super::Seen;
use super::devices::Found;

const CRYPTTAB: &str = "/etc/crypttab";
/// Volumes that are looked at.
const MAX_VOLUMES: usize = 256;

/// The volumes that crypttab opens.
#[derive(Debug, Default)]
pub(super) struct Opened {
    volumes: Vec<Volume>,
}

#[derive(Debug)]
struct Volume {
    name: String,
    source: String,
    options: String,
}

impl Opened {
    /// Reads crypttab.
    pub(super) fn read(seen: &Seen<'_>) -> Result<Self> {
        let Some(file) = TextFile::read(seen.guest, CRYPTTAB)? else { return Ok(Self::default()) };
        let volume = |(offset, line)| {
            let fields = fields(offset, line);
            let [name, source, rest @ ..] = fields.as_slice() else { return None };
            let options = rest.get(1).map_or("", |f| f.text);
            let (name, source) = (name.text.to_owned(), source.text.to_owned());
            Some(Volume { name, source, options: options.to_owned() })
        };
        Ok(Self { volumes: lines(&file.text).filter_map(volume).take(MAX_VOLUMES).collect() })
    }

    /// Whether one has this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.volumes.iter().any(|v| v.name == name)
    }
}

/// A link for each volume that is opened at boot.
pub(super) fn check(seen: &Seen<'_>) -> Result<Vec<Link>> {
    let opened = Opened::read(seen)?;
    let needed = |name: &str| {
        let path = format!("/dev/mapper/{name}");
        let waits = |e: &crate::facts::FstabEntry| !e.has_option("nofail") && !e.has_option("noauto");
        seen.facts.fstab.iter().any(|e| e.spec == path && waits(e))
    };
    let mut links = Vec::new();
    for volume in &opened.volumes {
        if volume.options.split(',').any(|o| matches!(o, "noauto" | "nofail")) {
            continue;
        }
        let subject = format!("{CRYPTTAB}: {}", volume.name);
        // A file in the guest, as a container of its own.
        if volume.source.starts_with('/') && !volume.source.starts_with("/dev/") {
            continue;
        }
        let (state, detail) = match seen.device(&volume.source, &opened) {
            Found::Device(_) | Found::Volume(_) => {
                (LinkState::Ok, format!("{} is on the disks", volume.source))
            }
            Found::Missing(why) if needed(&volume.name) => (LinkState::Broken, why),
            Found::Missing(why) => (LinkState::Late, why),
            Found::Unknown(why) => (LinkState::Unknown, why),
        };
        links.push(Link::new(LinkKind::Crypttab, state, subject, detail));
    }
    Ok(links)
}
