use super::*;
use crate::memory::MemoryGuest;

const INITRD: &str = "/boot/initrd.img";
const UKI: &str = "/boot/efi/EFI/Linux/a.efi";

fn guest() -> MemoryGuest {
    let mut guest = MemoryGuest::new()
        .file("/etc/fstab", "/dev/sda1 / ext4\n")
        .file("/etc/old", "gone\n")
        .file("/etc/moved", "moved\n")
        .file("/etc/shadow", "root:x\n")
        .file("/boot/efi/EFI/debian/shimx64.efi", "MZ")
        .file(INITRD, b"070701".repeat(40))
        .file(UKI, b"MZ\x01\x02....../dev/sda1\0\0\0\0\0\0\0\0\0\0\0")
        .link("/etc/rc", "/etc/init")
        .link("/etc/was", "/etc/init");
    for (path, change) in [
        ("/etc/old", Change::Chown { path: "/etc/old".into(), before: (0, 0), after: (7, 8) }),
        ("/etc/old", Change::Chmod { path: "/etc/old".into(), before: 0o644, after: 0o600 }),
        ("/etc/old", Change::Label { path: "/etc/old".into(), label: "old_t".into() }),
        ("/etc/fstab", Change::Label { path: "/etc/fstab".into(), label: "etc_t".into() }),
    ] {
        guest.apply(&Edit::new("test", path, change)).unwrap();
    }
    guest
}

fn edit(change: Change) -> Edit {
    Edit::new("test", "why", change)
}

fn text(text: &str) -> Content {
    Content::Text(text.to_owned())
}

/// One edit of each kind that can be taken back, two of them on one file.
fn edits() -> Vec<Edit> {
    let size = guest().lstat(INITRD).unwrap().unwrap().size;
    let tail = append::digest(&guest().tail(INITRD, append::TAIL).unwrap());
    let entries = vec![crate::ArchiveEntry { path: "usr".into(), content: crate::EntryContent::Directory }];
    vec![
        Edit::rewrite("test", "/etc/fstab", "/dev/sda1 / ext4\n", "UUID=1 / ext4\n", "why"),
        Edit::rewrite("test", "/etc/fstab", "UUID=1 / ext4\n", "UUID=2 / ext4\n", "why"),
        Edit::create("test", "/etc/a/b/new", "new\n", 0o600, "why"),
        edit(Change::Remove { path: "/etc/old".into(), before: text("gone\n") }),
        edit(Change::Remove { path: "/etc/was".into(), before: text("/etc/init") }),
        edit(Change::Rename { path: "/etc/moved".into(), to: "/etc/moved.h2k".into() }),
        edit(Change::Symlink {
            path: "/etc/rc".into(),
            before: Some("/etc/init".into()),
            target: "/dev/null".into(),
        }),
        edit(Change::Symlink {
            path: "/etc/units/x.service".into(),
            before: None,
            target: "/dev/null".into(),
        }),
        edit(Change::Copy {
            from: "/boot/efi/EFI/debian/shimx64.efi".into(),
            path: "/boot/efi/EFI/BOOT/BOOTX64.EFI".into(),
            size: 2,
        }),
        edit(Change::Chmod { path: "/etc/shadow".into(), before: 0o644, after: 0o640 }),
        edit(Change::Chown { path: "/etc/shadow".into(), before: (0, 0), after: (0, 42) }),
        edit(Change::Append { path: "/etc/shadow".into(), size: 7, text: "admin:*\n".into() }),
        edit(Change::Directory { path: "/root/x/.ssh".into(), mode: 0o700 }),
        edit(Change::Label { path: "/etc/a/b/new".into(), label: "etc_t".into() }),
        edit(Change::Label { path: "/etc/fstab".into(), label: "other_t".into() }),
        edit(Change::Label { path: "/etc/never".into(), label: "etc_t".into() }),
        edit(Change::AppendArchive { path: INITRD.into(), size, tail, estimate: 100, entries }),
        edit(Change::Patch {
            path: UKI.into(),
            size: 30,
            pieces: vec![
                crate::Piece { offset: 2, before: Content::Base64("AQI=".into()), after: text("ab") },
                crate::Piece { offset: 10, before: text("/dev/sda1"), after: text("UUID=0123456789") },
            ],
        }),
    ]
}

