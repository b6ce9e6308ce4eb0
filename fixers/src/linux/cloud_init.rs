//! `linux.cloud-init`: cloud-init leaves the network of a guest that was moved as it was.
//!
//! cloud-init renders the network when it sees a new instance ("Events and updates" of its manual). On another
//! hypervisor its datasource is gone; where it does not give up, it takes the datasource None for a new instance and
//! renders DHCP on the first NIC over what the old datasource said ("Networking config", "Fallback").

use h2k_config::{CloudInit, Policy};
use serde_yaml::Value;

use super::text::{TextFile, files_in};
use crate::error::Result;
use crate::inspect::network::netplan::parse;
use crate::{Concern, Edit, FileKind, Fixer, Guest, GuestFacts, Proposal, Severity};

#[cfg(test)]
mod tests;

const ID: &str = "linux.cloud-init";
const PROGRAMS: [&str; 2] = ["/usr/bin/cloud-init", "/usr/local/bin/cloud-init"];
const CONFIG: &str = "/etc/cloud/cloud.cfg";
const PARTS: &str = "/etc/cloud/cloud.cfg.d";
const OWN: &str = "/etc/cloud/cloud.cfg.d/99-h2k-disable-network.cfg";
const OWN_TEXT: &str =
    "# Written by h2k: the network stays as it was on the old hypervisor.\nnetwork: {config: disabled}\n";
/// Where it is disabled as a whole ("Disable cloud-init").
const OFF: &str = "/etc/cloud/cloud-init.disabled";
/// Which datasource it ran with last.
const DATASOURCE: &str = "/var/lib/cloud/instance/datasource";
/// What a datasource names that lies in the guest itself.
const LOCAL: [&str; 5] =
    ["DataSourceNone", "seed=/var/lib/cloud/seed", "seed=ds_config", "seed=cmdline", "seed=/etc/"];

/// Tells cloud-init to leave the network alone.
pub struct CloudInitNetwork;

impl Fixer for CloudInitNetwork {
    fn id(&self) -> &'static str {
        ID
    }

    fn summary(&self) -> &'static str {
        "keeps cloud-init from configuring the network anew"
    }

    fn explanation(&self) -> &'static str {
        "cloud-init configures the network of a new instance. After the move its datasource (VMware's, an ISO image) is \
         gone, and where it runs nevertheless it takes the guest for a new instance and puts DHCP in place of the \
         addresses that the guest has. So where cloud-init has run with a datasource that is not in the guest itself, \
         and its network configuration is not disabled yet, h2k adds a file to /etc/cloud/cloud.cfg.d that disables \
         it, and says so. --cloud-init keep leaves all as it is; no-network adds the file in any case; disable turns \
         cloud-init off, so that it does not make new SSH host keys or set another host name either."
    }

    fn plan(&self, facts: &GuestFacts, guest: &dyn Guest, policy: &Policy) -> Result<Proposal> {
        let mut proposal = Proposal::default();
        if !facts.is_linux() || !is_installed(guest)? || is_off(facts, guest)? {
            return Ok(proposal);
        }
        let datasource = datasource(guest)?;
        let gone = datasource.as_deref().filter(|d| !LOCAL.iter().any(|local| d.contains(local)));
        let quiet = network_is_disabled(guest)?;
        match policy.cloud_init {
            Some(CloudInit::Disable) => proposal.edits.push(Edit::create(
                ID,
                OFF,
                "",
                0o644,
                "cloud-init is to be disabled (--cloud-init disable)",
            )),
            Some(CloudInit::NoNetwork) if !quiet => {
                proposal.edits.extend(no_network(
                    guest,
                    "cloud-init is to leave the network alone (--cloud-init no-network)",
                )?);
            }
            Some(CloudInit::Keep) => {
                let loses = !quiet && gone.is_some();
                proposal.concerns.extend(loses.then(|| kept(gone.unwrap_or_default())));
            }
            None => {
                if let Some(gone) = gone {
                    if !quiet {
                        let reason = format!(
                            "cloud-init ran with {}, which the target does not have, and would configure the network anew",
                            short(gone)
                        );
                        proposal.edits.extend(no_network(guest, &reason)?);
                    }
                    proposal.concerns.push(told(gone, quiet));
                }
            }
            Some(CloudInit::NoNetwork) => {}
        }
        Ok(proposal)
    }
}

