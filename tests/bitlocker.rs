//! BitLocker: volumes of real Windows, read; a Windows on one, moved with a key and without one.

use std::fs;
use std::path::Path;
use std::process::Command;

use h2k_fixers::facts::windows::BitLockerState;
use h2k_fixers::hive::Hive;
use h2k_fixers::windows::bitlocker::{
    BitLockerError, FIRST_SECTOR, FirstSector, METADATA_SIZE, Metadata, clear_key, table, unlock,
};
use h2k_fixers::windows::phony;

use crate::common::bitlocker::{guest, image, inside, known, suspend};
use crate::common::windows::describe;
use crate::common::{Place, cached, digest, run};

/// What cryptsetup calls each image's encryption, and what opens it.
const IMAGES: &[(&str, &[&str])] = &[
    ("aes-cbc-128", &["password", "recovery-password"]),
    ("aes-cbc-256", &["password", "recovery-password"]),
    ("aes-cbc-elephant-128", &["password", "recovery-password"]),
    ("aes-cbc-elephant-256", &["password", "recovery-password"]),
    ("aes-cbc-128-4k", &["password", "recovery-password"]),
    ("aes-xts-128", &["password", "recovery-password"]),
    ("aes-xts-128-4k", &["password", "recovery-password"]),
    ("aes-xts-256", &["password", "recovery-password"]),
    ("aes-xts-128-new-entry", &["password", "recovery-password"]),
    ("aes-xts-128-smart-card", &["certificate", "recovery-password"]),
    ("aes-xts-128-startup-key", &["password", "startup-key", "recovery-password"]),
    ("aes-xts-128-startup-key-win11", &["password", "startup-key", "recovery-password"]),
    ("togo-aes-cbc-128", &["password", "recovery-password"]),
    ("togo-aes-xts-128", &["password", "recovery-password"]),
    ("aes-xts-128-eow", &["password", "recovery-password"]),
    ("clearkey-aes-cbc-128", &["password", "recovery-password", "clear-key"]),
];

#[test]
fn volumes_of_real_windows_are_read_as_cryptsetup_reads_them() {
    for (name, protectors) in IMAGES {
        let bytes = fs::read(image(name)).unwrap();
        let first = FirstSector::parse(&bytes[..FIRST_SECTOR]).unwrap();
        let blocks = first.places.map(|at| &bytes[at as usize..at as usize + METADATA_SIZE]);
        assert!(blocks.iter().all(|block| Metadata::parse(block).is_ok()), "{name}");
        let metadata = Metadata::parse(blocks[0]).unwrap();
        assert_eq!(metadata.guid(), known(name, "GUID"), "{name}");
        assert_eq!(metadata.size, bytes.len() as u64, "{name}");
        assert_eq!(metadata.places, first.places, "{name}");
        let facts = metadata.facts(first.maps);
        let mut told: Vec<&str> = facts.protectors.iter().map(String::as_str).collect();
        let mut expected = protectors.to_vec();
        told.sort_unstable();
        expected.sort_unstable();
        assert_eq!(told, expected, "{name}");
        let converting = ["aes-xts-128-eow", "clearkey-aes-cbc-128"].contains(name);
        let state = if converting { BitLockerState::Converting } else { BitLockerState::Encrypted };
        assert_eq!(facts.state, state, "{name}");
        let table = table(&metadata, &[0; 64], "/dev/x", first.sector_size, metadata.size).unwrap();
        let crypt = table.lines().find(|line| line.contains(" crypt ")).unwrap();
        assert!(crypt.contains(&format!(" {} ", known(name, "CIPHER"))), "{name}: {crypt}");
        let size = if name.ends_with("-4k") { 4096 } else { 512 };
        assert_eq!(first.sector_size, size, "{name}");
        let key = clear_key(&metadata).unwrap();
        // The one that Windows left a key in the clear on; its key was checked by decrypting the begin of its NTFS.
        let real =
            [0x02, 0x23, 0x16, 0x20, 0xdb, 0x18, 0x4d, 0x75, 0x15, 0x4c, 0x1b, 0xed, 0xb9, 0x21, 0xe4, 0x16];
        assert_eq!(key, (*name == "clearkey-aes-cbc-128").then(|| real.to_vec()), "{name}");
    }
}