fn made(guest: &mut MemoryGuest, edits: &[Edit]) -> Vec<Trace> {
    let mut traces = Vec::new();
    for edit in edits {
        let trace = Trace::before(guest, edit).unwrap();
        guest.apply(edit).unwrap();
        traces.push(trace.after(guest, edit).unwrap());
    }
    traces
}

#[test]
fn all_edits_taken_back_leave_the_guest_as_it_was() {
    let (before, mut now) = (guest(), guest());
    let edits = edits();
    let traces = made(&mut now, &edits);
    assert_ne!(now, before);
    // The report keeps the traces as JSON.
    let kept = serde_json::to_string(&traces).unwrap();
    let traces: Vec<Trace> = serde_json::from_str(&kept).unwrap();
    for (edit, trace) in edits.iter().zip(&traces).rev() {
        undo(&mut now, edit, trace).unwrap_or_else(|e| panic!("{:?}: {e}", edit.change));
    }
    assert_eq!(now, before);
}

#[test]
fn each_edit_alone_is_taken_back() {
    for (index, edit) in edits().into_iter().enumerate().filter(|(index, _)| ![1, 13].contains(index)) {
        let (before, mut now) = (guest(), guest());
        let traces = made(&mut now, std::slice::from_ref(&edit));
        undo(&mut now, &edit, &traces[0]).unwrap_or_else(|e| panic!("{index}: {e}"));
        assert_eq!(now, before, "{index}");
    }
}

#[test]
fn what_was_changed_since_is_left_alone() {
    let edits = edits();
    for (index, path) in [
        (2, "/etc/a/b/new"),
        (5, "/etc/moved.h2k"),
        (8, "/boot/efi/EFI/BOOT/BOOTX64.EFI"),
        (11, "/etc/shadow"),
        (16, INITRD),
        (17, UKI),
    ] {
        let mut now = guest();
        let traces = made(&mut now, &edits);
        now.overwrite(path, b"somebody was here".to_vec());
        let touched = now.clone();
        let error = undo(&mut now, &edits[index], &traces[index]).unwrap_err();
        assert!(matches!(&error, GuestError::Changed { path: at, .. } if at == path), "{index}: {error}");
        assert_eq!(now, touched, "{index}");
    }
    // An earlier edit of a file that a later one changed too.
    let mut now = guest();
    let traces = made(&mut now, &edits);
    let error = undo(&mut now, &edits[0], &traces[0]).unwrap_err();
    assert!(matches!(&error, GuestError::Changed { path, .. } if path == "/etc/fstab"), "{error}");
    // A file that was removed and is there again, a directory that is used.
    now.put("/etc/old", b"again");
    now.put("/root/x/.ssh/authorized_keys", b"k");
    for (index, path) in [(3, "/etc/old"), (12, "/root/x/.ssh")] {
        let error = undo(&mut now, &edits[index], &traces[index]).unwrap_err();
        assert!(matches!(&error, GuestError::Changed { path: at, .. } if at == path), "{error}");
    }
}

#[test]
fn what_is_not_kept_is_not_taken_back() {
    let trace = Trace { taken: true, ..Trace::default() };
    let run = edit(Change::Run { argv: vec!["x".into()], changes: vec!["/etc/x".into()] });
    let erase = edit(Change::Erase { path: "/etc/key".into(), size: 3 });
    for edit in [&run, &erase] {
        assert!(why_not(edit, Some(&trace)).is_some());
        let error = undo(&mut guest(), edit, &trace).unwrap_err();
        assert!(matches!(error, GuestError::Unsupported(_)), "{error}");
    }
    let remove = edit(Change::Remove { path: "/etc/old".into(), before: text("gone\n") });
    let stat = guest().lstat("/etc/old").unwrap();
    assert_eq!(why_not(&remove, Some(&Trace { stat, ..trace.clone() })), None);
    assert!(why_not(&remove, Some(&Trace { stat, extended: true, ..trace })).unwrap().contains("extended"));
    // Reports of an older h2k have no traces: what needs none is taken back all the same.
    let can: Vec<bool> = edits().iter().map(|edit| why_not(edit, None).is_none()).collect();
    assert_eq!(can.iter().filter(|can| **can).count(), 5, "{can:?}");
}
