use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;

use super::*;

/// Entries are sectors; 1 is zeros.
struct Plain;

impl Entries for Plain {
    fn table(&self, entry: u64) -> Result<Option<u64>, ImageError> {
        Ok((entry != 0).then_some(entry * SECTOR))
    }
    fn grain(&self, entry: u64) -> Result<Grain, ImageError> {
        Ok(match entry {
            0 => Grain::Unallocated,
            1 => Grain::Zero,
            _ => Grain::At(entry * SECTOR),
        })
    }
}

/// A sparse file that counts reads: sectors that are not named are full of their number's last byte.
struct File {
    sectors: Vec<(u64, Vec<u8>)>,
    size: u64,
    reads: AtomicU64,
}

impl RangeRead for File {
    fn size(&self) -> u64 {
        self.size
    }
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        check_range(offset, buf.len() as u64, self.size)?;
        for (at, byte) in (offset..).zip(buf) {
            let (sector, within) = (at / SECTOR, (at % SECTOR) as usize);
            let named = self
                .sectors
                .iter()
                .rev()
                .find(|(n, bytes)| (*n..n + (bytes.len() as u64).div_ceil(SECTOR)).contains(&sector));
            *byte = match named {
                Some((n, bytes)) => {
                    bytes.get((sector - n) as usize * 512 + within).copied().unwrap_or_default()
                }
                None => sector as u8,
            };
        }
        Ok(())
    }
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|w| w.to_le_bytes()).collect()
}

/// Grains of two sectors, tables of 128 entries in one sector: 128 KiB each.
const SHAPE: Tables = Tables { directory: 512, per_table: 128, entry: 4, grain: 1024, capacity: 512 << 10 };

fn reader(shape: Tables, sectors: Vec<(u64, Vec<u8>)>, size: u64) -> (GrainReader, Arc<File>) {
    let file = Arc::new(File { sectors, size, reads: AtomicU64::new(0) });
    let bytes: Arc<dyn RangeRead> = Arc::clone(&file) as _;
    let reader = GrainReader::new(bytes, shape, Box::new(Plain), Packing::None, Shared::default());
    (reader.unwrap_or_else(|e| panic!("{e}")), file)
}

/// Directory in sector 1, the second of four tables in sector 2.
fn one_table(entries: &[u32]) -> Vec<(u64, Vec<u8>)> {
    let mut table = entries.to_vec();
    table.resize(128, 0);
    vec![(1, words(&[0, 2, 0, 0])), (2, words(&table))]
}

#[test]
fn neighbours_are_read_at_once_and_found_at_once() {
    let (reader, file) = reader(SHAPE, one_table(&[10, 12, 14, 1, 1, 30, 40, 42, 0]), 64 << 10);
    let base = 128 << 10;
    let (none, zero, data) = (ExtentKind::Unallocated, ExtentKind::Zero, ExtentKind::Data);
    let found: Vec<_> =
        reader.extents(0..reader.size()).unwrap().iter().map(|e| (e.start, e.len, e.kind)).collect();
    assert_eq!(
        found,
        [
            (0, base, none),
            (base, 3072, data),
            (base + 3072, 2048, zero),
            (base + 5120, 3072, data),
            (base + 8192, (384 << 10) - 8192, none)
        ]
    );
    assert_eq!(file.reads.load(Ordering::Relaxed), 2, "the directory and one table");
    let mut read = vec![0xee; 16384];
    reader.read_at(&mut read, base - 512).unwrap();
    assert_eq!(file.reads.load(Ordering::Relaxed), 5, "three runs of grains");
    let want: Vec<u8> = [0, 10, 11, 12, 13, 14, 15, 0, 0, 0, 0, 30, 31, 40, 41, 42, 43]
        .into_iter()
        .flat_map(|n| [n; 512])
        .collect();
    assert_eq!(read[..want.len()], want);
    assert!(read[want.len()..].iter().all(|b| *b == 0));
}

#[test]
fn reads_begin_and_end_anywhere() {
    let (reader, _) = reader(SHAPE, one_table(&[10, 20]), 64 << 10);
    let mut read = [0xee; 700];
    reader.read_at(&mut read, (128 << 10) + 900).unwrap();
    assert_eq!((read[..124].to_vec(), read[124..636].to_vec()), (vec![11; 124], vec![20; 512]));
    assert_eq!(read[636..], [21; 64]);
    reader.read_at(&mut [], reader.size()).unwrap();
    assert!(reader.read_at(&mut [0], reader.size()).is_err());
}

#[test]
fn a_last_grain_that_is_cut_with_the_disk_may_end_with_the_file() {
    let shape = Tables { capacity: (128 << 10) + 1536, ..SHAPE };
    let (reader, _) = reader(shape, one_table(&[10, 12]), 13 * 512);
    let mut read = vec![0; 1536];
    reader.read_at(&mut read, 128 << 10).unwrap();
    assert_eq!(read[1024..], [12; 512]);
    assert_eq!(reader.extents(0..reader.size()).unwrap().last().unwrap().len, 1536);
}

