//! Domains as XML: what it looks like, what is refused, and what is read.

mod round_trip;

use std::path::{Path, PathBuf};

use super::check::{EmitError, index_to_letters};
use super::domain::*;
use super::parse::{ParseError, from_xml};
use super::xml::libvirt_xml;
use h2k_config::{NetworkTarget, TargetFormat};

/// A small BIOS guest with one disk and one NIC.
pub(crate) fn bios() -> Domain {
    Domain {
        name: "web01".into(),
        uuid: Some("11111111-2222-3333-4444-555555555555".into()),
        genid: None,
        osinfo: "debian12".into(),
        memory_bytes: 512 << 20,
        cpu: CpuTopology { sockets: 1, cores: 2, threads: 1 },
        machine: Machine::Q35,
        firmware: TargetFirmware::Bios,
        tpm: false,
        clock: Clock::Utc,
        hyperv: vec![],
        helpers: Helpers::default(),
        disks: vec![disk(TargetBus::VirtioBlk, 0)],
        nics: vec![nic(1)],
        cdroms: 1,
    }
}

pub(crate) fn disk(bus: TargetBus, index: u32) -> DomainDisk {
    DomainDisk {
        file: format!("disk{index}.qcow2").into(),
        format: TargetFormat::Qcow2,
        bus,
        target: format!("{}{}", bus.prefix(), index_to_letters(index)),
        serial: None,
        boot_order: (index == 0).then_some(1),
        size: 0,
    }
}

pub(crate) fn nic(last: u8) -> DomainNic {
    DomainNic {
        mac: format!("52:54:00:12:34:{last:02x}"),
        target: NetworkTarget::network("default"),
        model: "virtio".into(),
        connected: true,
    }
}

/// All in order.
pub(crate) const ALL_ENLIGHTENMENTS: [Enlightenment; 14] = {
    use Enlightenment::*;
    [
        Relaxed,
        Vapic,
        Spinlocks,
        Vpindex,
        Runtime,
        Synic,
        Stimer,
        StimerDirect,
        Reset,
        Frequencies,
        Reenlightenment,
        Tlbflush,
        Ipi,
        Clock,
    ]
};

/// A Windows-like guest with everything that a domain can have.
fn everything() -> Domain {
    let mut domain = bios();
    domain.name = "a&b <c>\"d' – Prüfung".into();
    domain.genid = Some("AAAAAAAA-bbbb-cccc-dddd-eeeeeeeeeeee".into());
    domain.osinfo = "win2k22".into();
    domain.firmware = TargetFirmware::Uefi { secure_boot: true };
    domain.tpm = true;
    domain.clock = Clock::Localtime;
    domain.hyperv = ALL_ENLIGHTENMENTS.to_vec();
    domain.helpers.panic = Panic::Hyperv;
    domain.disks = (0..17).map(|i| disk(TargetBus::VirtioScsi, i)).collect();
    domain.disks[0].serial = Some("6000c29 a_b.c+d-e".into());
    domain.disks[1].format = TargetFormat::Raw;
    domain.nics = vec![nic(1), nic(2)];
    domain.nics[0].target = NetworkTarget::bridge("br0.12");
    domain.nics[0].target.vlans = vec![12];
    domain.nics[1].target = NetworkTarget::network("Prod & <Test>");
    domain.nics[1].target.vlans = vec![100, 200];
    domain.nics[1].connected = false;
    domain.nics[1].model = "e1000e".into();
    domain.cdroms = 2;
    domain
}

/// A Windows 7 with virtio drivers of its time.
pub(crate) fn windows_7() -> Domain {
    let mut domain = bios();
    domain.osinfo = "win7".into();
    domain.clock = Clock::Localtime;
    domain.hyperv =
        vec![Enlightenment::Relaxed, Enlightenment::Vapic, Enlightenment::Spinlocks, Enlightenment::Clock];
    domain.helpers = Helpers { panic: Panic::None, usb2: true, transitional: true, ..Helpers::default() };
    domain.nics[0].model = "virtio-transitional".into();
    domain
}

