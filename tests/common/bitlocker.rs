//! Volumes that BitLocker of real Windows made, and a Windows put into one: opened by cryptsetup in an appliance, never
//! through h2k.

use std::fs;
use std::path::{Path, PathBuf};

use aes::Aes256;
use ccm::aead::{Aead, KeyInit};
use ccm::consts::{U12, U16};
use ccm::{Ccm, Nonce};
use sha2::{Digest, Sha256};

use super::disk::text;
use super::kept::kept;
use super::windows::{SYSTEM_START, describe, disk_with, fill};
use super::{Place, cached, digest, guestfish, ok, own_path, run, until_there};

type Cipher = Ccm<Aes256, U16, U12>;

/// Bytes of a copy of the metadata.
const BLOCK: usize = 64 << 10;

/// One of the images (`scripts/setup --test` fetches them).
pub fn image(name: &str) -> PathBuf {
    cached(&format!("bitlocker/bitlk-{name}.img"))
}

/// What cryptsetup's tests know of an image: the value of a line in its section.
pub fn known(name: &str, key: &str) -> String {
    let file = fs::read_to_string(cached("bitlocker/images.conf")).unwrap();
    let sections = file.split("\n[").map(|section| section.trim_start_matches('['));
    let section = sections.into_iter().find(|s| s.starts_with(&format!("bitlk-{name}]"))).unwrap();
    let line = section.lines().find_map(|line| line.strip_prefix(&format!("{key}=")));
    line.unwrap_or_else(|| panic!("{name} has no {key}")).to_owned()
}

/// `src/NAME.vmx` of a phony Windows Server whose system's volume is an image of the name. Its disk, raw.
pub fn guest(place: &Place, name: &str, volume: &str) -> PathBuf {
    let tree = place.path(&format!("{name}.tree"));
    fs::create_dir_all(&tree).unwrap();
    fill(&tree, "2022");
    let raw = place.path(&format!("{name}.raw"));
    let of = [include_str!("bitlocker.rs"), include_str!("windows.rs"), volume, &digest(&image(volume))];
    kept("bitlocker", &of, &tree, &raw, |disk| {
        let raw = disk_with(place, name, &image(volume));
        let archive = place.path(&format!("{name}.tar"));
        ok("tar", &["-C", text(&tree), "-cf", text(&archive), "."]);
        // The file systems of the images are not whole. What ntfs-3g writes to a new one lies before the metadata.
        inside(&raw, true, &known(volume, "PW"), &["tar-in", text(&archive), "/"]);
        ok("cp", &["--sparse=always", text(&raw), text(disk)]);
    });
    describe(place, name, &raw);
    raw
}

/// Runs a command of guestfish with the second partition of a raw disk opened and mounted; what it says. `make`: with a
/// new file system, else read-only.
pub fn inside(disk: &Path, make: bool, password: &str, command: &[&str]) -> String {
    let mut guestfish = guestfish(&[(disk, "raw")], !make);
    let device = own_path("/dev/sda2");
    let open =
        until_there(&format!("printf %s {password} | cryptsetup --type bitlk --key-file=- open {device} c"));
    guestfish.args([":", "debug", "sh", &open]);
    if make {
        guestfish.args([":", "mkfs", "ntfs", "/dev/mapper/c"]);
    }
    guestfish.args([":", if make { "mount" } else { "mount-ro" }, "/dev/mapper/c", "/", ":"]);
    run(guestfish.args(command)).expect(0).stdout
}

/// Where the copies of a volume's metadata begin.
fn places(volume: &[u8]) -> [usize; 3] {
    let place = |at: usize| u64::from_le_bytes(volume[at..at + 8].try_into().unwrap()) as usize;
    [place(176), place(184), place(192)]
}

/// Puts the volume's master key beside a key in the clear that it is encrypted by, in each copy of the metadata: what
/// `manage-bde -protectors -disable` does.
pub fn suspend(disk: &Path, password: &str) {
    let mut bytes = fs::read(disk).unwrap();
    let start = usize::try_from(SYSTEM_START).unwrap();
    for at in places(&bytes[start..]).map(|at| start + at) {
        let changed = suspended(&bytes[at..at + BLOCK], password);
        bytes[at..at + BLOCK].copy_from_slice(&changed);
    }
    fs::write(disk, bytes).unwrap();
}

fn suspended(block: &[u8], password: &str) -> Vec<u8> {
    let number = |at: usize| usize::from(u16::from_le_bytes([block[at], block[at + 1]]));
    let (checked, end) = (number(8) * 16, 64 + number(64));
    let mut entries = block[64 + 48..end].to_vec();
    // The first entry with a VMK that a password protects: its salt, and the encrypted VMK as its last property.
    let mut at = 0;
    let (salt, sealed) = loop {
        let size = usize::from(u16::from_le_bytes([entries[at], entries[at + 1]]));
        let data = &entries[at + 8..at + size];
        if entries[at + 2] == 2 && data[27] == 0x20 {
            break (data[40..56].to_vec(), data[data.len() - 72..].to_vec());
        }
        at += size;
    };
    let (nonce, tag, sealed) = (&sealed[..12], &sealed[12..28], &sealed[28..]);
    let key = Cipher::new_from_slice(&stretched(password, &salt)).unwrap();
    let vmk = key.decrypt(Nonce::from_slice(nonce), [sealed, tag].concat().as_slice()).unwrap();

    let (clear, nonce) = ([0x42; 32], [9; 12]);
    let together =
        Cipher::new_from_slice(&clear).unwrap().encrypt(Nonce::from_slice(&nonce), vmk.as_slice()).unwrap();
    let (sealed, tag) = together.split_at(vmk.len());
    let entry = |kind: u16, value: u16, data: &[u8]| {
        let head = [8 + data.len() as u16, kind, value, 1];
        [head.into_iter().flat_map(u16::to_le_bytes).collect::<Vec<u8>>(), data.to_vec()].concat()
    };
    let in_the_clear = entry(0, 1, &[&0x2000_u32.to_le_bytes()[..], &clear].concat());
    let protected = entry(0, 5, &[&nonce[..], tag, sealed].concat());
    entries.extend(entry(2, 8, &[&[1; 26][..], &[0, 0], &in_the_clear, &protected].concat()));

    let size = 48 + entries.len();
    let units = (64 + size).div_ceil(16);
    let mut new = block[..64 + 48].to_vec();
    new[8..10].copy_from_slice(&(units as u16).to_le_bytes());
    for at in [64, 64 + 12] {
        new[at..at + 4].copy_from_slice(&(size as u32).to_le_bytes());
    }
    new.extend(entries);
    new.resize(units * 16, 0);
    let mut sum = flate2::Crc::new();
    sum.update(&new);
    new.extend(&block[checked..checked + 4]);
    new.extend(sum.sum().to_le_bytes());
    new.extend(&block[checked + 8..checked + 88]);
    new.resize(BLOCK, 0);
    new
}

/// The key that a password makes: 2^20 rounds of SHA-256 over what came out, what went in, the salt and a count.
fn stretched(password: &str, salt: &[u8]) -> [u8; 32] {
    let utf16: Vec<u8> = password.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let initial = Sha256::digest(Sha256::digest(utf16));
    let mut state = [0; 88];
    state[32..64].copy_from_slice(&initial);
    state[64..80].copy_from_slice(salt);
    for round in 0_u64..1 << 20 {
        state[80..].copy_from_slice(&round.to_le_bytes());
        let last = Sha256::digest(state);
        state[..32].copy_from_slice(&last);
    }
    state[..32].try_into().unwrap()
}
