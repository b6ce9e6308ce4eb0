//! What the tests share: h2k itself, real guests, disks made in place.

pub mod bitlocker;
pub mod browser;
pub mod disk;
pub mod guest;
pub mod host_disk;
pub mod host_tree;
pub mod kept;
pub mod mount;
pub mod ntfs;
pub mod phony;
pub mod process;
pub mod story;
pub mod tree;
pub mod windows;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a run of a program left.
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e} in\n{}", self.stdout))
    }
}

/// Runs a program to its end.
pub fn run(command: &mut Command) -> Ran {
    let out = command.stdin(Stdio::null()).output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    Ran {
        code: out.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&out.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&out.stderr).into_owned(),
    }
}

/// Runs a program that must succeed.
#[track_caller]
pub fn ok(program: &str, args: &[&str]) -> String {
    run(Command::new(program).args(args)).expect(0).stdout
}

/// guestfish with disks, each with its format, started.
pub fn guestfish(disks: &[(&Path, &str)], read_only: bool) -> Command {
    let mut guestfish = Command::new("guestfish");
    guestfish.env("LIBGUESTFS_BACKEND", "direct").env("LIBGUESTFS_BACKEND_SETTINGS", "force_tcg");
    for ((disk, format), letter) in disks.iter().zip('a'..='z') {
        guestfish.arg("add-drive").arg(disk).arg(format!("format:{format}")).arg(format!("label:d{letter}"));
        guestfish.args([if read_only { "readonly:true" } else { "readonly:false" }, ":"]);
    }
    guestfish.arg("run");
    guestfish
}

/// Where the appliance's own programs find what is `/dev/sda2` to guestfish: the kernel may number the disks in another
/// order than that in which they were attached.
pub fn own_path(device: &str) -> String {
    match device.strip_prefix("/dev/sd") {
        Some(rest) => format!("/dev/disk/guestfs/d{rest}"),
        None => device.to_owned(),
    }
}

/// A line for the appliance's shell that opens a container by cryptsetup when its device is there. On a busy host the
/// kernel may still be looking for partitions when the appliance says that it is ready, and where udev has it look once
/// more, they are gone for a moment: cryptsetup says 4 of a device that is not there.
pub fn until_there(open: &str) -> String {
    format!(
        "i=0; until {open}; do [ $? -eq 4 ] && [ $i -lt 60 ] || exit 1; i=$((i + 1)); sleep 0.5; udevadm settle; \
         done; udevadm settle"
    )
}

/// A place for one test: a state store, a home and an output directory of its own.
pub struct Place {
    pub dir: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Self {
        // Beside the build, not in /tmp: disks of real guests are large.
        let base = Path::new(env!("CARGO_TARGET_TMPDIR"));
        Self { dir: tempfile::Builder::new().prefix("place").tempdir_in(base).unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_h2k"));
        for (key, _) in std::env::vars() {
            if key.starts_with("H2K_") {
                command.env_remove(key);
            }
        }
        // What h2k proved of this host is kept for all tests.
        let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
        command
            .env("XDG_CACHE_HOME", cache.unwrap_or_else(|| self.path("cache")))
            .env("XDG_STATE_HOME", self.path("state"))
            .env("HOME", self.path("home"))
            .current_dir(self.dir.path());
        command.stdin(Stdio::null());
        command
    }

    pub fn h2k<S: AsRef<std::ffi::OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Ran {
        run(self.command().args(args))
    }

    /// Names under the output directory besides h2k's own work directory.
    pub fn results(&self, output: &str) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.path(output)) else { return Vec::new() };
        let mut names: Vec<String> = entries
            .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
            .filter(|n| n != ".h2k" && !n.ends_with(".batch"))
            .collect();
        names.sort();
        names
    }
}

/// A file of the second readers, in the place where scripts/setup puts them.
pub fn oracle(file: &str) -> PathBuf {
    cached(&format!("oracle/{file}"))
}

/// h2k's cache, outside the checkout.
pub fn cache() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = cache.unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache"));
    cache.join("h2k")
}

/// A file of h2k's cache that scripts/setup fetched.
pub fn cached(file: &str) -> PathBuf {
    let file = cache().join(file);
    assert!(file.exists(), "{} is missing: `make test` installs it (scripts/setup --test)", file.display());
    file
}

/// BLAKE3 of a file's content.
pub fn digest(path: &Path) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut file = std::fs::File::open(path).unwrap();
    std::io::copy(&mut file, &mut hasher).unwrap();
    hasher.finalize().to_hex().to_string()
}

/// Digest of every file in a directory, by name.
pub fn digests(dir: &Path) -> std::collections::BTreeMap<String, String> {
    let mut found = std::collections::BTreeMap::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            found.insert(path.file_name().unwrap().to_string_lossy().into_owned(), digest(&path));
        }
    }
    found
}
