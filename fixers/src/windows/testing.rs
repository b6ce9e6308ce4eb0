//! Phony Windows guests: hives made of text, in the shape that real ones have.
// Texts of tests: what is wrong in them is a mistake of the test.
#![allow(clippy::unwrap_used, dead_code)]

use std::cell::RefCell;

use super::{SYSTEM_VOLUME, inspect};
use crate::facts::{NicHardware, SourceHardware};
use crate::hive::testing::hive;
use crate::{GuestFacts, MemoryGuest};

/// A guest in the making.
pub(crate) struct Phony {
    system: RefCell<String>,
    software: RefCell<String>,
}

impl Phony {
    /// A guest with the texts of its SYSTEM and SOFTWARE hives.
    pub(crate) fn new((system, software): (&str, &str)) -> Self {
        Self { system: RefCell::new(system.to_owned()), software: RefCell::new(software.to_owned()) }
    }

    /// Adds to SYSTEM.
    pub(crate) fn system(&mut self, text: &str) {
        self.system.get_mut().push_str(&format!("\n{text}\n"));
    }

    /// Adds to SOFTWARE.
    pub(crate) fn software(&mut self, text: &str) {
        self.software.get_mut().push_str(&format!("\n{text}\n"));
    }

    /// SYSTEM and SOFTWARE.
    pub(crate) fn hives(&self) -> (Vec<u8>, Vec<u8>) {
        (hive("SYSTEM", &self.system.borrow()), hive("SOFTWARE", &self.software.borrow()))
    }

    /// The guest.
    pub(crate) fn guest(&self) -> MemoryGuest {
        let config = "/c/Windows/System32/config";
        let (system, software) = self.hives();
        MemoryGuest::new()
            .file(&format!("{config}/SYSTEM"), system)
            .file(&format!("{config}/SOFTWARE"), software)
            .file("/c/Windows/System32/ntoskrnl.exe", "MZ")
            .dir("/c/Windows/System32/drivers")
            .dir("/c/Windows/INF")
            .dir("/c/Windows/System32/DriverStore/FileRepository")
            .dir("/c/Windows/System32/CatRoot/{F750E6C3-38EE-11D1-85E5-00C04FC295EE}")
    }
}

/// Windows Server 2022 on VMware hardware, with two NICs, one of them with a static address, and VMware Tools.
pub(crate) const SERVER_2022: (&str, &str) =
    (include_str!("testing/server-2022.system.reg"), include_str!("testing/server-2022.software.reg"));

/// A release of Windows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Release {
    /// Name for snapshots.
    pub(crate) name: &'static str,
    /// Major version, minor version, build.
    pub(crate) number: (u32, u32, u32),
    /// `ProductType`.
    pub(crate) kind: &'static str,
    /// `PROCESSOR_ARCHITECTURE`.
    pub(crate) arch: &'static str,
    /// Product name.
    pub(crate) product: &'static str,
}

const fn release(
    name: &'static str,
    number: (u32, u32, u32),
    kind: &'static str,
    arch: &'static str,
    product: &'static str,
) -> Release {
    Release { name, number, kind, arch, product }
}

