//! FETCH from end to end: sources as they lie on disk, made in temporary directories from `fixtures/`.

// Helpers of tests fail by panicking, as tests do.
#![allow(clippy::unwrap_used)]

mod common;
mod disks;
mod hostile;
mod manifests;
mod ova_cases;
mod ovf_cases;
mod vmx_beside;
mod vmx_cases;
