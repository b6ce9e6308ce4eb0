//! What the script does where something does not go as it should: under Wine, with programs that fail as they are told to.
//! The calls of those are put into the script, for Wine's cmd.exe looks for a program before it looks for a batch file.

#![allow(clippy::disallowed_methods, reason = "h2k's own way to run programs is in another crate")]

use std::time::Instant;

use h2k_config::Policy;

use super::super::super::testing::{Phony, RELEASES, SERVER_2022};
use super::script;
use super::wine::{Wine, getmac};

const NICS: [(&str, &str); 2] = [("LAN", "00-50-56-AA-BB-01"), ("SAN", "00-50-56-AA-BB-02")];

/// The script, without its pauses.
fn quick() -> String {
    let packages = tempfile::tempdir().unwrap();
    std::fs::write(packages.path().join("qemu-ga-x86_64.msi"), "an installer").unwrap();
    let policy = Policy { agent_packages: Some(packages.path().to_owned()), ..Policy::default() };
    changed(&script(&Phony::new(SERVER_2022), &policy).0, "ping -n 6 ", "ping -n 1 ")
}

fn changed(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from}\n{text}");
    text.replace(from, to)
}

/// A program that notes its arguments, and ends with `code` the first few times.
fn failing(wine: &Wine, name: &str, times: usize, code: u32) {
    let mut text = format!("@echo %*>>C:\\{name}.txt\r\n");
    for time in 1..=times {
        let file = format!("C:\\{name}.{time}");
        let lines = format!(
            "@if exist {file} goto after_{time}\r\n@echo x>{file}\r\n@exit {code}\r\n:after_{time}\r\n"
        );
        text += &lines;
        let _ = std::fs::remove_file(wine.path(&format!("{name}.{time}")));
    }
    text += "@exit /b 0\r\n";
    std::fs::write(wine.path(&format!("{name}.cmd")), text).unwrap();
    let _ = std::fs::remove_file(wine.path(&format!("{name}.txt")));
}

fn calls(wine: &Wine, name: &str, word: &str) -> usize {
    let text = std::fs::read_to_string(wine.path(&format!("{name}.txt"))).unwrap();
    text.lines().filter(|line| line.contains(word)).count()
}

#[test]
fn addresses_and_the_installer_are_tried_again_but_not_for_ever() {
    let text = changed(&quick(), "\nnetsh interface ip", "\ncmd.exe /c C:\\netsh.cmd interface ip");
    let text = changed(&text, "\nmsiexec ", "\ncmd.exe /c C:\\msiexec.cmd ");
    let wine = Wine::new();
    getmac(&wine, &NICS);
    failing(&wine, "netsh", 3, 1);
    failing(&wine, "msiexec", 2, 1618);
    wine.run_script(&text);
    let log = wine.log();
    assert!(log.contains("\ndone, "), "{log}");
    assert_eq!(calls(&wine, "netsh", "set address"), 4, "{log}");
    assert_eq!(calls(&wine, "netsh", "addr=192.0.2.11"), 1, "{log}");
    assert_eq!(calls(&wine, "msiexec", "qemu-ga"), 3, "{log}");
    assert!(wine.is_cleared());

    // Another failure of the installer is its last word, and an address that is never taken is given up.
    failing(&wine, "netsh", 20, 1);
    failing(&wine, "msiexec", 20, 1603);
    wine.run_script(&text);
    assert_eq!((calls(&wine, "netsh", "set address"), calls(&wine, "msiexec", "qemu-ga")), (7, 1));
    assert!(wine.is_cleared());
}

/// A restart is an `exit` where it happens, as far as the script can tell.
#[test]
fn what_a_restart_stops_goes_on_at_the_next_start() {
    let text = quick();
    let in_the_looks = changed(&text, "\nset NAME=\r", "\nexit\r");
    let in_the_installer = changed(&text, "\nmsiexec ", "\nexit\r\nmsiexec ");
    let wine = Wine::new();
    getmac(&wine, &NICS);
    let first = wine.run_script(&in_the_looks);
    assert!(!first.contains("L\"sc ") && !first.contains("L\"netsh "), "{first}");
    let second = wine.run_script(&in_the_installer);
    assert!(second.contains("addr=192.0.2.10") && !second.contains("L\"sc "), "{second}");
    assert!(wine.path("windows/h2k/first-boot.cmd").exists());
    let third = wine.run_script(&text);
    assert!(!third.contains("L\"netsh "), "the addresses were set already\n{third}");
    assert!(third.contains("L\"msiexec ") && third.contains("L\"sc delete h2k-first-boot"), "{third}");
    assert!(!third.contains("start= disabled") && wine.is_cleared(), "{third}");
}

#[test]
fn a_script_that_never_gets_done_is_not_started_for_ever() {
    let stopped = changed(&quick(), "\nset NAME=\r", "\nexit\r");
    let wine = Wine::new();
    for start in 1..=5 {
        let traced = wine.run_script(&stopped);
        assert_eq!(
            traced.contains("L\"sc config h2k-first-boot start= disabled"),
            start == 5,
            "{start}\n{traced}"
        );
    }
    assert!(wine.log().contains("start 5\n"), "{}", wine.log());
}

/// What waits for an answer on a desktop that nobody sees.
#[test]
fn a_pnputil_that_hangs_holds_up_nothing() {
    let seven = RELEASES.iter().find(|r| r.name == "7").unwrap();
    let (text, _) = script(&seven.phony(), &Policy::default());
    let text = changed(&text, "ping -n 6 ", "ping -n 1 ");
    let text = changed(&text, "pnputil -i -a \"%%i\"", "ping -n 40 127.0.0.1");
    let wine = Wine::new();
    std::fs::create_dir_all(wine.path("windows/Drivers/VirtIO")).unwrap();
    std::fs::write(wine.path("windows/Drivers/VirtIO/balloon.inf"), "x").unwrap();
    std::fs::create_dir_all(wine.path("windows/h2k")).unwrap();
    std::fs::write(wine.path("windows/h2k/first-boot.cmd"), text).unwrap();
    getmac(&wine, &NICS);
    let started = Instant::now();
    let script = ["cmd", "/c", "C:\\windows\\h2k\\first-boot.cmd"];
    let status = wine.command("wine", "-all").args(script).status().unwrap();
    let log = wine.log();
    assert!(status.success() && started.elapsed().as_secs() < 30, "{:?}\n{log}", started.elapsed());
    assert!(log.contains("\ndone, ") && wine.is_cleared(), "{log}");
    let drivers = std::fs::read_to_string(wine.path("windows/temp/h2k-first-boot-drivers.log")).unwrap();
    assert!(!drivers.contains("statistics"), "it had ended already\n{drivers}");
}
