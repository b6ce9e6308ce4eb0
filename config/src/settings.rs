//! One layer of settings, how layers lie upon each other, and what they come to.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::choice::LogFormat;
use crate::customize::Customize;
use crate::key::KeyRef;
use crate::network;
use crate::policy::{
    Addressing, CloudInit, Compress, CopySettings, DiskBus, Engine, InitramfsWay, NetworkTarget, NicModel,
    Policy, StaticAddress, TargetFormat, Tools,
};
use crate::rules::{Accepted, Severities, UserRules};
use crate::surroundings::Surroundings;

/// The variable that other converters look for virtio drivers by (virt-v2v(1), "VIRTIO_WIN").
pub const VIRTIO_WIN: &str = "VIRTIO_WIN";

/// What one layer says; what it does not say is left to the layers below.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// Directory that the results are written to.
    pub output: Option<PathBuf>,
    /// Format of the target's disks.
    pub format: Option<TargetFormat>,
    /// How the clusters of qcow2 disks are compressed.
    pub compress: Option<Compress>,
    /// Whether the repairs stay in an overlay until they are accepted.
    pub keep_base: Option<bool>,
    /// Bus of the target's disks.
    pub disk_bus: Option<DiskBus>,
    /// Model of the target's NICs.
    pub nic_model: Option<NicModel>,
    /// How drivers come into an initramfs that lacks them.
    pub initramfs: Option<InitramfsWay>,
    /// Source network, or MAC address of a NIC → target; `*` for every other.
    pub network: BTreeMap<String, NetworkTarget>,
    /// MAC on the source → MAC on the target.
    pub mac: BTreeMap<String, String>,
    /// MAC → how that NIC gets its addresses.
    pub addressing: BTreeMap<String, Addressing>,
    /// What is done about cloud-init.
    pub cloud_init: Option<CloudInit>,
    /// Ids of fixers that are not to run.
    pub skip_fixer: Option<Vec<String>>,
    /// What opens encrypted volumes.
    pub key: Option<Vec<KeyRef>>,
    /// Root device of the system that is migrated.
    pub root: Option<String>,
    /// What becomes of the old hypervisor's tools.
    pub tools: Option<Tools>,
    /// Directory with packages of the QEMU guest agent.
    pub agent_packages: Option<PathBuf>,
    /// Directory or ISO image with virtio drivers for Windows.
    pub virtio_win: Option<PathBuf>,
    /// Whether the guest gets a new machine id and new SSH host keys.
    pub regenerate_identity: Option<bool>,
    /// Whether the guest gets a serial console.
    pub serial_console: Option<bool>,
    /// What else is wanted in the guest. The whole section replaces that of the layer below.
    pub customize: Option<Customize>,
    /// Concerns of the user's own. Those of the layers below are kept, besides one of the same id.
    pub rules: Option<UserRules>,
    /// Weight of concerns, taken one by one.
    pub severity: Option<Severities>,
    /// Concerns that are accepted, taken one by one.
    pub accept: Option<Accepted>,
    /// Whether to leave out the boot test.
    pub no_boot: Option<bool>,
    /// Seconds that the boot test may take.
    pub boot_timeout: Option<u64>,
    /// Files, or directories of files, that may be parents of the source's disks.
    pub parent: Option<Vec<PathBuf>>,
    /// What copies the disks.
    pub engine: Option<Engine>,
    /// Threads that copy a disk.
    pub threads: Option<usize>,
    /// Most bytes that are read per second and disk.
    pub limit_rate: Option<u64>,
    /// Whether to leave out measuring how fast disks are copied, for the forecast.
    pub no_sample: Option<bool>,
    /// Directory for temporary files.
    pub temp_dir: Option<PathBuf>,
    /// File for metrics.
    pub metrics: Option<PathBuf>,
    /// State store.
    pub state: Option<PathBuf>,
    /// Form of what goes to stderr.
    pub log_format: Option<LogFormat>,
}

