//! Boot tests of guests of one sector, in a real QEMU.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use h2k_config::TargetFormat;

use h2k_fixers::readiness::{Link, LinkKind, LinkState, Readiness};

use super::*;
use crate::emit::domain::{Domain, DomainDisk, Helpers, Machine, TargetBus, TargetFirmware};
use crate::emit::tests::{bios, disk, nic};
use crate::error::{Failure, FailureKind};
use crate::event::{Event, Reporter, Silent};

/// `out dx, al` with each character of the text that follows, to the first serial port; then halts. Interrupts are off,
/// or SeaBIOS would print on.
const PRINT: [u8; 22] = [
    0xfa, 0x31, 0xc0, 0x8e, 0xd8, 0xbe, 0x16, 0x7c, 0xba, 0xf8, 0x03, 0xac, 0x84, 0xc0, 0x74, 0x03, 0xee,
    0xeb, 0xf8, 0xf4, 0xeb, 0xfd,
];
/// Halts.
const HANG: [u8; 3] = [0xf4, 0xeb, 0xfd];
/// Has the keyboard controller reset the machine.
const RESET: [u8; 5] = [0xb0, 0xfe, 0xe6, 0x64, 0xf4];
/// Has ACPI power the machine off (q35's PM1a control register).
const POWER_OFF: [u8; 8] = [0xba, 0x04, 0x06, 0xb8, 0x00, 0x20, 0xef, 0xf4];
/// Tells the pvpanic device.
const PANIC: [u8; 7] = [0xba, 0x05, 0x05, 0xb0, 0x01, 0xee, 0xf4];
/// Paints VGA's text screen blue and writes the text that follows in white, in its fourth line; then halts.
const PAINT_TEXT: [u8; 44] = [
    0xb8, 0x03, 0x00, 0xcd, 0x10, // mov ax, 3; int 10h: 80 by 25 characters
    0x31, 0xc0, 0x8e, 0xd8, // ds = 0
    0xb8, 0x00, 0xb8, 0x8e, 0xc0, // es = b800h
    0x31, 0xff, 0xfc, // di = 0
    0xb8, 0x20, 0x1f, 0xb9, 0xd0, 0x07, 0xf3, 0xab, // 2000 blanks, white on blue
    0xbe, 0x2c, 0x7c, 0xbf, 0xe0, 0x01, 0xb4, 0x1f, // si = text, di = line 3
    0xac, 0x84, 0xc0, 0x74, 0x03, 0xab, 0xeb, 0xf8, // until zero: lodsb, stosw
    0xf4, 0xeb, 0xfd,
];
/// Sets 320 by 200 pixels of 256 colours, paints them blue, and paints white the runs that follow (place, length; a length of
/// zero ends them); then halts.
const PAINT_RUNS: [u8; 48] = [
    0xb8, 0x13, 0x00, 0xcd, 0x10, // mov ax, 13h; int 10h
    0x31, 0xc0, 0x8e, 0xd8, // ds = 0
    0xb8, 0x00, 0xa0, 0x8e, 0xc0, // es = a000h
    0x31, 0xff, 0xfc, // di = 0
    0xb0, 0x01, 0xb9, 0x00, 0xfa, 0xf3, 0xaa, // 64000 pixels of colour 1
    0xbe, 0x30, 0x7c, // si = runs
    0xad, 0x89, 0xc7, 0xac, 0x84, 0xc0, 0x74, 0x0a, // place, length; done if zero
    0x88, 0xc1, 0x30, 0xed, 0xb0, 0x0f, 0xf3, 0xaa, // so many pixels of colour 15
    0xeb, 0xee, 0xf4, 0xeb, 0xfd,
];

/// A boot sector that paints `:(`.
fn face_sector() -> Vec<u8> {
    let mut code = PAINT_RUNS.to_vec();
    let mut run = |x: u16, y: u16, length: u8| {
        code.extend((y * 320 + x).to_le_bytes());
        code.push(length);
    };
    (0..8).for_each(|y| run(40, 42 + y, 8));
    (0..8).for_each(|y| run(40, 62 + y, 8));
    for y in 0u16..48 {
        let off = (2 * y).abs_diff(47);
        run(62 + off * off / 184, 32 + y, 7);
    }
    run(0, 0, 0);
    code
}

