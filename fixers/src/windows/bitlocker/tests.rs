//! Headers made here, as Windows 10 writes them; real volumes are opened in tests/bitlocker.rs.

use aes::Aes256;
use ccm::aead::{Aead, KeyInit};
use ccm::consts::{U12, U16};
use ccm::{Ccm, Nonce};
use proptest::prelude::*;

use super::*;
use crate::facts::windows::{BitLockerFacts, BitLockerState};

const PLACES: [u64; 3] = [0x0219_5000, 0x02c1_d000, 0x0373_a000];
const MOVED_TO: u64 = 0x021a_5000;
const SIZE: u64 = 100 << 20;
const XTS_128: u16 = 0x8004;
const FVEK: [u8; 32] = [0x5a; 32];

/// What is broken or changed in a volume's metadata.
struct Change {
    state: (u16, u16),
    method: u16,
    clear: Option<[u8; 32]>,
    startup: Option<[u8; 32]>,
    moved_to: u64,
    places: [u64; 3],
}

impl Default for Change {
    fn default() -> Self {
        Self {
            state: (4, 4),
            method: XTS_128,
            clear: Some([7; 32]),
            startup: None,
            moved_to: MOVED_TO,
            places: PLACES,
        }
    }
}

fn first_sector(places: [u64; 3], guid: &str) -> Vec<u8> {
    let mut sector = vec![0; FIRST_SECTOR];
    sector[3..11].copy_from_slice(b"-FVE-FS-");
    sector[11..13].copy_from_slice(&512_u16.to_le_bytes());
    let digits = |at: usize| u8::from_str_radix(&guid[at..at + 2], 16).unwrap();
    for (n, at) in (0..32).step_by(2).enumerate() {
        sector[160 + n] = digits(at);
    }
    for (n, place) in places.into_iter().enumerate() {
        sector[176 + 8 * n..184 + 8 * n].copy_from_slice(&place.to_le_bytes());
    }
    sector
}

fn entry(kind: u16, value: u16, data: &[u8]) -> Vec<u8> {
    let size = u16::try_from(8 + data.len()).unwrap();
    let mut bytes: Vec<u8> = [size, kind, value, 1].into_iter().flat_map(u16::to_le_bytes).collect();
    bytes.extend(data);
    bytes
}

/// A key with its header, encrypted by another one.
fn sealed(by: &[u8; 32], key: &[u8], nonce: u8) -> Vec<u8> {
    let mut plain: Vec<u8> =
        [12 + key.len() as u32, 1, 0x2003].into_iter().flat_map(u32::to_le_bytes).collect();
    plain.extend(key);
    let cipher = Ccm::<Aes256, U16, U12>::new_from_slice(by).unwrap();
    let nonce = [nonce; 12];
    let together = cipher.encrypt(Nonce::from_slice(&nonce), plain.as_slice()).unwrap();
    let (data, tag) = together.split_at(plain.len());
    [&nonce[..], tag, data].concat()
}

fn protector(kind: u16, properties: &[Vec<u8>]) -> Vec<u8> {
    let mut data = vec![9; 26];
    data.extend(kind.to_le_bytes());
    data.extend(properties.concat());
    entry(2, 8, &data)
}

fn metadata(change: &Change) -> Vec<u8> {
    let vmk = [3; 32];
    let mut area = entry(7, 2, b"H\0O\0S\0T\0\0\0");
    area.extend(protector(0x0100, &[entry(0, 5, &sealed(&[1; 32], &vmk, 1))]));
    area.extend(protector(0x0800, &[entry(0, 5, &sealed(&[2; 32], &vmk, 2))]));
    if let Some(key) = change.clear {
        let plain = entry(0, 1, &[&0x2000_u32.to_le_bytes()[..], &key].concat());
        area.extend(protector(0, &[plain, entry(0, 5, &sealed(&key, &vmk, 3))]));
    }
    if let Some(key) = change.startup {
        area.extend(protector(0x0200, &[entry(0, 5, &sealed(&key, &vmk, 5))]));
    }
    area.extend(entry(3, 5, &sealed(&vmk, &FVEK, 4)));
    let size = 48 + area.len();
    let units = (64 + size).div_ceil(16);
    let mut block = b"-FVE-FS-".to_vec();
    for n in [units as u16, 2, change.state.0, change.state.1] {
        block.extend(n.to_le_bytes());
    }
    block.extend(SIZE.to_le_bytes());
    block.extend([0; 4]);
    block.extend(16_u32.to_le_bytes());
    for place in change.places.into_iter().chain([change.moved_to]) {
        block.extend(place.to_le_bytes());
    }
    for n in [size as u32, 1, 48, size as u32] {
        block.extend(n.to_le_bytes());
    }
    block.extend((0..16).collect::<Vec<u8>>());
    block.extend([0; 4]);
    block.extend(change.method.to_le_bytes());
    block.extend([0; 10]);
    block.extend(area);
    block.resize(units * 16, 0);
    let mut sum = flate2::Crc::new();
    sum.update(&block);
    block.extend([0, 0, 2, 0]);
    block.extend(sum.sum().to_le_bytes());
    block.resize(METADATA_SIZE, 0);
    block
}