/// The key of the data, as cryptsetup says it: lines of hexadecimal digits after the word, and between blanks.
fn key_by_cryptsetup(name: &str, secret: &Path) -> Vec<u8> {
    let mut command = Command::new("/sbin/cryptsetup");
    let said = run(command
        .args(["bitlkDump", "--dump-volume-key", "-q", "--key-file"])
        .arg(secret)
        .arg(image(name)));
    let said = said.expect(0).stdout;
    let (_, digits) = said.split_once("MK dump:").or_else(|| said.split_once("Volume key:")).unwrap();
    digits.split_whitespace().map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

#[test]
fn every_kind_of_secret_opens_the_key_that_cryptsetup_opens() {
    let place = Place::new();
    let password = place.write("password", "anaconda");
    for name in ["aes-xts-128", "aes-cbc-elephant-128", "aes-xts-128-startup-key-win11"] {
        let bytes = fs::read(image(name)).unwrap();
        let at = FirstSector::parse(&bytes[..FIRST_SECTOR]).unwrap().places[1] as usize;
        let metadata = Metadata::parse(&bytes[at..at + METADATA_SIZE]).unwrap();
        let recovery = place.write("recovery", known(name, "RP"));
        let mut secrets = vec![recovery];
        if name.contains("startup-key") {
            secrets.push(cached("bitlocker/AA80A52B-9B66-47AE-B097-33F536FFBB07.BEK"));
        } else {
            secrets.push(password.clone());
        }
        for secret in secrets {
            let key = unlock(&metadata, &fs::read(&secret).unwrap()).unwrap();
            let theirs = key_by_cryptsetup(name, &secret);
            // Of the diffuser's key of 128 bits, cryptsetup keeps the halves that count.
            let ours = if name.contains("elephant") { [&key[..16], &key[32..48]].concat() } else { key };
            assert_eq!(ours, theirs, "{name}, {}", secret.display());
        }
        assert_eq!(unlock(&metadata, b"Anaconda"), Err(BitLockerError::Secret), "{name}");
    }
}

/// The starts of drivers in the SYSTEM hive of a disk, as cryptsetup and libguestfs read it.
fn starts_of<const N: usize>(
    place: &Place,
    disk: &Path,
    password: &str,
    services: [&str; N],
) -> [Option<u64>; N] {
    let hive = place.path("SYSTEM");
    inside(disk, false, password, &["download", "/Windows/System32/config/SYSTEM", hive.to_str().unwrap()]);
    let hive = Hive::open("SYSTEM", fs::read(hive).unwrap(), &[]).unwrap();
    services.map(|service| {
        let value = hive.value(&format!("ControlSet001\\Services\\{service}"), "Start").unwrap();
        value.and_then(|data| data.number())
    })
}

#[test]
fn an_encrypted_windows_is_moved_with_its_recovery_password_and_a_suspended_one_without() {
    const VOLUME: &str = "aes-xts-128";
    let place = Place::new();
    phony::virtio_win(&place.path("virtio-win"));
    let raw = guest(&place, "vault", VOLUME);
    let before = digest(&place.path("src/vault.vmdk"));
    let uuid = known(VOLUME, "GUID");
    let closed = place.h2k(["plan", "src/vault.vmx", "--virtio-win", "virtio-win"]).expect(3);
    assert!(closed.stdout.contains("windows.bitlocker-system"), "{}", closed.stdout);
    assert!(closed.stdout.contains(&format!("UUID={uuid}")), "{}", closed.stdout);

    place.write("wrong", "111111-111111-111111-111111-111111-111111-111111-111111\n");
    let wrong = place.h2k(["plan", "src/vault.vmx", "--key", "all:file:wrong"]).expect(1);
    assert!(wrong.stderr.contains("does not open it") && wrong.stderr.contains(&uuid), "{}", wrong.stderr);

    place.write("recovery", format!("{}\n", known(VOLUME, "RP")));
    let key = format!("UUID={uuid}:file:recovery");
    migrate(&place, "vault", &["--key", &key]);
    assert_eq!(digest(&place.path("src/vault.vmdk")), before, "the source was written");
    // cryptsetup opens what h2k wrote.
    let moved = place.path("out/vault/disk0.raw");
    let services = ["viostor", "VMTools"];
    assert_eq!(starts_of(&place, &moved, &known(VOLUME, "PW"), services), [Some(0), Some(4)]);
    let secret = known(VOLUME, "RP");
    for file in ["plan.json", "report.json", "report.md", "vault.xml"] {
        let text = fs::read_to_string(place.path(&format!("out/vault/{file}"))).unwrap();
        assert!(!text.contains(&secret), "{file} holds the recovery password");
        assert!(file != "report.md" || text.contains("windows.bitlocker-key"), "{text}");
    }

    suspend(&raw, &known(VOLUME, "PW"));
    describe(&place, "open", &raw);
    migrate(&place, "open", &[]);
    let report = fs::read_to_string(place.path("out/open/report.md")).unwrap();
    assert!(report.contains("windows.bitlocker-suspended"), "{report}");
    // The result, planned again, has no edits, and is still suspended.
    let args = ["plan", "out/open/disk0.raw", "--virtio-win", "virtio-win", "--json"];
    let again = place.h2k(args).expect(0).json();
    let edits = again["vms"][0]["edits"].as_array().unwrap();
    assert!(edits.iter().all(|e| e["fixer"] == "windows.first-boot"), "{edits:?}");
}

fn migrate(place: &Place, name: &str, more: &[&str]) {
    let vmx = format!("src/{name}.vmx");
    let args = ["migrate", &vmx, "--virtio-win", "virtio-win", "-o", "out", "--no-boot", "--format", "raw"];
    place.h2k([&args[..], more].concat()).expect(0);
}
