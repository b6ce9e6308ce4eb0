use proptest::prelude::*;

use super::*;
use crate::image::bytes::memory::Memory;

#[test]
fn crc32c_is_castagnolis() {
    assert_eq!(crc32c(b"123456789".iter().copied()), 0xe306_9283);
}

#[test]
fn a_header_with_a_wrong_checksum_does_not_count() {
    let mut bytes = vec![0; 320 << 10];
    assert!(current_header(&Memory(bytes.clone())).is_err());
    for (at, sequence) in [(HEADERS[0] as usize, 7u64), (HEADERS[1] as usize, 9)] {
        bytes[at..at + 4].copy_from_slice(b"head");
        bytes[at + 8..at + 16].copy_from_slice(&sequence.to_le_bytes());
        bytes[at + 66] = 1;
        let crc = crc32c(bytes[at..at + HEADER_BYTES].iter().copied());
        bytes[at + 4..at + 8].copy_from_slice(&crc.to_le_bytes());
    }
    let sequence = |bytes: &[u8]| Fields(&current_header(&Memory(bytes.to_vec())).unwrap()).u64_le(8);
    assert_eq!(sequence(&bytes), Some(9));
    bytes[HEADERS[1] as usize + 100] = 1;
    assert_eq!(sequence(&bytes), Some(7));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(patch in prop::collection::vec((0usize..327_680, any::<u8>()), 0..64)) {
        let mut bytes = vec![0; 320 << 10];
        for (at, byte) in patch {
            bytes[at] = byte;
        }
        prop_assert!(VhdxFacts::read(&Memory(bytes)).is_err());
    }
}
