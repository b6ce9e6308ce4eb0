//! Split disks of 5 GiB: they must come out whole, not as their first 2 GiB.

use super::*;

const SIZE: u64 = 5 << 30;

/// One marker in each of the three extents, the last at 4.5 GiB, and one across the seam of the first two.
const MARKERS: [(u64, u8); 4] =
    [(MIB, 0x11), ((2 << 30) - 4096, 0x22), (3 << 30, 0x33), ((9 << 30) / 2, 0x44)];

fn comes_out_whole(subformat: &str) {
    let bench = Bench::new();
    bench.create("vmdk", &format!("subformat={subformat}"), "disk.vmdk", "5G");
    for (at, byte) in MARKERS {
        bench.fill("vmdk", "disk.vmdk", byte, at, 8192);
    }
    let chain = bench.same_as_qemu("vmdk", "disk.vmdk");
    assert_eq!(chain.size(), SIZE);
    let image = chain.active().unwrap();
    assert_eq!(image.subformat.as_deref(), Some(subformat));
    assert_eq!(image.files.len(), 4);
    assert_eq!(chain.files().len(), 4);

    let overlay = bench.path("overlay.qcow2");
    let through_overlay = resolve(&overlay);
    // An overlay's backing is an NBD export: nothing that an image may have opened.
    assert_eq!(through_overlay.unwrap_err().kind(), ImageErrorKind::Unsafe);

    let reader = open(&chain).unwrap();
    for (at, byte) in MARKERS {
        assert_eq!(byte_at(&*reader, at), byte);
        assert_eq!(byte_at(&*reader, at + 8192 - 512), byte);
    }
    let mut across = vec![0; 8192];
    reader.read_at(&mut across, (2 << 30) - 4096).unwrap();
    assert_eq!(across, [0x22; 8192]);
    let data: u64 =
        reader.extents(0..SIZE).unwrap().iter().filter(|e| e.kind == ExtentKind::Data).map(|e| e.len).sum();
    assert!(data < 2 * MIB, "{data} bytes of data");
    assert_eq!(reader.read_at(&mut across, SIZE - 4096).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
}

#[test]
fn five_gib_in_flat_extents() {
    comes_out_whole("twoGbMaxExtentFlat");
}

#[test]
fn five_gib_in_sparse_extents() {
    comes_out_whole("twoGbMaxExtentSparse");
}
