//! INSPECT: what the disks say, all disks of the VM in one appliance, mounted read-only.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use h2k_fixers::GuestFacts;
use h2k_fixers::facts::{DiskHardware, NicHardware, SourceHardware};
use h2k_fixers::offline::{Access, Drive, LaunchOptions, Session};
use h2k_transports::Tristate;
use serde::{Deserialize, Serialize};

use crate::error::{Doing, Failure};
use crate::image;
use crate::image::nbd::Server;
use crate::job::Job;
use crate::keys;
use crate::pipeline::Context;
use crate::plan::target;
use crate::stage::{Stage, StageRun};
use crate::stages::flatten::Flattened;
use crate::warden::Need;

/// Virtual CPUs of the appliance: what [`Need`] says that it takes. More do not make it start faster, and those of two
/// appliances on two cores would wait for each other.
const APPLIANCE_CPUS: u32 = 1;

/// The stage.
pub struct Inspect;

/// What INSPECT leaves.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Inspected {
    /// What FLATTEN left.
    pub flattened: Flattened,
    /// What the disks say.
    pub facts: GuestFacts,
}

impl Inspected {
    /// One line for the log.
    pub fn summary(&self) -> String {
        match (self.facts.system(), self.facts.systems.len()) {
            (Some(s), _) => format!("{} {}", s.product, s.arch),
            (None, 0) => "no operating system".to_owned(),
            (None, n) => format!("{n} operating systems"),
        }
    }
}

impl StageRun for Inspect {
    type In = Flattened;
    type Out = Inspected;
    const STAGE: Stage = Stage::Inspect;

    fn need(&self, cx: &Context<'_>, _: &Flattened) -> Need {
        appliance_need(cx)
    }

    fn run(&self, cx: &mut Context<'_>, flattened: Flattened) -> Result<Inspected, Failure> {
        let mut facts = GuestFacts { hardware: hardware(&flattened), ..GuestFacts::default() };
        if !flattened.disks.is_empty() {
            let mut appliance = open(cx, &flattened)?;
            appliance.session.inspect(&mut facts).map_err(|e| appliance.server.explain(e.into()))?;
            cx.appliance = Some(appliance);
        }
        Ok(Inspected { flattened, facts })
    }
}

/// What a stage with the appliance takes.
pub fn appliance_need(cx: &Context<'_>) -> Need {
    need_of(cx.job)
}

/// What a stage of this job with the appliance takes.
pub fn need_of(job: &Job) -> Need {
    Need::machine(h2k_fixers::offline::appliance_memory(!job.policy.keys.is_empty()))
}

/// An appliance, and what it reads the source's disks from. The fields are dropped in this order.
pub struct Appliance {
    /// The appliance.
    pub session: Session,
    /// Serves the disks to QEMU, whatever their format: it never parses one that comes from elsewhere.
    pub server: DiskServer,
}

/// The disks of a VM, served.
pub struct DiskServer(Server);

impl DiskServer {
    /// Starts to serve the disks as `disk0`, `disk1` …
    ///
    /// # Errors
    /// A disk cannot be opened; there is no place for a socket.
    pub fn start(flattened: &Flattened) -> Result<Self, Failure> {
        let mut exports = Vec::new();
        for (index, disk) in flattened.disks.iter().enumerate() {
            let reader = image::open(disk.bytes()).doing(format!("opening disk {index}"))?;
            exports.push((export(index), Arc::from(reader)));
        }
        Ok(Self(Server::start(exports).doing("serving the disks to the appliance")?))
    }

    /// A failure with what could not be read of the source, which may be why: the appliance only sees bad sectors.
    pub fn explain(&self, failure: Failure) -> Failure {
        self.0
            .errors()
            .into_iter()
            .fold(failure, |failure, error| failure.hint(format!("reading the source: {error}")))
    }
}

fn export(index: usize) -> String {
    format!("disk{index}")
}

/// Overlays over all disks, made anew, and an appliance with them.
///
/// # Errors
/// An overlay cannot be made; the appliance does not start.
pub fn open(cx: &Context<'_>, flattened: &Flattened) -> Result<Appliance, Failure> {
    let access = if cx.to_be_fixed { Access::Writable } else { Access::ReadOnly };
    let server = DiskServer::start(flattened)?;
    let mut drives = Vec::new();
    for (index, (disk, path)) in flattened.disks.iter().zip(overlays(cx, flattened)).enumerate() {
        // Unlinked, not written over: the appliance of a run that was killed a second ago may still hold it.
        forget(&path)?;
        image::create_overlay(disk.bytes(), &server.0.uri(&export(index)), &path)
            .doing("making an overlay")?;
        drives.push(Drive { path, format: "qcow2".to_owned() });
    }
    let options = LaunchOptions {
        force_tcg: !crate::validate::kvm::proven(),
        cpus: APPLIANCE_CPUS,
        temp_dir: Some(cx.work.clone()),
        keys: keys::read(&cx.job.policy.keys)?,
        root: cx.job.policy.root.clone(),
    };
    let session = Session::launch(&drives, access, &options).map_err(|e| {
        server.explain(Failure::from(e)).hint("h2k doctor checks libguestfs and its appliance")
    })?;
    Ok(Appliance { session, server })
}

