//! Images as VMware writes them and `qemu-img` does not: streams with a footer, COWD and seSparse snapshots.
//! They are written from the specifications and must come out of QEMU as the raw disk that went in.

use std::io::Write;

use super::*;

const GRAIN: usize = 64 << 10;

/// Size of the disk: a little more than one grain table of an seSparse extent covers.
const SIZE: usize = 18 << 20;

/// Zeros, with something at 1 MiB, across 16 MiB and at the end.
pub(super) fn content() -> Vec<u8> {
    let mut disk = vec![0; SIZE];
    for (at, byte) in [(1 << 20, 0x11), ((16 << 20) - 2048, 0x22), (SIZE - 4096, 0x33)] {
        disk[at..at + 4096].fill(byte);
    }
    disk
}

pub(super) fn descriptor(create_type: &str, rest: &str) -> String {
    format!(
        "# Disk DescriptorFile\nversion=1\nencoding=\"UTF-8\"\nCID=7e57ab1e\nparentCID={}\nisNativeSnapshot=\"no\"\n\
         createType=\"{create_type}\"\n{rest}\n# The Disk Data Base\n#DDB\n\nddb.adapterType = \"lsilogic\"\n",
        if rest.contains("parentFileNameHint") { "0badcafe" } else { "ffffffff" }
    )
}

/// zlib (RFC 1950) without compression (RFC 1951, 3.2.4).
fn zlib(data: &[u8]) -> Vec<u8> {
    let mut out = vec![0x78, 0x01];
    let blocks: Vec<_> = data.chunks(0xffff).collect();
    for (n, block) in blocks.iter().enumerate() {
        out.push(u8::from(n + 1 == blocks.len()));
        let length = block.len() as u16;
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(!length).to_le_bytes());
        out.extend_from_slice(block);
    }
    let (a, b) = data.iter().fold((1u32, 0u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65521;
        (a, (b + a) % 65521)
    });
    out.extend_from_slice(&(b << 16 | a).to_be_bytes());
    out
}

/// Sectors that are appended one after the other.
pub(super) struct Sectors(pub(super) Vec<u8>);

impl Sectors {
    pub(super) fn here(&self) -> u32 {
        (self.0.len() / 512) as u32
    }

    pub(super) fn put(&mut self, bytes: &[u8]) -> u32 {
        let at = self.here();
        self.0.extend_from_slice(bytes);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        at
    }

    pub(super) fn words(&mut self, words: &[u32]) -> u32 {
        self.put(&words.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<_>>())
    }

    fn marker(&mut self, sectors: u64, kind: u32) {
        self.put(&[&sectors.to_le_bytes()[..], &[0; 4], &kind.to_le_bytes()].concat());
    }
}

fn sparse_header(capacity: u64, directory: u64) -> Vec<u8> {
    let mut h = Vec::new();
    h.extend_from_slice(b"KDMV");
    h.extend_from_slice(&3u32.to_le_bytes());
    h.extend_from_slice(&0x30001u32.to_le_bytes());
    for field in [capacity, 128, 1, 20] {
        h.extend_from_slice(&field.to_le_bytes());
    }
    h.extend_from_slice(&512u32.to_le_bytes());
    for field in [0, directory, 128] {
        h.extend_from_slice(&field.to_le_bytes());
    }
    h.extend_from_slice(b"\0\n \r\n\x01\0");
    h
}

/// A streamOptimized VMDK as ovftool writes it: tables behind the grains, then a footer.
pub(super) fn stream(disk: &[u8]) -> Vec<u8> {
    let capacity = disk.len() as u64 / 512;
    let mut out = Sectors(Vec::new());
    out.put(&sparse_header(capacity, u64::MAX));
    out.put(
        descriptor("streamOptimized", &format!("RDONLY {capacity} SPARSE \"generated-stream.vmdk\""))
            .as_bytes(),
    );
    out.0.resize(128 * 512, 0);
    let mut directory = Vec::new();
    for (n, table) in disk.chunks(512 * GRAIN).enumerate() {
        let mut entries = vec![0; 512];
        for (m, grain) in table.chunks(GRAIN).enumerate().filter(|(_, grain)| grain.iter().any(|b| *b != 0)) {
            let (lba, data) = ((n * 512 + m) as u64 * 128, zlib(grain));
            entries[m] =
                out.put(&[&lba.to_le_bytes()[..], &(data.len() as u32).to_le_bytes(), &data].concat());
        }
        out.marker(4, 1);
        directory.push(out.words(&entries));
    }
    out.marker(1, 2);
    let directory = out.words(&directory);
    out.marker(1, 3);
    out.put(&sparse_header(capacity, u64::from(directory)));
    out.marker(0, 0);
    out.0
}

