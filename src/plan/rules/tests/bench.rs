//! A VM that no rule has anything to say about.

use std::collections::BTreeSet;

use h2k_config::{NetworkTarget, Policy};
use h2k_fixers::facts::windows::{BitLockerFacts, Shutdown, WindowsVersion};
use h2k_fixers::facts::{
    BlockDevice, DiskFacts, FirmwareOnDisk, InterfaceFacts, Mount, NicHardware, SystemFacts, WindowsFacts,
};
use h2k_fixers::windows::drivers::ROLES;
use h2k_fixers::{Edit, GuestFacts};
use h2k_transports::{
    Bus, DiskFormat, DiskLocation, Features, Firmware, PowerState, Slot, SourceDisk, SourceKind, SourceNic,
    SourceVm, Tristate,
};

use crate::plan::Forecast;
use crate::plan::host::HostFacts;
use crate::plan::rules::{self, Seen, Space};
use crate::plan::target::{Drivers, target, with_macs};
use crate::stages::flatten::FlatDisk;

/// MAC address of the VM's NIC.
pub const MAC: &str = "00:50:56:00:00:01";

/// Everything that rules look at.
pub struct Vm {
    pub source: SourceVm,
    pub disks: Vec<FlatDisk>,
    pub facts: GuestFacts,
    pub policy: Policy,
    pub name: String,
    pub forecast: Forecast,
    pub output: Option<Space>,
    pub host: HostFacts,
    pub edits: Vec<Edit>,
    pub drivers: Option<Drivers>,
}

impl Vm {
    /// A Debian 12 with one disk and one NIC.
    pub fn sound() -> Self {
        let mut policy = Policy::default();
        policy.networks.insert("VM Network".to_owned(), NetworkTarget::bridge("br0"));
        Self {
            source: source(),
            disks: vec![image(1 << 30)],
            facts: facts(),
            policy,
            name: "web01".to_owned(),
            forecast: Forecast { target_bytes: 1 << 30, overlay_bytes: 1 << 20, ..Forecast::default() },
            output: Some(Space {
                path: "/srv".into(),
                free: 500 << 30,
                size: 1 << 40,
                largest_file: Some(1 << 44),
            }),
            host: HostFacts {
                cpus: Some(8),
                memory: Some(32 << 30),
                bridges: Some([("br0".to_owned(), false)].into()),
                ovmf: (true, true),
                swtpm: true,
            },
            edits: Vec::new(),
            drivers: None,
        }
    }

    /// A Windows Server 2022 with virtio drivers.
    pub fn windows() -> Self {
        let mut vm = Self::sound();
        vm.facts.kernels.clear();
        vm.facts.network.interfaces.clear();
        let system = vm.system();
        (system.kind, system.distro) = ("windows".to_owned(), "windows".to_owned());
        (system.product, system.major) = ("Windows Server 2022 Standard".to_owned(), 10);
        vm.facts.windows = Some(WindowsFacts {
            version: WindowsVersion {
                product: "Windows Server 2022 Standard".to_owned(),
                major: 10,
                build: 20_348,
                product_type: "ServerNT".to_owned(),
                ..WindowsVersion::default()
            },
            shutdown: Shutdown::Clean,
            control_sets: vec!["ControlSet001".to_owned()],
            ..WindowsFacts::default()
        });
        vm.facts.init.clock_local = true;
        vm.facts.mounts[0].mountpoint = "/c".to_owned();
        vm.drivers = Some(Drivers { virtio: ROLES.into(), board: false });
        vm
    }

    /// What its registry says.
    pub fn registry(&mut self) -> &mut WindowsFacts {
        self.facts.windows.as_mut().unwrap()
    }

