//! Sharing of blocks between files: FICLONERANGE (ioctl_ficlonerange(2)), which no crate in use here wraps.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

use rustix::ioctl::{Ioctl, IoctlOutput, Opcode, opcode};

/// `struct file_clone_range` of linux/fs.h.
#[repr(C)]
struct CloneRange {
    src_fd: i64,
    src_offset: u64,
    src_length: u64,
    dest_offset: u64,
}

/// `FICLONERANGE`: _IOW(0x94, 13, struct file_clone_range).
const FICLONERANGE: Opcode = opcode::write::<CloneRange>(0x94, 13);

// SAFETY: the opcode takes a pointer to a `file_clone_range` that the kernel only reads, and returns nothing.
unsafe impl Ioctl for CloneRange {
    type Output = ();
    const IS_MUTATING: bool = false;

    fn opcode(&self) -> Opcode {
        FICLONERANGE
    }

    fn as_ptr(&mut self) -> *mut c_void {
        std::ptr::from_mut(self).cast()
    }

    unsafe fn output_from_ptr(_: IoctlOutput, _: *mut c_void) -> rustix::io::Result<()> {
        Ok(())
    }
}

/// Has `to` share `len` bytes from `from_at` of `from`, at `to_at`. All in bytes, whole file system blocks.
///
/// # Errors
/// `EOPNOTSUPP`, `EXDEV` or `ENOTTY` where blocks cannot be shared, `EINVAL` for bounds that are no blocks.
pub(super) fn clone_range(from: &File, from_at: u64, len: u64, to: &File, to_at: u64) -> io::Result<()> {
    // A length of 0 would mean "to the end".
    if len == 0 {
        return Ok(());
    }
    let range = CloneRange {
        src_fd: i64::from(from.as_raw_fd()),
        src_offset: from_at,
        src_length: len,
        dest_offset: to_at,
    };
    // SAFETY: both descriptors are open for the time of the call; see the implementation above.
    unsafe { rustix::ioctl::ioctl(to, range) }.map_err(io::Error::from)
}
