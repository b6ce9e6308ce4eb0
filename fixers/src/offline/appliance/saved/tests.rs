use std::io::Write;
use std::os::unix::fs::MetadataExt;

use super::*;

/// A prepared appliance with a root of some data and a large hole.
fn prepared() -> (tempfile::TempDir, Prepared) {
    let home = tempfile::tempdir().unwrap();
    for file in ["README.fixed", "kernel", "initrd"] {
        fs::write(home.path().join(file), file).unwrap();
    }
    let mut root = File::create(home.path().join(ROOT)).unwrap();
    root.write_all(&[7; 8192]).unwrap();
    root.seek(SeekFrom::Start(64 << 20)).unwrap();
    root.write_all(&[8; 4096]).unwrap();
    root.set_len(128 << 20).unwrap();
    let prepared = Prepared { dir: home.path().to_owned() };
    (home, prepared)
}

fn of(prepared: &Prepared, memory: i32, setting: &str) -> Option<Saved> {
    Saved::of(prepared, memory, Path::new("/bin/sh"), &[setting])
}

/// As QEMU would write it.
fn stream(_: &Path, memory: &Path) -> io::Result<()> {
    fs::write(memory, "stream")
}

fn made(home: &Path) -> Vec<String> {
    let entries = fs::read_dir(home).unwrap().map(Result::unwrap);
    let dirs = entries.filter(|e| e.file_type().unwrap().is_dir());
    let mut names: Vec<String> = dirs.map(|e| e.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn the_root_is_a_copy_and_the_rest_is_the_same_file() {
    let (home, prepared) = prepared();
    let saved = of(&prepared, 1280, "a").unwrap();
    assert!(!saved.is_there());
    assert!(saved.make(stream).unwrap() && saved.is_there());
    let ino = |path: PathBuf| fs::metadata(path).unwrap().ino();
    assert_eq!(ino(home.path().join("kernel")), ino(saved.dir().join("kernel")));
    assert_ne!(ino(home.path().join(ROOT)), ino(saved.dir().join(ROOT)));
    let (from, to) = (home.path().join(ROOT), saved.dir().join(ROOT));
    assert!(fs::read(&from).unwrap() == fs::read(&to).unwrap(), "the copy differs");
    assert!(fs::metadata(&to).unwrap().blocks() * 512 < 1 << 20, "the hole was written");
    assert_eq!(fs::read(saved.memory()).unwrap(), b"stream");
}

#[test]
fn other_settings_are_another_and_the_old_one_goes() {
    let (home, prepared) = prepared();
    let [first, second, keys] =
        [(1280, "a"), (1280, "b"), (2048, "a")].map(|(memory, s)| of(&prepared, memory, s).unwrap());
    for saved in [&first, &keys, &second] {
        saved.make(stream).unwrap();
    }
    assert!(!first.is_there() && second.is_there() && keys.is_there());
    assert_eq!(made(home.path()).len(), 2);
}

#[test]
fn what_fails_or_was_left_half_made_leaves_nothing() {
    let (home, prepared) = prepared();
    fs::create_dir(home.path().join("saved-new-killed")).unwrap();
    let saved = of(&prepared, 1280, "a").unwrap();
    let failed = saved.make(|_, _| Err(io::ErrorKind::TimedOut.into()));
    assert!(failed.is_err() && !saved.is_there());
    assert!(made(home.path()).is_empty());
    for _ in 0..2 {
        of(&prepared, 1280, "a").unwrap().marks().remember(false);
    }
    assert!(of(&prepared, 1280, "a").is_none());
    assert!(of(&prepared, 1280, "b").is_some());
}

#[test]
fn one_at_a_time_makes_it() {
    let (home, prepared) = prepared();
    let saved = of(&prepared, 1280, "a").unwrap();
    let other = File::create(home.path().join(LOCK)).unwrap();
    flock(&other, FlockOperation::LockExclusive).unwrap();
    assert!(!saved.make(stream).unwrap());
    drop(other);
    assert!(saved.make(stream).unwrap());
    let again = saved.make(|_, _| Err(io::ErrorKind::TimedOut.into()));
    assert!(again.unwrap(), "it is there");
}
