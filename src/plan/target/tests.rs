//! Targets: names and identities, and of Linux guests which virtio they know and which disk they boot from.

use h2k_config::DiskBus;
use h2k_fixers::facts::{BlockDevice, KernelFacts, Mount};

use super::*;
use crate::emit::libvirt_xml;
use crate::plan::rules::tests::bench::Vm;

fn made(vm: &Vm) -> Domain {
    let sizes = vec![1 << 30; vm.source.disks.len()];
    target(&vm.name, &vm.source, &vm.facts, &vm.policy, &sizes, None)
}

fn with_kernels(versions: &[&str]) -> Vm {
    let kernel = |version: &&str| KernelFacts { version: (*version).to_owned(), ..KernelFacts::default() };
    let mut vm = Vm::sound();
    vm.facts.kernels = versions.iter().map(kernel).collect();
    vm
}

#[test]
fn a_copy_with_an_identity_of_its_own_has_another_uuid() {
    let own = "564d5707-c4b1-a2e3-9f08-17263544aa03";
    let copy = another_uuid(own, "web02");
    assert_eq!(copy, another_uuid(own, "web02"), "plan and migrate agree");
    assert!(copy != own && copy != another_uuid(own, "web03"));
    let lengths: Vec<usize> = copy.split('-').map(str::len).collect();
    assert_eq!((lengths, copy.as_bytes()[14]), (vec![8, 4, 4, 4, 12], b'8'));
}

#[test]
fn disks_are_named_as_the_kernel_counts() {
    let names: Vec<String> =
        [0, 25, 26, 27, 701, 702].iter().map(|i| device_name(TargetBus::VirtioBlk, *i)).collect();
    assert_eq!(names, ["vda", "vdz", "vdaa", "vdab", "vdzz", "vdaaa"]);
    assert_eq!(device_name(TargetBus::VirtioScsi, 1), "sdb");
    assert_eq!(device_name(TargetBus::Ide, 3), "hdd");
}

#[test]
fn kernels_older_than_virtio_1_get_devices_with_the_old_ids_too() {
    for (versions, old) in [
        (&["2.6.32-754.el6.x86_64"][..], true),
        (&["3.10.0-1160.el7.x86_64"], true),
        (&["3.16.0-11-amd64", "4.9.0-19-amd64"], true),
        (&["4.0.0"], false),
        (&["6.1.0-37-amd64", "6.12.9"], false),
        (&["odd"], false),
        (&[], false),
    ] {
        let vm = with_kernels(versions);
        let domain = made(&vm);
        assert_eq!((domain.machine, domain.helpers.transitional), (Machine::Q35, old), "{versions:?}");
        assert_eq!(domain.nics[0].model, if old { "virtio-transitional" } else { "virtio" }, "{versions:?}");
        let xml = libvirt_xml(&domain, std::path::Path::new("/srv")).unwrap();
        // Disk, NIC, channel, memory balloon and random numbers.
        assert_eq!(xml.matches("\"virtio-transitional\"").count(), if old { 5 } else { 0 }, "{xml}");
    }
}

#[test]
fn what_needs_no_new_ids_stays_as_it_is() {
    let mut vm = with_kernels(&["2.6.18-419.el5"]);
    vm.facts.systems[0].distro = "rhel".to_owned();
    vm.facts.systems[0].major = 5;
    let domain = made(&vm);
    assert_eq!((domain.machine, domain.helpers.transitional), (Machine::I440fx, false));
    assert_eq!(domain.nics[0].model, "virtio", "on the old chipset each virtio device has the old ids");

    let mut vm = with_kernels(&["2.6.32-754.el6.x86_64"]);
    (vm.policy.nic_model, vm.policy.disk_bus) = (NicModel::E1000e, DiskBus::VirtioScsi);
    let domain = made(&vm);
    assert_eq!(domain.nics[0].model, "e1000e");
    let xml = libvirt_xml(&domain, std::path::Path::new("/srv")).unwrap();
    assert!(xml.contains(r#"model="virtio-transitional""#), "{xml}");
}

/// The number of the disk that is booted first.
fn booted(vm: &Vm) -> usize {
    made(vm).disks.iter().position(|disk| disk.boot_order == Some(1)).unwrap()
}

fn mount(vm: &mut Vm, mountpoint: &str, disk: Option<usize>) {
    let device = format!("/dev/{}", mountpoint.replace('/', "m"));
    vm.facts.block.retain(|block| block.name != device);
    vm.facts.block.push(BlockDevice { name: device.clone(), disk, ..BlockDevice::default() });
    vm.facts.mounts.retain(|mount| mount.mountpoint != mountpoint);
    vm.facts.mounts.push(Mount { mountpoint: mountpoint.to_owned(), device, ..Mount::default() });
}

#[test]
fn a_bios_starts_the_disk_that_the_system_boots_from() {
    let mut vm = Vm::sound();
    vm.add_disk();
    vm.add_disk();
    assert_eq!(booted(&vm), 0);
    // A data disk before it has boot code as well, as many tools write it.
    vm.facts.disks[1].boot_code = true;
    mount(&mut vm, "/", Some(1));
    assert_eq!(booted(&vm), 1);
    // /boot says more than the root.
    vm.facts.disks[2].boot_code = true;
    mount(&mut vm, "/boot", Some(2));
    assert_eq!(booted(&vm), 2);
    // The source's BIOS was told which.
    vm.source.boot_disk = Some(1);
    assert_eq!(booted(&vm), 1);
    vm.source.boot_disk = Some(7);
    assert_eq!(booted(&vm), 2);
    vm.source.boot_disk = None;
    // Its loader is on another disk, and nothing says on which.
    vm.facts.disks[2].boot_code = false;
    mount(&mut vm, "/", None);
    assert_eq!(booted(&vm), 0);
}
