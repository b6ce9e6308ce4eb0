//! The service and its script under Wine, whose service manager starts the one as Windows does, and whose cmd.exe reads
//! the other: what no look at its text shows. The programs that it runs are Wine's own or do nothing here; which ones it
//! ran, and with which arguments, is what counts.

#![allow(clippy::disallowed_methods, reason = "h2k's own way to run programs is in another crate")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use h2k_config::Policy;

use super::super::super::testing::{Phony, RELEASES, SERVER_2022};
use super::super::super::tests::propose;
use super::super::script::Script;
use super::script;
use crate::hive::{RegData, RegOp};
use crate::{Change, Edit};

/// Programs that the script runs, and Wine lacks.
const LACKING: [&str; 2] = ["diskpart.exe", "pnputil.exe"];
/// Programs that the script runs.
const OWN: [&str; 7] = ["sc", "reg", "ping", "netsh", "diskpart", "pnputil", "msiexec"];
const SERVICE: &str = "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\h2k-first-boot";

/// An installation of Wine's Windows, gone with it.
pub(super) struct Wine {
    home: tempfile::TempDir,
}

impl Wine {
    pub(super) fn new() -> Self {
        let wine = Self { home: tempfile::tempdir().unwrap() };
        wine.run("wineboot", &["-i"], "-all");
        let system = wine.path("windows/system32");
        for name in LACKING {
            std::fs::copy(system.join("hostname.exe"), system.join(name)).unwrap();
        }
        wine
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join("prefix/drive_c").join(name)
    }

    pub(super) fn command(&self, program: &str, trace: &str) -> Command {
        let home = self.home.path();
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", home)
            .env("WINEPREFIX", home.join("prefix"))
            .env("WINEDEBUG", trace)
            .env("WINEDLLOVERRIDES", "winemenubuilder.exe=;mscoree=;mshtml=")
            .stdin(Stdio::null());
        command
    }

    /// Runs a program until it and all that it started has ended; what was traced.
    pub(super) fn run(&self, program: &str, args: &[&str], trace: &str) -> String {
        let traced = self.home.path().join("trace");
        let output = std::fs::File::create(&traced).unwrap();
        let mut command = self.command("wine", trace);
        let status = command.arg(program).args(args).stdout(Stdio::null()).stderr(output).status().unwrap();
        assert!(self.command("wineserver", "-all").arg("-w").status().unwrap().success());
        let traced = String::from_utf8_lossy(&std::fs::read(traced).unwrap()).into_owned();
        assert!(status.success(), "{program} {args:?}: {status}\n{traced}");
        traced
    }

    /// Puts a text where the script lies, and runs it apart from its service: what was traced.
    pub(super) fn run_script(&self, text: &str) -> String {
        std::fs::create_dir_all(self.path("windows/h2k")).unwrap();
        std::fs::write(self.path("windows/h2k/first-boot.cmd"), text).unwrap();
        self.run("cmd", &["/c", "C:\\windows\\h2k\\first-boot.cmd"], "trace+process")
    }

    /// Whether nothing is left beside the script, nor itself. Wine cannot remove a directory with a file that it has open.
    pub(super) fn is_cleared(&self) -> bool {
        std::fs::read_dir(self.path("windows/h2k")).is_ok_and(|mut dir| dir.next().is_none())
    }

    pub(super) fn log(&self) -> String {
        let log = std::fs::read_to_string(self.path("windows/temp/h2k-first-boot.log")).unwrap();
        log.replace('\r', "")
    }

    /// Adds keys and values, all at once: Wine starts its services at each call that finds it down.
    fn import(&self, registry: &str) {
        let file = self.path("import.reg");
        let text = format!("\u{feff}Windows Registry Editor Version 5.00\r\n{registry}");
        let bytes: Vec<u8> = text.replace('\n', "\r\n").encode_utf16().flat_map(u16::to_le_bytes).collect();
        std::fs::write(&file, bytes).unwrap();
        self.run("reg", &["import", "C:\\import.reg"], "-all");
    }

