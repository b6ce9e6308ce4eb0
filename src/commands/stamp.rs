//! A stamp of a file or of all files below a directory: names, sizes and times. For what is too large to be digested
//! before anything starts (an image of drivers has 700 MB).

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::error::{Failure, FailureKind};

/// Most files below a directory: virtio-win has about three thousand.
const MAX_FILES: usize = 100_000;
/// Deepest directory that is looked into: virtio-win's files lie three deep.
const MAX_DEPTH: usize = 16;

/// The stamp of `path`. Another one says that something was changed; the same one, that nobody set times back.
///
/// # Errors
/// It is not there or cannot be read, or it is a directory with too much in it.
pub fn of(path: &Path) -> Result<String, Failure> {
    let mut hasher = blake3::Hasher::new();
    let mut files = 0;
    add(&mut hasher, path, "", &mut files, 0)?;
    Ok(format!("stamp:{}", hasher.finalize().to_hex()))
}

fn add(
    hasher: &mut blake3::Hasher,
    path: &Path,
    name: &str,
    files: &mut usize,
    depth: usize,
) -> Result<(), Failure> {
    let failed = |e| {
        Failure::new(FailureKind::Usage, e).context(format!("looking at the drivers in {}", path.display()))
    };
    let meta = fs::metadata(path).map_err(failed)?;
    *files += 1;
    if *files > MAX_FILES || depth > MAX_DEPTH {
        let message = format!("{} holds more than a collection of drivers does", path.display());
        return Err(Failure::message(FailureKind::Usage, message)
            .hint("name the virtio-win image, or the directory that it is unpacked in"));
    }
    if !meta.is_dir() {
        hasher.update(line(name, &meta).as_bytes());
        return Ok(());
    }
    let mut names: Vec<String> = fs::read_dir(path)
        .map_err(failed)?
        .map(|entry| entry.map(|e| e.file_name().to_string_lossy().into_owned()))
        .collect::<Result<_, _>>()
        .map_err(failed)?;
    names.sort_unstable();
    for entry in names {
        let below = path.join(&entry);
        // A link that leads nowhere is no driver, and a link to a directory could lead up again.
        let link = fs::symlink_metadata(&below).map_err(failed)?.is_symlink();
        if link && !fs::metadata(&below).is_ok_and(|m| m.is_file()) {
            continue;
        }
        add(hasher, &below, &format!("{name}/{entry}"), files, depth + 1)?;
    }
    Ok(())
}

/// One file: the lengths keep a name from running into the numbers.
fn line(name: &str, meta: &Metadata) -> String {
    format!("{}:{name}:{}:{}:{}\n", name.len(), meta.len(), meta.mtime(), meta.mtime_nsec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_makes_another_stamp() {
        let dir = tempfile::tempdir().unwrap();
        let below = dir.path().join("viostor/w10");
        fs::create_dir_all(&below).unwrap();
        fs::write(below.join("viostor.inf"), "a").unwrap();
        std::os::unix::fs::symlink("..", below.join("up")).unwrap();
        std::os::unix::fs::symlink("absent", below.join("nowhere")).unwrap();
        let first = of(dir.path()).unwrap();
        assert_eq!(of(dir.path()).unwrap(), first);
        fs::write(below.join("viostor.inf"), "ab").unwrap();
        let second = of(dir.path()).unwrap();
        fs::write(below.join("viostor.sys"), "").unwrap();
        let third = of(dir.path()).unwrap();
        fs::rename(below.join("viostor.sys"), below.join("viostor.cat")).unwrap();
        let fourth = of(dir.path()).unwrap();
        let all = [&first, &second, &third, &fourth];
        assert!(all.iter().enumerate().all(|(i, a)| all.iter().skip(i + 1).all(|b| a != b)), "{all:?}");
        assert_ne!(of(&below.join("viostor.inf")).unwrap(), of(&below.join("viostor.cat")).unwrap());
        let error = of(&dir.path().join("absent")).unwrap_err();
        assert_eq!(error.kind, FailureKind::Usage);
    }
}
