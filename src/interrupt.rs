//! Ctrl-C and SIGTERM. The first asks the run to stop: the program that runs is ended, the stage fails, and what is
//! finished stays for the next run. The second ends h2k at once.

use std::sync::atomic::Ordering;
use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::error::{Doing, Failure, FailureKind};
use crate::exec;

/// From now on, the first signal sets [`exec::cancel_flag`] and the second ends the process with 130.
///
/// # Errors
/// The system refuses a handler or a thread.
pub fn install() -> Result<(), Failure> {
    install_telling(|| {})
}

/// As [`install`]; `tell` is called at the first signal, so that the user knows that it was seen: a stage may take
/// seconds to stop.
///
/// # Errors
/// The system refuses a handler or a thread.
pub fn install_telling(tell: impl Fn() + Send + 'static) -> Result<(), Failure> {
    let mut signals = Signals::new([SIGINT, SIGTERM]).doing("waiting for signals")?;
    let cancel = exec::cancel_flag();
    let wait = move || {
        for _ in signals.forever() {
            if cancel.swap(true, Ordering::SeqCst) {
                // Without destructors: the user does not want to wait for them. Programs die with this process.
                signal_hook::low_level::exit(i32::from(FailureKind::Interrupted.exit_code()));
            }
            tell();
        }
    };
    thread::Builder::new().name("signals".to_owned()).spawn(wait).doing("starting the signal thread")?;
    Ok(())
}
