//! What a program is told between fork and exec: `pre_exec` is the only way to make a system call there, and is unsafe.
#![allow(unsafe_code)]

use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::process::Signal;

/// Has the kernel kill the program when we die (PR_SET_PDEATHSIG, prctl(2)), however we die.
pub(super) fn die_with_us(command: &mut Command) {
    let us = rustix::process::getpid();
    // SAFETY: between fork and exec the closure makes two system calls, neither allocates nor takes a lock.
    unsafe {
        command.pre_exec(move || {
            rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
            // We may have died before the call above; then nobody would send the signal.
            if rustix::process::getppid() == Some(us) { Ok(()) } else { Err(rustix::io::Errno::SRCH.into()) }
        });
    }
}
