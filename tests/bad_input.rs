//! Input that must end in a clear error or concern that names what to do, with the source untouched and nothing
//! under the final name.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{Place, digests, ok, phony};

/// A VMX with one pvscsi disk.
fn vmx(place: &Place, disk: &str, extra: &str) -> PathBuf {
    place.write(
        "src/guest.vmx",
        format!(
            "displayName = \"bad\"\nguestOS = \"debian12-64\"\nmemsize = \"512\"\nnumvcpus = \"1\"\n\
             scsi0.present = \"TRUE\"\nscsi0.virtualDev = \"pvscsi\"\nscsi0:0.present = \"TRUE\"\n\
             scsi0:0.fileName = \"{disk}\"\n{extra}"
        ),
    )
}

fn blank(place: &Place, name: &str, options: &[&str]) -> PathBuf {
    let path = place.path(&format!("src/{name}"));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut args = vec!["create", "-q", "-f", "vmdk"];
    args.extend(options);
    args.extend([path.to_str().unwrap(), "64M"]);
    ok("qemu-img", &args);
    path
}

/// Migrates, and expects `code` with every one of `says` in what is told; source and output stay clean.
#[track_caller]
fn refused(place: &Place, source: &Path, code: i32, says: &[&str]) {
    let before = digests(&place.path("src"));
    let ran = place.h2k(["migrate", source.to_str().unwrap(), "-o", "out"]).expect(code);
    for part in says {
        assert!(ran.stderr.contains(part), "'{part}' is not said:\n{}", ran.stderr);
    }
    assert_eq!(digests(&place.path("src")), before, "the source was touched");
    assert_eq!(place.results("out"), Vec::<String>::new(), "something lies under the final name");
}

#[test]
fn a_missing_disk_is_named() {
    let place = Place::new();
    let source = vmx(&place, "gone.vmdk", "");
    refused(&place, &source, 1, &["gone.vmdk"]);
}

#[test]
fn a_missing_extent_is_named() {
    let place = Place::new();
    blank(&place, "guest.vmdk", &["-o", "subformat=monolithicFlat"]);
    fs::remove_file(place.path("src/guest-flat.vmdk")).unwrap();
    let source = vmx(&place, "guest.vmdk", "");
    refused(&place, &source, 1, &["guest-flat.vmdk"]);
}

#[test]
fn a_truncated_extent_is_refused() {
    let place = Place::new();
    blank(&place, "guest.vmdk", &["-o", "subformat=monolithicFlat"]);
    fs::File::options()
        .write(true)
        .open(place.path("src/guest-flat.vmdk"))
        .unwrap()
        .set_len(1 << 20)
        .unwrap();
    let source = vmx(&place, "guest.vmdk", "");
    refused(&place, &source, 1, &["guest-flat.vmdk"]);
}

#[test]
fn a_descriptor_does_not_open_what_it_has_no_business_with() {
    for extent in ["/etc/shadow", "../../../../etc/shadow"] {
        let place = Place::new();
        place.write(
            "src/guest.vmdk",
            format!(
                "# Disk DescriptorFile\nversion=1\nCID=12345678\nparentCID=ffffffff\ncreateType=\"monolithicFlat\"\n\
                 RW 2 FLAT \"{extent}\" 0\n"
            ),
        );
        let source = vmx(&place, "guest.vmdk", "");
        refused(&place, &source, 1, &[extent]);
    }
}

#[test]
fn a_suspended_vm_is_not_ready() {
    let place = Place::new();
    blank(&place, "guest.vmdk", &[]);
    place.write("src/guest.vmss", "x");
    let source = vmx(&place, "guest.vmdk", "checkpoint.vmState = \"guest.vmss\"\n");
    refused(&place, &source, 3, &["source.suspended", "shut the guest down"]);
}

#[test]
fn a_locked_vm_is_not_ready() {
    let place = Place::new();
    blank(&place, "guest.vmdk", &[]);
    place.write("src/guest.vmx.lck/M12345.lck", "held");
    let source = vmx(&place, "guest.vmdk", "");
    refused(&place, &source, 3, &["source.locked"]);
}

#[test]
fn a_blank_disk_is_not_ready() {
    let place = Place::new();
    blank(&place, "guest.vmdk", &[]);
    let source = vmx(&place, "guest.vmdk", "");
    refused(&place, &source, 3, &["guest.blank", "a blank disk"]);
}

#[test]
fn a_disk_without_a_system_is_not_ready_and_inspect_still_shows_its_source() {
    let place = Place::new();
    let raw = place.write("src/data.raw", b"");
    fs::File::options().write(true).open(&raw).unwrap().set_len(64 << 20).unwrap();
    ok("mkfs.ext4", &["-q", "-F", raw.to_str().unwrap()]);
    refused(&place, &raw, 3, &["guest.no-system"]);
    let seen = place.h2k(["inspect", raw.to_str().unwrap(), "--json"]).expect(0).json();
    let vm = &seen["vms"][0];
    assert_eq!(vm["source"]["name"], "data");
    assert_eq!(vm["facts"]["systems"], serde_json::json!([]));
    assert_eq!(vm["facts"]["block"][0]["fstype"], "ext4");
}

