//! `linux.vendor-modules` and `linux.virtio-blocks`: what modprobe's configuration says of drivers of the old
//! hypervisor, and of those that KVM needs (modprobe.d(5)).

use h2k_config::{Policy, Tools};

use super::text::{TextFile, files_in, lines};
use crate::{Concern, Edit, Fixer, Guest, GuestFacts, Proposal, Severity, error::Result};

#[cfg(test)]
mod tests;

const VENDOR: &str = "linux.vendor-modules";
const BLOCKS: &str = "linux.virtio-blocks";
/// Where an administrator configures modprobe, and the file of old releases.
const DIR: &str = "/etc/modprobe.d";
const OLD_FILES: [&str; 2] = ["/etc/modprobe.conf", "/etc/modprobe.conf.local"];
/// Where modules are listed that are loaded at boot (modules-load.d(5), Debian's modules(5)).
const LOAD_DIR: &str = "/etc/modules-load.d";
const LOAD_FILE: &str = "/etc/modules";

/// VMware's drivers: the kernel's own, and those of the tarball's tools.
const VMWARE: [&str; 14] = [
    "vmw_balloon",
    "vmw_pvscsi",
    "vmw_vmci",
    "vmw_vsock_vmci_transport",
    "vmxnet",
    "vmxnet3",
    "vmhgfs",
    "vmblock",
    "vmci",
    "vmmemctl",
    "vmdesched",
    "vmsync",
    "pvscsi",
    "vmwgfx",
];
/// Drivers without which a guest on KVM lacks its disk or its network.
const NEEDED: [&str; 11] = [
    "virtio",
    "virtio_ring",
    "virtio_pci",
    "virtio_pci_modern_dev",
    "virtio_pci_legacy_dev",
    "virtio_blk",
    "virtio_scsi",
    "virtio_net",
    "net_failover",
    "failover",
    "sd_mod",
];
/// Kernel arguments that keep modules from loading (kernel-parameters, dracut.cmdline(7)).
const ARGUMENTS: [&str; 5] = [
    "modprobe.blacklist=",
    "module_blacklist=",
    "rd.driver.blacklist=",
    "rdblacklist=",
    "initcall_blacklist=",
];

/// Takes options of VMware's drivers out.
pub struct VendorModules;

impl Fixer for VendorModules {
    fn id(&self) -> &'static str {
        VENDOR
    }

    fn summary(&self) -> &'static str {
        "comments out options and aliases of VMware's drivers"
    }

    fn explanation(&self) -> &'static str {
        "Options, aliases, install and softdep lines for VMware's drivers in /etc/modprobe.d and /etc/modprobe.conf, and \
         their names in /etc/modules and /etc/modules-load.d, load or configure drivers of hardware that KVM does not \
         have: loading them fails at each boot, and an alias as of eth0 takes the place of the real driver. The lines \
         become comments. --tools keep leaves them."
    }

    fn plan(&self, facts: &GuestFacts, guest: &dyn Guest, policy: &Policy) -> Result<Proposal> {
        let mut proposal = Proposal::default();
        if !facts.is_linux() || policy.tools == Tools::Keep {
            return Ok(proposal);
        }
        let reason = "it is about VMware's drivers, whose hardware KVM does not have";
        for path in modprobe_files(guest)? {
            let is_vendor = |line: &str| directive(line).is_some_and(|d| d.configures(&VMWARE));
            proposal.edits.extend(commented(VENDOR, guest, &path, reason, &is_vendor)?);
        }
        let mut lists = files_in(guest, LOAD_DIR, ".conf")?;
        lists.push(LOAD_FILE.to_owned());
        for path in lists {
            let is_vendor = |line: &str| {
                line.split_whitespace().next().is_some_and(|name| VMWARE.contains(&plain(name).as_str()))
            };
            proposal.edits.extend(commented(VENDOR, guest, &path, reason, &is_vendor)?);
        }
        Ok(proposal)
    }
}

/// Takes away what keeps virtio's drivers from loading.
pub struct VirtioBlocks;

