use proptest::prelude::*;

use super::*;

fn header() -> Header {
    Header { source: "abc".to_owned(), size: 1 << 40, format: Format::Qcow2 { compress: None } }
}

fn record(index: u64) -> Record {
    Record {
        index,
        digest: index.is_multiple_of(2).then_some([index as u8; 32]),
        clusters: 0b111,
        base: (index + 1) * CLUSTER,
        lengths: if index.is_multiple_of(3) { vec![1, 2, CLUSTER as u32] } else { Vec::new() },
        data: index * 7,
    }
}

#[test]
fn records_are_taken_over_by_the_same_copy_only() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    assert!(Journal::resume(&path, &header()).unwrap().is_none());
    let mut journal = Journal::create(&path, &header()).unwrap();
    let first: Vec<Record> = (0..5).map(record).collect();
    journal.append(&first).unwrap();
    drop(journal);
    let (mut journal, records) = Journal::resume(&path, &header()).unwrap().unwrap();
    assert_eq!(records, first);
    journal.append(&[record(9)]).unwrap();
    drop(journal);
    let (_, records) = Journal::resume(&path, &header()).unwrap().unwrap();
    assert_eq!((records.len(), &records[5]), (6, &record(9)));
    let other = Header { source: "abd".to_owned(), ..header() };
    assert!(Journal::resume(&path, &other).unwrap().is_none());
}

#[test]
fn a_torn_end_is_left_out_wherever_it_is_torn() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let mut journal = Journal::create(&path, &header()).unwrap();
    journal.append(&[record(0)]).unwrap();
    let whole = journal.end;
    journal.append(&[record(1), record(2)]).unwrap();
    let bytes = fs::read(&path).unwrap();
    for cut in whole as usize..bytes.len() {
        fs::write(&path, &bytes[..cut]).unwrap();
        let (mut journal, records) = Journal::resume(&path, &header()).unwrap().unwrap();
        assert_eq!((records, journal.end), (vec![record(0)], whole), "cut at {cut}");
        journal.append(&[record(4)]).unwrap();
        let (_, records) = Journal::resume(&path, &header()).unwrap().unwrap();
        assert_eq!(records, [record(0), record(4)]);
    }
    // A bit that fell over is as good as a torn end.
    let mut bytes = bytes;
    bytes[whole as usize + 9] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let (_, records) = Journal::resume(&path, &header()).unwrap().unwrap();
    assert_eq!(records, [record(0)]);
}

proptest! {
    #[test]
    fn any_bytes_are_a_journal_or_none(
        patch in prop::collection::vec((0usize..600, any::<u8>()), 0..8), len in 0usize..600
    ) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        Journal::create(&path, &header()).unwrap().append(&(0..5).map(record).collect::<Vec<_>>()).unwrap();
        let mut bytes = fs::read(&path).unwrap();
        for (at, byte) in patch {
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
        }
        bytes.truncate(len);
        if let Some((_, _, end)) = parse(&mut bytes.as_slice()).unwrap() {
            prop_assert!(end <= bytes.len() as u64);
        }
    }
}
