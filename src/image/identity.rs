//! What a source was when it was looked at: enough to notice that it changed, without reading all of it.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{DiskReader, nbd};

/// Files up to this size are digested whole, in bytes: descriptors, headers, small disks.
const WHOLE: u64 = 4 << 20;

/// Bytes at the start and at the end of a larger file: partition tables, headers, footers, grain directories.
const END: u64 = 1 << 20;

/// Samples between these, evenly spaced.
const SAMPLES: u64 = 16;

/// Bytes of a sample.
const SAMPLE: u64 = 64 << 10;

/// Identity of every file that a source consists of. A file that is written to changes its time; one that is
/// replaced with its time kept is found by its samples.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceIdentity {
    /// The files, sorted by path, each once.
    pub files: Vec<FileIdentity>,
    /// BLAKE3 over the above, in hexadecimal.
    pub digest: String,
}

/// Identity of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileIdentity {
    /// Path, as given; of an NBD export, its URI.
    pub path: PathBuf,
    /// Size in bytes.
    pub size: u64,
    /// Time of the last change of the content: seconds since 1970 (UTC). 0 for an NBD export, which tells none.
    pub mtime: i64,
    /// Nanoseconds of that second.
    pub mtime_nanos: i64,
    /// BLAKE3 of the file or of its samples, in hexadecimal.
    pub digest: String,
}

impl SourceIdentity {
    /// Looks at files and at NBD exports (by their URIs), in parallel.
    ///
    /// # Errors
    /// What the host reports, with the file's path.
    pub fn of<P: AsRef<Path>>(files: impl IntoIterator<Item = P>) -> io::Result<Self> {
        let paths: BTreeSet<PathBuf> = files.into_iter().map(|path| path.as_ref().to_path_buf()).collect();
        let files: Vec<PathBuf> = paths.into_iter().collect();
        let files = files.into_par_iter().map(identify).collect::<io::Result<Vec<_>>>()?;
        let digest = combined(&files);
        Ok(Self { files, digest })
    }

    /// The paths of the files.
    pub fn paths(&self) -> Vec<PathBuf> {
        self.files.iter().map(|file| file.path.clone()).collect()
    }

    /// What is different in `later`, in words that name the first file; `None` if nothing is.
    pub fn differs(&self, later: &Self) -> Option<String> {
        for file in &self.files {
            let path = file.path.display();
            let Some(now) = later.files.iter().find(|now| now.path == file.path) else {
                return Some(format!("{path} is no longer a part of it"));
            };
            if now.size != file.size {
                return Some(format!("{path} had {} bytes and has {}", file.size, now.size));
            }
            if now.digest != file.digest {
                return Some(format!("{path} has another content"));
            }
            if (now.mtime, now.mtime_nanos) != (file.mtime, file.mtime_nanos) {
                return Some(format!("{path} was written to"));
            }
        }
        let new = later.files.iter().find(|now| self.files.iter().all(|file| file.path != now.path));
        new.map(|file| format!("{} was not a part of it", file.path.display()))
    }
}

fn identify(path: PathBuf) -> io::Result<FileIdentity> {
    if let Some(uri) = nbd::uri_of(&path) {
        let export = nbd::open(uri).map_err(|e| io::Error::other(e.chain()))?;
        let size = DiskReader::size(&export);
        let digest = sampled(&|buf, offset| DiskReader::read_at(&export, buf, offset), size)?;
        return Ok(FileIdentity { path, size, mtime: 0, mtime_nanos: 0, digest });
    }
    let named = |e: io::Error| io::Error::new(e.kind(), format!("{}: {e}", path.display()));
    let file = File::open(&path).map_err(named)?;
    let metadata = file.metadata().map_err(named)?;
    let read = |buf: &mut [u8], offset| file.read_exact_at(buf, offset);
    let digest = sampled(&read, metadata.len()).map_err(named)?;
    let (size, mtime, mtime_nanos) = (metadata.len(), metadata.mtime(), metadata.mtime_nsec());
    Ok(FileIdentity { path, size, mtime, mtime_nanos, digest })
}

/// The parts of a file of `size` bytes that are digested, as offset and length.
fn parts(size: u64) -> Vec<(u64, u64)> {
    if size <= WHOLE {
        return vec![(0, size)];
    }
    let middle = size - 2 * END - SAMPLE;
    // 128 bits: a file may be larger than 2^60 bytes.
    let sample = |n: u64| END + (u128::from(middle) * u128::from(n) / u128::from(SAMPLES - 1)) as u64;
    let samples = (0..SAMPLES).map(|n| (sample(n), SAMPLE));
    std::iter::once((0, END)).chain(samples).chain([(size - END, END)]).collect()
}