#[test]
fn the_first_sector_names_the_metadata() {
    let normal = first_sector(PLACES, "3bd66749292ed84a8399f6a339e3d001");
    let first = FirstSector::parse(&normal).unwrap();
    assert_eq!(first, FirstSector { places: PLACES, maps: false, sector_size: 512 });
    let converting = first_sector(PLACES, "3b4da89280dd0e4d9e4eb1e3284eaed8");
    assert!(FirstSector::parse(&converting).unwrap().maps);
    let other = first_sector(PLACES, "00d66749292ed84a8399f6a339e3d001");
    assert_eq!(FirstSector::parse(&other), Err(BitLockerError::FirstSector));
    let mut fat = normal;
    fat[3..11].copy_from_slice(b"MSDOS5.0");
    assert_eq!(FirstSector::parse(&fat), Err(BitLockerError::FirstSector));
    assert_eq!(FirstSector::parse(&[]), Err(BitLockerError::FirstSector));
}

#[test]
fn metadata_tells_what_opens_the_volume() {
    let block = metadata(&Change::default());
    let parsed = Metadata::parse(&block).unwrap();
    assert_eq!(parsed.guid(), "03020100-0504-0706-0809-0a0b0c0d0e0f");
    assert_eq!((parsed.size, parsed.moved_sectors, parsed.moved_to), (SIZE, 16, MOVED_TO));
    let protectors = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
    let whole = BitLockerFacts {
        state: BitLockerState::Encrypted,
        suspended: true,
        protectors: protectors(&["tpm", "recovery-password", "clear-key"]),
    };
    assert_eq!(parsed.facts(false), whole);
    assert_eq!(parsed.facts(true).state, BitLockerState::Converting);
    for (state, told) in [((4, 1), BitLockerState::Converting), ((1, 1), BitLockerState::Decrypted)] {
        let block = metadata(&Change { state, ..Change::default() });
        assert_eq!(Metadata::parse(&block).unwrap().facts(false).state, told);
    }
    let block = metadata(&Change { clear: None, ..Change::default() });
    let parsed = Metadata::parse(&block).unwrap();
    assert!(!parsed.facts(false).suspended);
    assert_eq!(clear_key(&parsed), Ok(None));
}

#[test]
fn a_changed_byte_is_seen() {
    let whole = metadata(&Change::default());
    for at in [0, 9, 20, 70, 200] {
        let mut block = whole.clone();
        block[at] ^= 1;
        assert!(matches!(Metadata::parse(&block), Err(BitLockerError::Metadata(_))), "{at}");
    }
    assert!(Metadata::parse(&whole[..100]).is_err());
}

