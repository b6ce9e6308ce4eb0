//! What the user may want of target and repairs: the options that `migrate` and `plan` share.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueHint};
use h2k_config::{
    CloudInit, Compress, DiskBus, InitramfsWay, KeyError, KeyRef, NetworkTarget, NicModel, Settings,
    StaticAddress, TargetFormat, Tools,
};

use super::choice;

/// What the user wants of target and repairs.
#[derive(Debug, Clone, Default, Args)]
pub struct PolicyArgs {
    /// Format of the target's disks [default: qcow2]
    #[arg(long, value_name = "FORMAT", value_parser = choice::parser::<TargetFormat>(), help_heading = "Target")]
    pub format: Option<TargetFormat>,
    /// Compress the clusters of qcow2 disks
    #[arg(long, value_name = "HOW", value_parser = choice::parser::<Compress>(), help_heading = "Target")]
    pub compress: Option<Compress>,
    /// Keep the repairs in an overlay over an unchanged copy of the source's disks: h2k refix makes them anew without
    /// copying, h2k accept ends that. qcow2 only
    #[arg(
        long,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_name = "true|false",
        help_heading = "Target"
    )]
    pub keep_base: Option<bool>,
    /// Bus of the target's disks; sata is IDE for Windows before Vista [default: virtio-blk, or what a Windows guest has a
    /// driver for]
    #[arg(long, value_name = "BUS", value_parser = choice::parser::<DiskBus>(), help_heading = "Target")]
    pub disk_bus: Option<DiskBus>,
    /// Model of the target's NICs [default: virtio, or what a Windows guest has a driver for]
    #[arg(long, value_name = "MODEL", value_parser = choice::parser::<NicModel>(), help_heading = "Target")]
    pub nic_model: Option<NicModel>,
    /// Where a source network or a NIC goes: SRC=network:NAME (a libvirt network) or SRC=bridge:NAME (a host bridge).
    /// SRC is the name of a network, the MAC address of a NIC, which goes before a name, or * for everything without an
    /// option of its own
    #[arg(long, value_name = "SRC=TARGET", value_parser = h2k_config::network::pair, help_heading = "Target")]
    pub network: Vec<(String, NetworkTarget)>,
    /// Give the NIC with the MAC address OLD the MAC address NEW on the target; what is tied to OLD in the guest
    /// follows. May be given several times
    #[arg(long, value_name = "OLD=NEW", value_parser = h2k_config::nic::mac_pair, help_heading = "Guest's network")]
    pub mac: Vec<(String, String)>,
    /// Give a NIC an address: MAC=ADDRESS/LENGTH[,GATEWAY[,DNS]...], written for the guest's own network
    /// configuration; MAC is the source's or the target's, an empty GATEWAY is none. Several of one MAC add up. A
    /// family (IPv4, IPv6) without an address of its own stays as it was
    #[arg(long, value_name = "MAC=ADDRESS", value_parser = h2k_config::nic::address, help_heading = "Guest's network")]
    pub ip: Vec<(String, StaticAddress)>,
    /// Have a NIC get its IPv4 address by DHCP instead of what the guest has. May be given several times
    #[arg(long, value_name = "MAC", value_parser = h2k_config::nic::mac, help_heading = "Guest's network")]
    pub dhcp: Vec<String>,
    /// What is done about cloud-init [default: no-network, where it would configure the network anew because its
    /// datasource is not in the guest; else keep]
    #[arg(long, value_name = "WHAT", value_parser = choice::parser::<CloudInit>(), help_heading = "Guest's network")]
    pub cloud_init: Option<CloudInit>,
    /// How drivers come into an initramfs that lacks them: an archive is appended to it (append), the guest's own
    /// generator builds it anew (tool), or the first where it is proven and the second elsewhere [default: auto]
    #[arg(long, value_name = "WAY", value_parser = choice::parser::<InitramfsWay>(), help_heading = "Repairs")]
    pub initramfs: Option<InitramfsWay>,
    /// Do not make this repair; h2k fixers lists them. May be given several times
    #[arg(long, value_name = "ID", help_heading = "Repairs")]
    pub skip_fixer: Vec<String>,
    /// Open an encrypted volume (LUKS, BitLocker): VOLUME:file:PATH (a passphrase or recovery password),
    /// VOLUME:key-file:PATH (a key file), VOLUME:env:NAME or VOLUME:- (a passphrase in a variable, on stdin). VOLUME is
    /// all, UUID=… or its device in the guest. May be given several times
    #[arg(long, value_name = "VOLUME:PLACE", help_heading = "Source")]
    pub key: Vec<String>,
    /// Migrate the system whose root device this is, where the disks hold several: as h2k inspect names it, or UUID=….
    /// The others are copied as they are
    #[arg(long, value_name = "DEVICE", value_parser = NonEmptyStringValueParser::new(), help_heading = "Source")]
    pub root: Option<String>,
    /// What becomes of the old hypervisor's guest tools [default: mask]
    #[arg(long, value_name = "HOW", value_parser = choice::parser::<Tools>(), help_heading = "Repairs")]
    pub tools: Option<Tools>,
    /// Directory with packages of the QEMU guest agent: those that fit a guest without one are installed in it
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = "Repairs")]
    pub agent_packages: Option<PathBuf>,
    /// Directory or ISO image with virtio drivers for Windows: those that a Windows guest needs are put into it
    /// [default: $VIRTIO_WIN, or where the package virtio-win has it]
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath, help_heading = "Repairs")]
    pub virtio_win: Option<PathBuf>,
    /// Make the guest another one: a new machine id and new SSH host keys at its first boot
    #[arg(
        long,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_name = "true|false",
        help_heading = "Repairs"
    )]
    pub regenerate_identity: Option<bool>,
    /// Give the guest a serial console: kernel, GRUB menu and login
    #[arg(
        long,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_name = "true|false",
        help_heading = "Repairs"
    )]
    pub serial_console: Option<bool>,
    /// Do not boot the result: then nothing is proven
    #[arg(
        long,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_name = "true|false",
        help_heading = "Boot test"
    )]
    pub no_boot: Option<bool>,
    /// Seconds that the boot may take [default: depends on whether KVM can be used]
    #[arg(
        long,
        value_name = "SECONDS",
        value_parser = h2k_config::keys::boot_timeout,
        help_heading = "Boot test"
    )]
    pub boot_timeout: Option<u64>,
    /// Do not copy a sample to measure how long the migration takes: the plan then tells no time
    #[arg(
        long,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_name = "true|false"
    )]
    pub no_sample: Option<bool>,
    /// File that may be the parent of a disk (the base of a snapshot), or a directory of such. May be given several
    /// times; the disks' own directories are always looked into
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub parent: Vec<PathBuf>,
    /// Directory for temporary files [default: $TMPDIR, or /var/tmp]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub temp_dir: Option<PathBuf>,
}