fn dir() -> &'static Path {
    Path::new("/var/lib/h2k")
}

/// Domains by name, one for each feature.
pub(crate) fn samples() -> Vec<(&'static str, Domain)> {
    let uefi = Domain { firmware: TargetFirmware::Uefi { secure_boot: false }, ..bios() };
    let old = Domain { machine: Machine::I440fx, cdroms: 3, osinfo: "rhel5.11".into(), ..bios() };
    let bare = Domain { uuid: None, disks: vec![], nics: vec![], cdroms: 0, osinfo: String::new(), ..bios() };
    let no_order =
        Domain { disks: vec![DomainDisk { boot_order: None, ..disk(TargetBus::VirtioBlk, 0) }], ..bios() };
    let many_cdroms = Domain { machine: Machine::I440fx, cdroms: 9, ..bios() };
    let fallback = Domain { disks: (0..7).map(|i| disk(TargetBus::Sata, i)).collect(), ..windows_7() };
    let mut xp = Domain { disks: (0..3).map(|i| disk(TargetBus::Ide, i)).collect(), ..old.clone() };
    xp.osinfo = "winxp".into();
    xp.nics[0].model = "rtl8139".into();
    xp.helpers =
        Helpers { balloon: false, rng: false, channel: false, panic: Panic::None, ..Helpers::default() };
    vec![
        ("bios", bios()),
        ("uefi", uefi),
        ("everything", everything()),
        ("old", old),
        ("bare", bare),
        ("no-order", no_order),
        ("many-cdroms", many_cdroms),
        ("windows-7", windows_7()),
        ("fallback", fallback),
        ("xp", xp),
    ]
}

#[test]
fn xml_looks_like_this() {
    insta::with_settings!({ snapshot_path => "snapshots", prepend_module_to_snapshot => false }, {
        let shown = ["bios", "uefi", "everything", "old", "windows-7", "fallback", "xp"];
        for (name, mut domain) in samples().into_iter().filter(|(name, _)| shown.contains(name)) {
            domain.disks.truncate(2);
            insta::assert_snapshot!(name, libvirt_xml(&domain, dir()).unwrap());
        }
    });
}

/// libvirt's own schema, as the boot test asks it too.
#[test]
fn xml_keeps_to_the_schema() {
    let dir = tempfile::tempdir().unwrap();
    for (name, domain) in samples() {
        let file = dir.path().join(format!("{name}.xml"));
        std::fs::write(&file, libvirt_xml(&domain, self::dir()).unwrap()).unwrap();
        let ran = crate::exec::Exec::new("virt-xml-validate").arg(&file).arg("domain").run();
        assert!(ran.is_ok(), "{name}: {}", ran.unwrap_err());
    }
}

