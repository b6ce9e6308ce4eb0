use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use insta::assert_snapshot;

use super::*;
use crate::exec::ExecError;

/// A host that is made up: everything is there until a test takes it away.
struct Made {
    programs: BTreeMap<&'static str, &'static str>,
    files: BTreeMap<PathBuf, &'static str>,
    unreadable: BTreeSet<PathBuf>,
    variables: BTreeMap<&'static str, &'static str>,
    kvm: Result<(), String>,
    ovmf: bool,
    free: u64,
    output: Option<PathBuf>,
}

const DEBIAN: &str = "/usr/lib/x86_64-linux-gnu/guestfs/supermin.d";

impl Made {
    fn good() -> Self {
        let file = |path: &str, text| (PathBuf::from(path), text);
        Self {
            programs: BTreeMap::from([
                ("qemu-system-x86_64", "QEMU emulator version 10.0.2 (Debian)\nCopyright\n"),
                ("qemu-img", "qemu-img version 10.0.2\n"),
                ("guestfish", "guestfish 1.48.6\n"),
                ("supermin", "supermin 5.2.2\n"),
                ("ntfs-3g", "ntfs-3g 2022.10.3 integrated FUSE 28\n"),
                ("swtpm", "TPM emulator version 0.7.1, Copyright\n"),
                ("virt-xml-validate", "/usr/bin/virt-xml-validate (libvirt) 9.0.0\n"),
                ("xmllint", ""),
            ]),
            files: BTreeMap::from([
                file("/boot/vmlinuz-6.1.0-1-amd64", ""),
                file("/boot/initrd.img-6.1.0-1-amd64", ""),
                file(&format!("{DEBIAN}/packages"), "e2fsprogs\nntfs-3g\n"),
                file(&format!("{DEBIAN}/packages-xfs"), "xfsprogs\n"),
                file("/proc/meminfo", "MemTotal: 9 kB\nMemAvailable:    8388608 kB\n"),
            ]),
            unreadable: BTreeSet::new(),
            variables: BTreeMap::new(),
            kvm: Ok(()),
            ovmf: true,
            free: 100 << 30,
            output: Some(PathBuf::from("/srv/vms")),
        }
    }

    fn health(&self, id: &str) -> Health {
        let found = examine(self).into_iter().find(|checked| checked.id == id);
        found.map(|checked| checked.finding.health).unwrap()
    }
}

impl Host for Made {
    fn says(&self, program: &str, _: &[&str]) -> Result<String, ExecError> {
        let said = self.programs.get(program);
        said.map(|text| (*text).to_owned()).ok_or_else(|| ExecError::NotFound { program: program.to_owned() })
    }

    fn kvm(&self) -> Result<(), String> {
        self.kvm.clone()
    }

    fn ovmf(&self, secure_boot: bool) -> Option<PathBuf> {
        self.ovmf.then(|| PathBuf::from(if secure_boot { "/ovmf/secure.fd" } else { "/ovmf/code.fd" }))
    }

    fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).map(|value| (*value).to_owned())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        let below = self.files.keys().filter_map(|path| path.strip_prefix(dir).ok());
        let names: BTreeSet<PathBuf> = below.filter_map(|rest| Some(dir.join(rest.iter().next()?))).collect();
        Ok(names.into_iter().collect())
    }

    fn read(&self, path: &Path) -> io::Result<String> {
        self.files.get(path).map(|text| (*text).to_owned()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn readable(&self, path: &Path) -> bool {
        self.files.contains_key(path) && !self.unreadable.contains(path)
    }

    fn free(&self, _: &Path) -> io::Result<u64> {
        Ok(self.free)
    }

    fn temporary(&self) -> PathBuf {
        PathBuf::from("/var/tmp")
    }

    fn output(&self) -> Option<PathBuf> {
        self.output.clone()
    }
}

#[test]
fn a_host_with_everything() {
    assert_snapshot!(text::text(&examine(&Made::good())), @r"
    ok  KVM                    runs a guest
    ok  QEMU                   QEMU emulator version 10.0.2 (Debian)
    ok  qemu-img               qemu-img version 10.0.2
    ok  libguestfs             guestfish 1.48.6
    ok  supermin               supermin 5.2.2
    ok  appliance kernel       /boot/vmlinuz-6.1.0-1-amd64
    ok  XFS in the appliance   /usr/lib/x86_64-linux-gnu/guestfs/supermin.d/packages-xfs
    ok  NTFS in the appliance  /usr/lib/x86_64-linux-gnu/guestfs/supermin.d/packages
    ok  UEFI firmware          /ovmf/code.fd
    ok  Secure Boot firmware   /ovmf/secure.fd
    ok  TPM emulator           TPM emulator version 0.7.1, Copyright
    ok  libvirt schemas        /usr/bin/virt-xml-validate (libvirt) 9.0.0
    ok  temporary files        /var/tmp: 100.0 GiB free
    ok  output                 /srv/vms: 100.0 GiB free
    ok  memory                 8.0 GiB available

    15 checks: 15 ok, 0 to look at, 0 failed
    ");
}

#[test]
fn a_host_with_nothing() {
    let host = Made {
        programs: BTreeMap::new(),
        files: BTreeMap::from([(PathBuf::from("/proc/meminfo"), "MemAvailable: 1024 kB")]),
        kvm: Err("there is no /dev/kvm".to_owned()),
        ovmf: false,
        free: 1 << 20,
        ..Made::good()
    };
    assert_snapshot!(text::text(&examine(&host)), @r"
    warn  KVM                    runs no guest: the appliance and the boot test are emulated, which takes longer
            there is no /dev/kvm
            on a real machine, load kvm_intel or kvm_amd and join the group kvm; in a VM, switch on nested virtualisation
    fail  QEMU                   qemu-system-x86_64 is not installed
            install qemu-system-x86 (Debian, Ubuntu), qemu-kvm (Fedora, RHEL), qemu-x86 (SUSE)
    fail  qemu-img               qemu-img is not installed
            install qemu-utils (Debian, Ubuntu), qemu-img (Fedora, RHEL), qemu-img (SUSE)
    warn  libguestfs             its version is unknown: guestfish is not installed
            install libguestfs-tools (Debian, Ubuntu), libguestfs guestfs-tools (Fedora, RHEL), libguestfs (SUSE)
    fail  supermin               supermin is not installed: the appliance cannot be built
            install supermin (Debian, Ubuntu), supermin (Fedora, RHEL), supermin (SUSE)
    fail  appliance kernel       there is no kernel in /boot or /lib/modules
            install linux-image-amd64 or linux-image-generic (Debian, Ubuntu), kernel-core (Fedora, RHEL), kernel-default (SUSE)
    warn  XFS in the appliance   the appliance cannot read XFS: VMs with it are not inspected
            install libguestfs-xfs (Debian, Ubuntu), libguestfs-xfs (Fedora, RHEL), libguestfs-appliance (SUSE)
    warn  NTFS in the appliance  the appliance cannot read NTFS: VMs with Windows are not inspected
            install ntfs-3g (Debian, Ubuntu), libguestfs-winsupport (Fedora, RHEL), ntfs-3g (SUSE)
    warn  UEFI firmware          OVMF is not installed: VMs with UEFI cannot be boot-tested
            install ovmf (Debian, Ubuntu), edk2-ovmf (Fedora, RHEL), qemu-ovmf-x86_64 (SUSE)
    warn  Secure Boot firmware   OVMF with Microsoft's keys is not installed: VMs with Secure Boot cannot be boot-tested
            install ovmf (Debian, Ubuntu), edk2-ovmf (Fedora, RHEL), qemu-ovmf-x86_64 (SUSE)
    warn  TPM emulator           swtpm is not installed: VMs with a TPM cannot be boot-tested
            install swtpm (Debian, Ubuntu), swtpm (Fedora, RHEL), swtpm (SUSE)
    warn  libvirt schemas        virt-xml-validate is not installed: the domain XML is not checked against libvirt's schema
            install libvirt-clients libxml2-utils (Debian, Ubuntu), libvirt-client libxml2 (Fedora, RHEL), libvirt-client libxml2-tools (SUSE)
    fail  temporary files        /var/tmp: only 1.0 MiB free
            name another directory with --temp-dir, H2K_TEMP_DIR or TMPDIR
    warn  output                 /srv/vms: 1.0 MiB free
            name another directory with -o, or make room
    fail  memory                 1.0 MiB available: the appliance takes 1.2 GiB
            stop other programs or VMs, or give this host more

    15 checks: 0 ok, 9 to look at, 6 failed
    ");
}

#[test]
fn old_programs_are_told_apart_from_unknown_ones() {
    let mut host = Made::good();
    host.programs.insert("qemu-img", "qemu-img version 6.2.0 (Debian 1:6.2+dfsg-2ubuntu6)");
    assert_eq!(host.health("qemu-img"), Health::Fail);
    host.programs.insert("qemu-img", "something else");
    assert_eq!(host.health("qemu-img"), Health::Warn);
    host.programs.remove("xmllint");
    assert_eq!(host.health("virt-xml-validate"), Health::Warn);
}

#[test]
fn the_appliance_needs_a_kernel_that_this_user_can_read() {
    let debian = PathBuf::from("/boot/vmlinuz-6.1.0-1-amd64");
    let mut host = Made::good();
    host.unreadable.insert(debian.clone());
    assert_eq!(host.health("appliance-kernel"), Health::Fail);
    // Fedora's kernels.
    host.files.insert("/lib/modules/6.12.0/vmlinuz".into(), "");
    assert_eq!(host.health("appliance-kernel"), Health::Ok);
    host.variables.insert("SUPERMIN_KERNEL", "/elsewhere");
    assert_eq!(host.health("appliance-kernel"), Health::Fail);
    host.variables.insert("LIBGUESTFS_PATH", "/appliance");
    assert_eq!(host.health("appliance-kernel"), Health::Fail, "a directory without a fixed appliance");
    host.files.insert("/appliance/README.fixed".into(), "");
    host.programs.remove("supermin");
    for id in ["appliance-kernel", "supermin", "appliance-xfs", "appliance-ntfs"] {
        assert_eq!(host.health(id), Health::Ok, "{id}");
    }
}

#[test]
fn xfs_is_found_where_each_distribution_keeps_it() {
    let mut host = Made::good();
    host.files.remove(Path::new(&format!("{DEBIAN}/packages-xfs")));
    assert_eq!(host.health("appliance-xfs"), Health::Warn);
    host.files.insert("/usr/lib64/guestfs/supermin.d/zz-packages-xfs".into(), "");
    assert_eq!(host.health("appliance-xfs"), Health::Ok);
    host.files.remove(Path::new("/usr/lib64/guestfs/supermin.d/zz-packages-xfs"));
    host.files.insert("/usr/lib64/guestfs/supermin.d/packages".into(), "util-linux\nxfsprogs\n");
    assert_eq!(host.health("appliance-xfs"), Health::Ok);
}

#[test]
fn ntfs_is_found_where_each_distribution_keeps_it_and_the_host_has_it() {
    let mut host = Made::good();
    assert_eq!(host.health("appliance-ntfs"), Health::Ok);
    host.programs.remove("ntfs-3g");
    assert_eq!(host.health("appliance-ntfs"), Health::Warn, "listed and not installed");
    let mut host = Made::good();
    host.files.insert(PathBuf::from(format!("{DEBIAN}/packages")), "e2fsprogs\n");
    assert_eq!(host.health("appliance-ntfs"), Health::Warn);
    host.files.insert("/usr/lib64/guestfs/supermin.d/zz-packages-winsupport".into(), "");
    assert_eq!(host.health("appliance-ntfs"), Health::Ok);
}

#[test]
fn room_is_measured() {
    for (free, temp, output) in [
        (0, Health::Fail, Health::Fail),
        (2 << 30, Health::Warn, Health::Warn),
        (20 << 30, Health::Ok, Health::Ok),
    ] {
        let host = Made { free, ..Made::good() };
        assert_eq!((host.health("temp"), host.health("output")), (temp, output), "{free}");
    }
    assert_eq!(Made { output: None, free: 0, ..Made::good() }.health("output"), Health::Ok);
}

#[test]
fn every_check_has_an_id_of_its_own_and_a_bad_finding_says_what_to_do() {
    let ids: BTreeSet<&str> = CHECKS.iter().map(|check| check.id).collect();
    assert_eq!(ids.len(), CHECKS.len());
    let nothing =
        Made { programs: BTreeMap::new(), ovmf: false, free: 0, kvm: Err("no".to_owned()), ..Made::good() };
    for checked in examine(&nothing).into_iter().filter(|c| c.finding.health == Health::Fail) {
        let finding = checked.finding;
        assert!(finding.packages.is_some() || !finding.advice.is_empty(), "{}", checked.id);
    }
}

#[test]
fn this_host_can_be_examined() {
    let host =
        ThisHost { temporary: std::env::temp_dir(), output: Some(PathBuf::from("/no/such/place/yet")) };
    let checked = examine(&host);
    assert_eq!(checked.len(), CHECKS.len());
    let json = serde_json::to_value(&checked).unwrap();
    assert_eq!(json[0]["id"], "kvm");
    assert!(["ok", "warn", "fail"].contains(&json[0]["health"].as_str().unwrap()));
}