/// Fills a buffer from an offset in bytes.
type ReadAt<'a> = dyn Fn(&mut [u8], u64) -> io::Result<()> + 'a;

fn sampled(read_at: &ReadAt<'_>, size: u64) -> io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    for (offset, length) in parts(size) {
        let mut bytes = vec![0; length as usize];
        read_at(&mut bytes, offset)?;
        hasher.update(&bytes);
    }
    Ok(hasher.finalize().to_hex().to_string())
}

fn combined(files: &[FileIdentity]) -> String {
    let mut hasher = blake3::Hasher::new();
    for file in files {
        let path = file.path.as_os_str().as_encoded_bytes();
        // Lengths keep neighbours apart.
        hasher.update(&(path.len() as u64).to_le_bytes()).update(path);
        hasher.update(&file.size.to_le_bytes());
        hasher.update(&file.mtime.to_le_bytes()).update(&file.mtime_nanos.to_le_bytes());
        hasher.update(file.digest.as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use std::fs::{self, FileTimes};
    use std::time::{Duration, SystemTime};

    use super::*;

    fn write(path: &Path, content: &[u8], seconds: u64) {
        fs::write(path, content).unwrap();
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        File::options()
            .write(true)
            .open(path)
            .unwrap()
            .set_times(FileTimes::new().set_modified(time))
            .unwrap();
    }

    #[test]
    fn every_change_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        write(&a, b"one", 1000);
        write(&b, b"two", 1000);
        let before = SourceIdentity::of([&b, &a, &b]).unwrap();
        assert_eq!(before.paths(), [a.clone(), b.clone()]);
        assert_eq!(before.digest.len(), 64);
        assert_eq!(before.differs(&SourceIdentity::of([&a, &b]).unwrap()), None);
        for (content, seconds, what) in [
            (&b"three"[..], 1000, "had 3 bytes and has 5"),
            (b"owt", 1000, "has another content"),
            (b"two", 1001, "was written to"),
        ] {
            write(&b, content, seconds);
            let after = SourceIdentity::of([&a, &b]).unwrap();
            assert_eq!(before.differs(&after), Some(format!("{} {what}", b.display())));
            assert_ne!(before.digest, after.digest);
        }
        let less = SourceIdentity::of([&a]).unwrap();
        assert_eq!(before.differs(&less), Some(format!("{} is no longer a part of it", b.display())));
        assert_eq!(less.differs(&before), Some(format!("{} was not a part of it", b.display())));
    }

    #[test]
    fn a_large_file_is_sampled_within_its_bounds() {
        for size in [WHOLE + 1, WHOLE + SAMPLE, 1 << 40, u64::MAX >> 1] {
            let parts = parts(size);
            assert_eq!(parts.len(), 18);
            assert_eq!((parts[0], parts[17]), ((0, END), (size - END, END)));
            assert_eq!((parts[1].0, parts[16].0), (END, size - END - SAMPLE));
            assert!(parts.windows(2).all(|pair| pair[0].0 < pair[1].0), "{size}");
        }
        assert_eq!(parts(WHOLE), [(0, WHOLE)]);
    }

    #[test]
    fn a_sampled_change_in_a_sparse_file_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("disk");
        write(&path, b"", 1000);
        let file = File::options().write(true).open(&path).unwrap();
        file.set_len(1 << 30).unwrap();
        let look = || {
            let file = File::open(&path).unwrap();
            sampled(&|buf, offset| file.read_exact_at(buf, offset), 1 << 30).unwrap()
        };
        let one = look();
        file.write_all_at(b"x", parts(1 << 30)[9].0 + 100).unwrap();
        assert_ne!(one, look());
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = SourceIdentity::of(["/nonexistent/disk.vmdk"]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(error.to_string().starts_with("/nonexistent/disk.vmdk: "));
    }

    #[test]
    fn it_survives_the_store() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        write(&path, b"one", 1000);
        let identity = SourceIdentity::of([path]).unwrap();
        let stored = serde_json::to_string(&identity).unwrap();
        assert_eq!(serde_json::from_str::<SourceIdentity>(&stored).unwrap(), identity);
    }
}
