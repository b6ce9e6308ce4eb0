//! Starts QEMU, looks at its screen, ends it.

use std::path::Path;
use std::time::{Duration, Instant};

use h2k_fixers::qmp::{Event, Qmp, QmpError};
use serde_json::json;

use crate::error::{Failure, FailureKind};
use crate::exec::{Child, Exec};

use super::machine::{Setup, argv};
use super::scratch::failure;
use super::verdict::Accel;

/// The program; guests of other architectures are refused before.
const PROGRAM: &str = "qemu-system-x86_64";
/// Time until QEMU listens on its control socket: large machines allocate much.
const START: Duration = Duration::from_secs(30);
/// Time for QEMU to end by itself.
const QUIT: Duration = Duration::from_secs(5);

/// A running QEMU; ended when it is dropped.
#[derive(Debug)]
pub(super) struct Qemu {
    process: Child,
    qmp: Qmp,
    /// Its arguments.
    pub argv: Vec<String>,
}

impl Qemu {
    /// Starts QEMU with the guest stopped. What does not work on this host is left out, each with a line in
    /// `differences`: the sandbox first, then KVM.
    ///
    /// # Errors
    /// QEMU is not there or refuses the machine.
    pub fn start(setup: &mut Setup<'_>, differences: &mut Vec<String>) -> Result<Self, Failure> {
        loop {
            let error = match Self::try_start(setup) {
                Ok(qemu) => return Ok(qemu),
                Err(error) if error.kind == FailureKind::Interrupted => return Err(error),
                Err(error) => error,
            };
            let text = error.chain();
            if setup.sandbox && ["sandbox", "seccomp"].iter().any(|word| text.contains(word)) {
                setup.sandbox = false;
                differences.push("QEMU ran without its sandbox, which it lacks here".to_owned());
            } else if setup.accel == Accel::Kvm {
                setup.accel = Accel::Tcg;
                differences.push(format!("TCG instead of KVM, with which QEMU did not start: {text}"));
            } else {
                return Err(error);
            }
        }
    }

    fn try_start(setup: &Setup<'_>) -> Result<Self, Failure> {
        let not_validated = |e: anyhow::Error| Failure::new(FailureKind::NotValidated, e);
        let argv = argv(setup).map_err(|e| not_validated(e.into()))?;
        // A socket of a try before would be taken for this one's.
        let _ = std::fs::remove_file(&setup.files.qmp);
        let mut process = Exec::new(PROGRAM).args(&argv).spawn().map_err(failure)?;
        let deadline = Instant::now() + START;
        // In short steps, since a QEMU that refused its arguments will never listen.
        loop {
            let step = (Instant::now() + Duration::from_millis(200)).min(deadline);
            match Qmp::connect(&setup.files.qmp, step) {
                Ok(qmp) => return Ok(Self { process, qmp, argv }),
                Err(error) => {
                    let ended = !matches!(process.try_wait(), Ok(None));
                    if ended || Instant::now() >= deadline {
                        let said = process.stderr_tail();
                        let error = anyhow::Error::from(error).context(format!("QEMU did not start: {said}"));
                        return Err(not_validated(error));
                    }
                }
            }
        }
    }

    /// Lets the guest run.
    ///
    /// # Errors
    /// QEMU's.
    pub fn run(&mut self) -> Result<(), QmpError> {
        self.qmp.execute("cont", json!({})).map(|_| ())
    }

    /// Resets a guest that wanted to reset itself and was held instead, and lets it run.
    ///
    /// # Errors
    /// QEMU's.
    pub fn start_over(&mut self) -> Result<(), QmpError> {
        // What holds the guest's resets (`-action reboot=shutdown`) would hold this one, too.
        self.qmp.execute("set-action", json!({ "reboot": "reset" }))?;
        self.qmp.execute("system_reset", json!({}))?;
        self.qmp.wait_for("RESET")?;
        self.qmp.execute("set-action", json!({ "reboot": "shutdown" }))?;
        self.run()
    }

    /// Takes a NIC's cable out.
    ///
    /// # Errors
    /// QEMU's.
    pub fn unplug(&mut self, nic: usize) -> Result<(), QmpError> {
        self.qmp.execute("set_link", json!({ "name": format!("nic{nic}"), "up": false })).map(|_| ())
    }

    /// Ends a NIC's capture.
    ///
    /// # Errors
    /// QEMU's.
    pub fn end_capture(&mut self, nic: usize) -> Result<(), QmpError> {
        self.qmp.execute("object-del", json!({ "id": format!("dump{nic}") })).map(|_| ())
    }

    /// What happened since the last call.
    ///
    /// # Errors
    /// QEMU is gone.
    pub fn events(&mut self) -> Result<Vec<Event>, QmpError> {
        self.qmp.events()
    }

    /// Writes a picture of the screen as PNG.
    ///
    /// # Errors
    /// QEMU's; before QEMU 7.1 it knows no PNG.
    pub fn screenshot(&mut self, file: &Path) -> Result<(), QmpError> {
        let name = file.to_str().ok_or(QmpError::Protocol)?;
        self.qmp.execute("screendump", json!({ "filename": name, "format": "png" })).map(|_| ())
    }

    /// Writes a picture of the screen as PPM.
    ///
    /// # Errors
    /// QEMU's.
    pub fn picture(&mut self, file: &Path) -> Result<(), QmpError> {
        let name = file.to_str().ok_or(QmpError::Protocol)?;
        self.qmp.execute("screendump", json!({ "filename": name })).map(|_| ())
    }

    /// The end of what QEMU itself said.
    pub fn messages(&self) -> String {
        self.process.stderr_tail()
    }

    /// Ends QEMU, politely first.
    pub fn quit(mut self) {
        // It may be gone already, which is what is wanted; dropping the process ends it in any case.
        if self.qmp.execute("quit", json!({})).is_ok() {
            let _ = self.process.wait_timeout(QUIT);
        }
    }
}
