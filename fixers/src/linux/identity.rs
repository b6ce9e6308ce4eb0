//! `linux.identity`: what makes a guest this one guest and no other, made anew on request.

use h2k_config::Policy;

use super::units::Units;
use crate::guest::{self, FileKind};
use crate::{
    Change, Concern, Edit, Fixer, Guest, GuestFacts, GuestMut, Proposal, Recorder, Severity, error::Result,
};

#[cfg(test)]
mod tests;

const ID: &str = "linux.identity";
const MACHINE_ID: &str = "/etc/machine-id";
const DBUS_ID: &str = "/var/lib/dbus/machine-id";
const SSH: &str = "/etc/ssh";
/// Seeds of the random generator: systemd's, Debian's, Red Hat's, SUSE's, OpenRC's.
const SEEDS: [&str; 6] = [
    "/var/lib/systemd/random-seed",
    "/var/lib/urandom/random-seed",
    "/var/lib/random-seed",
    "/var/lib/misc/random-seed",
    "/boot/efi/loader/random-seed",
    "/boot/loader/random-seed",
];
/// Where DHCP clients keep their DUID and leases, and the endings of those files.
const DHCP: [(&str, &[&str]); 5] = [
    ("/var/lib/dhcp", &[".leases", ".lease"]),
    ("/var/lib/dhclient", &[".leases", ".lease"]),
    ("/var/lib/dhcpcd", &["duid", ".lease", ".lease6"]),
    ("/var/lib/NetworkManager", &["secret_key", ".lease", ".leases"]),
    ("/etc", &["dhcpcd.duid"]),
];
/// Units and programs by which a distribution makes missing host keys before sshd starts.
const KEY_MAKERS: [&str; 8] = [
    "/usr/lib/systemd/system/sshd-keygen.service",
    "/usr/lib/systemd/system/sshd-keygen@.service",
    "/usr/lib/systemd/system/sshd-keygen.target",
    "/usr/lib/systemd/system/sshdgenkeys.service",
    "/usr/lib/systemd/system/ssh-keygen.service",
    "/usr/sbin/sshd-gen-keys-start",
    "/usr/libexec/openssh/sshd-keygen",
    "/usr/sbin/sshd-keygen",
];
/// Init scripts that may do it themselves.
const SSH_SCRIPTS: [&str; 2] = ["/etc/init.d/sshd", "/etc/init.d/ssh"];
const KEYGEN: &str = "/usr/bin/ssh-keygen";
const UNIT: &str = "h2k-ssh-host-keys.service";
const UNIT_FILE: &str = "/etc/systemd/system/h2k-ssh-host-keys.service";
const UNIT_TEXT: &str = "\
# Written by h2k: makes the SSH host keys that --regenerate-identity removed.
[Unit]
Description=Make missing SSH host keys (h2k)
Before=ssh.service ssh.socket sshd.service sshd.socket
ConditionPathExists=!/etc/ssh/ssh_host_ed25519_key

[Service]
Type=oneshot
ExecStart=/usr/bin/ssh-keygen -A

[Install]
WantedBy=multi-user.target
";

/// Makes the guest another one.
pub struct Identity;

impl Fixer for Identity {
    fn id(&self) -> &'static str {
        ID
    }

    fn summary(&self) -> &'static str {
        "with --regenerate-identity: empties the machine id, removes SSH host keys"
    }

    fn explanation(&self) -> &'static str {
        "A migrated guest stays who it was: machine id and SSH host keys are not touched. With --regenerate-identity \
         (for a copy whose original goes on running) /etc/machine-id is emptied, which makes systemd draw a new one at \
         the next boot, on KVM of the VM's UUID, which becomes another one too; D-Bus' copy becomes a link to it; SSH host keys, seeds of the random generator, DHCP leases and \
         DUIDs are removed. Where the distribution does not make missing host keys by itself (Debian and Ubuntu), a \
         unit of h2k's own runs ssh-keygen -A before sshd; where that cannot be, the keys stay, which is reported. \
         Private keys and seeds are not shown in the plan."
    }

    fn plan(&self, facts: &GuestFacts, guest: &dyn Guest, policy: &Policy) -> Result<Proposal> {
        let mut proposal = Proposal::default();
        if !facts.is_linux() || !policy.regenerate_identity {
            return Ok(proposal);
        }
        let mut recorder = Recorder::new(guest);
        machine_id(facts, &mut recorder)?;
        for seed in SEEDS {
            erase(seed, "two guests with one seed draw the same random numbers", &mut recorder)?;
        }
        for (dir, endings) in DHCP {
            for name in recorder.list(dir)?.unwrap_or_default() {
                if endings.iter().any(|ending| name.ends_with(ending)) {
                    let why = "a DHCP server knows the original by it";
                    erase(&guest::join(dir, &name), why, &mut recorder)?;
                }
            }
        }
        if !host_keys(facts, &mut recorder)? {
            proposal.concerns.push(keys_stay());
        }
        proposal.edits = recorder.into_edits();
        Ok(proposal)
    }
}

