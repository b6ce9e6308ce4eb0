//! What the targets of disk readers have in common: what holds of every extent.

use h2k::image::{DiskReader, Extent, ExtentKind};
use h2k_transports::RangeRead;

#[path = "memory.rs"]
mod memory;

use memory::START;

pub use memory::Memory;

/// Checks an extent, of which at most `most` bytes are read: what is no data reads as zeros; a read in two parts gives
/// what it gives in one; the place of an offset lies in the image and holds what is read.
pub fn check(reader: &dyn DiskReader, image: &Memory, extent: &Extent, most: u64) {
    let mut whole = vec![0xee; extent.len.min(most) as usize];
    let read = reader.read_at(&mut whole, extent.start);
    if extent.kind != ExtentKind::Data {
        assert!(read.is_ok() && whole.iter().all(|byte| *byte == 0));
    }
    let middle = extent.start + whole.len() as u64 / 3;
    if read.is_ok() {
        let mut parts = vec![0xdd; whole.len()];
        let (first, second) = parts.split_at_mut(whole.len() / 3);
        reader.read_at(second, middle).expect("the whole was read");
        reader.read_at(first, extent.start).expect("the whole was read");
        assert_eq!(parts, whole);
    }
    for at in [extent.start, middle] {
        let Ok(Some(place)) = reader.place(at) else { continue };
        assert!(extent.kind == ExtentKind::Data && place.len > 0);
        assert!(place.len <= reader.size() - at);
        let start = place.offset - START;
        assert!(start + place.len <= image.size());
        let mut found = vec![0xdd; place.len.min(most) as usize];
        reader.read_at(&mut found, at).expect("it lies in the file");
        assert_eq!(found, image.0[start as usize..start as usize + found.len()]);
    }
}
