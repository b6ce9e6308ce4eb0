//! Gives a guest without a serial console one for a boot test, on the throw-away overlays only.

use std::path::{Path, PathBuf};

use h2k_fixers::offline::{Access, Drive, LaunchOptions, Session};
use h2k_fixers::{GuestFacts, GuestMut, linux};

use crate::error::{Doing, Failure};

/// Puts a serial console on every kernel command line in the overlays. Whether one was added.
///
/// # Errors
/// The appliance failed.
pub fn add(overlays: &[PathBuf], temp: &Path) -> Result<bool, Failure> {
    let drives: Vec<Drive> =
        overlays.iter().map(|path| Drive { path: path.clone(), format: "qcow2".to_owned() }).collect();
    let options = LaunchOptions {
        force_tcg: !crate::validate::kvm::proven(),
        cpus: 1,
        temp_dir: Some(temp.to_owned()),
    };
    let mut session = Session::launch(&drives, Access::Writable, &options)?;
    let mut facts = GuestFacts::default();
    session.inspect_boot(&mut facts)?;
    if !facts.is_linux() {
        return Ok(false);
    }
    let edits = linux::console::edits(&facts, &session)?;
    if edits.is_empty() {
        return Ok(false);
    }
    session.mount_writable()?;
    for edit in &edits {
        session.apply(edit).doing("adding a serial console on the throw-away overlay")?;
    }
    session.shutdown()?;
    Ok(true)
}
