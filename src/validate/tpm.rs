//! The TPM emulator beside QEMU: swtpm, with a new TPM for every test.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::exec::{Child, Exec};

/// Time until it listens.
const START: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(20);

/// A running emulator; ended when it is dropped.
#[derive(Debug)]
pub(super) struct Tpm {
    /// Where QEMU finds it.
    pub socket: PathBuf,
    _process: Child,
}

impl Tpm {
    /// Starts an emulator with its state in `dir`.
    ///
    /// # Errors
    /// Why there is none, in words: the test goes on without and says so.
    pub fn start(dir: &Path, sockets: &Path) -> Result<Self, String> {
        let state = dir.join("tpm");
        std::fs::create_dir(&state).map_err(|e| format!("no directory for its state: {e}"))?;
        let socket = sockets.join("tpm");
        let (state, control) = (state.display().to_string(), socket.display().to_string());
        if state.contains(',') || control.contains(',') {
            return Err("swtpm cannot be given a path with a comma".to_owned());
        }
        let mut process = Exec::new("swtpm")
            .args(["socket", "--tpm2", "--terminate", "--tpmstate", &format!("dir={state}")])
            .args(["--ctrl", &format!("type=unixio,path={control}")])
            .spawn()
            .map_err(|e| e.to_string())?;
        let started = Instant::now();
        while !socket.exists() {
            if started.elapsed() > START || !matches!(process.try_wait(), Ok(None)) {
                return Err(format!("swtpm did not start: {}", process.stderr_tail()));
            }
            std::thread::sleep(PAUSE);
        }
        Ok(Self { socket, _process: process })
    }
}