#[test]
fn the_key_in_the_clear_opens_the_key_of_the_data() {
    let block = metadata(&Change::default());
    let key = clear_key(&Metadata::parse(&block).unwrap()).unwrap().unwrap();
    assert_eq!(key, FVEK);
    let text = table(&Metadata::parse(&block).unwrap(), &key, "/dev/sda2", 512, SIZE).unwrap();
    let key = "5a".repeat(32);
    let crypt = |start: u64, length: u64, from: u64| {
        format!("{start} {length} crypt aes-xts-plain64 {key} {from} /dev/sda2 {from}")
    };
    let expected = [
        crypt(0, 16, 68904),
        crypt(16, 68760, 16),
        "68776 128 zero".to_owned(),
        "68904 16 zero".to_owned(),
        crypt(68920, 21424, 68920),
        "90344 128 zero".to_owned(),
        crypt(90472, 22632, 90472),
        "113104 128 zero".to_owned(),
        crypt(113_232, 91568, 113_232),
    ];
    assert_eq!(text.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn each_method_has_its_cipher_and_others_are_refused() {
    let of = |method: u16, sector: u16| {
        let block = metadata(&Change { method, ..Change::default() });
        let key: Vec<u8> = (0..64).collect();
        table(&Metadata::parse(&block).unwrap(), &key, "/dev/sda2", sector, SIZE)
    };
    let line = |method, sector| of(method, sector).unwrap().lines().next().unwrap().to_owned();
    let elephant = line(0x8000, 512);
    assert!(elephant.contains(" aes-cbc-elephant 000102030405060708090a0b0c0d0e0f202122"), "{elephant}");
    assert!(line(0x8002, 512).contains(" aes-cbc-eboiv 000102030405060708090a0b0c0d0e0f 68904 "));
    assert_eq!(of(0x8006, 512), Err(BitLockerError::Method(0x8006)));
    // A volume of sectors of 4 KiB: the moved sectors are as large.
    assert!(of(0x8005, 4096).unwrap().starts_with("0 128 crypt "));
    assert!(line(0x8005, 4096).ends_with(" 2 sector_size:4096 iv_large_sectors"));
    assert!(of(0x8005, 520).is_err());
}

#[test]
fn places_that_cannot_be_are_refused() {
    for change in [
        Change { moved_to: PLACES[0], ..Change::default() },
        Change { moved_to: 0, ..Change::default() },
        Change { moved_to: SIZE, ..Change::default() },
        Change { moved_to: u64::MAX - 511, ..Change::default() },
        Change { places: [PLACES[0], PLACES[0], PLACES[2]], ..Change::default() },
        Change { places: [PLACES[0] + 1, PLACES[1], PLACES[2]], ..Change::default() },
    ] {
        let block = metadata(&change);
        let refused = table(&Metadata::parse(&block).unwrap(), &FVEK, "/dev/sda2", 512, SIZE);
        assert!(matches!(refused, Err(BitLockerError::Metadata(_))), "{refused:?}");
    }
}

#[test]
fn a_wrong_key_in_the_clear_is_told() {
    let mut block = metadata(&Change::default());
    // The key's own bytes, and the checksum of what they are in.
    let at = block.windows(32).position(|bytes| bytes == [7; 32]).unwrap();
    block[at] ^= 1;
    let whole = usize::from(u16::from_le_bytes([block[8], block[9]])) * 16;
    let mut sum = flate2::Crc::new();
    sum.update(&block[..whole]);
    block[whole + 4..whole + 8].copy_from_slice(&sum.sum().to_le_bytes());
    assert_eq!(clear_key(&Metadata::parse(&block).unwrap()), Err(BitLockerError::Key));
}

/// A startup key with a key of 32 bytes.
fn startup_key(key: &[u8; 32]) -> Vec<u8> {
    let mut data = vec![8; 24];
    data.extend(entry(0, 1, &[&0x2000_u32.to_le_bytes()[..], key].concat()));
    let external = entry(6, 9, &data);
    let size = 48 + external.len() as u32;
    let mut file: Vec<u8> = [size, 1, 48, size].into_iter().flat_map(u32::to_le_bytes).collect();
    file.resize(48, 0);
    file.extend(external);
    file
}

#[test]
fn a_startup_key_opens_its_protector_and_other_secrets_do_not() {
    let block = metadata(&Change { startup: Some([6; 32]), ..Change::default() });
    let parsed = Metadata::parse(&block).unwrap();
    assert_eq!(unlock(&parsed, &startup_key(&[6; 32])), Ok(FVEK.to_vec()));
    assert_eq!(unlock(&parsed, &startup_key(&[5; 32])), Err(BitLockerError::Secret));
    let whole = startup_key(&[6; 32]);
    for broken in [&whole[..whole.len() - 1], &whole[..48], b"secret", b""] {
        assert_eq!(unlock(&parsed, broken), Err(BitLockerError::Secret));
    }
}

#[test]
fn a_recovery_password_is_eight_groups_of_multiples_of_eleven() {
    let good = "235818-357951-253979-013365-241120-245575-342914-591910";
    assert!(secret::recovery(good).is_some());
    for bad in [
        "235818-357951-253979-013365-241120-245575-342914",
        "235819-357951-253979-013365-241120-245575-342914-591910",
        "235818-357951-253979-013365-241120-245575-342914-720896",
        "235818-357951-253979-013365-241120-245575-342914-+91910",
        "password",
    ] {
        assert_eq!(secret::recovery(bad), None, "{bad}");
    }
}

proptest! {
    /// Changed headers with a right checksum never panic, and a table covers the volume without a gap.
    #[test]
    fn hostile_metadata_is_refused_or_covers_the_volume(
        at in 8_usize..900, byte: u8, second in 8_usize..900, other: u8,
    ) {
        let mut block = metadata(&Change::default());
        block[at] = byte;
        block[second] = other;
        let whole = usize::from(u16::from_le_bytes([block[8], block[9]])) * 16;
        if whole + 8 <= block.len() {
            let mut sum = flate2::Crc::new();
            sum.update(&block[..whole]);
            block[whole + 4..whole + 8].copy_from_slice(&sum.sum().to_le_bytes());
        }
        let Ok(parsed) = Metadata::parse(&block) else { return Ok(()) };
        let _ = (parsed.facts(false), clear_key(&parsed));
        if let Ok(text) = table(&parsed, &FVEK, "/dev/sda2", 512, SIZE) {
            let mut next = 0;
            for line in text.lines() {
                let numbers: Vec<u64> = line.split(' ').take(2).map(|n| n.parse().unwrap()).collect();
                prop_assert_eq!(numbers[0], next);
                next += numbers[1];
            }
            prop_assert_eq!(next, SIZE / 512);
        }
    }
}
