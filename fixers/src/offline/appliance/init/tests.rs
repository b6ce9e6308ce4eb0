use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::*;

/// Runs `script` by a real bash that has the function from its environment, as the kernel gives it to init; the
/// calls of `udevadm`, which returns `status` where it is given options.
#[allow(clippy::disallowed_methods, reason = "a shell is what is tested against")]
fn calls(script: &str, status: u8) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let (program, log) = (dir.path().join("udevadm"), dir.path().join("log"));
    let text =
        format!("#!/bin/sh\necho \"$@\" >>{}\ncase $* in *' -S'*) exit {status};; esac\n", log.display());
    fs::write(&program, text).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let arguments = arguments();
    let (name, value) = arguments.trim_matches('"').split_once('=').unwrap();
    let path = format!("{}:/usr/bin:/bin", dir.path().display());
    let mut bash = std::process::Command::new("/bin/bash");
    let done = bash.args(["-c", script]).env_clear().env("PATH", path).env(name, value).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    fs::read_to_string(Path::new(&log)).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn only_the_first_call_is_another_and_only_a_trigger() {
    let calls = calls("udevadm trigger; udevadm settle --timeout=600; udevadm trigger", 0);
    assert_eq!(calls.len(), 3);
    assert!(calls[0].starts_with("trigger -Sacpi ") && calls[0].ends_with(" -Sworkqueue"), "{}", calls[0]);
    assert_eq!(calls[1..], ["settle --timeout=600", "trigger"]);
}

#[test]
fn a_udevadm_without_the_options_is_called_without_them() {
    let calls = calls("udevadm trigger --type=devices", 1);
    assert_eq!(calls[1..], ["trigger --type=devices"]);
}

#[test]
fn another_first_call_stays_as_it_is() {
    assert_eq!(calls("udevadm control --reload; udevadm trigger", 0), ["control --reload", "trigger"]);
}

#[test]
fn what_is_run_afterwards_does_not_have_it() {
    let script = "udevadm trigger; if env | grep BASH_FUNC; then exit 1; fi";
    assert_eq!(calls(script, 0).len(), 1);
}

#[test]
fn each_function_is_one_argument_of_the_kernel() {
    let saved = saved_arguments();
    assert!(saved.starts_with(&arguments()), "{saved}");
    let values: Vec<&str> = saved.split("\" \"").map(|value| value.trim_matches('"')).collect();
    assert_eq!(values.len(), 2);
    for value in values {
        assert!(!value.contains('"'));
        // A name with a dot would be a module's parameter (kernel, init/main.c, unknown_bootoption).
        assert!(!value.split('=').next().unwrap().contains('.'));
    }
    // The kernel's command line has 2048 bytes (x86, COMMAND_LINE_SIZE); libguestfs takes about 450.
    assert!(saved.len() < 1500, "{}", saved.len());
}

