use super::*;
use crate::MemoryGuest;
use crate::linux::testing::{SWAP, facts, run, show, show_concerns};

const RESUME: &str = "/etc/initramfs-tools/conf.d/resume";

fn plan(path: &str, text: &str) -> (String, Vec<String>) {
    let mut guest = MemoryGuest::new().file(path, text);
    let proposal = run(&Resume, &facts(), &mut guest);
    (show(&proposal.edits), show_concerns(&proposal))
}

fn edited(path: &str, before: &str, after: &str) {
    let mut guest = MemoryGuest::new().file(path, before);
    assert_eq!(run(&Resume, &facts(), &mut guest).concerns, Vec::new());
    assert_eq!(guest.read_text(path).unwrap().unwrap(), after);
}

#[test]
fn good_settings_stay() {
    for text in [
        "RESUME=none\n",
        "RESUME=auto",
        &format!("RESUME=UUID={SWAP}"),
        "RESUME=/dev/mapper/vg-swap",
        "RESUME=",
        "",
    ] {
        assert_eq!(plan(RESUME, text), (String::new(), Vec::new()), "{text}");
    }
    assert_eq!(
        plan("/etc/dracut.conf.d/a.conf", "add_device+=\" /dev/mapper/swap \"\nfoo=/dev/sda1"),
        (String::new(), Vec::new())
    );
    assert_eq!(
        plan("/etc/suspend.conf", "snapshot device = /dev/snapshot\n# resume device = /dev/sda2\n").0,
        ""
    );
}

#[test]
fn each_setting_is_replaced_in_place() {
    edited(RESUME, "# swap\nRESUME=/dev/sda2\n", &format!("# swap\nRESUME=UUID={SWAP}\n"));
    edited(RESUME, "RESUME=\"/dev/sda2\"", &format!("RESUME=\"UUID={SWAP}\""));
    let by_path = "RESUME=/dev/disk/by-path/pci-0000:03:00.0-scsi-0:0:0:0-part2\n";
    edited("/etc/initramfs-tools/initramfs.conf", by_path, &format!("RESUME=UUID={SWAP}\n"));
    edited(
        "/etc/dracut.conf.d/resume.conf",
        "add_device+=\" /dev/mapper/a  /dev/sda2 \"\n",
        &format!("add_device+=\" /dev/mapper/a  /dev/disk/by-uuid/{SWAP} \"\n"),
    );
    edited(
        "/etc/suspend.conf",
        "resume device =  /dev/sda2\r\n",
        &format!("resume device =  /dev/disk/by-uuid/{SWAP}\r\n"),
    );
}

#[test]
fn a_device_that_the_vm_does_not_have_is_none() {
    let (edits, concerns) = plan(RESUME, "RESUME=/dev/sda9\n");
    insta::assert_snapshot!(edits, @r"
    write /etc/initramfs-tools/conf.d/resume
    -RESUME=/dev/sda9
    +RESUME=none
    ");
    assert!(concerns.is_empty());
    let guest = MemoryGuest::new().file(RESUME, "RESUME=/dev/sda9\n");
    let proposal = Resume.plan(&facts(), &guest, &Policy::default()).unwrap();
    assert_eq!(
        proposal.edits[0].reason,
        "the VM has no /dev/sda9: nothing can be resumed from it, and every boot would wait for it"
    );
}

#[test]
fn what_is_not_certain_stays_with_a_warning() {
    for (path, text) in [
        (RESUME, "RESUME=/dev/sda1\n"),
        (RESUME, "RESUME=/dev/dm-1\n"),
        ("/etc/dracut.conf", "add_device=/dev/sdx1\n"),
        ("/etc/uswsusp.conf", "resume device = /dev/sdx1\n"),
    ] {
        assert_eq!(
            plan(path, text),
            (String::new(), vec![format!("Warning guest.resume.unresolved {path}")]),
            "{text}"
        );
    }
}

proptest::proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in "(RESUME=|add_device=|resume device = )?([ -~\n\t]|\\PC){0,80}") {
        let facts = facts();
        let names = Names::new(&facts);
        for rewrite in [in_initramfs_tools as Rewrite, in_dracut, in_suspend_conf] {
            let mut found = Found::new(&names);
            let once = replace(&text, &rewrite(&text, &mut found));
            proptest::prop_assert_eq!(&replace(&once, &rewrite(&once, &mut found)), &once);
        }
    }
}