impl Settings {
    /// These settings upon those of the layer below. Networks are taken one by one: a layer may map one network and
    /// leave the others to the layers below; so are NICs. A list of fixers replaces the list below.
    #[must_use]
    pub fn merge(self, below: Settings) -> Settings {
        let mut network = below.network;
        network.extend(self.network);
        let mut mac = below.mac;
        mac.extend(self.mac);
        let mut addressing = below.addressing;
        addressing.extend(self.addressing);
        let rules = both(self.rules, below.rules, UserRules::merge);
        let severity = both(self.severity, below.severity, |upper, mut lower| {
            lower.0.extend(upper.0);
            lower
        });
        let accept = both(self.accept, below.accept, |upper, mut lower| {
            lower.0.extend(upper.0);
            lower
        });
        Settings {
            output: self.output.or(below.output),
            format: self.format.or(below.format),
            compress: self.compress.or(below.compress),
            keep_base: self.keep_base.or(below.keep_base),
            disk_bus: self.disk_bus.or(below.disk_bus),
            nic_model: self.nic_model.or(below.nic_model),
            initramfs: self.initramfs.or(below.initramfs),
            network,
            mac,
            addressing,
            cloud_init: self.cloud_init.or(below.cloud_init),
            skip_fixer: self.skip_fixer.or(below.skip_fixer),
            key: self.key.or(below.key),
            root: self.root.or(below.root),
            tools: self.tools.or(below.tools),
            agent_packages: self.agent_packages.or(below.agent_packages),
            virtio_win: self.virtio_win.or(below.virtio_win),
            regenerate_identity: self.regenerate_identity.or(below.regenerate_identity),
            serial_console: self.serial_console.or(below.serial_console),
            customize: self.customize.or(below.customize),
            rules,
            severity,
            accept,
            no_boot: self.no_boot.or(below.no_boot),
            boot_timeout: self.boot_timeout.or(below.boot_timeout),
            parent: self.parent.or(below.parent),
            engine: self.engine.or(below.engine),
            threads: self.threads.or(below.threads),
            limit_rate: self.limit_rate.or(below.limit_rate),
            no_sample: self.no_sample.or(below.no_sample),
            temp_dir: self.temp_dir.or(below.temp_dir),
            metrics: self.metrics.or(below.metrics),
            state: self.state.or(below.state),
            log_format: self.log_format.or(below.log_format),
        }
    }

    /// What comes to this policy again: everything that it says, so that a layer below says nothing more of it.
    pub fn of_policy(policy: &Policy) -> Self {
        let policy = policy.clone();
        Self {
            format: Some(policy.format),
            compress: policy.compress,
            keep_base: Some(policy.keep_base),
            disk_bus: Some(policy.disk_bus),
            network: policy.networks,
            mac: policy.macs,
            addressing: policy.addressing,
            initramfs: Some(policy.initramfs),
            cloud_init: policy.cloud_init,
            skip_fixer: Some(policy.skip_fixers),
            key: Some(policy.keys),
            root: policy.root,
            tools: Some(policy.tools),
            agent_packages: policy.agent_packages,
            regenerate_identity: Some(policy.regenerate_identity),
            serial_console: Some(policy.serial_console),
            customize: Some(policy.customize),
            rules: Some(UserRules(policy.rules)),
            severity: Some(Severities(policy.severity)),
            accept: Some(Accepted(policy.accept)),
            ..Self::default()
        }
    }

    /// Maps one more source: a network by its name, a NIC by its MAC address, or `*`.
    ///
    /// # Errors
    /// The same source is mapped already, to whatever: one of the two is a slip.
    pub fn add_network(&mut self, source: String, target: NetworkTarget) -> Result<(), String> {
        let source = network::Source::of(source);
        if let Some(other) = self.network.get(source.key()) {
            return Err(format!("duplicate: {source} is mapped to {other} and to {target}"));
        }
        self.network.insert(source.into_key(), target);
        Ok(())
    }

    /// Gives the NIC `old` the MAC `new`.
    ///
    /// # Errors
    /// It is given another already, or another NIC is given the same.
    pub fn add_mac(&mut self, old: String, new: String) -> Result<(), String> {
        if let Some((other, _)) = self.mac.iter().find(|(o, n)| **n == new && **o != old) {
            return Err(format!("{new} is given to two NICs: {other} and {old}"));
        }
        match self.mac.get(&old) {
            Some(other) if *other != new => {
                Err(format!("{old} is given two MAC addresses: {other} and {new}"))
            }
            _ => {
                self.mac.insert(old, new);
                Ok(())
            }
        }
    }

    /// Gives a NIC one more address.
    ///
    /// # Errors
    /// It gets its addresses by DHCP, has this one already, or has another gateway of the same family.
    pub fn add_address(&mut self, mac: String, address: StaticAddress) -> Result<(), String> {
        match self.addressing.entry(mac.clone()).or_insert_with(|| Addressing::Static(Vec::new())) {
            Addressing::Dhcp => Err(format!("{mac} is given both DHCP and the address {}", address.address)),
            Addressing::Static(list) => {
                if list.iter().any(|known| known.address == address.address) {
                    return Err(format!("{mac} is given the address {} twice", address.address));
                }
                let same = |known: &&StaticAddress| known.address.is_ipv4() == address.address.is_ipv4();
                let other = list.iter().filter(same).find_map(|known| known.gateway);
                if let (Some(one), Some(two)) = (other, address.gateway)
                    && one != two
                {
                    return Err(format!("{mac} is given two gateways: {one} and {two}"));
                }
                list.push(address);
                Ok(())
            }
        }
    }

