//! `linux.first-boot`: scripts that run once at the guest's first boot.

use h2k_config::Policy;

use super::refused;
use crate::edit::Content;
use crate::guest;
use crate::linux::units::Units;
use crate::{Change, Edit, Fixer, Guest, GuestFacts, GuestMut, Proposal, Recorder, error::Result, hostfile};

const ID: &str = "linux.first-boot";
const DIR: &str = "/var/lib/h2k/first-boot";
const RUNNER: &str = "/var/lib/h2k/first-boot/run";
const SCRIPTS: &str = "/var/lib/h2k/first-boot/scripts";
const UNIT: &str = "h2k-first-boot.service";
const UNIT_FILE: &str = "/etc/systemd/system/h2k-first-boot.service";
const REASON: &str = "customize.first-boot";
/// Longest part of a script's name that its name in the guest keeps, in characters.
const MAX_NAME: usize = 64;

const UNIT_TEXT: &str = "\
# Written by h2k: runs the scripts of the migration once.
[Unit]
Description=First-boot scripts of the migration (h2k)
Wants=network-online.target
After=network-online.target local-fs.target
ConditionDirectoryNotEmpty=/var/lib/h2k/first-boot/scripts

[Service]
Type=oneshot
ExecStart=/bin/sh /var/lib/h2k/first-boot/run
TimeoutStartSec=infinity
StandardOutput=journal
StandardError=journal

[Install]
WantedBy=multi-user.target
";

/// A script is moved away before it runs: one that reboots the guest or breaks it does not run again.
const RUNNER_TEXT: &str = "\
#!/bin/sh
# Written by h2k: runs each script once, in the order of their names.
cd /var/lib/h2k/first-boot || exit 1
mkdir -p ran
for script in scripts/*; do
    [ -f \"$script\" ] || continue
    name=${script#scripts/}
    mv \"$script\" \"ran/$name\" || exit 1
    echo \"running $name\"
    \"./ran/$name\"
    echo \"$name ended with $?\"
done
systemctl disable h2k-first-boot.service
";

/// Installs first-boot scripts.
pub struct FirstBoot;

impl Fixer for FirstBoot {
    fn id(&self) -> &'static str {
        ID
    }

    fn summary(&self) -> &'static str {
        "installs the first-boot scripts that customize names"
    }

    fn explanation(&self) -> &'static str {
        "The scripts of customize.first-boot are written into /var/lib/h2k/first-boot/scripts, and a unit of h2k's own, \
         h2k-first-boot.service, runs them once in their order when the network is up. What they print goes to the \
         journal with their exit codes; one that fails does not stop the next. Each is moved away before it runs, so \
         that none runs twice, and the unit disables itself at the end. The boot test of the migration runs them too, \
         on its throw-away copy and without network; the result itself has not run them yet. systemd only."
    }

    fn plan(&self, facts: &GuestFacts, guest: &dyn Guest, policy: &Policy) -> Result<Proposal> {
        let mut proposal = Proposal::default();
        let scripts = &policy.customize.first_boot;
        if !facts.is_linux() || scripts.is_empty() {
            return Ok(proposal);
        }
        if !facts.init.systemd {
            let message = "the guest's init is not systemd";
            proposal.concerns.push(refused(REASON, message, "leave the scripts out for this guest"));
            return Ok(proposal);
        }
        let mut recorder = Recorder::new(guest);
        if !recorder.exists(DIR)? {
            let change = Change::Directory { path: DIR.to_owned(), mode: 0o700 };
            recorder.apply(&Edit::new(ID, REASON, change))?;
        }
        for (number, script) in scripts.iter().enumerate() {
            let name: String =
                script.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
            let name: String = name.chars().map(plain).take(MAX_NAME).collect();
            let path = guest::join(SCRIPTS, &format!("{:04}-{name}", number + 1));
            put(&path, &hostfile::read(script)?, 0o700, &mut recorder)?;
        }
        put(RUNNER, RUNNER_TEXT.as_bytes(), 0o700, &mut recorder)?;
        put(UNIT_FILE, UNIT_TEXT.as_bytes(), 0o644, &mut recorder)?;
        let edits = Units { guest: &recorder, fixer: ID, reason: REASON }.enable(UNIT)?;
        edits.unwrap_or_default().iter().try_for_each(|edit| recorder.apply(edit))?;
        proposal.edits = recorder.into_edits();
        Ok(proposal)
    }
}

fn put(path: &str, content: &[u8], mode: u32, recorder: &mut Recorder<'_>) -> Result<()> {
    let old = recorder.read(path)?;
    if old.as_deref() == Some(content) {
        return Ok(());
    }
    let before = old.as_deref().map(Content::from_bytes);
    let change = Change::Write { path: path.to_owned(), before, after: Content::from_bytes(content), mode };
    recorder.apply(&Edit::new(ID, REASON, change))
}