    /// The next boot: the command lines of the programs that the script ran, and its log.
    fn boot(&self) -> (Vec<String>, String) {
        let traced = self.run("wineboot", &[], "trace+process");
        let lines = traced.lines().filter_map(|line| {
            let (_, line) = line.split_once("CreateProcessInternalW app ")?.1.split_once(" cmdline L\"")?;
            let line = line.strip_suffix('"')?.replace("\\\"", "\"").replace("\\\\", "\\");
            OWN.contains(&line.split(' ').next()?).then(|| line.trim_end().to_owned())
        });
        (lines.collect(), self.log())
    }
}

impl Drop for Wine {
    fn drop(&mut self) {
        let _ = self.command("wineserver", "-all").arg("-k").status();
    }
}

/// Puts the files of the plan's first boot into Wine.
fn put_files(wine: &Wine, edits: &[Edit]) {
    std::fs::create_dir_all(wine.path("windows/h2k")).unwrap();
    for edit in edits {
        if let Change::Write { path, after, .. } = &edit.change
            && let Some(name) = path.strip_prefix("/c/Windows/h2k/")
        {
            std::fs::write(wine.path("windows/h2k").join(name), after.to_bytes().unwrap()).unwrap();
        }
    }
}

/// The plan's key of the service, as regedit writes it.
fn service(edits: &[Edit]) -> String {
    let mut out = format!("\n[{SERVICE}]\n");
    let changes = edits.iter().filter_map(|edit| match &edit.change {
        Change::Registry { changes, .. } => Some(changes),
        _ => None,
    });
    for change in changes.flatten().filter(|c| c.key == "ControlSet001\\Services\\h2k-first-boot") {
        let RegOp::Set { name, after, .. } = &change.op else { continue };
        let data = match after {
            RegData::Dword(number) => format!("dword:{number:08x}"),
            RegData::Sz(text) => format!("\"{text}\""),
            RegData::ExpandSz(text) => {
                let bytes = text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes);
                let bytes: Vec<String> = bytes.map(|b| format!("{b:02x}")).collect();
                format!("hex(2):{}", bytes.join(","))
            }
            other => panic!("{other:?}"),
        };
        writeln!(out, "\"{name}\"={data}").unwrap();
    }
    out
}

/// A `getmac` that finds nothing when it is asked for the first time: the drivers are still being installed.
pub(super) fn getmac(wine: &Wine, nics: &[(&str, &str)]) {
    let mut text = "@if not exist C:\\asked (echo x>C:\\asked& exit /b 0)\r\n".to_owned();
    for (number, (name, mac)) in nics.iter().enumerate() {
        write!(
            text,
            "@echo \"{name}\",\"Red Hat VirtIO Ethernet Adapter\",\"{mac}\",\"\\Device\\Tcpip_{{0000000{number}-AB}}\"\r\n"
        )
        .unwrap();
    }
    std::fs::write(wine.path("windows/system32/getmac.cmd"), text).unwrap();
    let _ = std::fs::remove_file(wine.path("asked"));
}

fn agent_packages(dir: &Path) -> Policy {
    std::fs::write(dir.join("qemu-ga-x86_64.msi"), "an installer").unwrap();
    Policy { agent_packages: Some(dir.to_owned()), ..Policy::default() }
}

