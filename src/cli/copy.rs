//! How disks are copied: the options that `migrate`, `resume` and `convert` share.

use clap::Args;
use h2k_config::{Engine, Settings};

use super::choice;

/// How disks are copied.
#[derive(Debug, Clone, Copy, Default, Args)]
#[command(next_help_heading = "Copy")]
pub struct CopyArgs {
    /// What copies the disks; qemu is there for comparison [default: native]
    #[arg(long, value_name = "ENGINE", value_parser = choice::parser::<Engine>())]
    pub engine: Option<Engine>,
    /// Threads that copy a disk [default: one per processor]
    #[arg(long, value_name = "N", value_parser = h2k_config::keys::threads)]
    pub threads: Option<usize>,
    /// Most bytes that are read per second and disk: a number with K, M, G or T
    #[arg(long, value_name = "BYTES", value_parser = h2k_config::keys::rate)]
    pub limit_rate: Option<u64>,
}

impl CopyArgs {
    /// The options on top of other settings of the command line.
    pub(super) fn on(&self, settings: Settings) -> Settings {
        Settings { engine: self.engine, threads: self.threads, limit_rate: self.limit_rate, ..settings }
    }
}
