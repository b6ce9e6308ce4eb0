//! A domain as QEMU's arguments: the hardware that the XML names, on throw-away disks, without a way out.
//!
//! Sources: qemu(1); docs/system/device-url-syntax and -blockdev's QAPI schema (`BlockdevOptions`). What differs from
//! the domain on purpose: no network besides QEMU's own, restricted; overlays instead of the disks; the serial port
//! goes to a file; the firmware's debug port is read; the CPU is the host's or everything that TCG can do, without Hyper-V's
//! interface there; the agent's channel and a way to tell of a panic are always there.

mod devices;
pub use devices::cdrom_room;

pub mod firmware;
mod slots;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use h2k_config::TargetFormat;

use crate::emit::domain::{Clock, CpuTopology, Domain, Enlightenment, Machine, Panic, TargetFirmware};
use crate::emit::xml::SPINLOCK_RETRIES;

use super::verdict::Accel;
use firmware::Ovmf;

/// Why a domain cannot be put into arguments.
#[derive(Debug, thiserror::Error)]
pub enum MachineError {
    /// QEMU takes block devices as JSON, which is text.
    #[error("the path {0:?} is not UTF-8")]
    Path(PathBuf),
    /// A NIC model that h2k does not know.
    #[error("the NIC model {0:?} is not known")]
    NicModel(String),
    /// More devices than places for them.
    #[error("the domain has more devices than a test VM has PCI slots")]
    Slots,
    /// A value that QEMU would not take.
    #[error("{what} {value:?} cannot be given to QEMU")]
    Value {
        /// What.
        what: &'static str,
        /// The value.
        value: String,
    },
}

/// A disk of the test: the overlay that is written, over the result that is read.
#[derive(Debug, Clone)]
pub struct TestDisk {
    /// Throw-away qcow2 file.
    pub overlay: PathBuf,
    /// The result's file.
    pub base: PathBuf,
    /// Its format.
    pub format: TargetFormat,
    /// The result is a block device.
    pub base_is_device: bool,
    /// The qcow2 file that the result is an overlay over, if it keeps its base.
    pub kept_base: Option<PathBuf>,
}

/// Files and sockets of a test.
#[derive(Debug, Clone)]
pub struct Files {
    /// Disks, as many as the domain has.
    pub disks: Vec<TestDisk>,
    /// OVMF, for a domain with UEFI.
    pub ovmf: Option<Ovmf>,
    /// Socket of QEMU's control.
    pub qmp: PathBuf,
    /// Socket of the guest agent.
    pub agent: PathBuf,
    /// What the guest's serial port prints.
    pub serial_log: PathBuf,
    /// What the firmware prints on its debug port.
    pub firmware_log: PathBuf,
    /// Captured frames, as many as the domain has NICs.
    pub captures: Vec<PathBuf>,
    /// Socket of the TPM emulator, for a domain with TPM if there is an emulator.
    pub tpm: Option<PathBuf>,
}

/// A test VM.
#[derive(Debug, Clone)]
pub struct Setup<'a> {
    /// The domain.
    pub domain: &'a Domain,
    /// Its files.
    pub files: &'a Files,
    /// What to run with.
    pub accel: Accel,
    /// Under TCG each CPU has a thread of its own, which is quicker. QEMU may fail an assertion then, as one CPU changes
    /// the machine's memory map while another one uses it (seen with 10.0: `iotlb_to_section`), and the guest may hang, its
    /// processors waiting for each other (seen with 10.0: stalls of RCU, nothing after that).
    pub tcg_threads: bool,
    /// CPUs.
    pub cpu: CpuTopology,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// Have the kernel forbid QEMU what it does not need (seccomp).
    pub sandbox: bool,
}

/// QEMU's arguments, without the program.
///
/// # Errors
/// [`MachineError`].
pub fn argv(setup: &Setup<'_>) -> Result<Vec<String>, MachineError> {
    let mut out = Args::default();
    process(&mut out, setup);
    board(&mut out, setup);
    if let Some(ovmf) = &setup.files.ovmf {
        flash(&mut out, ovmf, setup)?;
    }
    control(&mut out, setup.files)?;
    devices::devices(&mut out, setup)?;
    Ok(out.0)
}

/// Arguments so far.
#[derive(Debug, Default)]
struct Args(Vec<String>);

impl Args {
    fn one(&mut self, option: &str) {
        self.0.push(option.to_owned());
    }

    fn two(&mut self, option: &str, value: impl Into<String>) {
        self.0.extend([option.to_owned(), value.into()]);
    }
}