/// A file system that looks like a Linux to inspection: os-release, fstab, a kernel's directory.
fn linux_image(place: &Place, name: &str, id: &str, fstab: &str) -> PathBuf {
    let tree = format!("tree-{name}");
    place
        .write(&format!("{tree}/etc/os-release"), format!("ID={id}\nVERSION_ID=1\nPRETTY_NAME=\"{id} 1\"\n"));
    place.write(&format!("{tree}/etc/fstab"), fstab);
    place.write(&format!("{tree}/mnt/readme"), "");
    place.write(&format!("{tree}/usr/bin/true"), "");
    let raw = place.write(&format!("src/{name}.raw"), b"");
    fs::File::options().write(true).open(&raw).unwrap().set_len(64 << 20).unwrap();
    ok(
        "mke2fs",
        &["-q", "-F", "-t", "ext4", "-d", place.path(&tree).to_str().unwrap(), raw.to_str().unwrap()],
    );
    raw
}

#[test]
fn two_systems_are_not_ready_and_an_unknown_distribution_is_said() {
    let place = Place::new();
    let one = linux_image(&place, "one", "debian", "/dev/sdb /mnt ext4 defaults 0 2\n");
    let two = linux_image(&place, "two", "homemade", "");
    let both = place.h2k(["plan", one.to_str().unwrap(), two.to_str().unwrap(), "--json"]).expect(3).json();
    assert!(ids(&both).contains(&"guest.several-systems".to_owned()), "{both:#}");
    one_of_two_is_chosen(&place, &one, &two);
    let unknown = place.h2k(["plan", two.to_str().unwrap(), "--json"]).expect(0).json();
    let ids = ids(&unknown);
    assert!(ids.contains(&"guest.distro-unknown".to_owned()), "{ids:?}");
    assert!(ids.contains(&"guest.kernel.none-found".to_owned()), "{ids:?}");
}

/// The same two with `--root`: one is planned, the other left, and what is none is told with both.
fn one_of_two_is_chosen(place: &Place, one: &Path, two: &Path) {
    let plan = |root: &str, code| {
        let args = ["plan", one.to_str().unwrap(), two.to_str().unwrap(), "--root", root, "--json"];
        place.h2k(args).expect(code)
    };
    let chosen = plan("/dev/sda", 0).json();
    let found = ids(&chosen);
    assert!(!found.contains(&"guest.several-systems".to_owned()), "{found:?}");
    let facts = &chosen["vms"][0]["facts"];
    assert_eq!(
        (&facts["systems"][0]["product"], &facts["others"][0]["product"]),
        (&"debian 1".into(), &"homemade 1".into())
    );
    assert_eq!(facts["mounts"][0]["device"], "/dev/sda");
    let left =
        chosen["vms"][0]["concerns"].as_array().unwrap().iter().find(|c| c["id"] == "guest.other-systems");
    let left = left.unwrap();
    assert_eq!((&left["severity"], &left["subject"]), (&"information".into(), &"homemade 1".into()));
    assert_eq!(left["message"], "the system on /dev/sdb is left as it is");
    let refused = plan("/dev/sda7", 2).stderr;
    let told =
        "--root /dev/sda7: no system is there; the disks hold debian 1 on /dev/sda; homemade 1 on /dev/sdb";
    assert!(refused.contains(told), "{refused}");
}

fn ids(plan: &serde_json::Value) -> Vec<String> {
    let concerns = plan["vms"][0]["concerns"].as_array().unwrap();
    concerns.iter().map(|c| c["id"].as_str().unwrap().to_owned()).collect()
}

fn ova(place: &Place, members: &[(&str, Vec<u8>)]) -> PathBuf {
    let path = place.write("src/guest.ova", b"");
    let mut tar = tar::Builder::new(fs::File::create(&path).unwrap());
    for (name, content) in members {
        let mut header = tar::Header::new_ustar();
        // The safe setters refuse "..": hostile archives are written without them.
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        tar.append(&header, content.as_slice()).unwrap();
    }
    tar.finish().unwrap();
    path
}