#[test]
fn the_service_starts_its_script_which_does_all_in_order_and_removes_itself() {
    let wine = Wine::new();
    let packages = tempfile::tempdir().unwrap();
    let mut phony = Phony::new(SERVER_2022);
    phony.system("[Select]\n\"LastKnownGood\"=dword:3\n[ControlSet003\\Services]\n");
    let (edits, _) = propose(&phony.guest(), &agent_packages(packages.path()));
    put_files(&wine, &edits);
    // Each has the name that the other one is to have, or one that means something to cmd.exe.
    getmac(&wine, &[("Backup", "00-50-56-AA-BB-01"), ("LAN & more, 2 (x)", "00-50-56-AA-BB-02")]);
    let ghost =
        "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Enum\\PCI\\VEN_15AD&DEV_07B0&SUBSYS_07B015AD&REV_01";
    let device = |name: &str| format!("\n[{ghost}\\{name}]\n\"DeviceDesc\"=\"vmxnet3\"\n");
    let spare = service(&edits).replace("CurrentControlSet", "ControlSet003");
    wine.import(&[service(&edits), spare, device("FF56500001BBAAFE00"), device("another")].concat());
    let (lines, log) = wine.boot();
    insta::assert_snapshot!(lines.join("\n"));
    assert!(log.starts_with("h2k first boot, ") && log.contains("\ndone, "), "{log}");
    assert!(!log.contains("no NIC"), "{log}");
    let registry = std::fs::read_to_string(wine.home.path().join("prefix/system.reg")).unwrap();
    assert!(registry.contains("REV_01\\\\another]"), "what is beside the ghost went with it");
    assert!(!registry.contains("FF56500001BBAAFE00]"), "the ghost is still there");
    assert!(!registry.contains("Services\\\\h2k-first-boot]"), "the service is still there");
    let interface = "Tcpip\\\\Parameters\\\\Interfaces\\\\{00000000-AB}]";
    let suffix = registry.split_once(interface).and_then(|(_, rest)| rest.split_once("\n\n")).unwrap().0;
    assert!(suffix.contains("\"Domain\"=\"example.org\""), "{suffix}");
    assert!(wine.is_cleared());
}

#[test]
fn before_windows_8_plug_and_play_is_told_of_the_drivers_and_a_nic_that_does_not_come_is_told() {
    let wine = Wine::new();
    let seven = RELEASES.iter().find(|r| r.name == "7").unwrap();
    let (text, _) = script(&seven.phony(), &Policy::default());
    // As the script says it, sixty looks of five seconds each.
    let quick = text.replace("geq 60", "geq 1");
    assert_ne!(quick, text);
    std::fs::create_dir_all(wine.path("windows/Drivers/VirtIO/viorng-1")).unwrap();
    for name in ["balloon.inf", "netkvm.inf", "viorng-1/viorng.inf"] {
        std::fs::write(wine.path("windows/Drivers/VirtIO").join(name), "x").unwrap();
    }
    getmac(&wine, &[]);
    let traced = wine.run_script(&quick);
    // Wine's start drops the quotes.
    let traced = traced.replace("\\\"", "");
    let run =
        |name: &str| traced.find(&format!("L\"pnputil -i -a C:\\\\windows\\\\Drivers\\\\VirtIO\\\\{name}"));
    assert!(run("netkvm.inf").unwrap() < run("balloon.inf").unwrap(), "{traced}");
    assert!(run("viorng-1\\\\viorng.inf").is_some(), "{traced}");
    assert!(!traced.contains("netsh"), "{traced}");
    let log = wine.log();
    assert!(log.contains("no NIC 00-50-56-AA-BB-01 has come") && log.contains("done, "), "{log}");
}

#[test]
fn all_disks_are_brought_online_whatever_the_number_of_the_systems_own() {
    let wine = Wine::new();
    let script = Script {
        adapters: &[],
        ghosts: &[],
        disks: 3,
        agent: None,
        install_drivers: false,
        service: "h2k-first-boot",
        control_sets: &[],
    };
    // What it writes for diskpart is to be looked at.
    let text = script.text();
    let kept = text.replace(" & rd /s /q \"%SystemRoot%\\h2k\"", "");
    assert_ne!(kept, text);
    let traced = wine.run_script(&kept);
    assert!(traced.contains("diskpart /s \\\"C:\\\\windows\\\\h2k\\\\disks.txt\\\""), "{traced}");
    let disks = std::fs::read_to_string(wine.path("windows/h2k/disks.txt")).unwrap();
    let lines: Vec<&str> = disks.lines().map(str::trim_end).collect();
    assert_eq!(
        lines,
        [
            "rescan",
            "select disk 0",
            "online disk noerr",
            "attributes disk clear readonly noerr",
            "select disk 1",
            "online disk noerr",
            "attributes disk clear readonly noerr",
            "select disk 2",
            "online disk noerr",
            "attributes disk clear readonly noerr"
        ]
    );
}