/// A COWD extent with grains of one sector.
pub(super) fn cowd(disk: &[u8]) -> Vec<u8> {
    let covered = 4096 * 512;
    let tables = disk.len().div_ceil(covered);
    let mut out = Sectors(Vec::new());
    let fields = [1, 3, disk.len() as u32 / 512, 1, 4, tables as u32];
    out.put(&[&b"COWD"[..], &fields.map(u32::to_le_bytes).concat()].concat());
    out.0.resize((4 + (tables * 4).div_ceil(512)) * 512, 0);
    let mut directory = vec![0u32; tables];
    for (n, table) in disk.chunks(covered).enumerate().filter(|(_, table)| table.iter().any(|b| *b != 0)) {
        let at = out.words(&[0; 4096]);
        let mut entries = vec![0; 4096];
        for (m, grain) in table.chunks(512).enumerate().filter(|(_, grain)| grain.iter().any(|b| *b != 0)) {
            entries[m] = out.put(grain);
        }
        let bytes: Vec<u8> = entries.iter().flat_map(|e| e.to_le_bytes()).collect();
        out.0[at as usize * 512..][..bytes.len()].copy_from_slice(&bytes);
        directory[n] = at;
    }
    let bytes: Vec<u8> = directory.iter().flat_map(|e| e.to_le_bytes()).collect();
    out.0[4 * 512..][..bytes.len()].copy_from_slice(&bytes);
    out.0
}

/// A seSparse extent: grains of 4 KiB, tables of 4096 entries of 8 bytes.
pub(super) fn sesparse(disk: &[u8]) -> Vec<u8> {
    const GRAINS: usize = 1024;
    let mut out = vec![0; GRAINS * 512];
    let mut word = |at: usize, value: u64| out[at..at + 8].copy_from_slice(&value.to_le_bytes());
    let header = [
        (0, 0xcafe_babe),
        (1, 0x2_0000_0001),
        (2, disk.len() as u64 / 512),
        (3, 8),
        (4, 64),
        (10, 1),
        (11, 1),
        (12, 2),
        (13, 1),
        (14, 4),
        (15, 4),
        (16, 8),
        (17, 1),
        (18, 16),
        (19, 192),
        (24, GRAINS as u64),
        (25, 8192),
    ];
    header.iter().for_each(|(n, value)| word(n * 8, *value));
    word(512, 0xcafe_cafe);
    let mut grains = Vec::new();
    for (n, table) in disk.chunks(4096 * 4096).enumerate() {
        word(8 * 512 + n * 8, 0x1000_0000_0000_0000 | n as u64);
        for (m, grain) in table.chunks(4096).enumerate().filter(|(_, grain)| grain.iter().any(|b| *b != 0)) {
            let index = (grains.len() / 4096) as u64;
            word((16 + n * 64) * 512 + m * 8, 3 << 60 | (index & 0xfff) << 48 | index >> 12);
            grains.extend_from_slice(grain);
        }
    }
    // Zeroed by the guest: hides what the parent has there.
    word((16 + 64) * 512, 2 << 60);
    out.extend_from_slice(&grains);
    out
}

/// The disk `name` comes out of an overlay, and of our reader, as `disk`.
fn comes_out_as(bench: &Bench, name: &str, disk: &[u8]) -> ImageChain {
    File::create(bench.path("expected.raw")).unwrap().write_all(disk).unwrap();
    let chain = bench.resolve(name).unwrap_or_else(|e| panic!("{}", e.chain()));
    assert_eq!(chain.size(), disk.len() as u64);
    let (overlay, _server) = bench.overlay(&chain);
    let said = bench.qemu_img(&["compare", "-f", "raw", "-F", "qcow2", "expected.raw", &overlay]);
    assert_eq!(said, "Images are identical.\n");
    let reader = open(&chain).unwrap();
    let mut read = vec![0xee; disk.len()];
    reader.read_at(&mut read, 0).unwrap();
    assert!(read == disk, "the reader differs");
    bench.map_is_true(&*reader);
    chain
}

#[test]
fn a_stream_with_its_tables_at_the_end_is_read() {
    let bench = Bench::new();
    std::fs::write(bench.path("disk.vmdk"), stream(&content())).unwrap();
    let chain = comes_out_as(&bench, "disk.vmdk", &content());
    assert_eq!(chain.active().unwrap().subformat.as_deref(), Some("streamOptimized"));
    bench.truncate_by("disk.vmdk", 512);
    assert!(bench.resolve("disk.vmdk").unwrap_err().chain().contains("truncated"));
}

