//! libvirt XML, h2k's or somebody else's, read back as far as a boot test needs it
//! (<https://libvirt.org/formatdomain.html>).
//!
//! Not read, since the test does not depend on it: a disk's virtual size (0 stands for unknown; it is in the disk),
//! what a CD-ROM drive holds, PCI addresses, graphics and pass-through devices. Refused, since a test without it would
//! prove nothing: disks on USB and the like or reached over a network, other architectures.

use h2k_config::{NetworkTarget, TargetFormat};

use super::domain::{
    Clock, CpuTopology, Domain, DomainDisk, DomainNic, Enlightenment, Helpers, Machine, Panic, TargetBus,
    TargetFirmware,
};
use super::osinfo;
use super::tree::{Element, TreeError, read};
use super::xml::hyperv_name;

/// Why XML is not a domain that can be tested.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// It cannot be read.
    #[error("reading the XML")]
    Xml(#[from] TreeError),
    /// It is something else than a domain.
    #[error("it is a {0:?}, not a libvirt domain")]
    NotDomain(String),
    /// Something is not there.
    #[error("it has no {0}")]
    Missing(&'static str),
    /// Something is not what it should be.
    #[error("{what} is {value:?}")]
    Value {
        /// What.
        what: &'static str,
        /// The value, shortened.
        value: String,
    },
    /// It is valid, but not for h2k.
    #[error("{what} is {value:?}; h2k tests {supported} only")]
    Unsupported {
        /// What.
        what: &'static str,
        /// The value, shortened.
        value: String,
        /// What would do.
        supported: &'static str,
    },
}

/// Reads a domain.
///
/// # Errors
/// XML that is malformed, too large or has a document type; what is missing; what a boot test cannot do.
pub fn from_xml(text: &str) -> Result<Domain, ParseError> {
    let root = read(text)?;
    if root.name != "domain" {
        return Err(ParseError::NotDomain(shorten(&root.name)));
    }
    one_of("the hypervisor", root.get("type"), &["kvm", "qemu"], "kvm and qemu")?;
    let os = root.find("os").ok_or(ParseError::Missing("<os>"))?;
    let kind = os.find("type").ok_or(ParseError::Missing("<os><type>"))?;
    one_of("the architecture", kind.get("arch"), &["x86_64", "i686"], "x86_64")?;
    let devices = root.find("devices").ok_or(ParseError::Missing("<devices>"))?;
    let drive =
        |kind: &'static str| devices.all("disk").filter(move |d| d.get("device").unwrap_or("disk") == kind);
    Ok(Domain {
        name: root.text_of("name").filter(|n| !n.is_empty()).ok_or(ParseError::Missing("<name>"))?.to_owned(),
        uuid: root.text_of("uuid").map(str::to_owned),
        genid: root.text_of("genid").filter(|g| !g.is_empty()).map(str::to_owned),
        osinfo: os_id(&root).unwrap_or_default(),
        memory_bytes: memory(&root)?,
        cpu: topology(&root)?,
        machine: machine(kind.get("machine").unwrap_or("pc"))?,
        firmware: firmware(os),
        tpm: devices.find("tpm").is_some(),
        clock: match root.attr_of("clock", "offset") {
            Some("localtime") => Clock::Localtime,
            _ => Clock::Utc,
        },
        hyperv: enlightenments(&root),
        helpers: helpers(devices),
        disks: drive("disk").map(disk).chain(drive("lun").map(disk)).collect::<Result<_, _>>()?,
        nics: devices.all("interface").enumerate().map(|(i, n)| nic(i, n)).collect(),
        cdroms: u32::try_from(drive("cdrom").count()).unwrap_or(u32::MAX),
    })
}

/// What is switched on of Hyper-V's interface.
fn enlightenments(root: &Element) -> Vec<Enlightenment> {
    use Enlightenment::*;
    const ALL: [Enlightenment; 12] = [
        Relaxed,
        Vapic,
        Spinlocks,
        Vpindex,
        Runtime,
        Synic,
        Stimer,
        Reset,
        Frequencies,
        Reenlightenment,
        Tlbflush,
        Ipi,
    ];
    let on = |element: &Element| element.get("state") == Some("on");
    let hyperv = root.find("features").and_then(|features| features.find("hyperv"));
    let find = |part: Enlightenment| hyperv?.find(hyperv_name(part)?).filter(|element| on(element));
    let mut found: Vec<Enlightenment> = ALL.into_iter().filter(|part| find(*part).is_some()).collect();
    if find(Stimer).and_then(|stimer| stimer.find("direct")).is_some_and(on) {
        found.push(StimerDirect);
    }
    let timers = root.find("clock").into_iter().flat_map(|clock| clock.all("timer"));
    if timers.filter(|t| t.get("name") == Some("hypervclock")).any(|t| t.get("present") == Some("yes")) {
        found.push(Clock);
    }
    found.sort_unstable();
    found
}

fn helpers(devices: &Element) -> Helpers {
    let agent = |channel: &Element| channel.attr_of("target", "name") == Some("org.qemu.guest_agent.0");
    let model = |name: &'static str, model: &'static str| {
        devices.all(name).any(move |element| element.get("model") == Some(model))
    };
    // One is enough: h2k writes them all alike.
    let transitional = devices.children.iter().any(|device| {
        device.get("model").or_else(|| device.attr_of("model", "type")) == Some("virtio-transitional")
    });
    Helpers {
        balloon: !model("memballoon", "none"),
        rng: devices.find("rng").is_some(),
        channel: devices.all("channel").any(agent),
        panic: match devices.find("panic").map(|panic| panic.get("model")) {
            None => Panic::None,
            Some(Some("hyperv")) => Panic::Hyperv,
            Some(_) => Panic::Isa,
        },
        usb2: model("controller", "ich9-ehci1"),
        transitional,
    }
}

fn os_id(root: &Element) -> Option<String> {
    let info = root.find("metadata")?.children.iter().find(|c| c.local_name() == "libosinfo")?;
    osinfo::short_id(info.children.iter().find(|c| c.local_name() == "os")?.get("id")?)
}

fn memory(root: &Element) -> Result<u64, ParseError> {
    let memory = root.find("memory").ok_or(ParseError::Missing("<memory>"))?;
    let unit = memory.get("unit").unwrap_or("KiB");
    let bytes: u64 = match unit {
        "b" | "bytes" => 1,
        "KB" => 1000,
        "k" | "KiB" => 1 << 10,
        "MB" => 1_000_000,
        "M" | "MiB" => 1 << 20,
        "GB" => 1_000_000_000,
        "G" | "GiB" => 1 << 30,
        "TB" => 1_000_000_000_000,
        "T" | "TiB" => 1 << 40,
        other => return Err(ParseError::Value { what: "the unit of <memory>", value: shorten(other) }),
    };
    let wrong = || ParseError::Value { what: "<memory>", value: shorten(&memory.text) };
    let amount: u64 = memory.text.trim().parse().map_err(|_| wrong())?;
    amount.checked_mul(bytes).filter(|m| *m > 0).ok_or_else(wrong)
}

fn topology(root: &Element) -> Result<CpuTopology, ParseError> {
    let number = |what: &'static str, text: &str| -> Result<u32, ParseError> {
        let parsed = text.trim().parse::<u32>().ok().filter(|n| (1..=65_535).contains(n));
        parsed.ok_or_else(|| ParseError::Value { what, value: shorten(text) })
    };
    let vcpus = number("<vcpu>", root.text_of("vcpu").unwrap_or("1"))?;
    // libvirt without a topology: every CPU is a socket.
    let plain = CpuTopology { sockets: vcpus, cores: 1, threads: 1 };
    let Some(given) = root.find("cpu").and_then(|c| c.find("topology")) else { return Ok(plain) };
    let part = |name: &'static str| number(name, given.get(name).unwrap_or("1"));
    let cores = part("cores")?.saturating_mul(part("dies")?).saturating_mul(part("clusters")?);
    let cpu = CpuTopology { sockets: part("sockets")?, cores, threads: part("threads")? };
    match cpu.vcpus() == vcpus {
        true => Ok(cpu),
        false => Err(ParseError::Value { what: "the product of <topology>", value: cpu.vcpus().to_string() }),
    }
}