impl PolicyArgs {
    /// The options as settings.
    ///
    /// # Errors
    /// A network or a NIC is mapped twice; a NIC is given what contradicts itself.
    pub(crate) fn settings(&self) -> Result<Settings, String> {
        let mut settings = Settings {
            format: self.format,
            compress: self.compress,
            keep_base: self.keep_base,
            disk_bus: self.disk_bus,
            nic_model: self.nic_model,
            initramfs: self.initramfs,
            cloud_init: self.cloud_init,
            skip_fixer: some(&self.skip_fixer),
            key: keys(&self.key)?,
            root: self.root.clone(),
            tools: self.tools,
            agent_packages: self.agent_packages.clone(),
            virtio_win: self.virtio_win.clone(),
            regenerate_identity: self.regenerate_identity,
            serial_console: self.serial_console,
            no_boot: self.no_boot,
            boot_timeout: self.boot_timeout,
            no_sample: self.no_sample,
            parent: some(&self.parent),
            temp_dir: self.temp_dir.clone(),
            ..Settings::default()
        };
        for (source, target) in &self.network {
            settings.add_network(source.clone(), target.clone()).map_err(|e| format!("--network: {e}"))?;
        }
        for (old, new) in &self.mac {
            settings.add_mac(old.clone(), new.clone()).map_err(|e| format!("--mac: {e}"))?;
        }
        for (mac, address) in &self.ip {
            settings.add_address(mac.clone(), address.clone()).map_err(|e| format!("--ip: {e}"))?;
        }
        for mac in &self.dhcp {
            settings.add_dhcp(mac.clone()).map_err(|e| format!("--dhcp: {e}"))?;
        }
        Ok(settings)
    }
}

/// The keys. Not parsed by clap, which would print what it does not understand: it may be a secret.
///
/// # Errors
/// One is none.
pub(super) fn keys(texts: &[String]) -> Result<Option<Vec<KeyRef>>, String> {
    let keys = texts.iter().map(|text| text.parse()).collect::<Result<Vec<_>, KeyError>>();
    Ok(some(&keys.map_err(|e| format!("--key: {e}"))?))
}

/// A list that was given.
pub(super) fn some<T: Clone>(list: &[T]) -> Option<Vec<T>> {
    (!list.is_empty()).then(|| list.to_vec())
}
