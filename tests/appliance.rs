//! How the appliance is started where KVM is not proven.

use std::fs;
use std::io::Read;
use std::process::Stdio;
use std::time::Duration;

use crate::common::process::{appliance, arguments, is_qemu, start_until, tree};
use crate::common::{Place, phony, process};

#[test]
fn without_kvm_it_is_started_sooner() {
    let place = Place::new();
    let vmx = phony::guest(&place, "web01");
    let vmx = vmx.to_str().unwrap();
    let doctor = place.h2k(["doctor", "--json"]).json();
    let kvm = doctor["checks"].as_array().unwrap().iter().find(|c| c["id"] == "kvm").unwrap();
    // The first launch may have to build the appliance.
    place.h2k(["inspect", vmx]).expect(0);
    let mut h2k = place.command();
    h2k.args(["inspect", vmx]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut h2k = h2k.spawn().unwrap();
    let arguments = process::wait(60, || process::appliance_arguments(h2k.id())).expect("no appliance").1;
    assert!(h2k.wait().unwrap().success());
    let kernel = arguments.iter().skip_while(|word| *word != "-kernel").nth(1).expect("it has no kernel");
    let mut start = [0; 4];
    fs::File::open(kernel).unwrap().read_exact(&mut start).unwrap();
    assert_eq!(start == *b"\x7fELF", kvm["health"] != "ok", "{kernel}; {kvm}");
    let append = arguments.iter().skip_while(|word| *word != "-append").nth(1).expect("it has no arguments");
    assert_eq!(append.contains("BASH_FUNC_udevadm"), kvm["health"] != "ok", "{append}");
}

/// `-incoming` is QEMU's word for going on from what was saved.
#[test]
fn what_is_saved_of_an_appliance_gives_the_same_answers_and_may_be_lost() {
    let place = Place::new();
    let vmx = phony::guest(&place, "web01");
    let cache = place.path("cache");
    fs::create_dir(&cache).unwrap();
    let inspect = || {
        let mut h2k = place.command();
        h2k.args(["inspect", vmx.to_str().unwrap(), "--json"]).env("LIBGUESTFS_CACHEDIR", &cache);
        let mut h2k = h2k.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut resumed = false;
        while h2k.try_wait().unwrap().is_none() {
            let arguments = process::appliance_arguments(h2k.id());
            resumed |= arguments.is_some_and(|(_, words)| words.iter().any(|word| word == "-incoming"));
            std::thread::sleep(Duration::from_millis(20));
        }
        let out = h2k.wait_with_output().unwrap();
        assert!(out.status.success());
        (resumed, serde_json::from_slice::<serde_json::Value>(&out.stdout).unwrap())
    };
    let kvm = place.h2k(["doctor", "--json"]).json();
    let kvm = kvm["checks"].as_array().unwrap().iter().find(|c| c["id"] == "kvm").unwrap()["health"] == "ok";
    // libguestfs builds the appliance; then it is started with its kernel unpacked.
    inspect();
    let (resumed, usual) = inspect();
    assert!(!resumed);
    for _ in 0..2 {
        let (resumed, answers) = inspect();
        assert_eq!(resumed, !kvm);
        assert_eq!(answers, usual);
    }
    if kvm {
        return;
    }
    let memory = glob::glob(&format!("{}/.guestfs-*/h2k-*/saved-*/memory", cache.display())).unwrap();
    let memory: Vec<_> = memory.map(Result::unwrap).collect();
    let [memory] = memory.as_slice() else { panic!("{memory:?}") };
    let file = fs::File::options().write(true).open(memory).unwrap();
    file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    let (resumed, answers) = inspect();
    assert!(resumed && answers == usual, "it was tried, and the ordinary start taken");
    assert!(!memory.exists(), "what cannot be used is kept");
}

#[test]
fn none_is_started_for_a_boot_test_of_a_guest_that_has_a_console() {
    let place = Place::new();
    let vmx = phony::guest(&place, "web01");
    let vmx = vmx.to_str().unwrap();
    let args = ["migrate", vmx, "-o", "out", "--format", "raw", "--serial-console", "--boot-timeout", "10"];
    let mut h2k = start_until(&place, &args, "stage-started", "validate");
    let (mut appliances, mut booted) = (0, false);
    let code = loop {
        if let Some(ended) = h2k.try_wait().unwrap() {
            break ended.code();
        }
        // Not one that is only asked what it can do.
        let of_guest = |pid: u32| arguments(pid).iter().any(|word| word.contains("h2k-boot-"));
        booted |= tree(h2k.id()).into_iter().any(|pid| is_qemu(pid) && of_guest(pid));
        appliances += usize::from(appliance(h2k.id()).is_some());
        std::thread::sleep(Duration::from_millis(20));
    };
    // It is a phony.
    assert_eq!((code, appliances, booted), (Some(5), 0, true));
}