/// Prints for ever.
const FLOOD: [u8; 7] = [0xba, 0xf8, 0x03, 0xee, 0xeb, 0xfd, 0xf4];

/// A result directory with one raw disk.
struct Guest {
    dir: tempfile::TempDir,
    domain: Domain,
}

impl Guest {
    fn new(sector: Option<&[u8]>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut bytes = vec![0; 1 << 20];
        if let Some(code) = sector {
            bytes[..code.len()].copy_from_slice(code);
            bytes[510..512].copy_from_slice(&[0x55, 0xaa]);
        }
        std::fs::write(dir.path().join("disk0.raw"), bytes).unwrap();
        let first = DomainDisk {
            file: "disk0.raw".into(),
            format: TargetFormat::Raw,
            ..disk(TargetBus::VirtioBlk, 0)
        };
        Self { dir, domain: Domain { disks: vec![first], nics: vec![], memory_bytes: 128 << 20, ..bios() } }
    }

    fn printing(text: &str) -> Self {
        Self::new(Some(&[&PRINT, text.as_bytes(), &[0]].concat()))
    }

    fn evidence(&self) -> PathBuf {
        self.dir.path().join("boot")
    }

    fn boot(&self, options: &BootOptions<'_>) -> Verdict {
        let evidence = self.evidence();
        let before = blake3::hash(&std::fs::read(self.dir.path().join("disk0.raw")).unwrap());
        let verdict = boot_test(&self.domain, self.dir.path(), &evidence, options, &Silent, "x").unwrap();
        let after = blake3::hash(&std::fs::read(self.dir.path().join("disk0.raw")).unwrap());
        assert_eq!(before, after, "the disk was written");
        let kept: Verdict =
            serde_json::from_slice(&std::fs::read(evidence.join("verdict.json")).unwrap()).unwrap();
        assert_eq!(kept, verdict);
        verdict
    }
}

fn quick() -> BootOptions<'static> {
    BootOptions {
        timeout: Some(Duration::from_secs(40)),
        settle: Some(Duration::from_secs(1)),
        accel: Some(Accel::Tcg),
        ..BootOptions::default()
    }
}

fn is_png(path: &Path) -> bool {
    std::fs::read(path).is_ok_and(|b| b.starts_with(b"\x89PNG\r\n\x1a\n"))
}

#[test]
fn a_blank_disk_fails_and_says_why() {
    let guest = Guest::new(None);
    let verdict = guest.boot(&quick());
    assert_eq!(verdict.outcome, Outcome::Failed, "{verdict:#?}");
    let reason = "the firmware found nothing to boot: No bootable device; Boot failed: not a bootable disk";
    assert_eq!(verdict.reason, reason);
    assert_eq!(verdict.evidence.screenshots, ["screen.png"]);
    assert!(is_png(&guest.evidence().join("screen.png")));
    assert!(guest.evidence().join("qemu.argv").exists());
}

#[test]
fn a_login_prompt_proves_the_boot() {
    let mut guest = Guest::printing("\r\nDebian GNU/Linux 12 debian ttyS0\r\n\r\ndebian login: ");
    guest.domain.nics = vec![nic(1), nic(2)];
    guest.domain.nics[1].connected = false;
    let verdict = guest.boot(&quick());
    assert_eq!(verdict.outcome, Outcome::Booted, "{verdict:#?}");
    assert!(verdict.proven());
    let evidence = &verdict.evidence;
    assert_eq!(evidence.login_prompt.as_deref(), Some("debian login:"));
    assert!(verdict.reason.ends_with("no frame from 52:54:00:12:34:01"), "{}", verdict.reason);
    assert_eq!(evidence.nics.len(), 2);
    assert_eq!(evidence.nics[0].capture.as_deref(), Some("nic0.pcap"));
    assert_eq!(evidence.accel, Some(Accel::Tcg));
    assert!(evidence.proven_after.is_some_and(|s| s < evidence.seconds));
    assert!(evidence.serial_excerpt.iter().any(|l| l.contains("SeaBIOS")));
    assert!(evidence.checks.iter().all(|c| c.failure().is_none()));
}

