//! A guest from text: what it is for, then the hardware, then its files.
//!
//! ```text
//! What is special of it, in a paragraph.
//!
//! disk scsi 0:0 gpt                     bus, controller and unit, partition table
//! part 1 vfat /boot/efi                 number, file system, mount point, subvolume; label=NAME before those
//! lv vg root xfs /                      volume group, volume, file system, mount point
//! nic 00:50:56:aa:00:01 192             MAC and slot
//! firmware uefi
//! programs /bin/sh /usr/bin/dracut      ELF files
//! kernel 5.14.0-1 /boot/vmlinuz-5.14.0-1 /boot/initramfs-5.14.0-1.img vmw_pvscsi ext4
//!
//! ==> /etc/fstab                        a file: the lines up to the next one
//! ==> /etc/grub.conf -> ../boot/x       a link
//! ==> /efi/EFI/Linux/x.efi uki          a unified kernel image with this command line
//! ==> /efi/EFI/x/shimx64.efi            an EFI program: "shim …", "GRUB … /EFI/x", "systemd-boot", or what it says
//! ```
//!
//! A repair sees nothing else of a guest than what stands there, which is little beside a real one.
//!
//! UUIDs follow from the place: partition 2 of disk 0 is `0a000000-0000-4000-8000-000000000002`, volume 1
//! `0a000000-0000-4000-8000-000000000901`.

#![allow(clippy::unwrap_used)]

use crate::facts::{BlockDevice, DiskFacts, DiskHardware, FirmwareOnDisk, Mount, NicHardware};
use crate::initramfs::{Compression, testing};
use crate::inspect::{self, os_release, uki_image};
use crate::{GuestFacts, MemoryGuest};

/// Calls a macro with the name of every guest in `guests/`.
macro_rules! every_guest {
    ($with:ident) => {
        $with! {
            alpine
            amazon_2
            amazon_2023_uefi
            arch_systemd_boot
            arch_uki
            debian_13_extlinux
            fedora_uefi
            gentoo
            gentoo_dracut
            opensuse_systemd_boot
            oracle_7_uefi
            photon
            photon_5_uefi
            rhel_10_uefi
            rhel_6
            rhel_6_uefi
            rhel_7_uefi
            rhel_8
            rocky_9_uefi
            sles_11
            sles_12
            sles_15_uefi
            ubuntu_14_04
            ubuntu_20_04_uefi
            ubuntu_24_04_uefi
            unknown_lilo
        }
    };
}
#[cfg(test)]
pub(crate) use every_guest;

macro_rules! texts {
    ($($name:ident)*) => {
        /// Every guest's name and text.
        pub static TEXTS: &[(&str, &str)] = &[
            $((stringify!($name), include_str!(concat!("distros/guests/", stringify!($name), ".txt")))),*
        ];
    };
}

every_guest!(texts);

/// What the kernels of these guests have as modules.
pub(crate) const DRIVERS: &[&str] = &[
    "virtio",
    "virtio_ring",
    "virtio_pci",
    "virtio_blk",
    "virtio_scsi",
    "virtio_net",
    "scsi_mod",
    "sd_mod",
    "vmw_pvscsi",
    "vmxnet3",
];

/// A guest, and the facts that do not come of its files.
pub struct Phony {
    /// Its files.
    pub guest: MemoryGuest,
    /// Disks, mounts, hardware.
    pub facts: GuestFacts,
}

/// The guest of a text.
///
/// # Panics
/// The text is none: it stands in this tree.
pub fn parse(text: &str) -> Phony {
    let (head, files) = text.split_once("\n==> ").unwrap();
    let mut phony = Phony { guest: MemoryGuest::new(), facts: GuestFacts::default() };
    let (_, hardware) = head.split_once("\n\n").unwrap();
    for line in hardware.lines().filter(|l| !l.is_empty()) {
        phony.directive(&line.split_whitespace().collect::<Vec<_>>());
    }
    for file in files.split("\n==> ") {
        let (title, content) = file.split_once('\n').unwrap_or((file, ""));
        phony.file(title, content.trim_end_matches('\n'));
    }
    phony.facts.disks[0].boot_code = phony.facts.firmware == FirmwareOnDisk::Bios;
    phony
}

/// What inspection says of the guest.
///
/// # Panics
/// The guest cannot be read.
pub fn gathered(guest: &MemoryGuest, before: &GuestFacts) -> GuestFacts {
    let mut facts = before.clone();
    facts.systems = os_release::system(guest, "/dev/root").unwrap().into_iter().collect();
    inspect::gather(guest, &mut facts).unwrap();
    facts
}

/// An initramfs with these modules.
pub(crate) fn image(kernel: &str, modules: &[&str]) -> Vec<u8> {
    testing::pack(Compression::Gzip, &testing::modules(kernel, modules))
}

