//! FLATTEN: each disk's chain of images, checked; nothing is copied.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::error::{Doing, Failure};
use crate::image::layers::data_bytes;
use crate::image::{self, ImageChain, OpenGate, SourceIdentity};
use crate::pipeline::Context;
use crate::plan::text::bytes;
use crate::stage::{Stage, StageRun};
use crate::stages::fetch::Fetched;

/// The stage.
pub struct Flatten;

/// What FLATTEN leaves.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Flattened {
    /// What FETCH left.
    pub fetched: Fetched,
    /// Per disk: its images, the active one first.
    pub disks: Vec<FlatDisk>,
    /// Identity of every file that the VM consists of.
    pub identity: SourceIdentity,
}

/// A disk whose chain is whole.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FlatDisk {
    /// Its images, the active one first.
    pub chain: ImageChain,
    /// Virtual size in bytes.
    pub size: u64,
    /// Bytes that its images hold as data.
    pub allocated: u64,
    /// What its bytes are read from instead, where the source need not be there any more: the base that a result kept.
    #[serde(skip)]
    pub base: Option<ImageChain>,
}

impl FlatDisk {
    /// What its bytes are read from.
    pub fn bytes(&self) -> &ImageChain {
        self.base.as_ref().unwrap_or(&self.chain)
    }
}

impl Flattened {
    /// One line for the log.
    pub fn summary(&self) -> String {
        let size = self.disks.iter().map(|d| d.size).sum();
        let data = self.disks.iter().map(|d| d.allocated).sum();
        format!("{} disks, {} with {} of data", self.disks.len(), bytes(size), bytes(data))
    }

    /// Virtual size of each disk in bytes.
    pub fn sizes(&self) -> Vec<u64> {
        self.disks.iter().map(|d| d.size).collect()
    }

    /// Bytes of data in each disk's images.
    pub fn allocated(&self) -> Vec<u64> {
        self.disks.iter().map(|d| d.allocated).collect()
    }
}

impl StageRun for Flatten {
    type In = Fetched;
    type Out = Flattened;
    const STAGE: Stage = Stage::Flatten;

    fn run(&self, cx: &mut Context<'_>, fetched: Fetched) -> Result<Flattened, Failure> {
        let mut disks = Vec::new();
        let mut files = vec![];
        if fetched.vm.kind != h2k_transports::SourceKind::Disks {
            files.push(fetched.vm.path.clone());
        }
        for (index, disk) in fetched.vm.disks.iter().enumerate() {
            let flat = flatten(disk, &cx.job.parents).doing(format!("opening disk {index}"))?;
            files.extend(flat.chain.files());
            disks.push(flat);
        }
        files.sort();
        files.dedup();
        let identity = SourceIdentity::of(&files).doing("taking the source's digest")?;
        Ok(Flattened { fetched, disks, identity })
    }
}

pub(super) fn flatten(disk: &h2k_transports::SourceDisk, parents: &[PathBuf]) -> Result<FlatDisk, Failure> {
    let mut gate = OpenGate::for_location(&disk.location)?;
    for parent in parents {
        gate = gate.allow(parent)?;
    }
    let chain = ImageChain::resolve(disk, &gate)?;
    let reader = image::open(&chain)?;
    let allocated = data_bytes(reader.as_ref()).doing("mapping the disk")?;
    Ok(FlatDisk { size: reader.size(), chain, allocated, base: None })
}