fn machine(name: &str) -> Result<Machine, ParseError> {
    if name == "q35" || name.contains("-q35-") {
        Ok(Machine::Q35)
    } else if name == "pc" || name.contains("-i440fx-") {
        Ok(Machine::I440fx)
    } else {
        Err(ParseError::Unsupported { what: "the machine", value: shorten(name), supported: "q35 and pc" })
    }
}

/// Firmware by automatic selection (`<os firmware='efi'>`), or by the loader that is named.
fn firmware(os: &Element) -> TargetFirmware {
    let loader = os.find("loader");
    let efi = match os.get("firmware") {
        Some(firmware) => firmware == "efi",
        None => loader.is_some_and(|l| l.get("type") == Some("pflash") || l.text.contains("OVMF")),
    };
    if !efi {
        return TargetFirmware::Bios;
    }
    let feature = |name: &str| {
        let features = os.find("firmware").into_iter().flat_map(|f| f.all("feature"));
        features.filter(|f| f.get("name") == Some(name)).find_map(|f| f.get("enabled")).map(|e| e == "yes")
    };
    let secure = loader.and_then(|l| l.get("secure")) == Some("yes");
    // Without enrolled keys the firmware is in setup mode and enforces nothing.
    let enforced = feature("enrolled-keys") != Some(false);
    TargetFirmware::Uefi { secure_boot: feature("secure-boot").unwrap_or(secure) && enforced }
}

