use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use proptest::prelude::*;

use super::super::testing::Patches;
use super::*;

fn chain(layers: Vec<Patches>) -> ChainReader {
    ChainReader::new(layers.into_iter().map(|l| Box::new(Placed::new(l)) as Box<dyn DiskReader>).collect())
}

/// A layer that lies in a file as it is, and whose places reach up to its end, whatever lies between.
struct Placed {
    layer: Patches,
    file: Arc<File>,
}

impl Placed {
    fn new(layer: Patches) -> Self {
        let mut bytes = vec![0; layer.size() as usize];
        layer.lay_over(&mut bytes);
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        Self { layer, file: Arc::new(file) }
    }
}

impl DiskReader for Placed {
    fn size(&self) -> u64 {
        self.layer.size()
    }
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.layer.read_at(buf, offset)
    }
    fn extents(&self, range: Range<u64>) -> io::Result<Vec<Extent>> {
        self.layer.extents(range)
    }
    fn place(&self, offset: u64) -> io::Result<Option<Place>> {
        Ok(Some(Place { file: Arc::clone(&self.file), offset, len: self.size() - offset }))
    }
}

/// Every place holds what the guest sees there, as far as it reaches.
fn places_are_true(disk: &ChainReader, want: &[u8]) {
    for at in 0..disk.size() {
        let Some(place) = disk.place(at).unwrap() else { continue };
        let mut there = vec![0; place.len as usize];
        place.file.read_exact_at(&mut there, place.offset).unwrap();
        assert!(there == want[at as usize..][..there.len()], "what lies at {at} is not what is read");
    }
}

#[test]
fn a_place_ends_where_a_layer_above_holds_something() {
    let top = Patches::new(100).data(40, &[1; 10]);
    let base = Patches::new(100).data(20, &[2; 60]);
    let disk = chain(vec![top, Patches::new(70).zero(60, 5), base]);
    let len = |at| disk.place(at).unwrap().map(|place| place.len);
    assert_eq!(
        (len(20), len(40), len(50), len(60), len(65), len(70)),
        (Some(20), Some(10), Some(10), None, Some(5), None)
    );
}

#[test]
fn what_a_layer_does_not_hold_its_parent_does() {
    let top = Patches::new(100).data(10, &[1; 10]).zero(20, 10);
    let base = Patches::new(50).data(0, &[2; 30]);
    let disk = chain(vec![top, base]);
    let mut seen = [9; 100];
    disk.read_at(&mut seen, 0).unwrap();
    let mut want = [0; 100];
    want[..10].fill(2);
    want[10..20].fill(1);
    assert_eq!(seen, want);
    let kinds: Vec<_> = disk.extents(0..100).unwrap().iter().map(|e| (e.start, e.len, e.kind)).collect();
    assert_eq!(
        kinds,
        [(0, 20, ExtentKind::Data), (20, 10, ExtentKind::Zero), (30, 70, ExtentKind::Unallocated)]
    );
    assert_eq!(data_bytes(&disk).unwrap(), 20);
}

#[test]
fn windows_cover_a_disk_once() {
    let size = (3 << 30) + 5;
    let all: Vec<_> = windows(size).collect();
    assert_eq!((all.len(), all[0].start, all[3].clone()), (4, 0, 3 << 30..size));
    assert!(all.windows(2).all(|pair| pair[0].end == pair[1].start));
}

proptest! {
    #[test]
    fn any_chain_reads_as_its_layers_laid_over_each_other(
        layers in prop::collection::vec(
            prop::collection::vec((0u64..200, 1u64..60, prop::option::of(1u8..=255)), 0..6), 1..4),
        sizes in prop::collection::vec(1u64..260, 3),
        at in 0u64..100,
    ) {
        let made: Vec<Patches> = layers.iter().zip(&sizes).map(|(patches, size)| {
            patches.iter().fold(Patches::new(*size), |layer, (start, len, byte)| {
                let len = (*len).min(size.saturating_sub(*start));
                match byte {
                    _ if len == 0 => layer,
                    Some(byte) => layer.data(*start, &vec![*byte; len as usize]),
                    None => layer.zero(*start, len),
                }
            })
        }).collect();
        let mut want = vec![0u8; sizes[0] as usize];
        for layer in made.iter().rev() {
            // A layer that is shorter hides what its parents hold beyond its end.
            want.iter_mut().skip(layer.size() as usize).for_each(|byte| *byte = 0);
            layer.lay_over(&mut want);
        }
        let disk = chain(made);
        let start = at.min(disk.size() - 1);
        let mut seen = vec![7; (disk.size() - start) as usize];
        disk.read_at(&mut seen, start).unwrap();
        prop_assert_eq!(&seen[..], &want[start as usize..]);
        places_are_true(&disk, &want);
        let extents = disk.extents(0..disk.size()).unwrap();
        prop_assert_eq!(extents.iter().map(|e| e.len).sum::<u64>(), disk.size());
        for e in extents.iter().filter(|e| e.kind != ExtentKind::Data) {
            prop_assert!(want[e.start as usize..(e.start + e.len) as usize].iter().all(|b| *b == 0));
        }
    }
}
