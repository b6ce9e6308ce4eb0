//! Many VMs: which, in which waves, how many at once.

pub mod budget;
pub mod example;
pub mod expand;
pub mod forecast;
pub mod globs;
pub mod hooks;
pub mod init;
pub mod place;
pub mod runner;
pub mod schedule;
pub mod schema;
pub mod summary;
pub mod wire;
pub mod worker;

use std::path::PathBuf;

use h2k_config::batch::{Concurrency, Hook, Wave};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::job::Job;

/// A batch with every VM that its file names. Kept in the state store, so that a killed batch goes on from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// Name.
    pub name: String,
    /// The file that it was read from, absolute.
    pub path: PathBuf,
    /// Its VMs. The store keeps them one by one.
    #[serde(skip)]
    pub vms: Vec<BatchVm>,
    /// Its waves; a wave stands after those that it waits for.
    pub waves: Vec<Wave>,
    /// How many at once.
    pub concurrency: Concurrency,
    /// Programs before and after stages, for all VMs.
    pub hooks: Vec<Hook>,
}

/// A VM of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchVm {
    /// The VM's migration. The store keeps it as a run of it is kept.
    #[serde(skip)]
    pub job: Job,
    /// Index of its wave.
    pub wave: usize,
    /// Greater is earlier within a wave.
    pub priority: i32,
    /// When it may be started.
    pub not_before: Option<Timestamp>,
    /// After when it is not started any more.
    pub deadline: Option<Timestamp>,
    /// Programs before and after its stages, after those of the batch.
    pub hooks: Vec<Hook>,
}