#[test]
fn a_kernel_panic_fails() {
    let verdict = Guest::printing("\r\n[    1.0] Kernel panic - not syncing: x\r\n").boot(&quick());
    assert_eq!(verdict.outcome, Outcome::Failed, "{verdict:#?}");
    assert_eq!(verdict.reason, "the kernel panicked: [    1.0] Kernel panic - not syncing: x");
}

#[test]
fn a_kernel_whose_emulated_timer_was_late_is_booted_once_more_and_then_unproven() {
    let line = "Kernel panic - not syncing: IO-APIC + timer doesn't work!  Boot with apic=debug";
    let guest = Guest::printing(&format!("\r\n[    0.1] {line}\r\n"));
    let verdict = guest.boot(&quick());
    assert_eq!(verdict.outcome, Outcome::Unproven, "{verdict:#?}");
    assert_eq!(verdict.reason, format!("the kernel saw no tick of its timer: [    0.1] {line}"));
    assert_eq!(verdict.evidence.first_try.as_ref(), Some(&verdict.reason), "there was no second try");
}

/// Kills the QEMU that writes to `evidence`, as a failed assertion of its own would, once its guest has printed.
fn abort_qemu(evidence: &Path) {
    let log = evidence.join("serial.log");
    while !std::fs::read(&log).is_ok_and(|text| text.ends_with(b"...")) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let log = log.to_str().unwrap();
    let is_it = |pid: &i32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.starts_with(b"qemu-") && String::from_utf8_lossy(&line).contains(log)
    };
    let names =
        std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let pid = names.filter_map(|name| name.parse().ok()).find(is_it).unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::ABORT).unwrap();
}

#[test]
fn a_guest_whose_emulator_died_is_booted_once_more_on_one_thread() {
    let guest = Guest::printing("\r\nloading ...");
    let options = BootOptions { timeout: Some(Duration::from_secs(5)), ..quick() };
    let evidence = guest.evidence();
    let killer = std::thread::spawn(move || abort_qemu(&evidence));
    let verdict = guest.boot(&options);
    killer.join().unwrap();
    assert_eq!(verdict.outcome, Outcome::Unproven, "{verdict:#?}");
    assert!(verdict.reason.starts_with("after "), "of the second try: {}", verdict.reason);
    let first = verdict.evidence.first_try.unwrap();
    assert!(first.contains("QEMU ended: "), "{first}");
    let argv = std::fs::read_to_string(guest.evidence().join("qemu.argv")).unwrap();
    assert!(argv.contains("tcg,thread=single"), "{argv}");
}

#[test]
fn a_guest_whose_processors_wait_for_each_other_is_booted_once_more_on_one_thread() {
    let mut guest = Guest::printing("\r\n[  21.1] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:\r\n");
    guest.domain.cpu.cores = 2;
    let options = BootOptions { timeout: Some(Duration::from_secs(5)), cpu_limit: Some(2), ..quick() };
    let verdict = guest.boot(&options);
    assert_eq!(verdict.outcome, Outcome::Unproven, "{verdict:#?}");
    let first = verdict.evidence.first_try.unwrap();
    assert!(first.starts_with("after 5 s "), "{first}");
    let argv = std::fs::read_to_string(guest.evidence().join("qemu.argv")).unwrap();
    assert!(argv.contains("tcg,thread=single"), "{argv}");

    // By default there is one.
    let verdict = guest.boot(&BootOptions { cpu_limit: None, ..options });
    assert_eq!(verdict.evidence.first_try, None);
    assert!(verdict.evidence.differences.iter().any(|d| d == "1 CPU instead of 2"), "{verdict:#?}");
}

#[test]
fn a_hang_is_unproven() {
    let options = BootOptions { timeout: Some(Duration::from_secs(3)), ..quick() };
    let verdict = Guest::new(Some(&HANG)).boot(&options);
    assert_eq!(verdict.outcome, Outcome::Unproven, "{verdict:#?}");
    assert!(!verdict.proven());
}

