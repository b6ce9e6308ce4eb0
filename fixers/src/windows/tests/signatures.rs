//! What is said of who signed the driver of the disk.

use h2k_config::Policy;

use super::super::boot_driver::BootDriver;
use super::super::drivers::testing::{SHA1, Tree, signed};
use super::super::testing::{RELEASES, facts_of};
use crate::{Fixer, Severity};

/// Microsoft signs all that Windows takes with Secure Boot since 10 1607 and Server 2016.
#[test]
fn a_disk_driver_that_its_vendor_alone_has_signed_is_weighed_by_what_windows_asks_for() {
    let cross = ["Phony, Inc.", "Some CA", "Microsoft Code Verification Root"];
    let own = ["Phony, Inc.", "Some CA", "Some Root"];
    let weighed = |names: &[&str], release: &str, secure_boot: bool| {
        let dir = tempfile::tempdir().unwrap();
        let mut tree = Tree::virtio_win();
        for (_, bytes) in tree.0.iter_mut().filter(|(path, _)| path.to_lowercase().ends_with("viostor.cat")) {
            *bytes = signed(names, SHA1);
        }
        tree.write(dir.path());
        let guest = RELEASES.iter().find(|r| r.name == release).unwrap().phony().guest();
        let mut facts = facts_of(&guest);
        facts.hardware.secure_boot = secure_boot;
        let policy = Policy { virtio_win: Some(dir.path().to_owned()), ..Policy::default() };
        let concerns = BootDriver.plan(&facts, &guest, &policy).unwrap().concerns;
        let about = concerns.iter().filter(|c| c.id == "windows.virtio-win.signature");
        about.filter(|c| c.message.contains("Phony, Inc.")).map(|c| c.severity).max()
    };
    assert_eq!(weighed(&cross, "2022", true), Some(Severity::Critical));
    assert_eq!(weighed(&own, "2022", true), Some(Severity::Critical));
    assert_eq!(weighed(&own, "2022", false), Some(Severity::Warning));
    assert_eq!(weighed(&own, "2012", true), Some(Severity::Warning));
    assert_eq!(weighed(&cross, "2012", true), None);
    assert_eq!(weighed(&own, "xp-32", false), Some(Severity::Information));
}
