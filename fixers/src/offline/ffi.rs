//! The few calls of libguestfs that its Rust binding lacks: quiet errors, the text of the last one, and keys that are
//! not text.
//!
//! The binding prints every error to stderr through libguestfs' default handler and hides message and errno in
//! private fields. Both are part of libguestfs' C API (guestfs(3), "ERROR HANDLING"). Its `luks_open` takes a `&str`,
//! where the C call takes any bytes but zero.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_char, c_int, c_void};

use guestfs::Handle;

#[link(name = "guestfs")]
unsafe extern "C" {
    fn guestfs_set_error_handler(
        g: *mut c_void,
        handler: Option<unsafe extern "C" fn(*mut c_void, *mut c_void, *const c_char)>,
        data: *mut c_void,
    );
    fn guestfs_last_error(g: *mut c_void) -> *const c_char;
    fn guestfs_last_errno(g: *mut c_void) -> c_int;
    fn guestfs_luks_open(
        g: *mut c_void,
        device: *const c_char,
        key: *const c_char,
        mapname: *const c_char,
    ) -> c_int;
}

// `Handle` holds nothing but the `guestfs_h *`; if a release of the binding changes that, this does not compile.
const _: () = assert!(size_of::<Handle>() == size_of::<*mut c_void>());
const _: () = assert!(align_of::<Handle>() == align_of::<*mut c_void>());

fn raw(handle: &Handle) -> *mut c_void {
    // SAFETY: `Handle` has one field, a non-null pointer, checked by size and alignment above; it is only read.
    unsafe { *std::ptr::from_ref(handle).cast::<*mut c_void>() }
}

/// Stops libguestfs from printing errors to stderr.
pub fn silence(handle: &Handle) {
    // SAFETY: a null handler is allowed and means "do nothing" (guestfs(3), guestfs_set_error_handler).
    unsafe { guestfs_set_error_handler(raw(handle), None, std::ptr::null_mut()) }
}

/// Message and errno of the last failed call; errno is 0 where libguestfs knows none.
pub fn last_error(handle: &Handle) -> (String, i32) {
    // SAFETY: the pointer is null or a NUL-terminated string that lives until the next call on the handle; it is
    // copied at once.
    unsafe {
        let message = guestfs_last_error(raw(handle));
        let text = if message.is_null() {
            "unknown error".to_owned()
        } else {
            CStr::from_ptr(message).to_string_lossy().into_owned()
        };
        (text, guestfs_last_errno(raw(handle)))
    }
}

/// Opens a LUKS container as `/dev/mapper/NAME`. `Err` where libguestfs failed; its message is the last one.
pub fn luks_open(handle: &Handle, device: &CStr, key: &CStr, name: &CStr) -> Result<(), ()> {
    // SAFETY: the handle is valid as above, and the three are NUL-terminated strings that outlive the call, which
    // copies them.
    let code = unsafe { guestfs_luks_open(raw(handle), device.as_ptr(), key.as_ptr(), name.as_ptr()) };
    if code == 0 { Ok(()) } else { Err(()) }
}