fn machine_id(facts: &GuestFacts, recorder: &mut Recorder<'_>) -> Result<()> {
    let kind =
        |recorder: &Recorder<'_>, path| Ok::<_, crate::GuestError>(recorder.lstat(path)?.map(|s| s.kind));
    if kind(recorder, MACHINE_ID)? == Some(FileKind::File)
        && let Some(id) = recorder.read_text(MACHINE_ID)?.filter(|id| !id.is_empty())
    {
        let reason = "an empty machine id makes systemd draw a new one at boot (machine-id(5))";
        recorder.apply(&Edit::rewrite(ID, MACHINE_ID, &id, "", reason))?;
    }
    if kind(recorder, DBUS_ID)? != Some(FileKind::File) {
        return Ok(());
    }
    erase(DBUS_ID, "D-Bus has a copy of the machine id", recorder)?;
    if facts.init.systemd {
        let change =
            Change::Symlink { path: DBUS_ID.to_owned(), before: None, target: MACHINE_ID.to_owned() };
        recorder.apply(&Edit::new(ID, "D-Bus takes the machine id of systemd", change))?;
    }
    Ok(())
}

/// Removes a regular file if it is there.
fn erase(path: &str, reason: &str, recorder: &mut Recorder<'_>) -> Result<()> {
    match recorder.lstat(path)? {
        Some(stat) if stat.kind == FileKind::File => {
            let change = Change::Erase { path: path.to_owned(), size: stat.size };
            recorder.apply(&Edit::new(ID, reason, change))
        }
        _ => Ok(()),
    }
}

/// Removes the host keys if something makes new ones. Whether something does, or there are none.
fn host_keys(facts: &GuestFacts, recorder: &mut Recorder<'_>) -> Result<bool> {
    let names = recorder.list(SSH)?.unwrap_or_default();
    let keys: Vec<String> = names
        .iter()
        .filter(|n| n.starts_with("ssh_host_") && (n.ends_with("_key") || n.ends_with("_key.pub")))
        .map(|n| guest::join(SSH, n))
        .collect();
    if keys.is_empty() {
        return Ok(true);
    }
    if !made_anew(recorder)? {
        if !facts.init.systemd || !recorder.exists(KEYGEN)? || recorder.exists(UNIT_FILE)? {
            return Ok(false);
        }
        let reason = "the distribution does not make missing SSH host keys by itself";
        recorder.apply(&Edit::create(ID, UNIT_FILE, UNIT_TEXT, 0o644, reason))?;
        let edits = Units { guest: recorder, fixer: ID, reason }.enable(UNIT)?;
        edits.unwrap_or_default().iter().try_for_each(|edit| recorder.apply(edit))?;
    }
    for key in keys {
        erase(&key, "the original's clients would take this guest for it", recorder)?;
    }
    Ok(true)
}

fn made_anew(guest: &dyn Guest) -> Result<bool> {
    for path in KEY_MAKERS {
        if guest.exists(path)? {
            return Ok(true);
        }
    }
    for path in SSH_SCRIPTS {
        if super::text::TextFile::read(guest, path)?.is_some_and(|file| file.text.contains("ssh-keygen")) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn keys_stay() -> Concern {
    Concern::new(
        "guest.identity.ssh-keys",
        Severity::Warning,
        SSH,
        "the SSH host keys stay those of the original: nothing in the guest would make new ones",
        "run in the guest: rm /etc/ssh/ssh_host_*; ssh-keygen -A; and restart sshd",
    )
}
