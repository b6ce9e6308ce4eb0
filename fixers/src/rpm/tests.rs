use std::collections::BTreeMap;

use super::database::adler32;
use super::header::tag;
use super::*;
use crate::{GuestError, MemoryGuest};

/// A package with a file that is configuration, and a second one that needs it; both small, so on pages of Berkeley DB.
const TOOLS: &str = "\
Name: open-vm-tools
Version: 12.3.5
Release: 2.el9
Summary: x
License: x
BuildArch: noarch
Provides: vmtoolsd-service = 1
%description
x
%package desktop
Summary: x
Requires: open-vm-tools = 12.3.5
%description desktop
x
%install
mkdir -p %{buildroot}/usr/bin %{buildroot}/etc/vmware-tools
echo x >%{buildroot}/usr/bin/vmtoolsd
echo x >%{buildroot}/etc/vmware-tools/tools.conf
%files
/usr/bin/vmtoolsd
%dir /etc/vmware-tools
%config(noreplace) /etc/vmware-tools/tools.conf
%files desktop
";

/// Packages whose headers take several pages of Berkeley DB.
fn large(number: u32) -> String {
    format!(
        "Name: large{number}\nVersion: 1\nRelease: 1\nSummary: x\nLicense: x\nBuildArch: noarch\n%description\nx\n\
         %install\nmkdir -p %{{buildroot}}/usr/share/large{number}\n\
         for i in $(seq 1 150); do echo >%{{buildroot}}/usr/share/large{number}/one-of-many-files-$i; done\n\
         %files\n/usr/share/large{number}\n"
    )
}

struct Built {
    dir: tempfile::TempDir,
    place: std::path::PathBuf,
}

fn built() -> Built {
    let dir = tempfile::tempdir().unwrap();
    testing::build(dir.path(), TOOLS);
    (1..=3).for_each(|number| testing::build(dir.path(), &large(number)));
    let place = testing::sqlite(dir.path());
    Built { dir, place }
}

/// Names and files.
fn read(guest: &MemoryGuest) -> crate::error::Result<BTreeMap<String, Vec<(String, u32)>>> {
    let mut found = BTreeMap::new();
    let database = Database::open(guest)?.unwrap();
    database.each(&mut |header| {
        let name = format!("{}-{}.{}", header.string(tag::NAME), header.version(), header.string(tag::ARCH));
        found.insert(name, header.files()?);
        Ok(())
    })?;
    Ok(found)
}

#[test]
fn every_format_tells_what_rpm_itself_tells() {
    let built = built();
    let sqlite = std::fs::read(built.place.join("rpmdb.sqlite")).unwrap();
    let formats = [
        ("/var/lib/rpm/rpmdb.sqlite", sqlite),
        ("/var/lib/rpm/Packages", testing::hash(&built.place)),
        ("/usr/lib/sysimage/rpm/Packages.db", testing::ndb(&built.place)),
    ];
    let rpm = testing::rpm("sqlite", &built.place).arg("-qa").output().unwrap();
    let mut told: Vec<&str> = std::str::from_utf8(&rpm.stdout).unwrap().lines().collect();
    told.sort_unstable();
    assert_eq!(told.len(), 5);
    for (path, content) in formats {
        let found = read(&MemoryGuest::new().file(path, content)).unwrap();
        assert_eq!(found.keys().collect::<Vec<_>>(), told, "{path}");
        assert_eq!(
            found["open-vm-tools-12.3.5-2.el9.noarch"],
            [
                ("/etc/vmware-tools".to_owned(), 0),
                ("/etc/vmware-tools/tools.conf".to_owned(), header::CONFIG_FILE | 1 << 4),
                ("/usr/bin/vmtoolsd".to_owned(), 0)
            ],
            "{path}"
        );
        assert_eq!(found["large2-1-1.noarch"].len(), 151, "{path}");
    }
    // rpm reads Berkeley DB still, where it does not write it.
    let bdb = testing::rpm("bdb_ro", &built.dir.path().join("hash")).arg("-qa").output().unwrap();
    let mut read: Vec<&str> = std::str::from_utf8(&bdb.stdout).unwrap().lines().collect();
    read.sort_unstable();
    assert_eq!(read, told);
}

#[test]
fn what_stands_in_sqlites_log_only_is_read_too() {
    let built = built();
    // The log stays as long as the connection is open.
    let open = rusqlite::Connection::open(built.place.join("rpmdb.sqlite")).unwrap();
    open.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
    open.pragma_update(None, "foreign_keys", false).unwrap();
    open.execute("DELETE FROM Packages WHERE hnum = (SELECT hnum FROM Name WHERE key = 'large3')", [])
        .unwrap();
    let content = |name: &str| std::fs::read(built.place.join(name)).unwrap();
    let wal = content("rpmdb.sqlite-wal");
    assert!(!wal.is_empty());
    let guest = MemoryGuest::new().file("/var/lib/rpm/rpmdb.sqlite", content("rpmdb.sqlite"));
    assert!(read(&guest).unwrap().contains_key("large3-1-1.noarch"));
    let guest = guest.file("/var/lib/rpm/rpmdb.sqlite-wal", wal);
    assert!(!read(&guest).unwrap().contains_key("large3-1-1.noarch"));
}

