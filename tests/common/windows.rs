//! A phony Windows on a real NTFS: a disk with the partition that it boots from and a volume with its registry. It does not
//! boot; nothing of Windows is here.

use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use h2k_fixers::windows::phony;

use super::disk::text;
use super::{Place, ok, run};

const MIB: u64 = 1 << 20;
/// Begin and size of the EFI system partition, or of the one that a BIOS boots from, in MiB; begin of the system's volume
/// and its usual size.
const BOOT: (u64, u64) = (1, 48);
const SYSTEM: (u64, u64) = (50, 180);

/// `src/NAME.vmx` of a Windows Server 2022 on UEFI. `change` may change its volume before it is put on the disk.
pub fn guest(place: &Place, name: &str, change: impl FnOnce(&Path)) -> PathBuf {
    let volume = volume(place, name, |dir| {
        fill(dir, "2022");
        change(dir);
    });
    let raw = disk_with(place, name, &volume);
    describe(place, name, &raw)
}

/// `src/NAME.vmx` of a Windows 7 on a BIOS, with its boot configuration store on a volume of its own ("System Reserved").
/// `change` may change the images of that volume and of the system's.
pub fn guest_of_bios(place: &Place, name: &str, change: impl FnOnce(&Path, &Path)) -> PathBuf {
    let volume = volume(place, name, |dir| fill(dir, "7"));
    let reserved = ntfs(place, &format!("{name}-reserved"), BOOT, |dir| {
        fs::create_dir(dir.join("Boot")).unwrap();
        fs::write(dir.join("Boot/BCD"), phony::store()).unwrap();
        fs::write(dir.join("bootmgr"), phony::program("Microsoft Corporation")).unwrap();
    });
    change(&reserved, &volume);
    let table = format!(
        "label: dos\nstart={}MiB, size={}MiB, type=7, bootable\nstart={}MiB, size={}MiB, type=7\n",
        BOOT.0, BOOT.1, SYSTEM.0, SYSTEM.1
    );
    let raw = disk(place, name, &table, &reserved, &volume);
    let vmx = describe(place, name, &raw);
    let text = fs::read_to_string(&vmx).unwrap();
    let text = text.replace("\"efi\"", "\"bios\"").replace("windows2019srvNext-64", "windows7-64");
    fs::write(&vmx, text).unwrap();
    vmx
}

/// `src/NAME.vmx` of the same server, whose first disk is what another Windows booted from.
pub fn guest_behind_another(place: &Place, name: &str) {
    let vmx = guest(place, name, |_| {});
    let other = volume(place, "other", |_| {});
    let raw = disk_with(place, "other", &other);
    let vmdk = place.path("src/other.vmdk");
    ok("qemu-img", &["convert", "-f", "raw", "-O", "vmdk", text(&raw), text(&vmdk)]);
    let told = fs::read_to_string(&vmx).unwrap();
    let own = format!("scsi0:0.fileName = \"{name}.vmdk\"");
    let both = format!(
        "scsi0:0.fileName = \"other.vmdk\"\nscsi0:1.present = \"TRUE\"\nscsi0:1.fileName = \"{name}.vmdk\""
    );
    assert!(told.contains(&own));
    fs::write(&vmx, told.replace(&own, &both)).unwrap();
}

/// `NAME.raw`: a disk with an EFI system partition and the system's volume, which is its second partition.
pub fn disk_with(place: &Place, name: &str, volume: &Path) -> PathBuf {
    let esp = esp(place, name);
    let size = fs::metadata(volume).unwrap().len() / MIB;
    let table = format!(
        "label: gpt\nstart={}MiB, size={}MiB, type=U\nstart={}MiB, size={size}MiB, type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7\n",
        BOOT.0, BOOT.1, SYSTEM.0
    );
    disk(place, name, &table, &esp, volume)
}

fn disk(place: &Place, name: &str, table: &str, boot: &Path, volume: &Path) -> PathBuf {
    let raw = place.write(&format!("{name}.raw"), b"");
    let mut disk = fs::File::options().write(true).open(&raw).unwrap();
    let size = fs::metadata(volume).unwrap().len() / MIB;
    disk.set_len((SYSTEM.0 + size + 2) * MIB).unwrap();
    let table = place.write("table", table);
    run(Command::new("sh").args(["-c", "sfdisk -q \"$1\" < \"$2\"", "sh"]).arg(&raw).arg(&table)).expect(0);
    for (image, start) in [(boot, BOOT.0), (volume, SYSTEM.0)] {
        disk.seek(SeekFrom::Start(start * MIB)).unwrap();
        disk.write_all(&fs::read(image).unwrap()).unwrap();
    }
    raw
}

/// Where the system's volume begins on such a disk, in bytes.
pub const SYSTEM_START: u64 = SYSTEM.0 * MIB;

/// The system's volume.
fn volume(place: &Place, name: &str, fill: impl FnOnce(&Path)) -> PathBuf {
    ntfs(place, name, SYSTEM, fill)
}