    /// Has a NIC get its addresses by DHCP.
    ///
    /// # Errors
    /// It is given an address too.
    pub fn add_dhcp(&mut self, mac: String) -> Result<(), String> {
        match self.addressing.get(&mac) {
            Some(Addressing::Static(_)) => Err(format!("{mac} is given both DHCP and an address")),
            _ => {
                self.addressing.insert(mac, Addressing::Dhcp);
                Ok(())
            }
        }
    }

    /// Makes relative paths absolute: below `base`, or below `home` where they begin with `~/`, which no shell has
    /// replaced in a file.
    pub(crate) fn anchor(&mut self, base: &Path, home: Option<&Path>) {
        let absolute = |path: &Path| match (path.strip_prefix("~"), home) {
            (Ok(rest), Some(home)) => home.join(rest),
            _ => base.join(path),
        };
        let own = [
            &mut self.output,
            &mut self.temp_dir,
            &mut self.metrics,
            &mut self.state,
            &mut self.agent_packages,
            &mut self.virtio_win,
        ];
        let customize = self.customize.iter_mut().flat_map(Customize::host_files);
        for path in own.into_iter().flatten().chain(self.parent.iter_mut().flatten()).chain(customize) {
            *path = absolute(path);
        }
        for key in self.key.iter_mut().flatten() {
            key.anchor(absolute);
        }
    }

    /// What all layers come to, with the defaults below them.
    pub fn resolve(self, around: &Surroundings) -> Resolved {
        let mut settings = self;
        // What virt-v2v and its kind are told by, so that a host that is set up for them need not be set up again. It is
        // not h2k's own: whatever a file or H2K_VIRTIO_WIN says is above it.
        settings.virtio_win = settings.virtio_win.or_else(|| around.variable(VIRTIO_WIN).map(PathBuf::from));
        settings.anchor(&around.directory, None);
        Resolved {
            policy: Policy {
                disk_bus: settings.disk_bus.unwrap_or_default(),
                nic_model: settings.nic_model.unwrap_or_default(),
                format: settings.format.unwrap_or_default(),
                compress: settings.compress,
                keep_base: settings.keep_base.unwrap_or_default(),
                initramfs: settings.initramfs.unwrap_or_default(),
                networks: settings.network,
                skip_fixers: settings.skip_fixer.unwrap_or_default(),
                keys: settings.key.unwrap_or_default(),
                root: settings.root,
                macs: settings.mac,
                addressing: settings.addressing,
                cloud_init: settings.cloud_init,
                tools: settings.tools.unwrap_or_default(),
                agent_packages: settings.agent_packages,
                virtio_win: settings.virtio_win,
                regenerate_identity: settings.regenerate_identity.unwrap_or_default(),
                serial_console: settings.serial_console.unwrap_or_default(),
                customize: settings.customize.unwrap_or_default(),
                rules: settings.rules.unwrap_or_default().0,
                severity: settings.severity.unwrap_or_default().0,
                accept: settings.accept.unwrap_or_default().0,
                inputs: BTreeMap::new(),
            },
            output: settings.output,
            parents: settings.parent.unwrap_or_default(),
            copy: CopySettings {
                engine: settings.engine.unwrap_or_default(),
                threads: settings.threads.unwrap_or_default(),
                limit_rate: settings.limit_rate,
                no_sample: settings.no_sample.unwrap_or_default(),
            },
            boot: !settings.no_boot.unwrap_or_default(),
            boot_timeout: settings.boot_timeout,
            temp_dir: settings.temp_dir.unwrap_or_else(|| around.temporary()),
            metrics: settings.metrics,
            state: settings.state.or_else(|| around.state_home().map(|dir| dir.join("h2k/h2k.db"))),
            log_format: settings.log_format.unwrap_or_default(),
        }
    }
}

/// What two layers come to where each may say nothing.
fn both<T>(upper: Option<T>, lower: Option<T>, merge: impl FnOnce(T, T) -> T) -> Option<T> {
    match (upper, lower) {
        (Some(upper), Some(lower)) => Some(merge(upper, lower)),
        (upper, lower) => upper.or(lower),
    }
}

/// What all layers come to. Paths are absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// What is wanted of the target and of the repairs.
    pub policy: Policy,
    /// Directory that the results are written to; `None` where nobody named one.
    pub output: Option<PathBuf>,
    /// Files, or directories of files, that may be parents of the source's disks.
    pub parents: Vec<PathBuf>,
    /// How disks are copied.
    pub copy: CopySettings,
    /// Whether the result is booted.
    pub boot: bool,
    /// Seconds that the boot test may take; `None` for the default of the accelerator.
    pub boot_timeout: Option<u64>,
    /// Directory for temporary files: `temp-dir`, `$TMPDIR`, `/var/tmp`.
    pub temp_dir: PathBuf,
    /// File that metrics are written to; `None` where none are wanted.
    pub metrics: Option<PathBuf>,
    /// State store; `None` where nobody named one and there is no home directory.
    pub state: Option<PathBuf>,
    /// Form of what goes to stderr.
    pub log_format: LogFormat,
}
