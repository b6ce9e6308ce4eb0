use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use super::*;

/// A cache directory of libguestfs with the appliance that this host's kernel makes. The kernel is a real one where the
/// host has one that may be read.
struct Bench {
    home: tempfile::TempDir,
    user: u32,
}

impl Bench {
    fn new(kernel: &[u8]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let built = home.path().join(BUILT);
        fs::create_dir(&built).unwrap();
        for dir in [home.path(), &built] {
            fs::set_permissions(dir, fs::Permissions::from_mode(0o755)).unwrap();
        }
        for (file, bytes) in [("kernel", kernel), ("initrd", b"initrd"), ("root", b"root")] {
            fs::write(built.join(file), bytes).unwrap();
        }
        Self { home, user: rustix::process::geteuid().as_raw() }
    }

    fn find(&self, newest: SystemTime) -> io::Result<Option<Prepared>> {
        find(self.home.path(), self.user, newest)
    }

    fn made(&self) -> Vec<String> {
        let names =
            fs::read_dir(self.home.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|n| n != BUILT).collect();
        names.sort();
        names
    }
}

fn before() -> SystemTime {
    SystemTime::now() - Duration::from_secs(3600)
}

fn kernel() -> Vec<u8> {
    super::bzimage::testing::image_with_entry()
}

#[test]
fn it_holds_the_same_files_and_an_unpacked_kernel() {
    let bench = Bench::new(&kernel());
    let found = bench.find(before()).unwrap().unwrap();
    let ino = |path: PathBuf| fs::metadata(path).unwrap().ino();
    for file in ["initrd", "root"] {
        assert_eq!(ino(found.dir.join(file)), ino(bench.home.path().join(BUILT).join(file)), "{file}");
    }
    assert!(fs::read(found.dir.join("kernel")).unwrap().starts_with(b"\x7fELF"));
    let again = bench.find(before()).unwrap().unwrap();
    assert_eq!(again.dir, found.dir);
    assert_eq!(bench.made().len(), 1);
}

#[test]
fn it_is_not_used_once_packages_changed() {
    let bench = Bench::new(&kernel());
    assert!(bench.find(SystemTime::now() + Duration::from_secs(1)).unwrap().is_none());
    assert!(bench.made().is_empty());
}

#[test]
fn one_that_never_starts_is_left_alone() {
    let bench = Bench::new(&kernel());
    bench.find(before()).unwrap().unwrap().marks().remember(false);
    bench.find(before()).unwrap().unwrap().marks().remember(false);
    assert!(bench.find(before()).unwrap().is_none());
}

#[test]
fn one_that_started_once_is_trusted_whatever_is_killed() {
    let bench = Bench::new(&kernel());
    for started in [false, true, false, false, false] {
        bench.find(before()).unwrap().unwrap().marks().remember(started);
    }
    assert!(bench.find(before()).unwrap().unwrap().marks().works());
}

#[test]
fn another_appliance_has_another_and_the_old_one_goes() {
    let bench = Bench::new(&kernel());
    let first = bench.find(before()).unwrap().unwrap();
    // supermin builds into a new directory.
    let (built, new) = (bench.home.path().join(BUILT), bench.home.path().join("new"));
    fs::create_dir(&new).unwrap();
    fs::set_permissions(&new, fs::Permissions::from_mode(0o755)).unwrap();
    for file in ["kernel", "initrd", "root"] {
        fs::copy(built.join(file), new.join(file)).unwrap();
    }
    fs::remove_dir_all(&built).unwrap();
    fs::rename(&new, &built).unwrap();
    let second = bench.find(before()).unwrap().unwrap();
    assert_ne!(first.dir, second.dir);
    assert_eq!(bench.made().len(), 1);
}

#[test]
fn one_that_lacks_a_file_is_made_again() {
    let bench = Bench::new(&kernel());
    let found = bench.find(before()).unwrap().unwrap();
    fs::remove_file(found.dir.join("kernel")).unwrap();
    assert!(bench.find(before()).unwrap().unwrap().dir.join("kernel").is_file());
    assert_eq!(bench.made().len(), 1);
}

#[test]
fn a_kernel_that_cannot_be_unpacked_leaves_nothing() {
    let bench = Bench::new(b"not a kernel");
    assert!(bench.find(before()).is_err());
    assert!(bench.made().is_empty());
}

#[test]
fn a_directory_that_others_can_write_to_is_not_trusted() {
    let bench = Bench::new(&kernel());
    fs::set_permissions(bench.home.path(), fs::Permissions::from_mode(0o777)).unwrap();
    assert!(bench.find(before()).is_err());
    assert!(find(bench.home.path(), bench.user + 1, before()).is_err());
}