/// An NTFS for a partition of this begin and size in MiB; it is written through FUSE.
fn ntfs(place: &Place, name: &str, (start, size): (u64, u64), fill: impl FnOnce(&Path)) -> PathBuf {
    let image = place.write(&format!("{name}.ntfs"), b"");
    fs::File::options().write(true).open(&image).unwrap().set_len(size * MIB).unwrap();
    ok(
        "mkntfs",
        &["-q", "-F", "-p", &(start * 2048).to_string(), "-H", "255", "-S", "63", "-s", "512", text(&image)],
    );
    let dir = place.path(&format!("{name}.volume"));
    fs::create_dir_all(&dir).unwrap();
    ok("ntfs-3g", &[text(&image), text(&dir)]);
    fill(&dir);
    ok("umount", &[text(&dir)]);
    image
}

/// The files of a Windows that h2k looks at, in a directory that is its volume.
pub fn fill(dir: &Path, release: &str) {
    let (system, software) = phony::hives(release);
    let put = |path: &str, content: &[u8]| {
        let path = dir.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    };
    // As real disks have them: the case of the names is the installer's mood.
    put("Windows/System32/config/SYSTEM", &system);
    put("Windows/System32/config/SOFTWARE", &software);
    put("Windows/System32/ntoskrnl.exe", &phony::program("Microsoft Corporation"));
    put("Windows/System32/drivers/disk.sys", &phony::program("Microsoft Corporation"));
    put("Windows/INF/disk.inf", b"; disk");
    put("Windows/System32/CatRoot/{F750E6C3-38EE-11D1-85E5-00C04FC295EE}/x.cat", b"x");
    put("Windows/System32/DriverStore/FileRepository/disk.inf_amd64_1/disk.inf", b"; disk");
    put("pagefile.sys", b"");
}

fn esp(place: &Place, name: &str) -> PathBuf {
    let image = place.write(&format!("{name}.esp"), b"");
    fs::File::options().write(true).open(&image).unwrap().set_len(BOOT.1 * MIB).unwrap();
    ok("mkfs.vfat", &["-F", "32", text(&image)]);
    let tree = format!("tree-{name}-esp");
    place.write(&format!("{tree}/EFI/Microsoft/Boot/bootmgfw.efi"), phony::program("Microsoft Corporation"));
    run(Command::new("mcopy")
        .args(["-s", "-i"])
        .arg(&image)
        .arg(place.path(&format!("{tree}/EFI")))
        .arg("::/"))
    .expect(0);
    image
}

pub fn describe(place: &Place, name: &str, raw: &Path) -> PathBuf {
    fs::create_dir_all(place.path("src")).unwrap();
    let vmdk = place.path(&format!("src/{name}.vmdk"));
    ok("qemu-img", &["convert", "-f", "raw", "-O", "vmdk", text(raw), text(&vmdk)]);
    place.write(
        &format!("src/{name}.vmx"),
        format!(
            "displayName = \"{name}\"\nguestOS = \"windows2019srvNext-64\"\nmemsize = \"2048\"\nnumvcpus = \"2\"\n\
             firmware = \"efi\"\nuuid.bios = \"56 4d 00 00 00 00 00 00-00 00 00 00 00 00 00 02\"\n\
             scsi0.present = \"TRUE\"\nscsi0.virtualDev = \"lsisas1068\"\nscsi0:0.present = \"TRUE\"\n\
             scsi0:0.fileName = \"{name}.vmdk\"\nethernet0.present = \"TRUE\"\nethernet0.virtualDev = \"vmxnet3\"\n\
             ethernet0.networkName = \"VM Network\"\nethernet0.addressType = \"static\"\n\
             ethernet0.address = \"00:50:56:aa:bb:01\"\nethernet0.pciSlotNumber = \"192\"\n\
             ethernet1.present = \"TRUE\"\nethernet1.virtualDev = \"e1000e\"\nethernet1.addressType = \"static\"\n\
             ethernet1.address = \"00:50:56:aa:bb:02\"\nethernet1.pciSlotNumber = \"224\"\n"
        ),
    )
}

/// A volume of a result's raw disk, mounted read-only in a directory; unmounted when it is dropped.
pub struct Volume {
    pub dir: PathBuf,
}

impl Volume {
    pub fn of(place: &Place, disk: &Path) -> Self {
        // After the volume lie two mebibytes with the table's copy.
        let size = fs::metadata(disk).unwrap().len() - SYSTEM_START - 2 * MIB;
        Self::at(place, disk, SYSTEM_START, size)
    }

    /// The volume that a BIOS boots from.
    pub fn reserved(place: &Place, disk: &Path) -> Self {
        Self::at(place, disk, BOOT.0 * MIB, BOOT.1 * MIB)
    }

    fn at(place: &Place, disk: &Path, start: u64, size: u64) -> Self {
        let image = place.path("looked-at.ntfs");
        let mut from = fs::File::open(disk).unwrap();
        from.seek(SeekFrom::Start(start)).unwrap();
        std::io::copy(&mut std::io::Read::take(from, size), &mut fs::File::create(&image).unwrap()).unwrap();
        let dir = place.path("looked-at");
        fs::create_dir_all(&dir).unwrap();
        ok("ntfs-3g", &["-o", "ro", text(&image), text(&dir)]);
        Self { dir }
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        let _gone = Command::new("umount").arg(&self.dir).status();
    }
}
