//! Nothing that h2k started outlives it, however it is killed.

use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::common::{Place, phony, process};

/// The name of a process, as long as it lives.
fn name(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (name, rest) = stat.split_once('(')?.1.rsplit_once(')')?;
    (!rest.starts_with(" Z") && !rest.starts_with(" X")).then(|| name.to_owned())
}

fn is_qemu(pid: &u32) -> bool {
    // Names are cut to 15 bytes.
    name(*pid).is_some_and(|n| n.starts_with("qemu-system"))
}

/// Waits for what is looked for; `None` if it does not come.
fn wait<T>(seconds: u64, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let started = Instant::now();
    loop {
        let found = look();
        if found.is_some() || started.elapsed() > Duration::from_secs(seconds) {
            return found;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn the_appliance_dies_with_h2k_and_its_watchman() {
    let place = Place::new();
    let vmx = phony::guest(&place, "web01");
    let mut h2k = place.command();
    h2k.args(["inspect", vmx.to_str().unwrap()]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut h2k = h2k.spawn().unwrap();
    // The appliance, not the QEMUs that are only asked what they can do: it has a guest's memory and lives on.
    let appliance = |pid: &u32| {
        std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| {
            line.split(|b| *b == 0).any(|word| word.starts_with(b"guestfs_platform") || word == b"-append")
        })
    };
    let look = || process::tree(h2k.id()).into_iter().find(|pid| is_qemu(pid) && appliance(pid));
    let qemu = wait(60, look).expect("no appliance was started");
    // libguestfs' recovery process comes right after QEMU.
    let others = || {
        let tree = process::tree(h2k.id());
        let others: Vec<u32> = tree.into_iter().filter(|pid| *pid != h2k.id() && !is_qemu(pid)).collect();
        (!others.is_empty()).then_some(others)
    };
    let watchmen = wait(20, others).expect("libguestfs has no recovery process: the test would prove less");
    assert!(is_qemu(&qemu), "the appliance was gone before anything was killed");
    let mut all = vec![h2k.id()];
    all.extend(&watchmen);
    // In one call: one after the other, the watchman would still do its work.
    let pids = all.iter().map(u32::to_string);
    crate::common::run(std::process::Command::new("kill").arg("-9").args(pids)).expect(0);
    h2k.wait().unwrap();
    let gone = wait(5, || (!is_qemu(&qemu)).then_some(()));
    if gone.is_none() {
        process::kill(&[qemu]);
        panic!("QEMU outlived h2k");
    }
}
