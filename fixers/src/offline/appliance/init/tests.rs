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
fn it_is_one_argument_of_the_kernel() {
    for arguments in [arguments(), saved_arguments()] {
        let inner = arguments.strip_prefix('"').unwrap().strip_suffix('"').unwrap();
        assert!(!inner.contains('"'));
        // A name with a dot would be a module's parameter (kernel, init/main.c, unknown_bootoption).
        assert!(!inner.split('=').next().unwrap().contains('.'));
        // The kernel's command line has 2048 bytes (x86, COMMAND_LINE_SIZE); libguestfs takes about 450.
        assert!(arguments.len() < 1200, "{}", arguments.len());
    }
}

/// The shell of the appliance that is saved is not to be run here: it waits for devices. It is to be one.
#[test]
#[allow(clippy::disallowed_methods, reason = "a shell is what is tested against")]
fn what_waits_is_a_script_that_bash_takes() {
    let arguments = saved_arguments();
    let (_, body) = arguments.trim_matches('"').split_once('=').unwrap();
    let script = format!("udevadm {body}");
    let checked = std::process::Command::new("/bin/bash").args(["-n", "-c", &script]).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}
