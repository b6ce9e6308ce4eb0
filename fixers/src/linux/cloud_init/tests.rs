use super::*;
use crate::linux::testing::{facts, show, show_concerns};
use crate::{GuestMut, MemoryGuest};

const VMWARE: &str = "DataSourceVMware: DataSourceVMware [seed=guestinfo]\n";

fn guest(datasource: &str) -> MemoryGuest {
    MemoryGuest::new()
        .file("/usr/bin/cloud-init", "")
        .file(CONFIG, "#cloud-config\nusers:\n  - default\ndatasource_list: [VMware, OVF, None]\n")
        .file(DATASOURCE, datasource)
        .file("/etc/netplan/50-cloud-init.yaml", "network: {version: 2}\n")
}

fn run(guest: &MemoryGuest, wish: Option<CloudInit>) -> (String, Vec<String>) {
    let mut guest = guest.clone();
    let policy = Policy { cloud_init: wish, ..Policy::default() };
    let proposal = CloudInitNetwork.plan(&facts(), &guest, &policy).unwrap();
    for edit in &proposal.edits {
        guest.apply(edit).unwrap();
    }
    let again = CloudInitNetwork.plan(&facts(), &guest, &policy).unwrap();
    assert_eq!(again.edits, Vec::new(), "not idempotent");
    (show(&proposal.edits), show_concerns(&proposal))
}

#[test]
fn a_datasource_that_stays_behind() {
    let (edits, concerns) = run(&guest(VMWARE), None);
    insta::assert_snapshot!(edits, @r"
    write /etc/cloud/cloud.cfg.d/99-h2k-disable-network.cfg
    +# Written by h2k: the network stays as it was on the old hypervisor.
    +network: {config: disabled}
    ");
    assert_eq!(concerns, ["Information guest.cloud-init cloud-init"]);
    // So does an ISO image.
    assert_ne!(run(&guest("DataSourceNoCloud: DataSourceNoCloud [seed=/dev/sr0][dsmode=net]"), None).0, "");
}

#[test]
fn what_needs_nothing() {
    let nothing = (String::new(), Vec::new());
    for guest in [
        MemoryGuest::new().file(CONFIG, ""),
        // It never ran, and will find as little on the target.
        MemoryGuest::new().file("/usr/bin/cloud-init", ""),
        guest("DataSourceNoCloud: DataSourceNoCloud [seed=/var/lib/cloud/seed/nocloud-net][dsmode=net]"),
        guest("DataSourceNone: DataSourceNone"),
        guest(VMWARE).file(OFF, ""),
        guest(VMWARE).link("/etc/systemd/system/cloud-init.target", "/dev/null"),
    ] {
        assert_eq!(run(&guest, None), nothing);
    }
    let subiquity = guest(VMWARE).file(
        "/etc/cloud/cloud.cfg.d/subiquity-disable-cloudinit-networking.cfg",
        "network:\n  config: disabled\n",
    );
    assert_eq!(run(&subiquity, None).0, "");
    assert_eq!(run(&subiquity, Some(CloudInit::NoNetwork)), nothing);
    let mut off = facts();
    off.bootloader.grub_defaults = vec!["/etc/default/grub".to_owned()];
    let guest = guest(VMWARE).file("/etc/default/grub", "GRUB_CMDLINE_LINUX=\"cloud-init=disabled\"\n");
    assert_eq!(CloudInitNetwork.plan(&off, &guest, &Policy::default()).unwrap(), Proposal::default());
}

#[test]
fn the_users_word_counts() {
    let local = "DataSourceNone: DataSourceNone";
    assert_eq!(
        run(&guest(VMWARE), Some(CloudInit::Keep)),
        (String::new(), vec!["Warning guest.cloud-init cloud-init".to_owned()])
    );
    assert_eq!(run(&guest(local), Some(CloudInit::Keep)), (String::new(), Vec::new()));
    assert!(run(&guest(local), Some(CloudInit::NoNetwork)).0.starts_with(&format!("write {OWN}\n")));
    assert_eq!(run(&guest(VMWARE), Some(CloudInit::Disable)).0, format!("write {OFF}\n"));
}

proptest::proptest! {
    #[test]
    fn no_text_panics(text in "(network:|config: disabled|DataSource[A-Z]|[ \n:{}*&ä\\[]){0,20}") {
        run(&guest(&text).file(CONFIG, &text), None);
    }
}
