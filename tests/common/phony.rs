//! A phony guest: a partitioned disk with the files that a Debian has, small and the same each time. It does not
//! boot; real guests do that.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Place, ok, run};

const SECTOR: u64 = 512;
const START: u64 = 2048;
const SIZE: u64 = 320 << 20;
const UUID: &str = "11111111-2222-4333-8444-555555555555";
const KERNEL: &str = "6.1.0-1-amd64";

/// Drivers that a guest needs on virtio.
const VIRTIO: &[&str] =
    &["scsi_mod", "sd_mod", "virtio", "virtio_ring", "virtio_pci", "virtio_blk", "virtio_scsi", "virtio_net"];

/// Builds `src/NAME.vmx` with a raw disk turned into a VMDK. Its initramfs holds virtio, so nothing is rebuilt.
pub fn guest(place: &Place, name: &str) -> PathBuf {
    build(place, name, VIRTIO, "")
}

/// The same with more files, each a path and its content.
pub fn guest_with(place: &Place, name: &str, files: &[(&str, &str)]) -> PathBuf {
    for (path, content) in files {
        place.write(&format!("tree-{name}{path}"), content);
    }
    build(place, name, VIRTIO, "")
}

/// The same with more lines in its fstab.
pub fn guest_that_mounts(place: &Place, name: &str, fstab: &str) -> PathBuf {
    build(place, name, VIRTIO, fstab)
}