#[test]
fn resets_power_off_and_panic_fail() {
    let options = BootOptions { max_resets: 1, ..quick() };
    let verdict = Guest::new(Some(&RESET)).boot(&options);
    assert_eq!(verdict.outcome, Outcome::Failed, "{verdict:#?}");
    // It resets itself faster than a busy host looks.
    let count =
        verdict.reason.strip_prefix("the guest reset itself ").and_then(|rest| rest.split(' ').next());
    let count: u64 =
        count.and_then(|count| count.parse().ok()).unwrap_or_else(|| panic!("{}", verdict.reason));
    assert!(count >= 2, "{}", verdict.reason);
    let verdict = Guest::new(Some(&POWER_OFF)).boot(&quick());
    assert!(verdict.reason.starts_with("the guest powered itself off"), "{verdict:#?}");
    assert!(verdict.evidence.powered_off && !verdict.evidence.screenshots.is_empty());
    let verdict = Guest::new(Some(&PANIC)).boot(&quick());
    assert!(verdict.reason.starts_with("the guest reported a panic"), "{verdict:#?}");
}

/// What Windows paints is told from what QEMU shows, with the card's own font.
#[test]
fn a_stop_screen_fails_with_its_code() {
    for (code, name) in
        [("0x0000007B", " (INACCESSIBLE_BOOT_DEVICE)"), ("0x12345678", ""), ("0x9ABCDEF0", "")]
    {
        let line = format!("*** STOP: {code} (0xF78D2524,0xC0000034,0x00000000,0x00000000)\0");
        let mut guest = Guest::new(Some(&[&PAINT_TEXT, line.as_bytes()].concat()));
        guest.domain.osinfo = "win7".into();
        let verdict = guest.boot(&quick());
        assert_eq!(verdict.outcome, Outcome::Failed, "{verdict:#?}");
        assert_eq!(verdict.reason, format!("Windows stopped: stop code {code}{name}"));
        let shows = format!("the screen shows that Windows stopped: stop code {code}{name}");
        assert_eq!(verdict.evidence.screen.as_ref().unwrap().shows, shows);
    }
}

/// Windows restarts after a stop, as it is set up, at once if it cannot write a dump: between two looks at the screen.
#[test]
fn a_stop_screen_that_a_restart_wipes_out_is_seen_all_the_same() {
    let text = b"*** STOP: 0x0000007B (0xF78D2524,0xC0000034,0x00000000,0x00000000)\0";
    let mut sector = [&PAINT_TEXT, &text[..]].concat();
    // Instead of halting.
    let (halt, reset) = (PAINT_TEXT.len() - 3, 480_u16);
    let jump = reset - u16::try_from(halt + 3).unwrap();
    sector[halt] = 0xe9;
    sector[halt + 1..halt + 3].copy_from_slice(&jump.to_le_bytes());
    sector.resize(usize::from(reset), 0);
    sector.extend(RESET);
    let mut guest = Guest::new(Some(&sector));
    guest.domain.osinfo = "win7".into();
    let verdict = guest.boot(&quick());
    assert_eq!(verdict.outcome, Outcome::Failed, "{verdict:#?}");
    assert_eq!(verdict.reason, "Windows stopped: stop code 0x0000007B (INACCESSIBLE_BOOT_DEVICE)");
    assert!(verdict.evidence.resets >= 1, "{verdict:#?}");
}

#[test]
fn the_face_of_a_stop_screen_fails() {
    let mut guest = Guest::new(Some(&face_sector()));
    guest.domain.osinfo = "win2k22".into();
    let verdict = guest.boot(&quick());
    assert_eq!(verdict.outcome, Outcome::Failed, "{verdict:#?}");
    let reason =
        "Windows stopped: the screen shows that Windows stopped (on #0000a8; its code cannot be read)";
    assert_eq!(verdict.reason, reason);
}

#[test]
fn what_the_screen_shows_is_told_and_proves_nothing() {
    let mut guest = Guest::new(Some(&[&PAINT_TEXT, &b"Automatic Repair\0"[..]].concat()));
    guest.domain.osinfo = "win2k22".into();
    let verdict = guest.boot(&BootOptions { timeout: Some(Duration::from_secs(25)), ..quick() });
    assert_eq!(verdict.outcome, Outcome::Unproven, "{verdict:#?}");
    let told = "; the screen shows something on #0000a8, 720x400 and has not changed for ";
    assert!(verdict.reason.contains(told), "{}", verdict.reason);
    // Of Linux nobody looks.
    guest.domain.osinfo = "debian12".into();
    let verdict = guest.boot(&BootOptions { timeout: Some(Duration::from_secs(3)), ..quick() });
    assert_eq!(verdict.evidence.screen, None);
}

