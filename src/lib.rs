//! h2k moves virtual machines from VMware and Hyper-V to KVM.
//!
//! ```text
//!  source            FETCH    → SourceVm (what the hypervisor says) + where each disk's bytes are
//!                    FLATTEN  → one read-only DiskReader per disk: chains and extents resolved, nothing copied
//!                    INSPECT  → GuestFacts (what the disks say), all disks of the VM opened together
//!  (h2k plan stops)  PLAN     → Plan: target hardware, edits with their diffs, concerns, forecast, source digest
//!                    FIX      → the plan's edits, in a qcow2 overlay over the DiskReader
//!                    CONVERT  → target disks (one copy, free space skipped) + libvirt XML
//!  result            VALIDATE → verdict with evidence
//! ```
//!
//! | where | what |
//! |---|---|
//! | [`stage`], [`pipeline`], [`stages`] | the stages, their order, a file each |
//! | [`run`], [`job`], [`state`] | one VM's run: locks, work directory, what a killed run left |
//! | [`kept`] | results that keep their base: repairs that are made anew, until they are accepted |
//! | [`batch`], [`warden`] | many VMs: in which order, how many at once; the door of every stage |
//! | [`plan`] | the plan as data, what decides it, how it is shown |
//! | [`image`] | disk images: formats, chains, the gate that every file they name goes through, NBD, the copy |
//! | [`transfer`] | one disk into its target file, how it is told and verified |
//! | [`emit`] | the target as data and as libvirt XML |
//! | [`validate`], [`serial_console`] | the boot test and its evidence |
//! | [`report`], [`metrics`], [`undo`] | what was done, and how it is taken back |
//! | [`app`], [`cli`], [`commands`], [`ui`] | the command line; `ui` is the only printer |
//! | [`error`], [`event`], [`exec`], [`interrupt`], [`doctor`] | failures, events, programs, signals, host checks |
//!
//! `h2k_transports` knows sources, `h2k_fixers` knows guests, `h2k_config` knows what the user wants; none of them
//! knows another but the last.

pub mod app;
pub mod batch;
pub mod cli;
pub mod commands;
pub mod doctor;
pub mod emit;
pub mod error;
pub mod event;
pub mod exec;
pub mod fault;
pub mod image;
pub mod interrupt;
pub mod job;
pub mod kept;
pub mod keys;
pub mod metrics;
pub mod pipeline;
pub mod plan;
pub mod report;
pub mod run;
pub mod serial_console;
pub mod stage;
pub mod stages;
pub mod state;
pub mod temporary;
pub mod transfer;
pub mod ui;
pub mod undo;
pub mod validate;
pub mod warden;
