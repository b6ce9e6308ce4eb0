//! The appliance's QEMU dies with the thread that launched it.
//!
//! libguestfs starts QEMU with fork(2) and exec(3) inside this process, and a second child, its recovery process, which
//! ends QEMU when this process is gone. Where both are killed in one moment, QEMU would go on for ever. So a child that
//! is forked while an appliance is launched asks for SIGKILL at its parent's death, before libguestfs' code in it runs;
//! exec(3) keeps that (prctl(2), `PR_SET_PDEATHSIG`; not for a QEMU that is set-user-ID or has file capabilities).
//!
//! A wrapper script as libguestfs' hypervisor would do too, but libguestfs keeps what it asks of a hypervisor under the
//! size and time of its file, the script's, and a temporary directory may be mounted `noexec`.
#![allow(unsafe_code)]

use std::cell::Cell;
use std::ffi::c_int;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::{Signal, getpid, getppid, kill_process, set_parent_process_death_signal};

unsafe extern "C" {
    fn pthread_atfork(
        prepare: Option<unsafe extern "C" fn()>,
        parent: Option<unsafe extern "C" fn()>,
        child: Option<unsafe extern "C" fn()>,
    ) -> c_int;
}

thread_local! {
    /// Whether children that this thread forks die with it.
    static ARMED: Cell<bool> = const { Cell::new(false) };
}

/// This process, as its children see it.
static PARENT: AtomicU32 = AtomicU32::new(0);

/// Whether the handler is there; set once.
static INSTALLED: OnceLock<bool> = OnceLock::new();

/// While it lives, children that this thread forks with fork(3) die when this thread ends, and so with the process.
/// Programs that Rust's library starts are not meant: it does not use fork(3) for them, and `exec` sees to those.
pub struct DieWithUs(());

impl DieWithUs {
    /// From now on. `None` where the handler cannot be had, for want of memory: libguestfs' recovery process still
    /// ends QEMU then.
    pub fn arm() -> Option<Self> {
        PARENT.store(std::process::id(), Ordering::SeqCst);
        // SAFETY: the handler is a function of this program, which is never unloaded, and does in the child only what
        // signal-safety(7) allows: it reads a thread-local and an atomic and calls prctl, getppid, kill.
        let installed = INSTALLED.get_or_init(|| unsafe { pthread_atfork(None, None, Some(in_child)) } == 0);
        installed.then(|| {
            ARMED.set(true);
            Self(())
        })
    }
}

impl Drop for DieWithUs {
    fn drop(&mut self) {
        ARMED.set(false);
    }
}

/// Runs in every forked child, before fork(3) returns there.
unsafe extern "C" fn in_child() {
    // The child's only thread is the copy of the one that forked.
    if !ARMED.get() {
        return;
    }
    // It cannot fail for a valid signal.
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    // A parent that died before the call sends no signal any more.
    let parent = getppid().map(|pid| pid.as_raw_nonzero().get().unsigned_abs());
    if parent != Some(PARENT.load(Ordering::SeqCst)) {
        let _ = kill_process(getpid(), Signal::KILL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    unsafe extern "C" {
        fn fork() -> c_int;
        fn waitpid(pid: c_int, status: *mut c_int, options: c_int) -> c_int;
        fn _exit(status: c_int) -> !;
    }

    /// The signal that a child of this thread gets at its death, by number; 0 for none.
    fn signal_of_a_child() -> c_int {
        // SAFETY: the child only asks for its own setting and ends; the parent waits for it.
        unsafe {
            let pid = fork();
            if pid == 0 {
                let signal = rustix::process::parent_process_death_signal();
                _exit(signal.ok().flatten().map_or(0, |s| s.as_raw()));
            }
            let mut status = 0;
            assert_eq!(waitpid(pid, &raw mut status, 0), pid);
            assert_eq!(status & 0x7f, 0, "the child was killed");
            status >> 8 & 0xff
        }
    }

    #[test]
    fn only_children_of_a_launch_die_with_the_thread() {
        assert_eq!(signal_of_a_child(), 0);
        let armed = DieWithUs::arm().unwrap();
        assert_eq!(signal_of_a_child(), 9);
        std::thread::scope(|scope| {
            let other = scope.spawn(signal_of_a_child);
            assert_eq!(other.join().unwrap(), 0, "another thread's child");
        });
        drop(armed);
        assert_eq!(signal_of_a_child(), 0);
    }
}
