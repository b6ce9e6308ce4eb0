//! Copies of disks, looked at by QEMU.

use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use tempfile::TempDir;

use super::chunk::CHUNK;
use super::*;
use crate::exec::Exec;
use crate::image::link::{FlatBytes, Part};
use crate::image::{Extent, RawReader};

const ALL: [Format; 5] = [
    Format::Raw { preallocate: false },
    Format::Raw { preallocate: true },
    Format::Qcow2 { compress: None },
    Format::Qcow2 { compress: Some(Compression::Zstd) },
    Format::Qcow2 { compress: Some(Compression::Zlib) },
];

struct Bench {
    dir: TempDir,
    source: PathBuf,
}

impl Bench {
    /// A raw disk of `size` bytes with patches of bytes that can and of bytes that cannot be compressed.
    fn new(size: u64, patches: &[(u64, u64)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("source.raw");
        let file = File::create(&source).unwrap();
        file.set_len(size).unwrap();
        for (n, (at, len)) in patches.iter().enumerate() {
            let mut bytes = vec![n as u8 + 1; *len as usize];
            if n % 2 == 1 {
                blake3::Hasher::new().update(&at.to_le_bytes()).finalize_xof().fill(&mut bytes);
            }
            file.write_all_at(&bytes, *at).unwrap();
        }
        Self { dir, source }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn reader(&self) -> Arc<dyn DiskReader> {
        let length = fs::metadata(&self.source).unwrap().len();
        let flat = FlatBytes { path: self.source.clone(), part: Part { offset: 0, length } };
        Arc::new(RawReader::open(&flat).unwrap())
    }

    fn copy(
        &self,
        reader: Arc<dyn DiskReader>,
        format: Format,
        options: CopyOptions,
    ) -> Result<Copied, CopyError> {
        run(&CopyJob {
            reader,
            data: None,
            target: &self.path("target"),
            journal: &self.path("journal"),
            format,
            source: "one",
            options,
            progress: &|_| {},
        })
    }

    fn check(&self, format: Format) {
        let name = match format {
            Format::Raw { .. } => "raw",
            Format::Qcow2 { .. } => "qcow2",
        };
        let target = self.path("target");
        let compare = Exec::new("qemu-img").args(["compare", "-f", "raw", "-F", name]);
        let said = compare.arg(&self.source).arg(&target).run().unwrap().text().into_owned();
        assert_eq!(said, "Images are identical.\n", "{format:?}");
        if name == "qcow2" {
            Exec::new("qemu-img").args(["check", "-q", "-f", "qcow2"]).arg(&target).run().unwrap();
        }
    }

    fn start_over(&self) {
        for name in ["target", "journal"] {
            let _ = fs::remove_file(self.path(name));
        }
    }
}

/// Patches at all kinds of bounds of a disk of 1.1 GiB.
const PATCHES: &[(u64, u64)] = &[
    (0, 512),
    (65535, 2),
    (CHUNK - 1, 2),
    (3 * CHUNK, CHUNK),
    (100 << 20, 9 << 20),
    ((512 << 20) - 100_000, 200_000),
    ((1 << 30) + 12345, 3_000_000),
];

#[test]
fn every_target_holds_what_the_source_holds() {
    let bench = Bench::new((1100 << 20) + 512, PATCHES);
    for format in ALL {
        bench.start_over();
        let copied = bench.copy(bench.reader(), format, CopyOptions::default()).unwrap();
        bench.check(format);
        assert_eq!(copied.size, (1100 << 20) + 512);
        assert_eq!(copied.shared, 0, "the temporary directory is on tmpfs or ext4");
        assert!(copied.read < 20 << 20, "{copied:?}");
        assert!(copied.content.digest.is_some());
    }
}

#[test]
fn the_digest_tells_the_content_and_nothing_else() {
    let bench = Bench::new(50 << 20, &[(1000, 5 << 20), (30 << 20, 100)]);
    let mut seen = Vec::new();
    for format in ALL {
        for threads in [1, 3] {
            bench.start_over();
            let options = CopyOptions { threads, ..CopyOptions::default() };
            seen.push(bench.copy(bench.reader(), format, options).unwrap().content);
        }
    }
    assert!(seen.iter().all(|content| content == &seen[0] && content.digest.is_some()));
    assert_eq!(verify_content(bench.reader().as_ref(), &seen[0], &|_| {}).unwrap(), None);
    let file = File::options().write(true).open(&bench.source).unwrap();
    file.write_all_at(b"x", (30 << 20) + 50).unwrap();
    let differs = verify_content(bench.reader().as_ref(), &seen[0], &|_| {}).unwrap();
    assert_eq!(differs, Some(Difference::At(28 << 20)));
    file.set_len(60 << 20).unwrap();
    let differs = verify_content(bench.reader().as_ref(), &seen[0], &|_| {}).unwrap();
    assert_eq!(differs, Some(Difference::Size(50 << 20, 60 << 20)));
}

#[test]
fn tiny_and_odd_disks_are_copied() {
    for size in [512, 65536, 65536 + 512, CHUNK - 512, CHUNK + 512, 512 << 20, (512 << 20) + 512] {
        let bench = Bench::new(size, &[(size - 1, 1)]);
        for format in ALL {
            bench.start_over();
            bench.copy(bench.reader(), format, CopyOptions::default()).unwrap();
            bench.check(format);
        }
    }
}

#[test]
fn a_disk_of_zeros_costs_nothing() {
    let bench = Bench::new(3 << 40, &[]);
    for format in [Format::Raw { preallocate: false }, Format::Qcow2 { compress: None }] {
        bench.start_over();
        let copied = bench.copy(bench.reader(), format, CopyOptions::default()).unwrap();
        bench.check(format);
        assert_eq!((copied.read, copied.skipped), (0, 3 << 40));
        let blocks = fs::metadata(bench.path("target")).unwrap().blocks();
        assert!(blocks * 512 < 2 << 20, "{blocks} blocks");
    }
}

#[test]
fn zeros_that_are_there_are_left_out() {
    let bench = Bench::new(64 << 20, &[(0, 1 << 20)]);
    let file = File::options().write(true).open(&bench.source).unwrap();
    file.write_all_at(&vec![0; 20 << 20], 8 << 20).unwrap();
    for format in ALL {
        bench.start_over();
        let copied = bench.copy(bench.reader(), format, CopyOptions::default()).unwrap();
        bench.check(format);
        assert_eq!((copied.zeros, copied.content.chunks.len()), (20 << 20, 1), "{format:?}");
    }
}

/// Fails after so many reads.
struct Failing {
    disk: Arc<dyn DiskReader>,
    left: AtomicU64,
}

impl DiskReader for Failing {
    fn size(&self) -> u64 {
        self.disk.size()
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let spend = |left: u64| left.checked_sub(1);
        match self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend) {
            Ok(_) => self.disk.read_at(buf, offset),
            Err(_) => Err(io::Error::other("the medium is gone")),
        }
    }

    fn extents(&self, range: Range<u64>) -> io::Result<Vec<Extent>> {
        self.disk.extents(range)
    }
}

#[test]
fn an_interrupted_copy_goes_on_with_what_it_has() {
    let patches: Vec<(u64, u64)> = (0..40).map(|n| (n * 9 * CHUNK / 4, CHUNK)).collect();
    let bench = Bench::new(400 << 20, &patches);
    for format in ALL {
        bench.start_over();
        let mut taken_over = 0;
        let mut content = None;
        for left in [3, 17, 30, 11, u64::MAX] {
            let reader = Arc::new(Failing { disk: bench.reader(), left: left.into() });
            match bench.copy(reader, format, CopyOptions::default()) {
                Ok(copied) => {
                    taken_over = copied.taken_over;
                    content = copied.content.digest;
                    break;
                }
                Err(e) => assert!(matches!(e, CopyError::Read { .. }), "{e}"),
            }
        }
        assert!(taken_over > 0);
        bench.check(format);
        bench.start_over();
        let whole = bench.copy(bench.reader(), format, CopyOptions::default()).unwrap();
        assert_eq!((whole.taken_over, whole.content.digest), (0, content), "{format:?}");
    }
}

#[test]
fn another_source_is_started_over() {
    let bench = Bench::new(40 << 20, &[(0, 10 << 20)]);
    let format = Format::Qcow2 { compress: None };
    bench.copy(bench.reader(), format, CopyOptions::default()).unwrap();
    // Finished but not named yet: the same copy takes all of it over.
    let again = bench.copy(bench.reader(), format, CopyOptions::default()).unwrap();
    assert_eq!((again.taken_over, again.read), (10 << 20, 0));
    bench.check(format);
    let job = CopyJob {
        reader: bench.reader(),
        data: None,
        target: &bench.path("target"),
        journal: &bench.path("journal"),
        format,
        source: "another",
        options: CopyOptions::default(),
        progress: &|_| {},
    };
    assert_eq!(run(&job).unwrap().taken_over, 0);
    bench.check(format);
}

#[test]
fn a_full_file_system_is_an_error_and_no_hang() {
    let bench = Bench::new(64 << 20, &[(0, 64 << 20)]);
    let job = CopyJob {
        reader: bench.reader(),
        data: None,
        target: std::path::Path::new("/dev/full"),
        journal: &bench.path("journal"),
        format: Format::Qcow2 { compress: None },
        source: "one",
        options: CopyOptions::default(),
        progress: &|_| {},
    };
    assert!(run(&job).unwrap_err().is_full());
}

#[test]
fn a_target_that_was_cut_is_not_taken_over() {
    let bench = Bench::new(40 << 20, &[(0, 10 << 20)]);
    for format in ALL {
        bench.start_over();
        bench.copy(bench.reader(), format, CopyOptions::default()).unwrap();
        let target = File::options().write(true).open(bench.path("target")).unwrap();
        target.set_len(65536).unwrap();
        let again = bench.copy(bench.reader(), format, CopyOptions::default()).unwrap();
        assert_eq!(again.taken_over, 0, "{format:?}");
        bench.check(format);
    }
}
