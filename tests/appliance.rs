//! How the appliance is started where KVM is not proven.

use std::io::Read;
use std::process::Stdio;

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
    std::fs::File::open(kernel).unwrap().read_exact(&mut start).unwrap();
    assert_eq!(start == *b"\x7fELF", kvm["health"] != "ok", "{kernel}; {kvm}");
    let append = arguments.iter().skip_while(|word| *word != "-append").nth(1).expect("it has no arguments");
    assert_eq!(append.contains("BASH_FUNC_udevadm"), kvm["health"] != "ok", "{append}");
}
