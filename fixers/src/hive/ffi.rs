//! The calls of hivex that h2k makes. The binding's own wrappers cannot be used: they leave the terminator out of
//! strings that they write, panic where a name is not there, and refuse the value types above 11 that Windows keeps in
//! `DriverDatabase` and `Enum` (device properties).
#![allow(unsafe_code)]

use std::ffi::{CString, c_char};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use hivex::sys;

/// An open hive. Key and value handles are offsets in it, and are valid until the hive is changed.
pub(super) struct RawHive(*mut sys::hive_h);

/// A value to be written: name, type, bytes.
pub(super) type Value = (String, u32, Vec<u8>);

impl RawHive {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let path = c_string(path.as_os_str().as_bytes())?;
        // SAFETY: the path is NUL-terminated and outlives the call. Opened for writing, hivex reads the file into
        // memory and touches it no more.
        let handle = unsafe { sys::hivex_open(path.as_ptr(), sys::HIVEX_OPEN_WRITE as i32) };
        if handle.is_null() { Err(io::Error::last_os_error()) } else { Ok(Self(handle)) }
    }

    pub(super) fn root(&self) -> io::Result<usize> {
        // SAFETY: the handle is open as long as self lives; so in all calls below.
        found(unsafe { sys::hivex_root(self.0) })
    }

    pub(super) fn name(&self, node: usize) -> io::Result<String> {
        // SAFETY: hivex checks that the offset is that of a key, and returns an own copy.
        let (name, len) =
            unsafe { (sys::hivex_node_name(self.0, node), sys::hivex_node_name_len(self.0, node)) };
        bytes(name, len).map(|b| String::from_utf8_lossy(&b).into_owned())
    }

    pub(super) fn children(&self, node: usize) -> io::Result<Vec<usize>> {
        // SAFETY: hivex returns null, or an array of its own that ends with 0.
        unsafe { list(sys::hivex_node_children(self.0, node)) }
    }

    pub(super) fn child(&self, node: usize, name: &str) -> io::Result<Option<usize>> {
        let name = c_string(name.as_bytes())?;
        clear_errno();
        // SAFETY: the name is NUL-terminated and outlives the call.
        absent(unsafe { sys::hivex_node_get_child(self.0, node, name.as_ptr()) })
    }

    pub(super) fn values(&self, node: usize) -> io::Result<Vec<usize>> {
        // SAFETY: as in `children`.
        unsafe { list(sys::hivex_node_values(self.0, node)) }
    }

    pub(super) fn value(&self, value: usize) -> io::Result<Value> {
        // SAFETY: hivex checks the offset, and returns own copies.
        let (key, len) =
            unsafe { (sys::hivex_value_key(self.0, value), sys::hivex_value_key_len(self.0, value)) };
        let name = String::from_utf8_lossy(&bytes(key, len)?).into_owned();
        let mut kind: sys::hive_type = 0;
        let mut len = 0;
        clear_errno();
        // SAFETY: both places outlive the call.
        let data = unsafe { sys::hivex_value_value(self.0, value, &raw mut kind, &raw mut len) };
        // An empty value may come without memory.
        if data.is_null() && len == 0 && io::Error::last_os_error().raw_os_error() == Some(0) {
            return Ok((name, kind, Vec::new()));
        }
        Ok((name, kind, bytes(data, len)?))
    }

    pub(super) fn add_child(&self, parent: usize, name: &str) -> io::Result<usize> {
        let name = c_string(name.as_bytes())?;
        // SAFETY: the name is NUL-terminated and outlives the call.
        found(unsafe { sys::hivex_node_add_child(self.0, parent, name.as_ptr()) })
    }

    pub(super) fn delete_child(&self, node: usize) -> io::Result<()> {
        // SAFETY: hivex checks the offset.
        done(unsafe { sys::hivex_node_delete_child(self.0, node) })
    }

    /// Gives a key these values and no others.
    pub(super) fn set_values(&self, node: usize, values: &[Value]) -> io::Result<()> {
        let names: Vec<CString> =
            values.iter().map(|(name, _, _)| c_string(name.as_bytes())).collect::<io::Result<_>>()?;
        let set: Vec<sys::hive_set_value> = values
            .iter()
            .zip(&names)
            .map(|((_, kind, data), name)| sys::hive_set_value {
                key: name.as_ptr().cast_mut(),
                t: *kind,
                len: data.len(),
                value: data.as_ptr().cast_mut().cast::<c_char>(),
            })
            .collect();
        // SAFETY: the array and all that it points to outlive the call, which only reads them.
        done(unsafe { sys::hivex_node_set_values(self.0, node, set.len(), set.as_ptr(), 0) })
    }

    pub(super) fn commit(&self, path: &Path) -> io::Result<()> {
        let path = c_string(path.as_os_str().as_bytes())?;
        // SAFETY: the path is NUL-terminated and outlives the call.
        done(unsafe { sys::hivex_commit(self.0, path.as_ptr(), 0) })
    }
}

impl Drop for RawHive {
    fn drop(&mut self) {
        // SAFETY: closed once, here; nothing was to be kept that commit has not written.
        let _nothing_to_lose = unsafe { sys::hivex_close(self.0) };
    }
}

fn c_string(bytes: &[u8]) -> io::Result<CString> {
    CString::new(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "a name holds a zero byte"))
}

/// hivex answers "none" and "failed" alike and tells them apart by errno (hivex(3), "hivex_node_get_child").
fn clear_errno() {
    unsafe extern "C" {
        fn __errno_location() -> *mut i32;
    }
    // SAFETY: errno of this thread, always valid (errno(3)).
    unsafe { *__errno_location() = 0 };
}

fn found(handle: usize) -> io::Result<usize> {
    if handle == 0 { Err(io::Error::last_os_error()) } else { Ok(handle) }
}

fn absent(handle: usize) -> io::Result<Option<usize>> {
    match (handle, io::Error::last_os_error()) {
        (0, e) if e.raw_os_error() == Some(0) => Ok(None),
        (0, e) => Err(e),
        (handle, _) => Ok(Some(handle)),
    }
}

fn done(code: i32) -> io::Result<()> {
    if code == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Takes over memory that hivex allocated.
fn bytes(data: *mut c_char, len: usize) -> io::Result<Vec<u8>> {
    if data.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: hivex returned `len` bytes that it leaves to the caller to free.
    unsafe {
        let copy = std::slice::from_raw_parts(data.cast::<u8>(), len).to_vec();
        sys::free(data.cast());
        Ok(copy)
    }
}

/// Takes over an array of handles that ends with 0.
///
/// # Safety
/// `array` is null or such an array, allocated by hivex.
unsafe fn list(array: *mut usize) -> io::Result<Vec<usize>> {
    if array.is_null() {
        return Err(io::Error::last_os_error());
    }
    let mut handles = Vec::new();
    // SAFETY: read up to its end and no further, then freed once.
    unsafe {
        let mut at = array;
        while *at != 0 {
            handles.push(*at);
            at = at.add(1);
        }
        sys::free(array.cast());
    }
    Ok(handles)
}