#[test]
fn a_flood_is_bounded() {
    let options = BootOptions { timeout: Some(Duration::from_secs(4)), ..quick() };
    let guest = Guest::new(Some(&FLOOD));
    let verdict = guest.boot(&options);
    assert_eq!(verdict.outcome, Outcome::Unproven, "{verdict:#?}");
    assert!(serde_json::to_vec(&verdict).unwrap().len() < 200_000);
}

#[test]
fn the_hook_sees_overlays_only_and_what_it_does_counts() {
    let guest = Guest::new(None);
    let seen = Mutex::new(Vec::new());
    let hook = |overlays: &[PathBuf]| -> Result<Prepared, Failure> {
        // A boot sector that prints, written through the overlay.
        let code = [&PRINT[..], b"\r\nhook login: \0"].concat();
        let sector = overlays[0].with_file_name("sector");
        let mut bytes = code.clone();
        bytes.resize(510, 0);
        bytes.extend([0x55, 0xaa]);
        std::fs::write(&sector, bytes).unwrap();
        let write = format!("write -s {} 0 512", sector.display());
        crate::exec::Exec::new("qemu-io")
            .args(["-f", "qcow2", "-c", &write])
            .arg(&overlays[0])
            .run()
            .unwrap();
        seen.lock().unwrap().extend(overlays.to_vec());
        Ok(Prepared { console_added: true, readiness: None })
    };
    let verdict = guest.boot(&BootOptions { prepare: Some(&hook), ..quick() });
    assert_eq!(verdict.evidence.login_prompt.as_deref(), Some("hook login:"), "{verdict:#?}");
    assert!(verdict.evidence.console_added);
    let overlays = seen.into_inner().unwrap();
    assert!(!overlays[0].starts_with(guest.dir.path()) && !overlays[0].exists());
}

#[test]
fn a_failing_check_is_not_booted() {
    let mut guest = Guest::new(None);
    guest.domain.disks[0].format = TargetFormat::Qcow2;
    let verdict = guest.boot(&quick());
    assert_eq!(verdict.reason, "disk0.raw: the disk is there and stands alone: it is not a qcow2 image");
    assert_eq!((verdict.outcome, verdict.evidence.accel), (Outcome::Failed, None));
}

#[test]
fn a_broken_chain_is_not_booted_and_an_unknown_one_is() {
    let link = |state| Link {
        link: LinkKind::Kernel,
        subject: "/boot/grub/grub.cfg".into(),
        state,
        detail: "there is no /boot/vmlinuz".into(),
        sender: None,
    };
    let guest = Guest::printing("\r\ndebian login: ");
    let chain = |state| Some(Readiness { links: vec![link(state)] });
    let verdict = guest.boot(&BootOptions { readiness: chain(LinkState::Broken), ..quick() });
    let reason =
        "not booted, the boot chain is broken: kernel: /boot/grub/grub.cfg: there is no /boot/vmlinuz";
    assert_eq!((verdict.outcome, verdict.reason.as_str()), (Outcome::Failed, reason));
    assert_eq!((verdict.evidence.accel, verdict.evidence.readiness), (None, chain(LinkState::Broken)));

    let hook = |_: &[PathBuf]| Ok(Prepared { console_added: false, readiness: chain(LinkState::Broken) });
    let verdict = guest.boot(&BootOptions { prepare: Some(&hook), ..quick() });
    assert_eq!((verdict.reason.as_str(), verdict.evidence.accel), (reason, None));

    // Without its network it does come up, which is seen and told.
    let nic = Link { link: LinkKind::Network, ..link(LinkState::Broken) };
    let network = Some(Readiness { links: vec![nic] });
    let verdict = guest.boot(&BootOptions { readiness: network, ..quick() });
    assert_eq!(verdict.outcome, Outcome::Failed);
    assert!(verdict.evidence.login_prompt.is_some(), "{verdict:#?}");
    assert!(verdict.reason.starts_with("it boots (login prompt"), "{}", verdict.reason);
    let end = "and a link is broken: network: /boot/grub/grub.cfg: there is no /boot/vmlinuz";
    assert!(verdict.reason.ends_with(end), "{}", verdict.reason);

    let verdict = guest.boot(&BootOptions { readiness: chain(LinkState::Unknown), ..quick() });
    assert!(verdict.proven(), "{verdict:#?}");
    assert_eq!(verdict.evidence.readiness, chain(LinkState::Unknown));
}

