//! A boot test from start to verdict.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use h2k_fixers::readiness::Readiness;

use crate::emit::domain::{CpuTopology, Domain};
use crate::error::{Doing, Failure, FailureKind};
use crate::event::{Event, Reporter};
use crate::exec;
use crate::stage::Stage;

use super::again::Again;
use super::display::Display;
use super::judge::{Judge, Step};
use super::kvm;
use super::machine::{Files, Setup, cdrom_room};
use super::options::BootOptions;
use super::qemu::Qemu;
use super::scratch::{Scratch, failure};
use super::static_checks::static_checks;
use super::tpm::Tpm;
use super::verdict::{Accel, Evidence, NicEvidence, Outcome, Verdict};
use super::watch::{Watch, name_if_there};

/// Time between two looks at the guest.
const LOOK: Duration = Duration::from_millis(500);
/// Time between two progress events.
const TELL: Duration = Duration::from_secs(5);
/// Least memory that a test VM is given, in MiB: below it not even firmware starts.
const MIN_MEMORY_MIB: u64 = 64;

/// Boots `domain`, whose disks lie in `dir`, on throw-away overlays, and writes what it saw to the directory
/// `evidence`: `verdict.json`, `serial.log`, `firmware.log`, `screen.png`, `nicN.pcap`, `qemu.argv`.
///
/// The disks are opened read-only. The guest reaches no network. Only a verdict that is
/// [proven](Verdict::proven) is success.
///
/// # Errors
/// The test could not be made: a program or the firmware is not there, QEMU refuses the machine, no room, the hook
/// failed (kind [`FailureKind::NotValidated`]); or the user wants to stop.
pub fn boot_test(
    domain: &Domain,
    dir: &Path,
    evidence: &Path,
    options: &BootOptions<'_>,
    ui: &dyn Reporter,
    vm: &str,
) -> Result<Verdict, Failure> {
    let evidence_dir = std::path::absolute(evidence).doing("finding the evidence directory")?;
    fs::create_dir_all(&evidence_dir).doing(format!("making {}", evidence_dir.display()))?;
    let checks = static_checks(domain, dir).map_err(failure)?;
    let found = Evidence { checks, readiness: options.readiness.clone(), ..Evidence::default() };
    let broken = options.readiness.as_ref().and_then(Readiness::stops_the_boot);
    let verdict = match (found.checks.iter().find_map(|c| Some((c, c.failure()?))), broken) {
        (Some((check, why)), _) => Verdict {
            outcome: Outcome::Failed,
            reason: format!("{}: {}: {why}", check.subject, check.name),
            evidence: found,
        },
        (None, Some(link)) => Verdict::chain_broken(link, found),
        (None, None) => Test { domain, dir, evidence_dir: &evidence_dir, options, ui, vm }
            .run(found)
            .map_err(not_validated)?,
    };
    let json = serde_json::to_vec_pretty(&verdict).doing("writing the verdict")?;
    fs::write(evidence_dir.join("verdict.json"), json).doing("writing the verdict")?;
    Ok(verdict)
}

/// Whatever kept the test from being made, the result is there and not validated.
fn not_validated(mut failure: Failure) -> Failure {
    if failure.kind == FailureKind::Failed {
        failure.kind = FailureKind::NotValidated;
    }
    failure.context("booting the result")
}

struct Test<'a> {
    domain: &'a Domain,
    dir: &'a Path,
    evidence_dir: &'a Path,
    options: &'a BootOptions<'a>,
    ui: &'a dyn Reporter,
    vm: &'a str,
}