#[test]
fn what_libvirt_cannot_take_is_refused() {
    let refused = |change: fn(&mut Domain)| {
        let mut domain = everything();
        change(&mut domain);
        libvirt_xml(&domain, dir()).unwrap_err().to_string()
    };
    insta::assert_snapshot!([
        refused(|d| d.name = "a\u{1}b".into()),
        refused(|d| d.name = "a\nb".into()),
        refused(|d| d.name = "../x".into()),
        refused(|d| d.name = " ".into()),
        refused(|d| d.name = "..".into()),
        refused(|d| d.name = "é".repeat(121)),
        refused(|d| d.uuid = Some("x".into())),
        refused(|d| d.memory_bytes = 0),
        refused(|d| d.cpu.cores = 0),
        refused(|d| d.cpu = CpuTopology { sockets: u32::MAX, cores: u32::MAX, threads: 3 }),
        refused(|d| d.machine = Machine::I440fx),
        refused(|d| d.disks[1].target = "sda".into()),
        refused(|d| d.disks[1].target = "vdb".into()),
        refused(|d| d.disks = vec![disk(TargetBus::Ide, 0)]),
        refused(|d| {
            (d.machine, d.firmware) = (Machine::I440fx, TargetFirmware::Bios);
            d.disks = (0..5).map(|i| disk(TargetBus::Ide, i)).collect();
        }),
        refused(|d| d.disks[1].serial = Some("a,b=c".into())),
        refused(|d| d.disks[1].boot_order = Some(1)),
        refused(|d| d.disks[1].boot_order = Some(0)),
        refused(|d| d.disks[1].file = "a\tb".into()),
        refused(|d| d.nics[1].mac = "01:00:5e:00:00:01".into()),
        refused(|d| d.nics[1].model = "virtio,x=y".into()),
        refused(|d| d.nics[1].target = NetworkTarget::bridge("br0 x")),
        refused(|d| d.nics[1].target = NetworkTarget::network("\u{7f}")),
        refused(|d| d.nics[1].target.vlans = vec![4095]),
        refused(|d| d.cdroms = 1000),
    ].join("\n"), @r#"
    the name is "a\u{1}b": control characters cannot be written in XML
    the name is "a\nb": control characters cannot be written in XML
    the name is "../x": libvirt refuses a slash
    the name is " ": libvirt refuses an empty name
    the name is "..": libvirt names a file after it
    the name is "éééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé": it is longer than 240 bytes
    the UUID is "x": a UUID has 32 hexadecimal digits in groups of 8-4-4-4-12
    the memory is "0": a VM needs some
    the number of CPUs is "0": libvirt takes 1 to 65535
    the number of CPUs is "18446744073709551615": libvirt takes 1 to 65535
    Secure Boot needs the machine type q35
    the disk target "sda" is there twice
    a disk's target is "vdb": virtio-blk has vda…, virtio-scsi and SATA sda…, IDE hda…
    disks on IDE need the machine type i440fx
    5 disks are to be on IDE, which has room for 4
    a disk's serial is "a,b=c": it has A-Z a-z 0-9 _ . + - and spaces only
    the boot order "1" is there twice
    a disk's boot order is "0": it counts from 1
    a disk's path is "/var/lib/h2k/a\tb": control characters cannot be written in XML
    the MAC address of NIC 1 is "01:00:5e:00:00:01": it is six hexadecimal pairs, no multicast
    the model of NIC 1 is "virtio,x=y": it has A-Z a-z 0-9 - and _ only
    the bridge of NIC 1 is "br0 x": it has A-Z a-z 0-9 _ . - only, 15 at most
    the network of NIC 1 is "\u{7f}": control characters cannot be written in XML
    a VLAN of NIC 1 is "4095": it is a number from 1 to 4094
    the number of CD-ROM drives is "1000": there are 124 at most
    "#);
    assert!(libvirt_xml(&everything(), Path::new("relative")).is_err());
    let not_text = PathBuf::from(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"/\xff"));
    assert!(matches!(libvirt_xml(&everything(), &not_text), Err(EmitError::Path(_))));
}

