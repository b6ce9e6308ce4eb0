use proptest::prelude::*;

use super::super::testing::Patches;
use super::*;

fn chain(layers: Vec<Patches>) -> ChainReader {
    ChainReader::new(layers.into_iter().map(|l| Box::new(l) as Box<dyn DiskReader>).collect())
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
        let extents = disk.extents(0..disk.size()).unwrap();
        prop_assert_eq!(extents.iter().map(|e| e.len).sum::<u64>(), disk.size());
        for e in extents.iter().filter(|e| e.kind != ExtentKind::Data) {
            prop_assert!(want[e.start as usize..(e.start + e.len) as usize].iter().all(|b| *b == 0));
        }
    }
}
