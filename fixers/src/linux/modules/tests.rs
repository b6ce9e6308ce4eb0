use super::*;
use crate::MemoryGuest;
use crate::linux::testing::{facts, run, run_with, show, show_concerns};

const FINE: &str =
    "options virtio_blk queue_depth=64\nblacklist floppy\nsoftdep vfio pre: vfio-pci\nalias eth1 e1000\n";

#[test]
fn other_drivers_are_nobodys_business() {
    let mut guest =
        MemoryGuest::new().file("/etc/modprobe.d/a.conf", FINE).file(LOAD_FILE, "loop\n# vmxnet\n");
    assert_eq!(run(&VendorModules, &facts(), &mut guest), Proposal::default());
    assert_eq!(run(&VirtioBlocks, &facts(), &mut guest), Proposal::default());
}

#[test]
fn lines_about_vmware_become_comments() {
    let vmware = "options vmw_balloon debug=1\nalias eth0 vmxnet3\noptions vmw-pvscsi cmd_per_lun=254\nblacklist vmwgfx\n";
    let mut guest = MemoryGuest::new()
        .file("/etc/modprobe.d/vmware-tools.conf", format!("{FINE}{vmware}"))
        .file(LOAD_FILE, "loop\nvmhgfs\n")
        .file("/etc/modules-load.d/v.conf", "vmw_vsock_vmci_transport\n");
    insta::assert_snapshot!(show(&run(&VendorModules, &facts(), &mut guest).edits), @r"
    write /etc/modprobe.d/vmware-tools.conf
    -options vmw_balloon debug=1
    +# options vmw_balloon debug=1
    -alias eth0 vmxnet3
    +# alias eth0 vmxnet3
    -options vmw-pvscsi cmd_per_lun=254
    +# options vmw-pvscsi cmd_per_lun=254
    write /etc/modules-load.d/v.conf
    -vmw_vsock_vmci_transport
    +# vmw_vsock_vmci_transport
    write /etc/modules
    -vmhgfs
    +# vmhgfs
    ");
    let mut guest = MemoryGuest::new().file("/etc/modprobe.d/v.conf", vmware);
    let keep = Policy { tools: Tools::Keep, ..Policy::default() };
    assert_eq!(run_with(&VendorModules, &facts(), &mut guest, keep), Proposal::default());
}

#[test]
fn what_blocks_virtio_is_taken_away() {
    let text = "blacklist virtio-blk\ninstall virtio_net /bin/true\ninstall virtio_scsi /sbin/modprobe --ignore-install virtio_scsi\nalias virtio_pci off\ninstall cramfs /bin/true\n";
    let mut guest = MemoryGuest::new().file("/etc/modprobe.d/hardening.conf", text);
    let proposal = run(&VirtioBlocks, &facts(), &mut guest);
    insta::assert_snapshot!(show(&proposal.edits), @r"
    write /etc/modprobe.d/hardening.conf
    -blacklist virtio-blk
    +# blacklist virtio-blk
    -install virtio_net /bin/true
    +# install virtio_net /bin/true
    -alias virtio_pci off
    +# alias virtio_pci off
    ");
    assert_eq!(show_concerns(&proposal), ["Warning guest.virtio-blocked /etc/modprobe.d/hardening.conf"]);
}

#[test]
fn a_kernel_argument_that_blocks_virtio_is_critical() {
    let mut facts = facts();
    facts.bootloader.grub_defaults = vec!["/etc/default/grub".to_owned()];
    let grub = |arguments: &str| {
        MemoryGuest::new().file("/etc/default/grub", format!("GRUB_CMDLINE_LINUX=\"{arguments}\"\n"))
    };
    assert_eq!(
        run(&VirtioBlocks, &facts, &mut grub("quiet modprobe.blacklist=nouveau,floppy")),
        Proposal::default()
    );
    let proposal = run(&VirtioBlocks, &facts, &mut grub("quiet rd.driver.blacklist=nouveau,virtio-blk"));
    assert_eq!(show_concerns(&proposal), ["Critical guest.virtio-blocked-argument /etc/default/grub"]);
    assert_eq!(proposal.edits, Vec::new());
}