fn disk(disk: &Element) -> Result<DomainDisk, ParseError> {
    let attribute = match disk.get("type") {
        Some("file") => "file",
        Some("block") => "dev",
        other => return unsupported("a disk's type", other, "disks in files and block devices"),
    };
    let file = disk.attr_of("source", attribute).filter(|f| !f.is_empty());
    let target = disk.find("target").ok_or(ParseError::Missing("<target> of a disk"))?;
    let dev = target.get("dev").ok_or(ParseError::Missing("<target dev> of a disk"))?;
    let bus = match target.get("bus") {
        Some("virtio") => TargetBus::VirtioBlk,
        Some("scsi") => TargetBus::VirtioScsi,
        Some("sata") => TargetBus::Sata,
        Some("ide") => TargetBus::Ide,
        None if dev.starts_with("vd") => TargetBus::VirtioBlk,
        other => return unsupported("a disk's bus", other, "virtio, scsi, sata and ide"),
    };
    let format = match disk.attr_of("driver", "type") {
        Some("qcow2") => TargetFormat::Qcow2,
        // libvirt's own reading: no format is raw, since probing would let the guest choose.
        Some("raw") | None => TargetFormat::Raw,
        other => return unsupported("a disk's format", other, "qcow2 and raw"),
    };
    Ok(DomainDisk {
        file: file.ok_or(ParseError::Missing("<source> of a disk"))?.into(),
        format,
        bus,
        target: dev.to_owned(),
        serial: disk.text_of("serial").filter(|s| !s.is_empty()).map(str::to_owned),
        boot_order: disk.attr_of("boot", "order").map(boot_order).transpose()?,
        size: 0,
    })
}

fn boot_order(text: &str) -> Result<u32, ParseError> {
    let order = text.parse().ok().filter(|order| *order > 0);
    order.ok_or_else(|| ParseError::Value { what: "a disk's boot order", value: shorten(text) })
}

fn nic(index: usize, nic: &Element) -> DomainNic {
    let source = |attribute: &str| nic.attr_of("source", attribute).map(str::to_owned);
    let kind = nic.get("type").unwrap_or("network");
    let mut target = match kind {
        "bridge" => NetworkTarget::bridge(source("bridge").unwrap_or_default()),
        // The test cuts every NIC off anyway; other kinds keep a name to be recognised by.
        _ => NetworkTarget::network(source("network").or(source("dev")).unwrap_or_else(|| kind.to_owned())),
    };
    let tags = nic.find("vlan").into_iter().flat_map(|vlan| vlan.all("tag"));
    target.vlans = tags.filter_map(|tag| tag.get("id")?.parse().ok()).collect();
    // libvirt makes an address up where none is given; the test needs one to tell the NICs apart.
    let made_up = || format!("52:54:00:00:{:02x}:{:02x}", (index >> 8) & 0xff, index & 0xff);
    DomainNic {
        mac: nic.attr_of("mac", "address").map_or_else(made_up, str::to_owned),
        target,
        model: nic.attr_of("model", "type").unwrap_or("rtl8139").to_owned(),
        connected: nic.attr_of("link", "state") != Some("down"),
    }
}

fn one_of(
    what: &'static str,
    value: Option<&str>,
    allowed: &[&str],
    supported: &'static str,
) -> Result<(), ParseError> {
    match value {
        Some(v) if !allowed.contains(&v) => unsupported(what, value, supported),
        _ => Ok(()),
    }
}

fn unsupported<T>(what: &'static str, value: Option<&str>, supported: &'static str) -> Result<T, ParseError> {
    Err(ParseError::Unsupported { what, value: shorten(value.unwrap_or("missing")), supported })
}

/// Values come from a file and go to a terminal.
fn shorten(text: &str) -> String {
    text.trim().chars().take(60).collect()
}