#[test]
fn other_peoples_xml_is_read() {
    let text = r#"<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
      <name>other</name><memory unit='GiB'>2</memory><currentMemory>1</currentMemory>
      <vcpu placement='static' current='1'>4</vcpu>
      <metadata><osi:libosinfo xmlns:osi="http://libosinfo.org/xmlns/libvirt/domain/1.0">
        <osi:os id="http://suse.com/sles/15.5"/></osi:libosinfo></metadata>
      <os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type>
        <loader readonly='yes' secure='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE_4M.ms.fd</loader>
        <nvram>/var/lib/libvirt/qemu/nvram/x_VARS.fd</nvram></os>
      <devices>
        <disk type='block' device='disk'><source dev='/dev/vg/x'/><target dev='sda' bus='scsi'/></disk>
        <disk type='file' device='cdrom'><source file='/x.iso'/><target dev='sdb' bus='sata'/></disk>
        <disk type='file' device='floppy'><target dev='fda' bus='fdc'/></disk>
        <interface type='direct'><source dev='eth0' mode='bridge'/></interface>
      </devices></domain>"#;
    let domain = from_xml(text).unwrap();
    insta::assert_debug_snapshot!(domain, @r#"
    Domain {
        name: "other",
        uuid: None,
        genid: None,
        osinfo: "sles15sp5",
        memory_bytes: 2147483648,
        cpu: CpuTopology {
            sockets: 4,
            cores: 1,
            threads: 1,
        },
        machine: Q35,
        firmware: Uefi {
            secure_boot: true,
        },
        tpm: false,
        clock: Utc,
        hyperv: [],
        helpers: Helpers {
            balloon: true,
            rng: false,
            channel: false,
            panic: None,
            usb2: false,
            transitional: false,
        },
        disks: [
            DomainDisk {
                file: "/dev/vg/x",
                format: Raw,
                bus: VirtioScsi,
                target: "sda",
                serial: None,
                boot_order: None,
                size: 0,
            },
        ],
        nics: [
            DomainNic {
                mac: "52:54:00:00:00:00",
                target: NetworkTarget {
                    to: Network(
                        "eth0",
                    ),
                    vlans: [],
                },
                model: "rtl8139",
                connected: true,
            },
        ],
        cdroms: 1,
    }
    "#);
}

#[test]
fn what_cannot_be_tested_is_refused() {
    let start = "<domain type='kvm'><name>x</name><memory>1024</memory><os><type>hvm</type></os><devices>";
    let with_disk =
        |disk: &str| from_xml(&format!("{start}{disk}</devices></domain>")).unwrap_err().to_string();
    let whole = |text: &str| format!("{:#}", anyhow::Error::from(from_xml(text).unwrap_err()));
    insta::assert_snapshot!([
        with_disk("<disk type='file'><source file='/x'/><target dev='sda' bus='usb'/></disk>"),
        with_disk("<disk type='network'><source protocol='rbd' name='p/i'/><target dev='vda' bus='virtio'/></disk>"),
        with_disk("<disk type='file'><driver type='vmdk'/><source file='/x'/><target dev='vda'/></disk>"),
        with_disk("<disk type='file'><source file='/x'/></disk>"),
        with_disk("<disk type='file'><target dev='vda' bus='virtio'/></disk>"),
        with_disk("<disk type='file'><source file='/x'/><target dev='vda'/><boot order='0'/></disk>"),
        whole("<network/>"),
        whole("<domain type='xen'/>"),
        whole("<domain><os><type arch='aarch64'/></os></domain>"),
        whole("<domain><os><type machine='microvm'/></os><name>x</name><memory>1</memory><devices/></domain>"),
        whole("<domain><os><type/></os><name>x</name><memory unit='EiB'>1</memory><devices/></domain>"),
        whole("<domain><os><type/></os><name>x</name><memory unit='T'>99999999999</memory><devices/></domain>"),
        whole("<domain><os><type/></os><name>x</name><memory>1</memory><vcpu>0</vcpu><devices/></domain>"),
        whole("<!DOCTYPE x><domain/>"),
    ].join("\n"), @r#"
    a disk's bus is "usb"; h2k tests virtio, scsi, sata and ide only
    a disk's type is "network"; h2k tests disks in files and block devices only
    a disk's format is "vmdk"; h2k tests qcow2 and raw only
    it has no <target> of a disk
    it has no <source> of a disk
    a disk's boot order is "0"
    it is a "network", not a libvirt domain
    the hypervisor is "xen"; h2k tests kvm and qemu only
    the architecture is "aarch64"; h2k tests x86_64 only
    the machine is "microvm"; h2k tests q35 and pc only
    the unit of <memory> is "EiB"
    <memory> is "99999999999"
    <vcpu> is "0"
    reading the XML: it has a document type declaration
    "#);
    assert!(matches!(from_xml("<domain/>"), Err(ParseError::Missing(_))));
}
