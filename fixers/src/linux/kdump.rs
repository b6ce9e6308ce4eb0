//! `linux.kdump`: where a crashed kernel's memory is dumped, by names that hold on any hardware (kdump.conf(5)).

use h2k_config::Policy;

use super::fields::fields;
use super::names::{Holds, Names, Resolution, Use};
use super::reason;
use super::text::{Replacement, TextFile, lines, replace};
use crate::{Concern, Fixer, Guest, GuestFacts, Proposal, Severity, error::Result};

const ID: &str = "linux.kdump";
const FILE: &str = "/etc/kdump.conf";
/// File systems that a line may begin with.
const FILE_SYSTEMS: [&str; 6] = ["ext2", "ext3", "ext4", "xfs", "btrfs", "minix"];

/// Replaces device names in /etc/kdump.conf.
pub struct Kdump;

impl Fixer for Kdump {
    fn id(&self) -> &'static str {
        ID
    }

    fn summary(&self) -> &'static str {
        "names the target of kernel dumps by UUID in /etc/kdump.conf"
    }

    fn explanation(&self) -> &'static str {
        "/etc/kdump.conf may name a device that the memory of a crashed kernel is dumped to. A name of the old hardware \
         does not exist on virtio, and kdump's service fails at each boot. h2k writes the UUID of the file system that \
         the name stands for. A raw target has no name of its own that would hold and is reported, as is a name that \
         cannot be settled."
    }

    fn plan(&self, facts: &GuestFacts, guest: &dyn Guest, _: &Policy) -> Result<Proposal> {
        let mut proposal = Proposal::default();
        let file = if facts.is_linux() { TextFile::read(guest, FILE)? } else { None };
        let Some(file) = file else { return Ok(proposal) };
        let names = Names::new(facts);
        let (mut replacements, mut renamed) = (Vec::new(), Vec::new());
        for (index, (offset, line)) in lines(&file.text).enumerate() {
            let fields = fields(offset, line);
            let [kind, device, ..] = fields.as_slice() else { continue };
            let holds = match kind.text {
                kind if FILE_SYSTEMS.contains(&kind) => Holds::Filesystem(kind),
                "raw" => Holds::Anything,
                _ => continue,
            };
            match names.resolve(device.text, &Use::holding(holds)) {
                Resolution::AlreadyStable => {}
                Resolution::Resolved { stable, .. } if kind.text != "raw" => {
                    let end = device.start + device.text.len();
                    renamed.push((device.text.to_owned(), stable.clone()));
                    replacements.push(Replacement { start: device.start, end, text: stable });
                }
                Resolution::Resolved { .. } => {
                    let why = "a raw target has no name that holds on other hardware";
                    proposal.concerns.push(unresolved(index + 1, device.text, why));
                }
                Resolution::Unresolved(why) => {
                    proposal.concerns.push(unresolved(index + 1, device.text, &why.text));
                }
            }
        }
        let reason = reason::renamed(renamed.iter().map(|(from, to)| (from.as_str(), to.as_str())));
        proposal.edits.extend(file.edit(ID, &replace(&file.text, &replacements), reason));
        Ok(proposal)
    }
}

fn unresolved(line: usize, device: &str, why: &str) -> Concern {
    Concern::new(
        "guest.kdump.unresolved",
        Severity::Warning,
        format!("{FILE} line {line}"),
        format!("{device} stays: {why}"),
        "name another target for kernel dumps in the guest; it boots without",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryGuest;
    use crate::linux::testing::{facts, run, show, show_concerns};

    #[test]
    fn targets_that_hold_stay() {
        let text = "# ext4 /dev/sda1\npath /var/crash\nxfs UUID=1\nnfs host:/export\ncore_collector makedumpfile -l\n";
        assert_eq!(run(&Kdump, &facts(), &mut MemoryGuest::new().file(FILE, text)), Proposal::default());
    }

    #[test]
    fn a_device_of_the_old_hardware_is_named_by_its_uuid() {
        let mut guest =
            MemoryGuest::new().file(FILE, "path /var/crash\nxfs /dev/sdb1\nraw /dev/sda2\next4 /dev/sdb1\n");
        let proposal = run(&Kdump, &facts(), &mut guest);
        insta::assert_snapshot!(show(&proposal.edits), @r"
        write /etc/kdump.conf
        -xfs /dev/sdb1
        +xfs UUID=0a000000-0000-4000-8000-000000000101
        ");
        assert_eq!(
            show_concerns(&proposal),
            [
                "Warning guest.kdump.unresolved /etc/kdump.conf line 3",
                "Warning guest.kdump.unresolved /etc/kdump.conf line 4",
            ]
        );
    }
}