/// The same for a guest that an earlier run has looked at, with its file systems mounted as they were then.
///
/// # Errors
/// As [`open`]; the guest is not as it was.
pub fn reopen(cx: &Context<'_>, inspected: &Inspected) -> Result<Appliance, Failure> {
    let mut appliance = open(cx, &inspected.flattened)?;
    let remounted = appliance.session.remount(&inspected.facts);
    remounted.map_err(|e| appliance.server.explain(e.into()))?;
    Ok(appliance)
}

fn forget(path: &Path) -> Result<(), Failure> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e).doing(format!("removing {}", path.display())),
        _ => Ok(()),
    }
}

/// Where the overlays lie.
pub fn overlays(cx: &Context<'_>, flattened: &Flattened) -> Vec<PathBuf> {
    (0..flattened.disks.len()).map(|i| cx.work.join(format!("overlay{i}.qcow2"))).collect()
}

/// The source's hardware as its guest saw it, with the MACs that the target will have.
fn hardware(flattened: &Flattened) -> SourceHardware {
    let fetched = &flattened.fetched;
    let vm = &fetched.vm;
    let uuid = vm.uuid.clone().unwrap_or_else(|| target::derived_uuid(&fetched.name, vm));
    let disks = vm.disks.iter().enumerate().map(|(index, d)| DiskHardware {
        bus: d.slot.bus.to_string(),
        controller: d.slot.controller,
        unit: d.slot.unit,
        wwn: flattened.disks.get(index).and_then(|flat| flat.chain.wwn()).map(str::to_owned),
    });
    let nics = vm.nics.iter().enumerate().map(|(index, nic)| {
        let (mac, mac_from_source) = target::mac(vm, &uuid, index);
        NicHardware { mac, mac_from_source, pci_slot: nic.pci_slot, ..NicHardware::default() }
    });
    let secure_boot = vm.secure_boot == Tristate::Yes;
    SourceHardware { disks: disks.collect(), nics: nics.collect(), secure_boot }
}

#[cfg(test)]
mod tests {
    use h2k_transports::{Bus, DiskLocation, Slot, SourceDisk, SourceKind, SourceVm};

    use super::*;
    use crate::image::SourceIdentity;
    use crate::stages::fetch::Fetched;
    use crate::stages::flatten::flatten;

    const FIRST: &str = "60 00 C2 9a bc de f0 12-34 56 78 90 12 34 56 7a";
    const SECOND: &str = "60 00 C2 9f ed cb a9 87-65 43 21 09 87 65 43 2b";

    /// A disk of one flat extent on the `unit` of a SCSI controller; `lines` besides the usual.
    fn disk(dir: &Path, name: &str, unit: u32, parent: &str, lines: &str) -> SourceDisk {
        fs::write(dir.join(format!("{name}-flat.vmdk")), [0; 512]).unwrap();
        let text = format!(
            "# Disk DescriptorFile\nversion=1\nCID=7e57ab1e\nparentCID={parent}\ncreateType=\"vmfs\"\n\
             RW 1 VMFS \"{name}-flat.vmdk\" 0\n{lines}\n"
        );
        let path = dir.join(format!("{name}.vmdk"));
        fs::write(&path, text).unwrap();
        SourceDisk {
            slot: Slot { bus: Bus::Scsi, model: None, controller: 0, unit },
            location: DiskLocation::File { path },
            format: None,
            capacity_bytes: None,
            mode: None,
            serial: None,
            traits: Default::default(),
        }
    }

    #[test]
    fn disks_have_the_world_wide_names_of_their_images() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        let mut vm = SourceVm::new("web01", SourceKind::Vmx, dir.join("web01.vmx"));
        let uuid = |text: &str| format!("ddb.uuid = \"{text}\"");
        let none = "ffffffff";
        disk(dir, "base", 0, none, &uuid(SECOND));
        vm.disks = vec![
            disk(dir, "a", 0, none, &uuid(FIRST)),
            // A snapshot that tells nothing of its own.
            disk(dir, "b", 1, "7e57ab1e", "parentFileNameHint=\"base.vmdk\""),
            disk(dir, "c", 2, none, ""),
            // A clone's delta is a disk of its own.
            disk(dir, "d", 3, "7e57ab1e", &format!("parentFileNameHint=\"base.vmdk\"\n{}", uuid(FIRST))),
        ];
        let disks = vm.disks.iter().map(|d| flatten(d, &[]).unwrap()).collect();
        let fetched = Fetched { name: "web01".to_owned(), vm, unpacked: 0, described_by: None };
        let flattened = Flattened { fetched, disks, identity: SourceIdentity::of::<PathBuf>([]).unwrap() };
        let stored = serde_json::to_string(&flattened).unwrap();
        let found = hardware(&serde_json::from_str(&stored).unwrap()).disks;
        let found: Vec<_> = found.iter().map(|d| (d.unit, d.wwn.as_deref())).collect();
        let (first, second) =
            (Some("6000c29abcdef012345678901234567a"), Some("6000c29fedcba987654321098765432b"));
        assert_eq!(found, [(0, first), (1, second), (2, None), (3, first)]);
    }
}
