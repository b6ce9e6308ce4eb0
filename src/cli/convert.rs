//! `convert`: disks alone.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};
use h2k_config::{Compress, Settings};

use super::policy::some;
use super::{CopyArgs, choice};

/// Arguments of `convert`.
#[derive(Debug, Clone, Default, Args)]
pub struct ConvertArgs {
    /// Disk that is read: a file of any format that h2k reads, an .ova or .vmx with one disk, or an NBD URI
    #[arg(value_name = "IN", value_hint = ValueHint::AnyPath)]
    pub input: PathBuf,
    /// File that is written; it appears under this name when it is complete
    #[arg(value_name = "OUT", value_hint = ValueHint::FilePath)]
    pub output: PathBuf,
    /// Format of OUT [default: what its name ends in, or qcow2]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub format: Option<OutFormat>,
    /// Compress the clusters of a qcow2 disk
    #[arg(long, value_name = "HOW", value_parser = choice::parser::<Compress>())]
    pub compress: Option<Compress>,
    /// Reserve all blocks of a raw disk
    #[arg(long)]
    pub preallocate: bool,
    /// Read and write even where the file system could share the blocks with IN
    #[arg(long)]
    pub no_reflink: bool,
    /// Read OUT again when it is complete, and compare it with what IN held
    #[arg(long)]
    pub verify: bool,
    /// Write the digest of every 4 MiB that hold something to FILE, for h2k verify
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub digests: Option<PathBuf>,
    /// File that may be the parent of the disk, or a directory of such. May be given several times
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub parent: Vec<PathBuf>,
    /// How it is copied.
    #[command(flatten)]
    pub copy: CopyArgs,
    /// Directory for temporary files [default: $TMPDIR, or /var/tmp]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub temp_dir: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

impl ConvertArgs {
    /// The options that settings have too.
    pub(super) fn settings(&self) -> Settings {
        let settings = Settings {
            compress: self.compress,
            parent: some(&self.parent),
            temp_dir: self.temp_dir.clone(),
            ..Settings::default()
        };
        self.copy.on(settings)
    }
}

/// What `convert` writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutFormat {
    /// qcow2, version 3
    Qcow2,
    /// Raw bytes; zeros are holes
    Raw,
    /// VMware, monolithic sparse (through qemu-img)
    Vmdk,
    /// Hyper-V, dynamic (through qemu-img)
    Vhdx,
    /// VirtualBox (through qemu-img)
    Vdi,
}

impl OutFormat {
    /// The format that a file name's ending stands for.
    pub fn of_ending(ending: &str) -> Option<Self> {
        match ending.to_ascii_lowercase().as_str() {
            "qcow2" => Some(Self::Qcow2),
            "raw" | "img" => Some(Self::Raw),
            "vmdk" => Some(Self::Vmdk),
            "vhdx" => Some(Self::Vhdx),
            "vdi" => Some(Self::Vdi),
            _ => None,
        }
    }

    /// QEMU's name of it.
    pub fn driver(self) -> &'static str {
        match self {
            Self::Qcow2 => "qcow2",
            Self::Raw => "raw",
            Self::Vmdk => "vmdk",
            Self::Vhdx => "vhdx",
            Self::Vdi => "vdi",
        }
    }
}

/// Arguments of `verify`.
#[derive(Debug, Clone, Default, Args)]
pub struct VerifyArgs {
    /// Result directory of a migration, or a disk
    #[arg(value_name = "TARGET", value_hint = ValueHint::AnyPath)]
    pub target: PathBuf,
    /// File of digests that a disk is compared with; h2k convert --digests writes one
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub digests: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
