//! `batch`: batch files themselves. What they name is planned and migrated with `-f`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

/// Arguments of `batch`.
#[derive(Debug, Clone, Args)]
pub struct BatchArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: BatchCommand,
}

/// What to do with a batch file.
#[derive(Debug, Clone, Subcommand)]
pub enum BatchCommand {
    /// Show the VMs that a batch file names, or every mistake in it; ends with 2 if there is one
    Check {
        /// Batch file
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the JSON Schema of batch files, for editors
    Schema,
    /// Print a batch file with every key and what it is for
    Example,
    /// Begin a batch file with the VMs that are found
    ///
    /// Looks into directories and the directories in them. Nothing on the disks is looked at.
    Init {
        /// A .vmx, .ovf or .ova, disk files, or directories in which they are looked for
        #[arg(required = true, value_name = "SOURCE", value_hint = ValueHint::AnyPath)]
        sources: Vec<PathBuf>,
        /// Write to a file instead of stdout; one that is there is left alone
        #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        output: Option<PathBuf>,
    },
}