/// What an appliance's shell does when the daemon is to start, with the programs and files of a host that has none of
/// its devices: what it says at its port, and the programs that it called from then on. `udev` is what udev tells of the
/// second disk's partition; [`NEVER`]: it never tells of the disk.
#[allow(clippy::disallowed_methods, reason = "a shell is what is tested against")]
fn woken(init: &str, udev: &str, generation_id: bool) -> (Vec<String>, Vec<String>) {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let (bin, log) = (at("bin"), at("log"));
    for made in [
        "bin",
        "run/udev/data",
        "sys/block/sda/device",
        "sys/block/sdb/device",
        "sys/block/sdb/sdb1",
        "sys/bus/acpi/drivers/vmgenid",
    ] {
        fs::create_dir_all(at(made)).unwrap();
    }
    if generation_id {
        fs::write(at("sys/bus/acpi/drivers/vmgenid/QEMUVGID:00"), "").unwrap();
    }
    fs::write(at("init"), init).unwrap();
    for (device, number, told) in [("sda", "8:0", ""), ("sdb/sdb1", "8:17", udev), ("sdb", "8:16", "")] {
        fs::write(at(&format!("sys/block/{device}/dev")), format!("{number}\n")).unwrap();
        let told = if told == NEVER { "E:ID_PART_ENTRY_TYPE=0x83\n" } else { told };
        if (udev, device) != (NEVER, "sdb") {
            fs::write(at(&format!("run/udev/data/b{number}")), told).unwrap();
        }
    }
    let tries = if udev == NEVER { "50" } else { "500" };
    // udev comes to hear of the second disk, and of its partition, when it has been there for a while.
    fs::rename(at("run/udev/data"), at("run/udev/later")).unwrap();
    let udev = at("run/udev");
    std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(300));
        fs::rename(udev.join("later"), udev.join("data")).unwrap();
    });
    for program in ["udevadm", "guestfsd", "mdadm", "lvm", "ldmtool", "date"] {
        fs::write(bin.join(program), format!("#!/bin/sh\necho {program} \"$@\" >>{}\n", log.display()))
            .unwrap();
        fs::set_permissions(bin.join(program), fs::Permissions::from_mode(0o755)).unwrap();
    }
    // One disk is there, as the appliance's own, and the other one comes when it is waited for.
    let arguments = saved_arguments();
    let (_, function) = arguments.split_once("\" \"").unwrap();
    let (name, value) = function.trim_matches('"').split_once('=').unwrap();
    let root = dir.path().display().to_string();
    let value =
        [" /init", "/run/", "/sys/", "/dev/virtio-ports/"].iter().fold(value.to_owned(), |text, path| {
            let (space, path) =
                if let Some(path) = path.strip_prefix(' ') { (" ", path) } else { ("", *path) };
            text.replace(&format!("{space}{path}"), &format!("{space}{root}{path}"))
        });
    // The port is a file here: what is read there is what was written before.
    let value = value.replace("-gt 1", "-gt 2").replace("read -r n t <&9", "n=1 t=1796090872");
    let value = value.replace("500", tries);
    fs::create_dir_all(at("dev/virtio-ports")).unwrap();
    let path = format!("{}:/usr/bin:/bin", bin.display());
    let mut bash = std::process::Command::new("/bin/bash");
    let called =
        bash.args(["-c", "cmd='guestfsd --channel /dev/x'; $cmd; env"]).env_clear().env("PATH", path);
    let done = called.env(name, value).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert!(!String::from_utf8_lossy(&done.stdout).contains("BASH_FUNC"), "the daemon's children have it");
    let lines = |path: &Path| fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect();
    (lines(&at("dev/virtio-ports/h2k")), lines(&log))
}

const NEVER: &str = "never";

const INIT: &str = "#!/bin/bash\nmdadm -As --auto=yes --no-degraded\n\tlvm help\nlvm pvscan --cache\n\
    mdadm -As --auto=yes --run\nldmtool create all\n";

#[test]
fn disks_are_assembled_as_init_does_where_they_are_members_of_something() {
    let all = [
        "mdadm -As --auto=yes --no-degraded",
        "lvm pvscan --cache",
        "mdadm -As --auto=yes --run",
        "ldmtool create all",
    ];
    let before = ["guestfsd --help", "udevadm settle", "date -s @1796090872", "udevadm settle"];
    for (udev, assembled) in [
        ("E:ID_FS_TYPE=ext4\nE:ID_PART_ENTRY_TYPE=0x83\n", false),
        ("E:ID_FS_TYPE=linux_raid_member\n", true),
        ("E:ID_FS_TYPE=LVM2_member\n", true),
        ("E:ID_FS_TYPE=isw_raid_member\n", true),
        ("E:ID_FS_TYPE=LVM2_member\nE:ID_PART_ENTRY_TYPE=0x8e\n", true),
        ("E:ID_PART_ENTRY_TYPE=0x42\n", true),
        ("E:ID_PART_ENTRY_TYPE=af9b60a0-1431-4f62-bc68-3311714a69ad\n", true),
        // It says nothing of one in which it finds two things.
        ("", true),
        (NEVER, true),
    ] {
        let (said, called) = woken(INIT, udev, true);
        assert_eq!(said, ["ready", "bare"]);
        let assembly: &[&str] = if assembled { &all } else { &[] };
        let expected = [&before[..], assembly, &["guestfsd --channel /dev/x"]].concat();
        assert_eq!(called, expected, "{udev}");
    }
}

#[test]
fn one_that_would_not_know_that_it_is_a_copy_or_has_another_init_is_not_saved() {
    assert_eq!(woken(INIT, "", false).0, ["no", "bare"]);
    for other in [INIT.replace("ldmtool create all\n", ""), format!("{INIT}lvm vgchange -aay\n")] {
        assert_eq!(woken(&other, "", true).0, ["no", "bare"]);
    }
}
