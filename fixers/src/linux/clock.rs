//! `linux.clock`: sources of time that only the old hypervisor has.

use h2k_config::Policy;

use super::text::{TextFile, files_in, lines};
use crate::{Concern, Fixer, Guest, GuestFacts, Proposal, Severity, error::Result};

const ID: &str = "linux.clock";
/// chrony's configuration, and the directories that distributions include (chrony.conf(5)).
const FILES: [&str; 2] = ["/etc/chrony.conf", "/etc/chrony/chrony.conf"];
const DIRS: [&str; 2] = ["/etc/chrony.d", "/etc/chrony/conf.d"];
/// Files that hold sources alone.
const SOURCE_DIR: &str = "/etc/chrony/sources.d";
/// Hyper-V's clock, as udev names it in Azure's images.
const DEVICE: &str = "/dev/ptp_hyperv";

/// Takes the old hypervisor's clock out of chrony's configuration.
pub struct Clock;

impl Fixer for Clock {
    fn id(&self) -> &'static str {
        ID
    }

    fn summary(&self) -> &'static str {
        "takes Hyper-V's clock out of chrony's configuration"
    }

    fn explanation(&self) -> &'static str {
        "chronyd does not start where a clock of its configuration is missing, and images for Hyper-V and Azure name \
         /dev/ptp_hyperv. Such a line becomes a comment. A guest that has no other source of time then is reported. \
         Whether the hardware clock runs in UTC or in local time is taken from the guest (/etc/adjtime) into the \
         target's definition; nothing of it is changed in the guest."
    }

    fn plan(&self, facts: &GuestFacts, guest: &dyn Guest, _: &Policy) -> Result<Proposal> {
        let mut proposal = Proposal::default();
        if !facts.is_linux() {
            return Ok(proposal);
        }
        let mut files = FILES.map(str::to_owned).to_vec();
        for dir in DIRS {
            files.extend(files_in(guest, dir, ".conf")?);
        }
        let mut others = !files_in(guest, SOURCE_DIR, ".sources")?.is_empty();
        for path in &files {
            let Some(file) = TextFile::read(guest, path)? else { continue };
            let old = |line: &str| {
                let mut words = line.split_whitespace();
                words.next() == Some("refclock") && words.any(|w| w.split(':').next() == Some(DEVICE))
            };
            let source = |line: &str| {
                let word = line.split_whitespace().next().unwrap_or_default();
                ["server", "pool", "peer", "refclock", "sourcedir"].contains(&word) && !old(line)
            };
            others |= file.text.lines().any(source);
            let comment = |line: &str| if old(line) { format!("# {line}") } else { line.to_owned() };
            let after: String = lines(&file.text).map(|(_, line)| comment(line)).collect();
            let reason = "KVM has no clock of Hyper-V, without which chronyd does not start";
            proposal.edits.extend(file.edit(ID, &after, reason));
        }
        if !others && !proposal.edits.is_empty() {
            proposal.concerns.push(no_source());
        }
        Ok(proposal)
    }
}

fn no_source() -> Concern {
    Concern::new(
        "guest.clock.no-source",
        Severity::Warning,
        "chrony",
        "Hyper-V's clock was the only source of time that chrony's configuration names",
        "add a server or a pool, or load ptp_kvm in the guest and add: refclock PHC /dev/ptp0 poll 2",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryGuest;
    use crate::linux::testing::{facts, run, show, show_concerns};

    #[test]
    fn the_clock_of_hyperv_goes_and_others_stay() {
        let fine = "pool 2.debian.pool.ntp.org iburst\nrefclock PHC /dev/ptp0 poll 2\n# refclock PHC /dev/ptp_hyperv\n";
        let mut guest = MemoryGuest::new().file(FILES[0], fine);
        assert_eq!(run(&Clock, &facts(), &mut guest), Proposal::default());
        let mut guest = MemoryGuest::new()
            .file(FILES[0], fine)
            .file("/etc/chrony/conf.d/azure.conf", "refclock PHC /dev/ptp_hyperv poll 3 dpoll -2 offset 0\n");
        let proposal = run(&Clock, &facts(), &mut guest);
        insta::assert_snapshot!(show(&proposal.edits), @r"
        write /etc/chrony/conf.d/azure.conf
        -refclock PHC /dev/ptp_hyperv poll 3 dpoll -2 offset 0
        +# refclock PHC /dev/ptp_hyperv poll 3 dpoll -2 offset 0
        ");
        assert_eq!(proposal.concerns, Vec::new());
    }

    #[test]
    fn a_guest_without_another_source_is_told() {
        let mut guest =
            MemoryGuest::new().file(FILES[1], "driftfile /x\nrefclock PHC /dev/ptp_hyperv:extpps poll 3\n");
        let proposal = run(&Clock, &facts(), &mut guest);
        assert_eq!(show_concerns(&proposal), ["Warning guest.clock.no-source chrony"]);
        assert_eq!(proposal.edits.len(), 1);
    }
}