/// The same with an initramfs that lacks virtio, and a generator that cannot be run.
pub fn guest_that_cannot_be_fixed(place: &Place, name: &str) -> PathBuf {
    for program in ["update-initramfs", "mkinitramfs"] {
        let path = place.write(&format!("tree-{name}/usr/sbin/{program}"), "#!/nonexistent/shell\n");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    place.write(&format!("tree-{name}/etc/initramfs-tools/initramfs.conf"), "MODULES=most\n");
    build(place, name, &["ext4"], "")
}

fn build(place: &Place, name: &str, in_initramfs: &[&str], fstab: &str) -> PathBuf {
    let root = "# static file system information\n/dev/sda1 / ext4 errors=remount-ro 0 1\n";
    let tree = files(place, name, in_initramfs, &format!("{root}{fstab}"), "/dev/sda1");
    let raw = disk(place, name, &tree);
    describe(place, name, &raw)
}

/// A file system's image with a guest's files, whose fstab and root device are these; its initramfs holds virtio.
pub fn filesystem(place: &Place, name: &str, fstab: &str, root: &str) -> PathBuf {
    let tree = files(place, name, VIRTIO, fstab, root);
    let raw = place.write(&format!("{name}.fs"), b"");
    fs::File::options().write(true).open(&raw).unwrap().set_len(128 << 20).unwrap();
    let tree = place.path(&tree);
    ok(
        "mke2fs",
        &["-q", "-F", "-t", "ext4", "-U", UUID, "-d", tree.to_str().unwrap(), raw.to_str().unwrap()],
    );
    raw
}

/// The guest's files, in a directory. What is there already stays.
fn files(place: &Place, name: &str, in_initramfs: &[&str], fstab: &str, root: &str) -> String {
    let tree = format!("tree-{name}");
    let put = |path: &str, content: &str| {
        let path = format!("{tree}{path}");
        if !place.path(&path).exists() {
            place.write(&path, content);
        }
    };
    put("/etc/os-release", "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n");
    put("/etc/hostname", &format!("{name}\n"));
    put("/etc/fstab", fstab);
    put(
        "/etc/default/grub",
        &format!("GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\nGRUB_CMDLINE_LINUX=\"root={root}\"\n"),
    );
    put(
        "/boot/grub/grub.cfg",
        &format!(
            "set root='hd0,msdos1'\nmenuentry 'Debian' {{\n\tlinux\t/boot/vmlinuz-{KERNEL} root={root} ro quiet\n\tinitrd\t/boot/initrd.img-{KERNEL}\n}}\n"
        ),
    );
    put("/etc/network/interfaces", "auto ens192\niface ens192 inet static\n\taddress 192.0.2.10/24\n");
    put("/usr/lib/systemd/systemd", "");
    put("/usr/lib/systemd/systemd-udevd", "");
    // Its name tells the version of systemd.
    put("/usr/lib/x86_64-linux-gnu/systemd/libsystemd-shared-252.so", "");
    put(&format!("/boot/vmlinuz-{KERNEL}"), "kernel");
    let dep: String = VIRTIO.iter().map(|m| format!("kernel/drivers/{m}.ko:\n")).collect();
    put(&format!("/usr/lib/modules/{KERNEL}/modules.dep"), &dep);
    put(&format!("/usr/lib/modules/{KERNEL}/modules.builtin"), "");
    for (link, target) in [("lib", "usr/lib"), ("bin", "usr/bin")] {
        std::os::unix::fs::symlink(target, place.path(&format!("{tree}/{link}"))).unwrap();
    }
    fs::write(place.path(&format!("{tree}/boot/initrd.img-{KERNEL}")), initramfs(place, name, in_initramfs))
        .unwrap();
    tree
}

fn initramfs(place: &Place, name: &str, modules: &[&str]) -> Vec<u8> {
    let mut list = String::new();
    for module in modules {
        let path = format!("usr/lib/modules/{KERNEL}/{module}.ko");
        let file = place.write(&format!("ramdisk-{name}/{path}"), "module");
        let file = fs::File::options().write(true).open(file).unwrap();
        file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        list.push_str(&format!("{path}\n"));
    }
    let mut cpio = Command::new("cpio")
        .args(["-o", "-H", "newc", "--quiet", "--reproducible"])
        .current_dir(place.path(&format!("ramdisk-{name}")))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    cpio.stdin.take().unwrap().write_all(list.as_bytes()).unwrap();
    cpio.wait_with_output().unwrap().stdout
}

fn disk(place: &Place, name: &str, tree: &str) -> PathBuf {
    let raw = place.write(&format!("{name}.raw"), b"");
    fs::File::options().write(true).open(&raw).unwrap().set_len(SIZE).unwrap();
    let table =
        place.write("table", format!("label: dos\nlabel-id: 0x11111111\nstart={START}, type=83, bootable\n"));
    run(Command::new("sh").args(["-c", "sfdisk -q \"$1\" < \"$2\"", "sh"]).arg(&raw).arg(&table)).expect(0);
    let blocks = ((SIZE - START * SECTOR) / 1024).to_string();
    let offset = format!("offset={}", START * SECTOR);
    let tree = place.path(tree);
    ok(
        "mke2fs",
        &[
            "-q",
            "-F",
            "-t",
            "ext4",
            "-U",
            UUID,
            "-E",
            &offset,
            "-d",
            tree.to_str().unwrap(),
            raw.to_str().unwrap(),
            &format!("{blocks}k"),
        ],
    );
    // The first bytes of a boot sector, which is what tells that a BIOS starts the disk.
    fs::File::options().write(true).open(&raw).unwrap().write_all(&[0xeb, 0x63, 0x90]).unwrap();
    raw
}

/// `src/NAME.vmx` with the raw disk turned into a VMDK.
pub fn describe(place: &Place, name: &str, raw: &Path) -> PathBuf {
    fs::create_dir_all(place.path("src")).unwrap();
    let vmdk = place.path(&format!("src/{name}.vmdk"));
    ok("qemu-img", &["convert", "-f", "raw", "-O", "vmdk", raw.to_str().unwrap(), vmdk.to_str().unwrap()]);
    place.write(
        &format!("src/{name}.vmx"),
        format!(
            "displayName = \"{name}\"\nguestOS = \"debian12-64\"\nmemsize = \"512\"\nnumvcpus = \"2\"\n\
             cpuid.coresPerSocket = \"2\"\nuuid.bios = \"56 4d 00 00 00 00 00 00-00 00 00 00 00 00 00 01\"\n\
             scsi0.present = \"TRUE\"\nscsi0.virtualDev = \"pvscsi\"\nscsi0:0.present = \"TRUE\"\n\
             scsi0:0.fileName = \"{name}.vmdk\"\nethernet0.present = \"TRUE\"\nethernet0.virtualDev = \"vmxnet3\"\n\
             ethernet0.networkName = \"VM Network\"\nethernet0.addressType = \"static\"\n\
             ethernet0.address = \"00:50:56:00:00:01\"\nethernet0.pciSlotNumber = \"192\"\n"
        ),
    )
}
