//! Nothing that h2k started outlives it, however it is killed, and what it left lying the next one removes.

use std::process::Stdio;
use std::time::{Duration, SystemTime};

use crate::common::{Place, phony, process};

#[test]
fn the_appliance_dies_with_h2k_and_its_watchman() {
    let place = Place::new();
    let vmx = phony::guest(&place, "web01");
    let temporary = place.path("temporary");
    std::fs::create_dir_all(&temporary).unwrap();
    let left = || std::fs::read_dir(&temporary).unwrap().map(|e| e.unwrap().file_name()).collect::<Vec<_>>();
    let mut h2k = place.command();
    // The appliance itself is kept for all.
    h2k.env("TMPDIR", &temporary).env("LIBGUESTFS_CACHEDIR", "/var/tmp");
    h2k.args(["inspect", vmx.to_str().unwrap()]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut h2k = h2k.spawn().unwrap();
    let look = || process::appliance(h2k.id());
    let qemu = process::wait(60, look).expect("no appliance was started");
    // libguestfs' recovery process comes right after QEMU.
    let others = || {
        let tree = process::tree(h2k.id());
        let others: Vec<u32> =
            tree.into_iter().filter(|pid| *pid != h2k.id() && !process::is_qemu(*pid)).collect();
        (!others.is_empty()).then_some(others)
    };
    let watchmen =
        process::wait(20, others).expect("libguestfs has no recovery process: the test would prove less");
    assert!(process::is_qemu(qemu), "the appliance was gone before anything was killed");
    let mut all = vec![h2k.id()];
    all.extend(&watchmen);
    // In one call: one after the other, the watchman would still do its work.
    let pids = all.iter().map(u32::to_string);
    crate::common::run(std::process::Command::new("kill").arg("-9").args(pids)).expect(0);
    h2k.wait().unwrap();
    let gone = process::wait(5, || (!process::is_qemu(qemu)).then_some(()));
    if gone.is_none() {
        process::kill(&[qemu]);
        panic!("QEMU outlived h2k");
    }

    assert!(!left().is_empty(), "nothing was left: the test would prove less");
    // QEMU itself may have been about to unlink a file: the next one leaves what is that new.
    for name in left().iter().filter(|name| name.to_string_lossy().starts_with("vl.")) {
        let file = std::fs::File::options().write(true).open(temporary.join(name)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(120)).unwrap();
    }
    let broken =
        place.write("broken.vmx", "scsi0:0.fileName = \"absent.vmdk\"\nscsi0:0.present = \"TRUE\"\n");
    let next = crate::common::run(place.command().env("TMPDIR", &temporary).arg("inspect").arg(broken));
    assert_ne!(next.code, 0);
    assert_eq!(left(), Vec::<std::ffi::OsString>::new());
}
