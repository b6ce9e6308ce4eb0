//! Real guests, built by `fixtures/guests/build` and cached outside the checkout.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::run;

/// A built guest.
pub struct Guest {
    pub dir: PathBuf,
    pub facts: serde_json::Value,
}

/// Builds a guest, or finds it built.
pub fn guest(name: &str) -> Guest {
    let built = run(Command::new("fixtures/guests/build").arg(name)).expect(0);
    let dir = PathBuf::from(built.stdout.trim());
    let facts = serde_json::from_slice(&std::fs::read(dir.join("facts.json")).unwrap()).unwrap();
    Guest { dir, facts }
}

impl Guest {
    pub fn vmx(&self) -> PathBuf {
        self.dir.join("guest.vmx")
    }

    pub fn text(&self, key: &str) -> &str {
        self.facts[key].as_str().unwrap_or_else(|| panic!("no text {key} in facts.json"))
    }

    /// Device and mount point of its file systems, root first, as [`super::tree::tree`] takes them.
    pub fn mounts(&self) -> Vec<(&str, &str)> {
        let mounts = self.facts["mounts"].as_array().unwrap().iter();
        mounts.map(|m| (m["device"].as_str().unwrap(), m["mount"].as_str().unwrap())).collect()
    }

    /// The guest's disk files, in order.
    pub fn disks(&self) -> Vec<PathBuf> {
        let disks = self.facts["disks"].as_array().unwrap();
        disks.iter().map(|d| self.dir.join(d["file"].as_str().unwrap())).collect()
    }
}

/// Boots a guest as its builder left it; `hardware` is `vmware` or `virtio`. The script compares with what the
/// guest's facts promise: a login prompt on VMware's hardware, none on virtio.
#[track_caller]
pub fn boot_proof(name: &str, hardware: &str) {
    let proof = run(Command::new("fixtures/guests/boot-proof").args([name, hardware]));
    eprintln!("{}", proof.stdout);
    proof.expect(0);
}

/// `virt-xml-validate` accepts the domain.
#[track_caller]
pub fn validate_xml(xml: &Path) {
    run(Command::new("virt-xml-validate").arg(xml)).expect(0);
}
