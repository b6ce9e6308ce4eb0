//! What a failure means for other tries and other VMs: told by what the system reported, wherever it stands in the
//! chain of causes.

use std::io::{self, ErrorKind};

use h2k_fixers::GuestError;
use serde::{Deserialize, Serialize};

use crate::error::{Failure, FailureKind};
use crate::exec::ExecError;

/// What a failure means beyond the VM that it happened to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// It is this VM's own, and would come again.
    Own,
    /// It may pass by: another try is worth it.
    Transient,
    /// It would hit every VM that writes to the same target.
    Target,
    /// It would hit every VM of the same source.
    Source,
}

/// What a failure means.
pub fn of(failure: &Failure) -> Fault {
    // A plan, a command line and a boot that did not come off are about this VM, whatever stands in their chain.
    if failure.kind != FailureKind::Failed {
        return Fault::Own;
    }
    failure.error.chain().find_map(one).unwrap_or(Fault::Own)
}

fn one(cause: &(dyn std::error::Error + 'static)) -> Option<Fault> {
    if let Some(error) = cause.downcast_ref::<io::Error>() {
        return io_fault(error);
    }
    if let Some(ExecError::TimedOut { .. }) = cause.downcast_ref::<ExecError>() {
        return Some(Fault::Transient);
    }
    match cause.downcast_ref::<GuestError>() {
        Some(GuestError::Host { source, .. }) => io_fault(source),
        Some(GuestError::Appliance { .. }) => Some(Fault::Transient),
        _ => None,
    }
}

/// What the system reports: errno(3).
fn io_fault(error: &io::Error) -> Option<Fault> {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::ReadOnlyFilesystem => {
            Some(Fault::Target)
        }
        ErrorKind::ConnectionRefused
        | ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe
        | ErrorKind::NotConnected
        | ErrorKind::HostUnreachable
        | ErrorKind::NetworkUnreachable
        | ErrorKind::NetworkDown
        | ErrorKind::TimedOut
        | ErrorKind::StaleNetworkFileHandle
        | ErrorKind::OutOfMemory
        | ErrorKind::ResourceBusy => Some(Fault::Transient),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn io(errno: i32) -> Failure {
        Failure::from(io::Error::from_raw_os_error(errno)).context("copying disk 0").context("convert")
    }

    #[test]
    fn what_the_system_says_decides() {
        use rustix::io::Errno;
        for (errno, fault) in [
            (Errno::NOSPC, Fault::Target),
            (Errno::DQUOT, Fault::Target),
            (Errno::ROFS, Fault::Target),
            (Errno::CONNREFUSED, Fault::Transient),
            (Errno::CONNRESET, Fault::Transient),
            (Errno::TIMEDOUT, Fault::Transient),
            (Errno::NOMEM, Fault::Transient),
            (Errno::NOENT, Fault::Own),
            (Errno::IO, Fault::Own),
            (Errno::ACCESS, Fault::Own),
        ] {
            assert_eq!(of(&io(errno.raw_os_error())), fault, "{errno:?}");
        }
    }

    #[test]
    fn what_is_the_vms_own_is_not_tried_again() {
        assert_eq!(of(&Failure::message(FailureKind::NotValidated, "a kernel panic")), Fault::Own);
        assert_eq!(of(&Failure::message(FailureKind::Failed, "a chain is broken")), Fault::Own);
        let full = Failure { kind: FailureKind::NotReady, ..io(rustix::io::Errno::NOSPC.raw_os_error()) };
        assert_eq!(of(&full), Fault::Own);
    }
}