/// Those that there are phony guests of.
pub(crate) const RELEASES: [Release; 18] = [
    release("xp-32", (5, 1, 2600), "WinNT", "x86", "Microsoft Windows XP"),
    release("2003-32", (5, 2, 3790), "ServerNT", "x86", "Windows Server 2003"),
    release("vista-32", (6, 0, 6002), "WinNT", "x86", "Windows Vista Business"),
    release("2008-32", (6, 0, 6003), "ServerNT", "x86", "Windows Server 2008 Standard"),
    release("2008", (6, 0, 6003), "ServerNT", "AMD64", "Windows Server 2008 Standard"),
    release("7-32", (6, 1, 7601), "WinNT", "x86", "Windows 7 Professional"),
    release("7", (6, 1, 7601), "WinNT", "AMD64", "Windows 7 Professional"),
    release("2008r2", (6, 1, 7601), "ServerNT", "AMD64", "Windows Server 2008 R2 Standard"),
    release("2012", (6, 2, 9200), "ServerNT", "AMD64", "Windows Server 2012 Standard"),
    release("8", (6, 2, 9200), "WinNT", "AMD64", "Windows 8 Pro"),
    release("8.1", (6, 3, 9600), "WinNT", "AMD64", "Windows 8.1 Pro"),
    release("2012r2", (6, 3, 9600), "ServerNT", "AMD64", "Windows Server 2012 R2 Standard"),
    release("2016", (10, 0, 14393), "ServerNT", "AMD64", "Windows Server 2016 Standard"),
    release("2019", (10, 0, 17763), "ServerNT", "AMD64", "Windows Server 2019 Standard"),
    release("10", (10, 0, 19045), "WinNT", "AMD64", "Windows 10 Pro"),
    release("2022", (10, 0, 20348), "LanmanNT", "AMD64", "Windows Server 2022 Standard"),
    release("11", (10, 0, 22631), "WinNT", "AMD64", "Windows 10 Pro"),
    release("2025", (10, 0, 26100), "ServerNT", "AMD64", "Windows Server 2025 Standard"),
];

impl Release {
    /// Windows 8 and newer.
    pub(crate) fn has_database(&self) -> bool {
        (self.number.0, self.number.1) >= (6, 2)
    }

    /// A guest of this release: the keys of the 2022 server as far as the release has them.
    pub(crate) fn phony(&self) -> Phony {
        let (major, minor, build) = self.number;
        let (system, software) = SERVER_2022;
        let mut system = system.replace("\"ServerNT\"", &format!("{:?}", self.kind));
        system = system.replace(
            "\"PROCESSOR_ARCHITECTURE\"=\"AMD64\"",
            &format!("\"PROCESSOR_ARCHITECTURE\"={:?}", self.arch),
        );
        if !self.has_database() {
            let is_newer = |key: &str| key.starts_with("DriverDatabase");
            system = without_keys(&system, is_newer).replace("\"Owners\"", "\"NotOwners\"");
        }
        if major < 10 {
            system = without_keys(&system, |key| key.contains("NetworkSetup2"));
        }
        let mut software = software
            .replace("Windows Server 2022 Standard", self.product)
            .replace("20348", &build.to_string());
        if major < 10 {
            software = software.replace("\"6.3\"", &format!("\"{major}.{minor}\""));
            let newer = |line: &&str| !line.starts_with("\"CurrentM");
            software = software.lines().filter(newer).map(|line| format!("{line}\n")).collect();
        }
        Phony::new((&system, &software))
    }
}

/// A `.reg` text without some of its keys.
pub(crate) fn without_keys(text: &str, gone: impl Fn(&str) -> bool) -> String {
    let mut kept = String::new();
    let mut keep = true;
    for line in text.lines() {
        if let Some(key) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            keep = !gone(key);
        }
        if keep {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

/// The facts of a phony guest, with two NICs of VMware's.
pub(crate) fn facts_of(guest: &MemoryGuest) -> GuestFacts {
    facts_with(guest, vmware_nics())
}

/// The NICs that the phony guests know.
pub(crate) fn vmware_nics() -> Vec<NicHardware> {
    let nic = |mac: &str, slot| NicHardware {
        mac: mac.to_owned(),
        mac_from_source: true,
        pci_slot: Some(slot),
        ..NicHardware::default()
    };
    vec![nic("00:50:56:aa:bb:01", 192), nic("00:50:56:aa:bb:02", 224)]
}

/// The facts of a phony guest whose source describes these NICs.
pub(crate) fn facts_with(guest: &MemoryGuest, nics: Vec<NicHardware>) -> GuestFacts {
    let hardware = SourceHardware { nics, ..SourceHardware::default() };
    let dir = inspect::system_root(guest, SYSTEM_VOLUME).unwrap().unwrap();
    let systems = vec![inspect::system(guest, "/dev/sda2", &dir).unwrap()];
    let mut facts = GuestFacts { hardware, systems, ..GuestFacts::default() };
    inspect::gather(guest, &mut facts).unwrap();
    facts
}