fn ovf(disk: &str) -> Vec<u8> {
    format!(
        "<?xml version=\"1.0\"?><Envelope xmlns=\"http://schemas.dmtf.org/ovf/envelope/1\" \
         xmlns:ovf=\"http://schemas.dmtf.org/ovf/envelope/1\" \
         xmlns:rasd=\"http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData\">\
         <References><File ovf:href=\"{disk}\" ovf:id=\"f1\"/></References>\
         <DiskSection><Info/><Disk ovf:diskId=\"d1\" ovf:fileRef=\"f1\" ovf:capacity=\"67108864\"/></DiskSection>\
         <VirtualSystem ovf:id=\"bad\"><Info/><Name>bad</Name><VirtualHardwareSection><Info/>\
         <Item><rasd:InstanceID>1</rasd:InstanceID><rasd:ResourceType>6</rasd:ResourceType></Item>\
         <Item><rasd:AddressOnParent>0</rasd:AddressOnParent><rasd:HostResource>ovf:/disk/d1</rasd:HostResource>\
         <rasd:InstanceID>2</rasd:InstanceID><rasd:Parent>1</rasd:Parent><rasd:ResourceType>17</rasd:ResourceType></Item>\
         </VirtualHardwareSection></VirtualSystem></Envelope>"
    )
    .into_bytes()
}

#[test]
fn an_ova_with_a_bad_digest_is_corrupt() {
    let place = Place::new();
    let disk = fs::read(blank(&place, "disk.vmdk", &[])).unwrap();
    let sum = "0".repeat(64);
    let source = ova(
        &place,
        &[
            ("guest.ovf", ovf("disk.vmdk")),
            ("guest.mf", format!("SHA256(disk.vmdk)= {sum}\n").into_bytes()),
            ("disk.vmdk", disk),
        ],
    );
    refused(&place, &source, 1, &["corrupt OVA", "disk.vmdk"]);
}

#[test]
fn an_ova_with_a_member_outside_is_unsafe() {
    let place = Place::new();
    let source = ova(&place, &[("guest.ovf", ovf("../evil.vmdk")), ("../evil.vmdk", b"x".to_vec())]);
    refused(&place, &source, 1, &["../evil.vmdk"]);
}

#[test]
fn what_is_not_there_is_said() {
    let place = Place::new();
    fs::create_dir(place.path("src")).unwrap();
    refused(&place, &place.path("src/nothing.vmx"), 1, &["nothing.vmx"]);
}

#[test]
fn a_fix_that_fails_is_no_success() {
    let place = Place::new();
    let source = phony::guest_that_cannot_be_fixed(&place, "web01");
    let plan = place.h2k(["plan", source.to_str().unwrap(), "--json"]).expect(0).json();
    let edits = plan["vms"][0]["edits"].as_array().unwrap();
    assert!(edits.iter().any(|e| e["kind"] == "run"), "{edits:#?}");
    refused(&place, &source, 1, &["update-initramfs", "--skip-fixer linux.initramfs", "h2k resume"]);
    // With an answer for a program too.
    let told = place
        .h2k(["migrate", source.to_str().unwrap(), "-o", "out2", "--no-boot", "--json"])
        .expect(1)
        .json();
    assert!(told["vms"].as_array().unwrap().len() == 1 && told["vms"][0]["state"] == "failed", "{told:#}");
    assert!(told["vms"][0]["error"].as_str().unwrap().contains("update-initramfs"), "{told:#}");
}

#[test]
fn a_file_system_that_cannot_be_mounted_is_told() {
    let place = Place::new();
    let uuid = "22222222-2222-4333-8444-555555555555";
    let lines = format!(
        "UUID={uuid} /boot ext4 defaults 0 2\nUUID=33333333-0000-4333-8444-555555555555 /srv ext4 nofail 0 2\n"
    );
    let source = phony::guest_that_mounts(&place, "web01", &lines);
    // Its superblock tells who it is; what lies behind it is gone.
    let damaged = place.write("src/boot.raw", b"");
    let file = fs::File::options().write(true).open(&damaged).unwrap();
    file.set_len(64 << 20).unwrap();
    ok("mkfs.ext4", &["-q", "-F", "-b", "4096", "-U", uuid, damaged.to_str().unwrap()]);
    std::os::unix::fs::FileExt::write_all_at(&file, &[0xff; 1 << 20], 4096).unwrap();
    let vmdk = place.path("src/boot.vmdk");
    ok(
        "qemu-img",
        &["convert", "-f", "raw", "-O", "vmdk", damaged.to_str().unwrap(), vmdk.to_str().unwrap()],
    );
    let text = fs::read_to_string(&source).unwrap();
    fs::write(&source, text + "scsi0:1.present = \"TRUE\"\nscsi0:1.fileName = \"boot.vmdk\"\n").unwrap();
    let plan = place.h2k(["plan", source.to_str().unwrap(), "--json"]).expect(3).json();
    let concerns = plan["vms"][0]["concerns"].as_array().unwrap();
    let about = |id: &str| concerns.iter().find(|c| c["id"] == id).map(|c| c["subject"].as_str().unwrap());
    assert_eq!(about("guest.system-unmounted"), Some("/boot"), "{plan:#}");
    assert_eq!(about("guest.data-unmounted"), Some("/srv"), "{plan:#}");
    refused(&place, &source, 3, &["guest.system-unmounted", "/boot"]);
}