impl Phony {
    fn directive(&mut self, words: &[&str]) {
        let facts = &mut self.facts;
        match words {
            ["disk", bus, place, table] => {
                let (controller, unit) = place.split_once(':').unwrap();
                facts.hardware.disks.push(disk(bus, controller.parse().unwrap(), unit.parse().unwrap()));
                facts.disks.push(DiskFacts { table: (*table).to_owned(), ..DiskFacts::default() });
            }
            ["part", number, fstype, rest @ ..] => {
                let new = device(facts.disks.len() - 1, number.parse().unwrap(), fstype);
                self.device(new, rest);
            }
            ["lv", vg, lv, fstype, rest @ ..] => {
                let number = facts.block.iter().filter(|b| b.lv.is_some()).count() + 1;
                let new = BlockDevice {
                    name: format!("/dev/{vg}/{lv}"),
                    lv: Some(((*vg).to_owned(), (*lv).to_owned())),
                    lv_uuid: format!("6789AB-CDEF-GHIJ-KLMN-OPQR-STUV-WXYZ{number:02}"),
                    fstype: (*fstype).to_owned(),
                    uuid: format!("0a000000-0000-4000-8000-00000000090{number}"),
                    ..BlockDevice::default()
                };
                self.device(new, rest);
            }
            ["nic", mac, slot] => facts.hardware.nics.push(nic(mac, Some(slot.parse().unwrap()))),
            ["firmware", "uefi"] => facts.firmware = FirmwareOnDisk::Uefi,
            ["firmware", "bios"] => facts.firmware = FirmwareOnDisk::Bios,
            ["programs", paths @ ..] => paths.iter().for_each(|path| self.guest.put(path, &elf())),
            ["kernel", version, image, initramfs, modules @ ..] => {
                self.kernel(version, image, initramfs, modules)
            }
            other => panic!("{other:?}"),
        }
    }

    fn device(&mut self, mut device: BlockDevice, rest: &[&str]) {
        let label = rest.first().and_then(|word| word.strip_prefix("label="));
        let rest = if label.is_some() { &rest[1..] } else { rest };
        device.label = label.unwrap_or_default().to_owned();
        if let Some(mountpoint) = rest.first() {
            let mountable = match rest.get(1) {
                Some(subvolume) => format!("btrfsvol:{}/{subvolume}", device.name),
                None => device.name.clone(),
            };
            let (mountpoint, device) = ((*mountpoint).to_owned(), device.name.clone());
            self.facts.mounts.push(Mount { mountpoint, device, mountable, ..Mount::default() });
        }
        self.facts.block.push(device);
    }

    fn kernel(&mut self, version: &str, image_path: &str, initramfs: &str, modules: &[&str]) {
        let dir = format!("/lib/modules/{version}");
        let path = |module: &&str| format!("kernel/drivers/x/{module}.ko");
        for module in DRIVERS {
            self.guest.put(&format!("{dir}/{}", path(module)), &elf());
        }
        let index: String = DRIVERS.iter().map(|m| format!("{}:\n", path(m))).collect();
        self.guest.put(&format!("{dir}/modules.dep"), index.as_bytes());
        self.guest.put(&format!("{dir}/modules.builtin"), b"kernel/drivers/ata/libata.ko\n");
        self.guest.put(image_path, b"kernel");
        if initramfs != "-" {
            self.guest.put(initramfs, &image(version, modules));
        }
    }

    fn file(&mut self, title: &str, content: &str) {
        if let Some((link, target)) = title.split_once(" -> ") {
            self.guest = std::mem::take(&mut self.guest).link(link, target);
        } else if let Some(path) = title.strip_suffix(" uki") {
            let initramfs = image("6.9.1-arch1-1", &["vmw_pvscsi", "virtio_blk"]);
            let sections =
                [(".linux", b"kernel".as_slice()), (".cmdline", content.as_bytes()), (".initrd", &initramfs)];
            self.guest.put(path, &uki_image(&sections, 0));
        } else if title.ends_with("/grubenv") {
            let block = format!("{content}\n");
            self.guest.put(title, format!("{block}{}", "#".repeat(1024 - block.len())).as_bytes());
        } else if title.to_ascii_lowercase().ends_with(".efi") {
            self.guest.put(title, &efi_program(content));
        } else if content.is_empty() {
            self.guest.put(title, b"");
        } else {
            self.guest.put(title, format!("{content}\n").as_bytes());
        }
    }
}

/// An EFI program, with what tells it apart: shim holds the name of what it loads, GRUB its functions' names and the
/// directory that is built in, systemd-boot a line for the firmware.
fn efi_program(what: &str) -> Vec<u8> {
    let mut bytes = format!("MZ {what}\0").into_bytes();
    if what.starts_with("shim") {
        let name = if what.contains("SUSE") { "grub.efi" } else { "grubx64.efi" };
        bytes.extend(name.encode_utf16().flat_map(u16::to_le_bytes));
    } else if what.starts_with("GRUB") {
        bytes.extend(b"grub_cmd_linux\0");
    } else if what.starts_with("systemd-boot") {
        bytes.extend(b"#### LoaderInfo: systemd-boot 255 ####");
    }
    bytes
}

/// The head of an x86_64 program.
fn elf() -> Vec<u8> {
    let mut head = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0];
    head.extend(62_u16.to_le_bytes());
    head
}

/// A partition (`part` 0: the whole disk) with UUIDs made from its place.
pub(crate) fn device(disk: usize, part: u32, fstype: &str) -> BlockDevice {
    let letter = char::from(b'a' + u8::try_from(disk).unwrap());
    let number = if part == 0 { String::new() } else { part.to_string() };
    BlockDevice {
        name: format!("/dev/sd{letter}{number}"),
        disk: Some(disk),
        partition: (part != 0).then_some(part),
        fstype: fstype.to_owned(),
        uuid: format!("0a000000-0000-4000-8000-000000000{disk}{part:02}"),
        partuuid: format!("0b00000{disk}-{part:02}"),
        size: 1 << 30,
        ..BlockDevice::default()
    }
}

/// A disk on a bus.
pub(crate) fn disk(bus: &str, controller: u32, unit: u32) -> DiskHardware {
    DiskHardware { bus: bus.to_owned(), controller, unit, ..DiskHardware::default() }
}

/// A NIC that keeps the source's MAC.
pub(crate) fn nic(mac: &str, slot: Option<u32>) -> NicHardware {
    NicHardware { mac: mac.to_owned(), mac_from_source: true, pci_slot: slot, ..NicHardware::default() }
}