impl Fixer for VirtioBlocks {
    fn id(&self) -> &'static str {
        BLOCKS
    }

    fn summary(&self) -> &'static str {
        "lets virtio drivers load that modprobe's configuration blocks"
    }

    fn explanation(&self) -> &'static str {
        "Hardening guides and other vendors' tools keep virtio drivers from loading: blacklist lines, install lines \
         with /bin/true or /bin/false, alias lines with off. On KVM the guest finds neither disk nor network then. The \
         lines become comments. An initramfs may hold a copy of the line, which is reported. A kernel argument that \
         blocks a virtio driver is a critical concern: it may be there for a reason that h2k cannot know."
    }

    fn plan(&self, facts: &GuestFacts, guest: &dyn Guest, _: &Policy) -> Result<Proposal> {
        let mut proposal = Proposal::default();
        if !facts.is_linux() {
            return Ok(proposal);
        }
        let reason = "it keeps a driver from loading that the guest needs on KVM";
        for path in modprobe_files(guest)? {
            let blocks = |line: &str| directive(line).is_some_and(|d| d.blocks(&NEEDED));
            if let Some(edit) = commented(BLOCKS, guest, &path, reason, &blocks)? {
                proposal.concerns.push(copied(&path));
                proposal.edits.push(edit);
            }
        }
        let boot = &facts.bootloader;
        let files = [
            &boot.grub_cfg,
            &boot.grub_legacy,
            &boot.grub_defaults,
            &boot.grubenv,
            &boot.bls_entries,
            &boot.kernel_cmdline,
            &boot.extlinux,
        ];
        for path in files.into_iter().flatten() {
            let Some(file) = TextFile::read(guest, path)? else { continue };
            proposal
                .concerns
                .extend(blocking_argument(&file.text).map(|argument| on_command_line(path, &argument)));
        }
        Ok(proposal)
    }
}

fn modprobe_files(guest: &dyn Guest) -> Result<Vec<String>> {
    let mut files = files_in(guest, DIR, "")?;
    files.extend(OLD_FILES.map(str::to_owned));
    Ok(files)
}

/// A line of modprobe.d(5).
struct Directive<'l> {
    word: &'l str,
    module: String,
    rest: Vec<&'l str>,
}

fn directive(line: &str) -> Option<Directive<'_>> {
    let mut words = line.split_whitespace();
    let word = words.next().filter(|w| !w.starts_with('#'))?;
    Some(Directive { word, module: plain(words.next()?), rest: words.collect() })
}

impl Directive<'_> {
    fn configures(&self, modules: &[&str]) -> bool {
        let own = modules.contains(&self.module.as_str());
        match self.word {
            "options" | "install" | "remove" | "softdep" => own,
            // `alias eth0 vmxnet3`: the name comes first.
            "alias" => own || self.rest.first().is_some_and(|m| modules.contains(&plain(m).as_str())),
            _ => false,
        }
    }

    fn blocks(&self, modules: &[&str]) -> bool {
        let nothing = |command: &&str| {
            matches!(command.rsplit('/').next(), Some("true" | "false" | "null" | ":" | "nologin"))
        };
        modules.contains(&self.module.as_str())
            && match self.word {
                "blacklist" => true,
                "install" => self.rest.first().is_some_and(nothing),
                "alias" => self.rest.first() == Some(&"off"),
                _ => false,
            }
    }
}

/// modprobe(8) takes dashes and underscores alike.
fn plain(module: &str) -> String {
    module.replace('-', "_")
}

/// An edit that makes comments of the lines that `pick` picks.
fn commented(
    fixer: &str,
    guest: &dyn Guest,
    path: &str,
    reason: &str,
    pick: &dyn Fn(&str) -> bool,
) -> Result<Option<Edit>> {
    let Some(file) = TextFile::read(guest, path)? else { return Ok(None) };
    let comment = |line: &str| if pick(line) { format!("# {line}") } else { line.to_owned() };
    let after: String = lines(&file.text).map(|(_, line)| comment(line)).collect();
    Ok(file.edit(fixer, &after, reason))
}

/// The first argument of a command line that blocks a needed driver.
fn blocking_argument(text: &str) -> Option<String> {
    let uncommented = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    let mut words =
        uncommented.flat_map(|line| line.split(|c: char| c.is_whitespace() || c == '"' || c == '\''));
    let blocks = |word: &&str| {
        let values = ARGUMENTS.iter().find_map(|name| word.strip_prefix(name));
        values.is_some_and(|values| values.split(',').any(|m| NEEDED.contains(&plain(m).as_str())))
    };
    words.find(blocks).map(str::to_owned)
}

fn copied(path: &str) -> Concern {
    Concern::new(
        "guest.virtio-blocked",
        Severity::Warning,
        path,
        "it keeps virtio drivers from loading; the line becomes a comment, but an initramfs may hold a copy of it",
        "see whether the boot test passes; if not, make the initramfs anew in the guest after taking the line out",
    )
}

fn on_command_line(path: &str, argument: &str) -> Concern {
    Concern::new(
        "guest.virtio-blocked-argument",
        Severity::Critical,
        path,
        format!(
            "{argument} on the kernel's command line keeps a driver from loading that the guest needs on KVM"
        ),
        "take it out in the guest on its hypervisor, and plan again",
    )
}