    /// Calls `look` with what was seen.
    pub fn seen<T>(&self, look: impl FnOnce(&Seen<'_>) -> T) -> T {
        let facts = with_macs(&self.facts, &self.policy);
        let sizes: Vec<u64> = self.disks.iter().map(|d| d.size).collect();
        look(&Seen {
            source: &self.source,
            disks: &self.disks,
            facts: &facts,
            policy: &self.policy,
            target: &target(&self.name, &self.source, &facts, &self.policy, &sizes, self.drivers.as_ref()),
            forecast: &self.forecast,
            output: self.output.clone(),
            host: &self.host,
            drivers: self.drivers.as_ref(),
            edits: &self.edits,
        })
    }

    /// Ids of all findings, each once.
    pub fn found(&self) -> Vec<String> {
        let ids: BTreeSet<String> = self.seen(rules::check).into_iter().map(|c| c.id).collect();
        ids.into_iter().collect()
    }

    /// One more disk.
    pub fn add_disk(&mut self) {
        let unit = u32::try_from(self.source.disks.len()).unwrap();
        self.source.disks.push(disk(unit));
        self.disks.push(image(1 << 30));
        self.facts.disks.push(DiskFacts { table: "gpt".to_owned(), ..DiskFacts::default() });
    }

    /// One more NIC, with its hardware.
    pub fn add_nic(&mut self, mac: &str) {
        self.source.nics.push(SourceNic { mac: Some(mac.to_owned()), ..self.source.nics[0].clone() });
        self.facts.hardware.nics.push(NicHardware { mac: mac.to_owned(), ..NicHardware::default() });
    }

    /// A partition or volume that holds `fstype`.
    pub fn holds(&mut self, fstype: &str) {
        let name = "/dev/sda9".to_owned();
        self.facts.block.push(BlockDevice { name, fstype: fstype.to_owned(), ..BlockDevice::default() });
    }

    /// A BitLocker volume that was opened.
    pub fn opens_bitlocker(&mut self, suspended: bool) {
        self.holds("BitLocker");
        let volume = self.facts.block.last_mut().unwrap();
        volume.bitlocker = Some(BitLockerFacts { suspended, ..BitLockerFacts::default() });
        let inside = vec![volume.name.clone()];
        let name = "/dev/mapper/bitlk-1".to_owned();
        self.facts.block.push(BlockDevice { name, inside, ..BlockDevice::default() });
    }

    /// The system's facts.
    pub fn system(&mut self) -> &mut SystemFacts {
        &mut self.facts.systems[0]
    }
}

fn source() -> SourceVm {
    let mut vm = SourceVm::new("web01", SourceKind::Vmx, "/vms/web01.vmx");
    vm.power = PowerState::Off;
    vm.uuid = Some("564d0000-0000-0000-0000-000000000001".to_owned());
    vm.firmware = Firmware::Bios;
    (vm.secure_boot, vm.tpm) = (Tristate::No, Tristate::No);
    (vm.vcpus, vm.memory_bytes) = (Some(2), Some(2 << 30));
    vm.features = Features { clean_shutdown: Tristate::Yes, ..Features::default() };
    vm.disks = vec![disk(0)];
    vm.nics = vec![SourceNic {
        mac: Some(MAC.to_owned()),
        mac_static: true,
        model: Some("vmxnet3".to_owned()),
        network: Some("VM Network".to_owned()),
        connection: None,
        pci_slot: Some(192),
        start_connected: Tristate::Yes,
    }];
    vm
}

fn disk(unit: u32) -> SourceDisk {
    SourceDisk {
        slot: Slot { bus: Bus::Scsi, model: None, controller: 0, unit },
        location: DiskLocation::File { path: "/vms/web01.vmdk".into() },
        format: Some(DiskFormat::Vmdk),
        capacity_bytes: Some(1 << 30),
        mode: None,
        serial: None,
        traits: Default::default(),
    }
}

/// A disk with one image.
pub fn image(size: u64) -> FlatDisk {
    images(size, &[serde_json::json!({})])
}

/// A disk with images that have these fields besides the usual.
pub fn images(size: u64, fields: &[serde_json::Value]) -> FlatDisk {
    let image = |more: &serde_json::Value| {
        let mut image = serde_json::json!({
            "path": "/vms/web01.vmdk", "part": null, "format": "vmdk", "subformat": "monolithicSparse", "size": size,
            "files": [], "flat": null,
        });
        image.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        image
    };
    let images: Vec<serde_json::Value> = fields.iter().map(image).collect();
    let chain = serde_json::from_value(serde_json::json!({ "images": images })).unwrap();
    FlatDisk { chain, size, allocated: size, base: None }
}

fn facts() -> GuestFacts {
    let mut facts = GuestFacts { firmware: FirmwareOnDisk::Bios, ..GuestFacts::default() };
    facts.systems = vec![SystemFacts {
        root: "/dev/sda1".to_owned(),
        kind: "linux".to_owned(),
        distro: "debian".to_owned(),
        product: "Debian GNU/Linux 12".to_owned(),
        major: 12,
        arch: "x86_64".to_owned(),
        hostname: "web01".to_owned(),
        ..SystemFacts::default()
    }];
    facts.disks = vec![DiskFacts { table: "gpt".to_owned(), boot_code: true, ..DiskFacts::default() }];
    facts.mounts = vec![Mount {
        mountpoint: "/".to_owned(),
        device: "/dev/sda1".to_owned(),
        size: 1 << 30,
        free: 512 << 20,
        ..Mount::default()
    }];
    let interface = InterfaceFacts { name: "ens192".to_owned(), dhcp: true, ..InterfaceFacts::default() };
    facts.network.interfaces = vec![interface];
    facts.hardware.nics =
        vec![NicHardware { mac: MAC.to_owned(), mac_from_source: true, ..NicHardware::default() }];
    facts
}