#[test]
fn what_lies_outside_is_named() {
    let (beyond, _) = reader(SHAPE, one_table(&[10, 200]), 64 << 10);
    beyond.read_at(&mut [0; 1024], 128 << 10).unwrap();
    assert_eq!(
        beyond.read_at(&mut [0; 2048], 128 << 10).unwrap_err().to_string(),
        "grain table 1 at byte 1024 points to byte 102400, beyond the file's end 65536"
    );
    let error = reader(SHAPE, vec![(1, words(&[300, 0, 0, 0]))], 64 << 10).0.extents(0..512).unwrap_err();
    assert_eq!(error.to_string(), "grain table 0 at byte 153600 beyond the file's end 65536");
    let file = Arc::new(File { sectors: vec![], size: 514, reads: AtomicU64::new(0) });
    let error = GrainReader::new(file, SHAPE, Box::new(Plain), Packing::None, Shared::default());
    assert!(error.is_err_and(|e| e.to_string().contains("beyond the file's end 514")));
}

#[test]
fn an_empty_disk_of_64_tib_is_mapped_by_its_directory_alone() {
    // Grains of 64 KiB, tables of 512: 2 Mi directory entries.
    let shape = Tables { directory: 512, per_table: 512, entry: 4, grain: 65536, capacity: 64 << 40 };
    let directory = vec![0u8; (2 << 20) * 4];
    let (reader, file) = reader(shape, vec![(1, directory)], 9 << 20);
    let extents = reader.extents(0..reader.size()).unwrap();
    assert_eq!(extents, [Extent { start: 0, len: 64 << 40, kind: ExtentKind::Unallocated }]);
    assert_eq!(file.reads.load(Ordering::Relaxed), (2 << 20) / ENTRIES_AT_ONCE);
    reader.read_at(&mut [1; 4096], (64 << 40) - 4096).unwrap();
}

#[test]
fn extents_of_one_image_do_not_take_each_other_s_tables() {
    let shared = Shared::default();
    let open = |number, entry| {
        let file = File { sectors: one_table(&[entry]), size: 64 << 10, reads: AtomicU64::new(0) };
        GrainReader::new(Arc::new(file), SHAPE, Box::new(Plain), Packing::None, shared.for_extent(number))
            .unwrap()
    };
    let readers = [open(0, 10), open(1, 20), open(8191, 30)];
    for (reader, byte) in readers.iter().zip([10, 20, 30]) {
        let mut read = [0; 512];
        reader.read_at(&mut read, 128 << 10).unwrap();
        assert_eq!(read, [byte; 512]);
    }
}

/// What the guest sees of a disk whose four tables have these entries, and which of it is mapped as what.
fn model(tables: &[Option<Vec<u32>>], capacity: usize) -> (Vec<u8>, Vec<ExtentKind>) {
    let (mut bytes, mut kinds) = (Vec::new(), Vec::new());
    for table in tables {
        for n in 0..128 {
            let entry = table.as_ref().map_or(0, |table| table[n]);
            kinds.push(match entry {
                0 => ExtentKind::Unallocated,
                1 => ExtentKind::Zero,
                _ => ExtentKind::Data,
            });
            for sector in 0..2 {
                let byte = if entry < 2 { 0 } else { (entry + sector) as u8 };
                bytes.extend_from_slice(&[byte; 512]);
            }
        }
    }
    bytes.truncate(capacity);
    (bytes, kinds)
}

/// Entries in runs: nothing, zeros, data that goes on or lies elsewhere.
fn table() -> impl Strategy<Value = Option<Vec<u32>>> {
    let run = (0..4u8, 100..60_000u32, 1..40u32);
    let entries = prop::collection::vec(run, 1..20).prop_map(|runs| {
        let mut table = Vec::new();
        for (kind, at, length) in runs {
            table.extend((0..length).map(|n| match kind {
                0 => 0,
                1 => 1,
                2 => at + 2 * n,
                _ => at + 7 * n,
            }));
        }
        table.resize(128, 0);
        table
    });
    prop::option::weighted(0.7, entries)
}

proptest! {
    #[test]
    fn any_tables_are_read_as_they_say(
        tables in prop::collection::vec(table(), 4),
        cut in 0..300usize,
        reads in prop::collection::vec((any::<prop::sample::Index>(), 0..100_000usize), 1..12),
    ) {
        let capacity = (512 << 10) - cut * 512;
        let (bytes, kinds) = model(&tables, capacity);
        let directory: Vec<u32> = (10..).zip(&tables).map(|(at, t)| if t.is_some() { at } else { 0 }).collect();
        let mut sectors = vec![(1, words(&directory))];
        sectors.extend((10..).zip(&tables).filter_map(|(at, t)| Some((at, words(t.as_ref()?)))));
        let shape = Tables { capacity: capacity as u64, ..SHAPE };
        let (reader, _) = reader(shape, sectors, 64 << 20);
        for (from, length) in reads {
            let from = from.index(capacity);
            let length = length.min(capacity - from);
            let mut read = vec![0xee; length];
            reader.read_at(&mut read, from as u64).unwrap();
            prop_assert!(read == bytes[from..from + length]);
            let range = from as u64..(from + length) as u64;
            let mut at = range.start;
            for extent in reader.extents(range.clone()).unwrap() {
                prop_assert_eq!(extent.start, at);
                at += extent.len;
                let grains = &kinds[extent.start as usize / 1024..(at as usize).div_ceil(1024)];
                prop_assert!(grains.iter().all(|kind| *kind == extent.kind));
            }
            prop_assert_eq!(at, range.end);
        }
    }
}