fn is_installed(guest: &dyn Guest) -> Result<bool> {
    for program in PROGRAMS {
        if guest.exists(program)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether it is disabled as a whole: by its file, a mask, or the kernel's arguments.
fn is_off(facts: &GuestFacts, guest: &dyn Guest) -> Result<bool> {
    if guest.exists(OFF)? {
        return Ok(true);
    }
    for unit in ["cloud-init.target", "cloud-init.service"] {
        let path = format!("/etc/systemd/system/{unit}");
        let link = guest.lstat(&path)?.is_some_and(|stat| stat.kind == FileKind::Symlink);
        if link && guest.readlink(&path)? == "/dev/null" {
            return Ok(true);
        }
    }
    let boot = &facts.bootloader;
    let lists = [&boot.grub_defaults, &boot.grubenv, &boot.bls_entries, &boot.kernel_cmdline, &boot.extlinux];
    for path in lists.into_iter().flatten() {
        if TextFile::read(guest, path)?.is_some_and(|file| file.text.contains("cloud-init=disabled")) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What it ran with last; `None` if it never ran.
fn datasource(guest: &dyn Guest) -> Result<Option<String>> {
    Ok(TextFile::read(guest, DATASOURCE)?.map(|file| file.text.trim().to_owned()).filter(|d| !d.is_empty()))
}

/// Whether a file says `network: {config: disabled}`.
fn network_is_disabled(guest: &dyn Guest) -> Result<bool> {
    let mut paths = vec![CONFIG.to_owned()];
    paths.extend(files_in(guest, PARTS, ".cfg")?);
    for path in paths {
        let Some(file) = TextFile::read(guest, &path)? else { continue };
        let says = match parse(&file.text) {
            Ok(yaml) => {
                yaml.get("network").and_then(|n| n.get("config")).and_then(Value::as_str) == Some("disabled")
            }
            // As cloud-init, which passes over what it cannot read.
            Err(_) => false,
        };
        if says {
            return Ok(true);
        }
    }
    Ok(false)
}

fn no_network(guest: &dyn Guest, reason: &str) -> Result<Option<Edit>> {
    Ok(match TextFile::read(guest, OWN)? {
        Some(file) => file.edit(ID, OWN_TEXT, reason),
        None => Some(Edit::create(ID, OWN, OWN_TEXT, 0o644, reason)),
    })
}

/// `DataSourceVMware: DataSourceVMware [seed=guestinfo]` as far as people need it.
fn short(datasource: &str) -> String {
    let name = datasource.split(':').next().unwrap_or(datasource).trim();
    let plain = !name.is_empty() && name.len() <= 60 && name.bytes().all(|b| b.is_ascii_alphanumeric());
    if plain { format!("its datasource {name}") } else { "its datasource".to_owned() }
}

fn told(datasource: &str, quiet: bool) -> Concern {
    let datasource = short(datasource);
    let network =
        if quiet { "leaves the network alone already" } else { "is told to leave the network alone" };
    Concern::new(
        "guest.cloud-init",
        Severity::Information,
        "cloud-init",
        format!(
            "cloud-init ran with {datasource}, which the target does not have; it {network}, but may take the guest \
             for a new instance and make new SSH host keys"
        ),
        "--cloud-init disable turns it off, --cloud-init keep leaves it as it is",
    )
}

fn kept(datasource: &str) -> Concern {
    let datasource = short(datasource);
    Concern::new(
        "guest.cloud-init",
        Severity::Warning,
        "cloud-init",
        format!("cloud-init ran with {datasource}; without it, it may configure the network anew"),
        "give the target such a datasource, or use --cloud-init no-network",
    )
}
