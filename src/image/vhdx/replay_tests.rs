use proptest::prelude::*;

use super::*;
use crate::image::bytes::memory::Memory;

const K4: u64 = 4096;

fn file() -> Memory {
    Memory((0..8 * K4).map(|at| (at / K4) as u8 + 1).collect())
}

fn read(replay: &Replay, at: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0xee; length];
    replay.over(&file()).read_at(&mut bytes, at).unwrap();
    bytes
}

#[test]
fn later_changes_cover_earlier_ones() {
    let mut replay = Replay { end: 9 * K4, ..Replay::default() };
    replay.put(K4..6 * K4, Patch::Zeros).unwrap();
    // From the last sector of the file, which holds 8.
    let patch = Patch::Sector { log: 7 * K4, leading: [0xaa; 8], trailing: [0xbb; 4] };
    replay.put(2 * K4..3 * K4, patch).unwrap();
    replay.put(2 * K4..2 * K4 + K4, patch).unwrap();
    let kinds: Vec<u8> = (0..9).map(|n| read(&replay, n * K4 + 100, 1)[0]).collect();
    assert_eq!(kinds, [1, 0, 8, 0, 0, 0, 7, 8, 0]);
    let mut want = vec![0xaa; 8];
    want.resize(4092, 8);
    want.resize(4096, 0xbb);
    assert_eq!(read(&replay, 2 * K4, 4096), want);
    assert_eq!(read(&replay, 2 * K4 + 4, 4090), want[4..4094]);
    assert_eq!(read(&replay, 2 * K4 - 1, 2), [0, 0xaa]);
    assert!(replay.changes(&(0..K4 + 1)) && replay.changes(&(5 * K4..7 * K4)));
    assert!(!replay.changes(&(0..K4)) && !replay.changes(&(6 * K4..9 * K4)));
    assert_eq!(replay.over(&file()).size(), 9 * K4);
    assert!(replay.over(&file()).read_at(&mut [0; 2], 9 * K4 - 1).is_err());
    replay.put(0..9 * K4, Patch::Zeros).unwrap();
    assert_eq!(replay.patches.len(), 1);
}

proptest! {
    #[test]
    fn it_is_what_writing_in_order_makes(changes in prop::collection::vec((0u64..8, 1u64..8, any::<bool>()), 0..12)) {
        let mut replay = Replay::default();
        let mut plain = file().0;
        for (at, length, data) in changes {
            let (start, end) = (at * K4, if data { at + 1 } else { (at + length).min(8) } * K4);
            let patch = Patch::Sector { log: 3 * K4, leading: [4; 8], trailing: [4; 4] };
            replay.put(start..end, if data { patch } else { Patch::Zeros }).unwrap();
            plain[start as usize..end as usize].fill(if data { 4 } else { 0 });
        }
        prop_assert!(read(&replay, 0, plain.len()) == plain);
        prop_assert!(read(&replay, 4000, 9000) == plain[4000..13000]);
    }
}