/// What concerns QEMU itself. The guest is hostile: QEMU reads no configuration, starts nothing by default and gives
/// up what it does not need.
fn process(out: &mut Args, setup: &Setup<'_>) {
    out.two("-name", "h2k-boot-test");
    out.one("-no-user-config");
    out.one("-nodefaults");
    out.two("-display", "none");
    out.two("-monitor", "none");
    if setup.sandbox {
        out.two("-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
    }
    // The guest starts when the control connection is there, so that no event is missed; it stays for a last look
    // when it panics, powers off or resets itself.
    out.one("-S");
    out.two("-action", "panic=pause,shutdown=pause,reboot=shutdown");
    out.two("-boot", "strict=on");
}

/// Board, CPU, memory and clock.
fn board(out: &mut Args, setup: &Setup<'_>) {
    let domain = setup.domain;
    let secure = domain.firmware == TargetFirmware::Uefi { secure_boot: true };
    let machine = match domain.machine {
        Machine::Q35 => "q35",
        Machine::I440fx => "pc",
    };
    let mut properties = format!("{machine},usb=off,hpet=off{}", if secure { ",smm=on" } else { "" });
    if domain.firmware == TargetFirmware::Bios {
        // "No graphics" has SeaBIOS print on the serial port also, and everything that GRUB or boot code prints
        // through it. The display is there all the same.
        properties.push_str(",graphics=off");
    }
    out.two("-machine", properties);
    let (accel, cpu) = match setup.accel {
        Accel::Kvm => ("kvm", format!("host{}", hyperv(domain))),
        // Five-level page tables: bootloaders trip over them under TCG, and no guest needs them here. Hyper-V's interface
        // is KVM's.
        Accel::Tcg if setup.tcg_threads => ("tcg,thread=multi", "max,la57=off".to_owned()),
        Accel::Tcg => ("tcg,thread=single", "max,la57=off".to_owned()),
    };
    out.two("-accel", accel);
    out.two("-cpu", cpu);
    let CpuTopology { sockets, cores, threads } = setup.cpu;
    out.two("-smp", format!("{},sockets={sockets},cores={cores},threads={threads}", setup.cpu.vcpus()));
    out.two("-m", setup.memory_mib.to_string());
    let base = match domain.clock {
        Clock::Utc => "utc",
        Clock::Localtime => "localtime",
    };
    out.two("-rtc", format!("base={base},driftfix=slew"));
    for (option, value) in [("-uuid", &domain.uuid)] {
        if let Some(value) =
            value.as_deref().filter(|v| v.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-'))
        {
            out.two(option, value);
        }
    }
}

/// Hyper-V's interface as properties of the CPU (QEMU, docs/system/i386/hyperv.rst). A guest that knows it tells of its
/// stop code there without any driver, so the test always listens.
fn hyperv(domain: &Domain) -> String {
    let mut out = String::new();
    for part in &domain.hyperv {
        out.push_str(match part {
            Enlightenment::Relaxed => ",hv-relaxed=on",
            Enlightenment::Vapic => ",hv-vapic=on",
            Enlightenment::Spinlocks => ",hv-spinlocks=",
            Enlightenment::Vpindex => ",hv-vpindex=on",
            Enlightenment::Runtime => ",hv-runtime=on",
            Enlightenment::Synic => ",hv-synic=on",
            Enlightenment::Stimer => ",hv-stimer=on",
            Enlightenment::StimerDirect => ",hv-stimer-direct=on",
            Enlightenment::Reset => ",hv-reset=on",
            Enlightenment::Frequencies => ",hv-frequencies=on",
            Enlightenment::Reenlightenment => ",hv-reenlightenment=on",
            Enlightenment::Tlbflush => ",hv-tlbflush=on",
            Enlightenment::Ipi => ",hv-ipi=on",
            Enlightenment::Clock => ",hv-time=on",
        });
        if *part == Enlightenment::Spinlocks {
            out.push_str(&SPINLOCK_RETRIES.to_string());
        }
    }
    if !domain.hyperv.is_empty() || domain.helpers.panic == Panic::Hyperv {
        out.push_str(",hv-crash=on");
    }
    out
}

/// OVMF in two flash chips.
fn flash(out: &mut Args, ovmf: &Ovmf, setup: &Setup<'_>) -> Result<(), MachineError> {
    let driver = if ovmf.qcow2 { "qcow2" } else { "raw" };
    for (node, path, read_only) in [("flash0", &ovmf.code, true), ("flash1", &ovmf.vars, false)] {
        let file = serde_json::json!({ "driver": "file", "filename": text(path)?, "read-only": read_only });
        let block =
            serde_json::json!({ "node-name": node, "driver": driver, "read-only": read_only, "file": file });
        out.two("-blockdev", block.to_string());
    }
    out.two("-machine", "pflash0=flash0,pflash1=flash1");
    if setup.domain.firmware == (TargetFirmware::Uefi { secure_boot: true }) {
        // Only code in system management mode may write the variables.
        out.two("-global", "driver=cfi.pflash01,property=secure,value=on");
        out.two("-global", "ICH9-LPC.disable_s3=1");
    }
    // No network boot: it takes minutes, and its frames would look like the guest's.
    for feature in ["IPv4PXESupport", "IPv6PXESupport", "IPv4Support", "IPv6Support"] {
        out.two("-fw_cfg", format!("name=opt/org.tianocore/{feature},string=n"));
    }
    Ok(())
}

/// Control, serial port and the firmware's debug port.
fn control(out: &mut Args, files: &Files) -> Result<(), MachineError> {
    let socket =
        |id: &str, path: &Path| Ok(format!("socket,id={id},path={},server=on,wait=off", value(path)?));
    let file = |id: &str, path: &Path| Ok::<_, MachineError>(format!("file,id={id},path={}", value(path)?));
    out.two("-chardev", socket("qmp", &files.qmp)?);
    out.two("-mon", "chardev=qmp,mode=control");
    out.two("-chardev", file("serial", &files.serial_log)?);
    out.two("-device", "isa-serial,chardev=serial,index=0");
    out.two("-chardev", file("firmware", &files.firmware_log)?);
    out.two("-device", "isa-debugcon,iobase=0x402,chardev=firmware");
    out.two("-chardev", socket("agent", &files.agent)?);
    Ok(())
}

/// Has it only the characters of a UUID?
fn is_id(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
}

fn text(path: &Path) -> Result<&str, MachineError> {
    path.to_str().ok_or_else(|| MachineError::Path(path.to_owned()))
}

/// A path as a value in `key=value,…`, where a comma is written twice.
fn value(path: &Path) -> Result<String, MachineError> {
    text(path).map(|p| p.replace(',', ",,"))
}
