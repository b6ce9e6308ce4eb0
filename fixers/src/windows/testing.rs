//! Phony Windows guests: hives made of text, in the shape that real ones have.

use std::cell::RefCell;

use crate::MemoryGuest;
use crate::hive::testing::hive;

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

    /// The guest.
    pub(crate) fn guest(&self) -> MemoryGuest {
        let config = "/c/Windows/System32/config";
        MemoryGuest::new()
            .file(&format!("{config}/SYSTEM"), hive("SYSTEM", &self.system.borrow()))
            .file(&format!("{config}/SOFTWARE"), hive("SOFTWARE", &self.software.borrow()))
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