#[test]
fn what_is_damaged_is_refused_and_nothing_breaks() {
    let built = built();
    let whole = [
        ("/var/lib/rpm/Packages", testing::hash(&built.place)),
        ("/var/lib/rpm/Packages.db", testing::ndb(&built.place)),
        ("/var/lib/rpm/rpmdb.sqlite", std::fs::read(built.place.join("rpmdb.sqlite")).unwrap()),
    ];
    for (path, content) in whole {
        for length in [0, 3, 100, 600, 5000, content.len() / 2] {
            let cut = read(&MemoryGuest::new().file(path, &content[..length]));
            assert!(matches!(cut, Err(GuestError::Malformed { .. })), "{path} {length}: {cut:?}");
        }
        for at in (0..content.len()).step_by(content.len() / 97) {
            let mut bad = content.clone();
            bad[at] ^= 0xff;
            let _ = read(&MemoryGuest::new().file(path, bad));
        }
    }
    assert!(Database::open(&MemoryGuest::new()).unwrap().is_none());
}

/// Each would be read without end, or nearly.
#[test]
fn what_is_told_twice_is_refused() {
    let built = built();
    let mut hash = testing::hash(&built.place);
    let size = u32::from_le_bytes(hash[20..24].try_into().unwrap()) as usize;
    let page = (1..hash.len() / size).find(|page| hash[page * size + 25] == 7).unwrap();
    // A page of a chain that goes on with itself, and brings one byte each time.
    hash[page * size + 16..][..4].copy_from_slice(&u32::try_from(page).unwrap().to_le_bytes());
    hash[page * size + 22..][..2].copy_from_slice(&[1, 0]);
    let mut ndb = testing::ndb(&built.place);
    // A slot of a large package, in all that are free.
    let slot: [u8; 16] =
        (2..256).map(|s| &ndb[s * 16..][..16]).max_by_key(|s| s[13]).unwrap().try_into().unwrap();
    for at in (32..4096).step_by(16).filter(|at| ndb[at + 8..at + 12] == [0; 4]).collect::<Vec<_>>() {
        ndb[at..at + 16].copy_from_slice(&slot);
    }
    for (name, content, why) in
        [("Packages", hash, "turn back"), ("Packages.db", ndb, "more than it has room for")]
    {
        let guest = MemoryGuest::new().file(&format!("/var/lib/rpm/{name}"), content);
        let error = read(&guest).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn a_table_that_is_none_of_rpms_is_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("db");
    for made in [
        "CREATE VIEW Packages AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS blob FROM n",
        "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB AS (zeroblob(hnum)))",
    ] {
        let _ = std::fs::remove_file(&file);
        rusqlite::Connection::open(&file).unwrap().execute_batch(made).unwrap();
        let guest = MemoryGuest::new().file("/var/lib/rpm/rpmdb.sqlite", std::fs::read(&file).unwrap());
        assert!(matches!(read(&guest), Err(GuestError::Malformed { .. })), "{made}");
    }
}

/// A directory stands once, and would be repeated for each file.
#[test]
fn paths_do_not_grow_without_bounds() {
    let (long, files) = (100_000, 50_000_u32);
    let data =
        [vec![b'/'; long], vec![0], vec![0; 4 * files as usize], b"a\0".repeat(files as usize)].concat();
    let indexes = u32::try_from(long).unwrap() + 1;
    let entries = [
        (tag::DIR_NAMES, 8, 0, 1),
        (tag::DIR_INDEXES, 4, indexes, files),
        (tag::BASE_NAMES, 8, indexes + 4 * files, files),
    ];
    let mut bytes = [3, u32::try_from(data.len()).unwrap()].map(u32::to_be_bytes).concat();
    for (tag, kind, at, count) in entries {
        bytes.extend([tag, kind, at, count].map(u32::to_be_bytes).concat());
    }
    bytes.extend(data);
    let (header, _) = header::Header::parse(&bytes).unwrap();
    assert_eq!(header.strings(tag::BASE_NAMES).len(), files as usize);
    assert_eq!(header.files().unwrap_err(), "its paths are too long");
}

#[test]
fn checksums_are_adlers() {
    // RFC 1950's algorithm, as Python's zlib computes it.
    assert_eq!(adler32(b"Wikipedia"), 0x11e6_0398);
    assert_eq!(adler32(&[0xff; 20_000]), 0x9f51_d664);
}