/// A base of type vmfs and a snapshot over it; returns what the guest sees.
fn snapshot(bench: &Bench, create_type: &str, extent_type: &str, delta: fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let mut base = vec![0x77; SIZE];
    std::fs::write(bench.path("vm-flat.vmdk"), &base).unwrap();
    let line = "RW 36864 VMFS \"vm-flat.vmdk\"";
    let text = descriptor("vmfs", line).replace("7e57ab1e", "badcafe");
    std::fs::write(bench.path("vm.vmdk"), text).unwrap();
    let change = content();
    std::fs::write(bench.path("vm-000001-delta.vmdk"), delta(&change)).unwrap();
    let lines = format!("parentFileNameHint=\"vm.vmdk\"\nRW 36864 {extent_type} \"vm-000001-delta.vmdk\"");
    std::fs::write(bench.path("vm-000001.vmdk"), descriptor(create_type, &lines)).unwrap();
    for (old, new) in
        base.chunks_mut(512).zip(change.chunks(512)).filter(|(_, new)| new.iter().any(|b| *b != 0))
    {
        old.copy_from_slice(new);
    }
    base
}

#[test]
fn a_vmfs_disk_is_read_as_it_lies() {
    let bench = Bench::new();
    snapshot(&bench, "vmfsSparse", "VMFSSPARSE", cowd);
    let chain = comes_out_as(&bench, "vm.vmdk", &[0x77; SIZE]);
    assert!(chain.active().unwrap().flat.is_some());
}

#[test]
fn an_esx_snapshot_in_a_cowd_extent_is_read() {
    let bench = Bench::new();
    let disk = snapshot(&bench, "vmfsSparse", "VMFSSPARSE", cowd);
    let chain = comes_out_as(&bench, "vm-000001.vmdk", &disk);
    assert_eq!(chain.files().len(), 4);
    bench.truncate_by("vm-000001-delta.vmdk", 512);
    assert!(bench.resolve("vm-000001.vmdk").unwrap_err().chain().contains("so 512 bytes are missing"));
    assert!(bench.resolve("vm-000001-delta.vmdk").unwrap_err().chain().contains("so 512 bytes are missing"));
}

#[test]
fn an_esxi_snapshot_in_a_sesparse_extent_is_read() {
    let bench = Bench::new();
    let mut disk = snapshot(&bench, "seSparse", "SESPARSE", sesparse);
    // Grains are larger than the sectors that changed, and one was zeroed.
    let grain_of = |at: usize| at / 4096 * 4096;
    disk[grain_of((16 << 20) - 2048)..16 << 20]
        .copy_from_slice(&content()[grain_of((16 << 20) - 2048)..16 << 20]);
    disk[16 << 20..(16 << 20) + 4096].fill(0);
    comes_out_as(&bench, "vm-000001.vmdk", &disk);
    bench.truncate_by("vm-000001-delta.vmdk", 100);
    assert!(bench.resolve("vm-000001.vmdk").unwrap_err().chain().contains("so 100 bytes are missing"));
    assert_eq!(bench.resolve("vm-000001-delta.vmdk").unwrap_err().kind(), ImageErrorKind::Corrupt);
}

#[test]
fn a_sesparse_extent_with_a_journal_to_replay_is_refused() {
    let bench = Bench::new();
    snapshot(&bench, "seSparse", "SESPARSE", sesparse);
    overwrite(&bench.path("vm-000001-delta.vmdk"), 512 + 24, &[1]);
    let error = bench.resolve("vm-000001.vmdk").unwrap_err();
    assert!(error.chain().contains("journal"), "{}", error.chain());
}

#[test]
fn an_extent_that_disagrees_with_its_descriptor_is_refused() {
    // QEMU goes by the extent's header: the disk would shift.
    let bench = Bench::new();
    bench.create("vmdk", "subformat=twoGbMaxExtentSparse", "disk.vmdk", "3G");
    let text = std::fs::read_to_string(bench.path("disk.vmdk")).unwrap();
    std::fs::write(bench.path("disk.vmdk"), text.replace("RW 4194304", "RW 4194303")).unwrap();
    let error = bench.resolve("disk.vmdk").unwrap_err();
    assert!(error.chain().contains("the descriptor gives it 4194303"), "{}", error.chain());
}
