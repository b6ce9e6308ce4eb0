//! Databases for tests: of real packages by real rpm, in the format that this rpm writes; the same headers in Berkeley DB
//! through its own loader, and in ndb, which no rpm of Debian writes, by hand.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test's mistakes are its own")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::database::adler32;

/// Builds the packages of a spec below `dir`.
pub(crate) fn build(dir: &Path, spec: &str) {
    let file = dir.join("a.spec");
    fs::write(&file, spec).unwrap();
    let top = format!("_topdir {}", dir.display());
    run(Command::new("rpmbuild").args(["-bb", "--define", &top]).arg(&file));
}

/// The packages that were built below `dir`.
pub(crate) fn packages(dir: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = Vec::new();
    for arch in fs::read_dir(dir.join("RPMS")).unwrap() {
        all.extend(fs::read_dir(arch.unwrap().path()).unwrap().map(|f| f.unwrap().path()));
    }
    all.sort();
    all
}

/// A database of the packages that were built below `dir`, in SQLite: its directory.
pub(crate) fn sqlite(dir: &Path) -> PathBuf {
    let place = dir.join("sqlite");
    let all = packages(dir);
    let mut install = rpm("sqlite", &place);
    run(install.args(["-i", "--justdb", "--nodeps", "--noscripts", "--force-debian"]).args(all));
    place
}

/// A spec of a package without files; `more` are lines of its head.
pub(crate) fn spec(name: &str, version: &str, release: &str, more: &str) -> String {
    format!(
        "Name: {name}\nVersion: {version}\nRelease: {release}\nSummary: x\nLicense: x\nBuildArch: noarch\n{more}\
         %description\nx\n"
    )
}

/// rpm with the database at `place`.
pub(crate) fn rpm(backend: &str, place: &Path) -> Command {
    let mut command = Command::new("rpm");
    command.args(["--define", &format!("_db_backend {backend}"), "--dbpath"]).arg(place);
    command
}

/// The headers of a database in SQLite, by their numbers.
fn headers(place: &Path) -> Vec<(u32, Vec<u8>)> {
    let file = rusqlite::Connection::open(place.join("rpmdb.sqlite")).unwrap();
    let mut all = file.prepare("SELECT hnum, blob FROM Packages ORDER BY hnum").unwrap();
    let rows = all.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

/// The same in Berkeley DB: the content of its file.
pub(crate) fn hash(place: &Path) -> Vec<u8> {
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let mut dump = "VERSION=3\nformat=bytevalue\ntype=hash\nHEADER=END\n 00000000\n 07000000\n".to_owned();
    for (number, blob) in headers(place) {
        dump.push_str(&format!(" {}\n {}\n", hex(&number.to_le_bytes()), hex(&blob)));
    }
    dump.push_str("DATA=END\n");
    let file = place.with_file_name("hash").join("Packages");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(place.join("dump"), dump).unwrap();
    run(Command::new("db5.3_load").arg("-f").arg(place.join("dump")).arg(&file));
    fs::read(file).unwrap()
}

/// The same in ndb, with a slot that is free.
pub(crate) fn ndb(place: &Path) -> Vec<u8> {
    let mut slots = Vec::new();
    let mut blobs = Vec::new();
    let slot = |number: u32, block: usize, blocks: usize| {
        let words = [number, u32::try_from(block).unwrap(), u32::try_from(blocks).unwrap()];
        [b"Slot".to_vec(), words.into_iter().flat_map(u32::to_le_bytes).collect()].concat()
    };
    slots.extend(slot(0, 0, 0));
    for (number, header) in headers(place) {
        let length = u32::try_from(header.len()).unwrap();
        let mut blob = b"BlbS".to_vec();
        [number, 0, length].into_iter().for_each(|word| blob.extend(word.to_le_bytes()));
        blob.extend(header);
        blob.resize((blob.len() + 12).next_multiple_of(16) - 12, 0);
        blob.extend(adler32(&blob).to_le_bytes());
        blob.extend(length.to_le_bytes());
        blob.extend(b"BlbE");
        slots.extend(slot(number, (4096 + blobs.len()) / 16, blob.len() / 16));
        blobs.extend(blob);
    }
    let mut out = b"RpmP".to_vec();
    [0_u32, 1, 1, 100, 0, 0, 0].into_iter().for_each(|word| out.extend(word.to_le_bytes()));
    out.extend(slots);
    while out.len() < 4096 {
        out.extend(slot(0, 0, 0));
    }
    out.extend(blobs);
    out
}

fn run(command: &mut Command) {
    let done = command.stdin(Stdio::null()).output().unwrap();
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
}