impl Test<'_> {
    fn run(&self, mut found: Evidence) -> Result<Verdict, Failure> {
        let (first, again) = self.once(found.clone(), None)?;
        let Some(again) = again else { return Ok(first.with_its_network()) };
        self.tell(&format!("{again}: the guest is booted once more"));
        found.first_try = Some(first.reason);
        Ok(self.once(found, Some(again))?.0.with_its_network())
    }

    /// One boot on overlays of its own: what an emulator that died had not written yet is missing in its.
    fn once(&self, mut found: Evidence, after: Option<Again>) -> Result<(Verdict, Option<Again>), Failure> {
        let scratch = Scratch::new(self.domain, self.dir, self.options)?;
        if let Some(prepare) = self.options.prepare {
            self.tell("looking at the overlay and setting up a console in it");
            let prepared = prepare(&scratch.overlays()).doing("preparing the overlay")?;
            found.console_added = prepared.console_added;
            found.readiness = prepared.readiness.or(found.readiness);
            if let Some(link) = found.readiness.as_ref().and_then(Readiness::stops_the_boot).cloned() {
                return Ok((Verdict::chain_broken(&link, found), None));
            }
        }
        self.attempt(&scratch, found, after)
    }

    /// Boots, after a boot that said nothing for the reason `after`. Why this one said nothing either, if it did not.
    fn attempt(
        &self,
        scratch: &Scratch,
        mut found: Evidence,
        after: Option<Again>,
    ) -> Result<(Verdict, Option<Again>), Failure> {
        let tpm = self.tpm(scratch, &mut found);
        let files = self.files(scratch, tpm.as_ref());
        self.remove_old(&files)?;
        let mut setup = self.setup(&files, &mut found);
        setup.tcg_threads = !after.is_some_and(Again::is_of_threads);
        let several = setup.tcg_threads && setup.cpu.vcpus() > 1;
        let mut qemu = Qemu::start(&mut setup, &mut found.differences)?;
        found.accel = Some(setup.accel);
        self.write("qemu.argv", qemu.argv.join("\n").as_bytes())?;
        found.argv = Some("qemu.argv".to_owned());
        let (outcome, reason, watch) = self.watch(&mut qemu, &files, setup.accel, scratch, &mut found)?;
        self.screenshot(&mut qemu, &mut found);
        found.qemu_messages = qemu.messages();
        qemu.quit();
        take(&mut found, &watch, &files);
        let verdict = Verdict { outcome, reason, evidence: found };
        let again = Again::after(&verdict, &watch, several);
        Ok((verdict, again))
    }

    fn files(&self, scratch: &Scratch, tpm: Option<&Tpm>) -> Files {
        let there = |name: &str| self.evidence_dir.join(name);
        Files {
            disks: scratch.disks.clone(),
            ovmf: scratch.ovmf.clone(),
            qmp: scratch.sockets.path().join("qmp"),
            agent: scratch.sockets.path().join("agent"),
            serial_log: there("serial.log"),
            firmware_log: there("firmware.log"),
            captures: (0..self.domain.nics.len()).map(|i| there(&format!("nic{i}.pcap"))).collect(),
            tpm: tpm.map(|t| t.socket.clone()),
        }
    }

    /// Evidence of an earlier test would be read as this one's.
    fn remove_old(&self, files: &Files) -> Result<(), Failure> {
        let named = ["screen.png", "verdict.json", "qemu.argv"].map(|n| self.evidence_dir.join(n));
        let old = named.iter().chain(&files.captures).chain([&files.serial_log, &files.firmware_log]);
        for path in old {
            match fs::remove_file(path) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Failure::from(e).context(format!("removing {}", path.display())));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn tpm(&self, scratch: &Scratch, found: &mut Evidence) -> Option<Tpm> {
        if !self.domain.tpm {
            return None;
        }
        let started = Tpm::start(scratch.dir.path(), scratch.sockets.path());
        started.map_err(|why| found.differences.push(format!("no TPM: {why}"))).ok()
    }

    /// The test VM, with every way in which it is less than the domain.
    fn setup<'f>(&'f self, files: &'f Files, found: &mut Evidence) -> Setup<'f> {
        let accel = self.options.accel.unwrap_or_else(|| match kvm::proof() {
            Ok(()) => Accel::Kvm,
            Err(why) => {
                found.kvm_not_proven = Some(why.clone());
                Accel::Tcg
            }
        });
        let mut differ = |text: String| found.differences.push(text);
        let limit = (self.options.memory_limit >> 20).max(MIN_MEMORY_MIB);
        let wanted = self.domain.memory_bytes.div_ceil(1 << 20);
        let memory_mib = wanted.clamp(MIN_MEMORY_MIB, limit);
        if memory_mib != wanted {
            differ(format!("{memory_mib} MiB of memory instead of {wanted} MiB"));
        }
        let host = std::thread::available_parallelism().map_or(1, |n| u32::try_from(n.get()).unwrap_or(1));
        // Emulated ones wait for each other where the host is busy, and QEMU may fail over it (`Setup::tcg_threads`).
        let usual = if accel == Accel::Tcg { 1 } else { host };
        let limit = self.options.cpu_limit.unwrap_or(usual).max(1);
        let mut cpu = self.domain.cpu;
        if cpu.vcpus() > limit {
            let s = if limit == 1 { "" } else { "s" };
            differ(format!("{limit} CPU{s} instead of {}", cpu.vcpus()));
            cpu = CpuTopology { sockets: 1, cores: limit, threads: 1 };
        }
        let room = cdrom_room(self.domain);
        if self.domain.cdroms > room {
            differ(format!("{room} CD-ROM drives instead of {}", self.domain.cdroms));
        }
        Setup { domain: self.domain, files, accel, tcg_threads: true, cpu, memory_mib, sandbox: true }
    }

    /// Runs the guest until the judge stops it.
    fn watch(
        &self,
        qemu: &mut Qemu,
        files: &Files,
        accel: Accel,
        scratch: &Scratch,
        found: &mut Evidence,
    ) -> Result<(Outcome, String, Watch), Failure> {
        for (i, _) in self.domain.nics.iter().enumerate().filter(|(_, n)| !n.connected) {
            qemu.unplug(i).doing(format!("unplugging NIC {i}"))?;
        }
        let times = self.options.times(accel, is_windows(self.domain));
        let mut judge = Judge::new(times, self.options.max_resets).emulated(accel == Accel::Tcg);
        let mut watch = Watch::new(self.domain, files);
        // Linux tells more on its console; of a guest of unknown kind its screen may be all that there is.
        if self.domain.osinfo.is_empty() || is_windows(self.domain) {
            watch.display = Some(Display::new(scratch.dir.path(), accel));
        }
        qemu.run().doing("starting the guest")?;
        let started = Instant::now();
        let mut told: Option<Instant> = None;
        loop {
            exec::check_cancelled().map_err(failure)?;
            watch.look(qemu);
            if scratch.overlay_bytes() > self.options.overlay_limit {
                let limit = self.options.overlay_limit >> 20;
                watch.stop = Some(format!("the guest wrote more than {limit} MiB to its disks"));
            }
            let elapsed = started.elapsed();
            if let Step::Stop(outcome, reason) = judge.look(&watch.seen(elapsed)) {
                found.seconds = seconds(elapsed);
                found.proven_after = judge.proven_after().map(seconds);
                return Ok((outcome, reason, watch));
            }
            if told.is_none_or(|t| t.elapsed() >= TELL) {
                told = Some(Instant::now());
                self.progress(elapsed, times.timeout, accel, &watch);
            }
            sleep(LOOK);
        }
    }

    fn progress(&self, elapsed: Duration, timeout: Duration, accel: Accel, watch: &Watch) {
        let last = watch.console.excerpt().pop().unwrap_or_default();
        let last: String = last.chars().filter(|c| !c.is_control()).take(60).collect();
        self.ui.event(&Event::Progress {
            vm: self.vm.to_owned(),
            stage: Stage::Validate,
            done: elapsed.as_secs().min(timeout.as_secs()),
            total: timeout.as_secs(),
            message: format!("booting with {accel}: {last}"),
        });
    }

    fn tell(&self, message: &str) {
        self.ui.event(&Event::Note { vm: self.vm.to_owned(), message: message.to_owned() });
    }

    fn screenshot(&self, qemu: &mut Qemu, found: &mut Evidence) {
        let file = self.evidence_dir.join("screen.png");
        match qemu.screenshot(&file) {
            Ok(()) => found.screenshots.extend(name_if_there(&file)),
            Err(error) => self.tell(&format!("no picture of the screen: {error}")),
        }
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, Failure> {
        let path = self.evidence_dir.join(name);
        fs::write(&path, bytes).doing(format!("writing {name}"))?;
        Ok(path)
    }
}

/// Whether the domain says that its guest is Windows.
fn is_windows(domain: &Domain) -> bool {
    domain.osinfo.starts_with("win")
}

/// Seconds to the millisecond: exact in JSON.
fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1000.0).round() / 1000.0
}

/// Takes what was seen into the evidence.
fn take(found: &mut Evidence, watch: &Watch, files: &Files) {
    found.login_prompt = watch.console.login().map(str::to_owned);
    found.agent_ping = watch.agent;
    found.failure = watch.failure().cloned();
    found.hints = watch.hints().to_vec();
    found.guest_panicked = watch.panicked;
    found.stop_code = watch.stop_code.clone();
    found.screen = watch.display.as_ref().and_then(Display::evidence);
    found.resets = watch.resets;
    found.powered_off = watch.powered_off;
    found.serial_log = name_if_there(&files.serial_log);
    found.serial_excerpt = watch.console.excerpt();
    found.firmware_log = name_if_there(&files.firmware_log);
    let nic = |(capture, file): (&super::watch::Capture, &PathBuf)| NicEvidence {
        mac: capture.mac.clone(),
        connected: capture.connected,
        traffic: capture.traffic.clone(),
        capture: name_if_there(file),
        capture_ended: capture.ended.clone(),
    };
    found.nics = watch.captures.iter().zip(&files.captures).map(nic).collect();
}
