//! LUKS on LVM, a key for each volume: opened as the user names them, or told.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::kept::kept;
use crate::common::{Place, ok, phony, run};

const ROOT_UUID: &str = "10000000-aaaa-4333-8444-555555555555";
const DATA_UUID: &str = "20000000-aaaa-4333-8444-555555555555";
const ROOT_PASSPHRASE: &str = "hunter2 of the root";
/// Bytes that libguestfs would cut off at the first zero.
const DATA_KEY: &[u8] = b"\x00data\n\x00\xff\x00key";

/// A disk with one volume group: `Root` and `data-1` are LUKS containers, which crypttab opens as `root_crypt` and
/// `srv`. The guest's keys lie in `root.pass` and `data.key`.
fn guest(place: &Place) -> PathBuf {
    let crypttab = "root_crypt /dev/Volume-Group/Root none luks\nsrv UUID=20000000-AAAA-4333-8444-555555555555 none luks\n";
    place.write("tree-vault/etc/crypttab", crypttab);
    place.write("tree-vault/srv/none", "");
    let fstab = "/dev/mapper/root_crypt / ext4 defaults 0 1\n/dev/mapper/srv /srv ext4 defaults 0 2\n";
    let root = phony::filesystem(place, "vault", fstab, "/dev/mapper/root_crypt");
    place.write("root.pass", format!("{ROOT_PASSPHRASE}\n"));
    let key = place.write("data.key", DATA_KEY);
    let pass = place.write("exact.pass", ROOT_PASSPHRASE);
    let script = script(&pass, &key);
    let disk = place.path("vault.raw");
    let made_by = [include_str!("encrypted.rs"), include_str!("common/phony.rs")];
    kept("vault", &made_by, &place.path("tree-vault"), &disk, |disk| {
        let file = fs::File::create(disk).unwrap();
        file.set_len(256 << 20).unwrap();
        let [disk, root] = [disk, &root].map(|path| path.to_str().unwrap());
        let script = place.write("script", script.replace("DISK", disk).replace("FILESYSTEM", root));
        let mut guestfish = Command::new("guestfish");
        guestfish.env("LIBGUESTFS_BACKEND", "direct").env("LIBGUESTFS_BACKEND_SETTINGS", "force_tcg");
        run(guestfish.arg("-f").arg(script)).expect(0);
    });
    phony::describe(place, "vault", &disk)
}

/// What guestfish does to make the disk, from a file system; the paths of both are DISK and FILESYSTEM.
fn script(pass: &Path, key: &Path) -> String {
    // As base64: a command line in the appliance loses its quotes.
    let piped =
        |path: &Path| format!("echo {} | base64 -d", ok("base64", &["-w0", path.to_str().unwrap()]).trim());
    // Cheap derivations: the appliance is emulated.
    let cheap = "--pbkdf pbkdf2 --pbkdf-force-iterations 1000";
    let format = |secret: &str, uuid: &str, lv: &str, name: &str| {
        format!(
            "debug sh \"{secret} | cryptsetup luksFormat -q {cheap} --uuid {uuid} --key-file=- /dev/Volume-Group/{lv}\"\n\
             debug sh \"{secret} | cryptsetup open --key-file=- /dev/Volume-Group/{lv} {name} && udevadm settle\"\n"
        )
    };
    format!(
        "add-drive DISK format:raw label:disk cachemode:unsafe\nadd-drive FILESYSTEM format:raw label:root readonly:true\nrun\n\
         part-disk /dev/disk/guestfs/disk mbr\npart-set-bootable /dev/disk/guestfs/disk 1 true\npvcreate /dev/disk/guestfs/disk1\n\
         vgcreate Volume-Group /dev/disk/guestfs/disk1\nlvcreate Root Volume-Group 152\nlvcreate data-1 Volume-Group 48\n\
         {}copy-device-to-device /dev/disk/guestfs/root /dev/mapper/one sparse:true\n{}mkfs ext4 /dev/mapper/two\n",
        format(&piped(pass), ROOT_UUID, "Root", "one"),
        format(&piped(key), DATA_UUID, "data-1", "two"),
    )
}

fn concerns(plan: &serde_json::Value) -> Vec<(String, String)> {
    let list = plan["vms"][0]["concerns"].as_array().unwrap();
    let text = |v: &serde_json::Value| v.as_str().unwrap().to_owned();
    list.iter().map(|c| (text(&c["id"]), text(&c["message"]))).collect()
}

