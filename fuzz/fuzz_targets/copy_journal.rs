//! Journals of unfinished copies: header, batches, records, and where a torn end is cut off.
//!
//! The digests of header and batches are put right first, so that what they cover is looked at; an odd first byte has
//! them left as they are. Invariants: reading never panics, takes no more memory than a few times the journal, and
//! ends; what is whole is not more than what is there, and is read alone as the same; records lie in their disk.
#![no_main]

use h2k::image::copy::chunk::{CHUNK, CLUSTER};
use h2k::image::copy::journal::parse;
use libfuzzer_sys::fuzz_target;

const MAGIC: usize = 8;
const SEAL: usize = 16;

fn seal(bytes: &mut [u8]) {
    let mut rest = bytes.get_mut(MAGIC..).unwrap_or_default();
    while let Some((len, after)) = rest.split_first_chunk_mut::<4>() {
        let len = u32::from_le_bytes(*len) as usize;
        if len.checked_add(SEAL).is_none_or(|end| end > after.len()) {
            return;
        }
        let (payload, after) = after.split_at_mut(len);
        let (digest, after) = after.split_at_mut(SEAL);
        digest.copy_from_slice(&blake3::hash(payload).as_bytes()[..SEAL]);
        rest = after;
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((choice, data)) = data.split_first() else { return };
    let mut bytes = data.to_vec();
    if choice % 2 == 0 {
        seal(&mut bytes);
    }
    let Some((header, records, end)) = parse(&mut bytes.as_slice()).expect("memory can be read") else {
        return;
    };
    for record in &records {
        assert!(record.index * CHUNK < header.size);
        assert!(record.base.is_multiple_of(CLUSTER) && record.host_bytes() <= CHUNK);
        assert_eq!(record.occupied().count(), record.clusters.count_ones() as usize);
    }
    let mut whole = &bytes[..usize::try_from(end).expect("the journal is in memory")];
    assert_eq!(parse(&mut whole).expect("memory can be read"), Some((header, records, end)));
});