#[test]
fn a_machine_that_qemu_refuses_is_an_error() {
    let mut guest = Guest::new(None);
    guest.domain.nics = vec![nic(1)];
    guest.domain.nics[0].model = "unobtainium".into();
    let dir = guest.dir.path();
    let failure = boot_test(&guest.domain, dir, &guest.evidence(), &quick(), &Silent, "x").unwrap_err();
    assert_eq!(failure.kind, FailureKind::NotValidated);
    assert!(failure.chain().contains("unobtainium"), "{}", failure.chain());
}

#[test]
fn uefi_firmware_finds_nothing_on_a_blank_disk_and_sends_nothing() {
    struct Events(Mutex<Vec<Event>>);
    impl Reporter for Events {
        fn event(&self, event: &Event) {
            self.0.lock().unwrap().push(event.clone());
        }
    }
    let mut guest = Guest::new(None);
    guest.domain.firmware = TargetFirmware::Uefi { secure_boot: false };
    guest.domain.nics = vec![nic(1)];
    let options = BootOptions { timeout: Some(Duration::from_secs(60)), ..quick() };
    let events = Events(Mutex::default());
    let verdict =
        boot_test(&guest.domain, guest.dir.path(), &guest.evidence(), &options, &events, "x").unwrap();
    assert_eq!(verdict.outcome, Outcome::Failed, "{verdict:#?}");
    assert_eq!(verdict.evidence.nics[0].traffic, traffic::Traffic::default(), "{verdict:#?}");
    assert!(events.0.into_inner().unwrap().iter().any(|e| matches!(e, Event::Progress { .. })));
}

/// QEMU takes every kind of machine; whether a guest boots on it is another matter.
#[test]
fn qemu_takes_all_hardware() {
    let options = BootOptions { timeout: Some(Duration::from_millis(1)), ..quick() };
    let mut guest = Guest::new(Some(&HANG));
    guest.domain.genid = Some("aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee".into());
    guest.domain.tpm = true;
    guest.domain.cdroms = 9;
    guest.domain.nics = (1..=6).map(nic).collect();
    let models = ["virtio", "e1000", "e1000e", "rtl8139", "vmxnet3", "virtio-transitional"];
    for (nic, model) in guest.domain.nics.iter_mut().zip(models) {
        nic.model = model.into();
    }
    let secure = TargetFirmware::Uefi { secure_boot: true };
    for (machine, firmware, bus, count) in [
        (Machine::Q35, secure, TargetBus::VirtioScsi, 20),
        (Machine::I440fx, TargetFirmware::Bios, TargetBus::VirtioBlk, 3),
        (Machine::Q35, TargetFirmware::Bios, TargetBus::Sata, 8),
        (Machine::I440fx, TargetFirmware::Bios, TargetBus::Ide, 3),
    ] {
        // Of the oldest and of the newest.
        let old = firmware == TargetFirmware::Bios;
        guest.domain.helpers = Helpers { usb2: old, transitional: old, ..Helpers::default() };
        guest.domain.machine = machine;
        guest.domain.firmware = firmware;
        let template = guest.domain.disks[0].clone();
        let more = |i| DomainDisk { file: template.file.clone(), format: TargetFormat::Raw, ..disk(bus, i) };
        guest.domain.disks = (0..count).map(more).collect();
        guest.domain.disks[0].serial = Some("a,b".into());
        let verdict = guest.boot(&options);
        assert_eq!(verdict.outcome, Outcome::Unproven, "{verdict:#?}");
        assert!(verdict.evidence.qemu_messages.is_empty(), "{}", verdict.evidence.qemu_messages);
    }
}