#[test]
fn volumes_are_opened_by_name_and_by_all_and_otherwise_told() {
    let place = Place::new();
    let vmx = guest(&place);
    let vmx = vmx.to_str().unwrap();

    // Without keys: there is no system, and what would open it is told.
    let closed = place.h2k(["plan", vmx, "--json"]).expect(3).json();
    let told = concerns(&closed);
    let encrypted: Vec<_> = told.iter().filter(|(id, _)| id == "guest.encrypted-system").collect();
    assert_eq!(encrypted.len(), 2, "{told:?}");
    assert!(encrypted.iter().any(|(_, message)| message.contains(&format!("UUID={ROOT_UUID}"))), "{told:?}");

    // Each by the name that it has in the guest.
    let by_name = place
        .h2k([
            "inspect",
            vmx,
            "--json",
            "--key",
            "/dev/Volume-Group/Root:file:root.pass",
            "--key",
            &format!("UUID={DATA_UUID}:key-file:data.key"),
        ])
        .expect(0)
        .json();
    let facts = &by_name["vms"][0]["facts"];
    assert_eq!(facts["systems"][0]["distro"], "debian");
    let points: Vec<_> = facts["mounts"].as_array().unwrap().iter().map(|m| &m["mountpoint"]).collect();
    assert_eq!(points, ["/", "/srv"], "{facts:#}");
    let block = facts["block"].as_array().unwrap();
    let device =
        |name: &str| block.iter().find(|b| b["name"] == name).unwrap_or_else(|| panic!("{name}: {block:#?}"));
    assert_eq!(device("/dev/mapper/root_crypt")["inside"], serde_json::json!(["/dev/Volume-Group/Root"]));
    assert_eq!(device("/dev/Volume-Group/Root")["uuid"], ROOT_UUID);
    assert_eq!(device("/dev/Volume-Group/Root")["inside"].as_array().unwrap().len(), 1);

    // Only the system's: the other one is a warning, and its file system is not seen.
    let root_only = ["plan", vmx, "--json", "--key", "all:env:PASS"];
    let missing = place.h2k(root_only).expect(2);
    assert!(missing.stderr.contains("PASS"), "{}", missing.stderr);
    let some = run(place
        .command()
        .args(["plan", vmx, "--json", "--key", "/dev/mapper/Volume--Group-Root:env:PASS"])
        .env("PASS", ROOT_PASSPHRASE));
    let told = concerns(&some.expect(0).json());
    assert!(
        told.iter().any(|(id, message)| id == "guest.encrypted" && message.contains(DATA_UUID)),
        "{told:?}"
    );
    assert!(
        told.iter().any(|(id, message)| id == "guest.data-unmounted" && message.contains("--key")),
        "{told:?}"
    );
}

#[test]
fn a_migration_opens_them_again_and_keeps_no_secret() {
    let place = Place::new();
    let vmx = guest(&place);
    let vmx = vmx.to_str().unwrap();

    // A key that fits nothing: the volume is named, the key is not.
    let wrong =
        run(place.command().args(["plan", vmx, "--key", "all:env:PASS"]).env("PASS", "no-such-secret"))
            .expect(1);
    assert!(wrong.stderr.contains("Volume-Group/") && wrong.stderr.contains("UUID="), "{}", wrong.stderr);
    assert!(!wrong.stderr.contains("no-such-secret"));
    let literal = place.h2k(["plan", vmx, "--key", "all:key:no-such-secret"]).expect(2);
    assert!(!literal.stderr.contains("no-such-secret"), "{}", literal.stderr);

    let keys = ["--key", "all:file:root.pass", "--key", "all:key-file:data.key"];
    let args = [&["migrate", vmx, "-o", "out", "--no-boot", "-v"][..], &keys].concat();
    let ran = place.h2k(args).expect(0);
    let report = fs::read_to_string(place.path("out/vault/report.json")).unwrap();
    let untrimmed = serde_json::from_str::<serde_json::Value>(&report).unwrap()["untrimmed"].to_string();
    assert!(untrimmed.contains("it is on an encrypted volume"), "{untrimmed}");
    let state = fs::read(place.path("state/h2k/h2k.db")).unwrap();
    let plan = fs::read(place.path("out/vault/plan.json")).unwrap();
    let holds = |bytes: &[u8], secret: &[u8]| bytes.windows(secret.len()).any(|w| w == secret);
    assert!(holds(&state, b"root.pass"), "the state does not say where the key is");
    for bytes in [ran.stderr.as_bytes(), report.as_bytes(), &state, &plan] {
        assert!(!holds(bytes, ROOT_PASSPHRASE.as_bytes()) && !holds(bytes, b"AGRhdGEK"), "a secret was kept");
    }
    // The name of the NIC was pinned inside the container.
    let args = [
        "inspect",
        "out/vault/disk0.qcow2",
        "--json",
        "--key",
        "all:file:root.pass",
        "--key",
        "all:key-file:data.key",
    ];
    let seen = place.h2k(args).expect(0).json();
    assert_eq!(seen["vms"][0]["facts"]["mounts"].as_array().unwrap().len(), 2);
}
