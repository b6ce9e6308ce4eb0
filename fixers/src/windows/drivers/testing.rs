//! Phony virtio-win trees, made of text: INF files with the grammar of the real ones, programs that are headers only, and
//! catalogs that are signatures only.
// Texts of tests: what is wrong in them is a mistake of the test.
#![allow(clippy::unwrap_used, dead_code)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::windows::Arch;

/// A driver of a phony tree.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Driver {
    /// virtio-win's directory.
    pub(crate) dir: &'static str,
    /// Name of INF file, catalog and program.
    pub(crate) name: &'static str,
    /// Device class and its GUID.
    pub(crate) class: (&'static str, &'static str),
    /// Hardware ids.
    pub(crate) ids: &'static [&'static str],
    /// Start type of the service.
    pub(crate) start: u32,
    /// Service.
    pub(crate) service: &'static str,
}

const SYSTEM: (&str, &str) = ("System", "{4d36e97d-e325-11ce-bfc1-08002be10318}");
const SCSI: (&str, &str) = ("SCSIAdapter", "{4D36E97B-E325-11CE-BFC1-08002BE10318}");

/// The drivers that a phony tree has.
pub(crate) const DRIVERS: [Driver; 12] = [
    driver(
        "viostor",
        "viostor",
        SCSI,
        &["1001&SUBSYS_00021AF4&REV_00", "1042&SUBSYS_11001AF4&REV_01"],
        0,
        "viostor",
    ),
    driver(
        "vioscsi",
        "vioscsi",
        SCSI,
        &["1004&SUBSYS_00081AF4&REV_00", "1048&SUBSYS_11001AF4&REV_01"],
        0,
        "vioscsi",
    ),
    driver(
        "NetKVM",
        "netkvm",
        ("Net", "{4d36e972-e325-11ce-bfc1-08002be10318}"),
        &["1000&SUBSYS_00011AF4&REV_00", "1041&SUBSYS_11001AF4&REV_01"],
        3,
        "netkvm",
    ),
    driver(
        "Balloon",
        "balloon",
        SYSTEM,
        &["1002&SUBSYS_00051AF4&REV_00", "1045&SUBSYS_11001AF4&REV_01"],
        3,
        "BALLOON",
    ),
    driver(
        "vioserial",
        "vioser",
        SYSTEM,
        &["1003&SUBSYS_00031AF4&REV_00", "1043&SUBSYS_11001AF4&REV_01"],
        3,
        "VirtioSerial",
    ),
    driver(
        "viorng",
        "viorng",
        SYSTEM,
        &["1005&SUBSYS_00041AF4&REV_00", "1044&SUBSYS_11001AF4&REV_01"],
        3,
        "viorng",
    ),
    driver(
        "viogpudo",
        "viogpudo",
        ("Display", "{4d36e968-e325-11ce-bfc1-08002be10318}"),
        &["1050&SUBSYS_11001AF4&REV_01"],
        3,
        "VioGpuDod",
    ),
    driver(
        "vioinput",
        "vioinput",
        ("HIDClass", "{745a17a0-74d3-11d0-b6fe-00a0c90f57da}"),
        &["1052&SUBSYS_11001AF4&REV_01"],
        3,
        "VirtioInput",
    ),
    driver("pvpanic", "pvpanic", SYSTEM, &[r"ACPI\QEMU0001"], 3, "PVPanic"),
    driver("fwcfg", "fwcfg", SYSTEM, &[r"ACPI\QEMU0002"], 3, "FwCfg"),
    driver("viofs", "viofs", SYSTEM, &["105A&SUBSYS_11001AF4&REV_01"], 3, "VirtioFsDrv"),
    driver(
        "viosock",
        "viosock",
        SYSTEM,
        &["1012&SUBSYS_00131AF4&REV_00", "1053&SUBSYS_11001AF4&REV_01"],
        3,
        "viosock",
    ),
];

const fn driver(
    dir: &'static str,
    name: &'static str,
    class: (&'static str, &'static str),
    ids: &'static [&'static str],
    start: u32,
    service: &'static str,
) -> Driver {
    Driver { dir, name, class, ids, start, service }
}

/// The driver of a name.
pub(crate) fn named(name: &str) -> Driver {
    *DRIVERS.iter().find(|driver| driver.name == name).unwrap()
}

/// The systems of a phony tree, with the decoration of their INF files, and whether these run from the driver store.
const SYSTEMS: [(&str, &str, bool); 15] = [
    ("xp", "", false),
    ("2k3", "", false),
    ("2k8", ".6.0", false),
    ("w7", ".6.1", false),
    ("2k8R2", ".6.1", false),
    ("w8", ".6.2", false),
    ("2k12", ".6.2", false),
    ("w8.1", ".6.3", false),
    ("2k12R2", ".6.3", false),
    ("w10", ".10.0", true),
    ("2k16", ".10.0", true),
    ("2k19", ".10.0", true),
    ("2k22", ".10.0", true),
    ("w11", ".10.0", true),
    ("2k25", ".10.0", true),
];

/// A decoration for an INF file: `amd64` and `.6.1`.
pub(crate) fn decoration(arch: Arch, version: &str) -> String {
    format!("NT{arch}{version}")
}

/// Hardware id and compatible id of a model.
fn model_ids(id: &str) -> String {
    if id.contains('\\') {
        return id.to_owned();
    }
    let id = format!(r"PCI\VEN_1AF4&DEV_{id}");
    let short = id.split("&SUBSYS").next().unwrap().to_owned();
    format!("{id}, {short}")
}

/// The INF file of a driver, for one decoration.
pub(crate) fn inf(driver: &Driver, decoration: &str, from_store: bool) -> String {
    let Driver { name, class: (class, guid), service, start, .. } = driver;
    let dirid = if from_store { 13 } else { 12 };
    let models: Vec<String> =
        driver.ids.iter().map(|id| format!("%{name}.DeviceDesc% = {name}_Inst, {}", model_ids(id))).collect();
    let models = models.join("\r\n");
    let group = if *start == 0 { "SCSI miniport" } else { "Extended Base" };
    let registry = if *start == 0 {
        let bus = if *name == "vioscsi" { "0x0000000A" } else { "0x00000001" };
        format!(
            "HKR, \"Parameters\\PnpInterface\", \"5\", %REG_DWORD%, 0x00000001\r\n\
             HKR, \"Parameters\", \"BusType\", %REG_DWORD%, {bus}\r\n"
        )
    } else {
        "HKR,Parameters,DmaRemappingCompatible,0x00010001,0\r\n".to_owned()
    };
    format!(
        ";/*++\r\n; A phony driver for {name}\r\n;--*/\r\n\
         [Version]\r\nSignature=\"$Windows NT$\"\r\nClass={class}\r\nClassGUID={guid}\r\nProvider=%VENDOR%\r\n\
         DriverVer = 07/15/2024,100.95.104.26200 ; stamped\r\nCatalogFile={name}.cat\r\nPnpLockdown=1\r\n\r\n\
         [SourceDisksNames]\r\n1 = %DiskId1%,,,\"\"\r\n\r\n[SourceDisksFiles]\r\n{name}.sys = 1,,\r\n\r\n\
         [DestinationDirs]\r\nDefaultDestDir = 10\r\n{name}_Files = {dirid}\r\n\r\n\
         [Manufacturer]\r\n%VENDOR%   = Models,{decoration}\r\n\r\n[Models.{decoration}]\r\n{models}\r\n\r\n\
         [{name}_Files]\r\n{name}.sys,,,2\r\n\r\n[{name}_Inst.NT]\r\nCopyFiles={name}_Files\r\n\r\n\
         [{name}_Inst.NT.HW]\r\nAddReg = Msi\r\n\r\n[Msi]\r\nHKR, \"Interrupt Management\",, 0x00000010\r\n\
         HKR, \"Interrupt Management\\MessageSignaledInterruptProperties\", MSISupported, 0x00010001, 1\r\n\r\n\
         [{name}_Inst.NT.Services]\r\nAddService = {service}, 0x00000002 , Service_Inst, Log_Inst\r\n\r\n\
         [Service_Inst]\r\nDisplayName = %{name}.DeviceDesc%\r\nServiceType = %SERVICE_KERNEL_DRIVER%\r\n\
         StartType = {start}\r\nErrorControl = 1\r\nServiceBinary = %{dirid}%\\{name}.sys\r\n\
         LoadOrderGroup = {group}\r\nAddReg = Service_AddReg\r\n\r\n[Service_AddReg]\r\n{registry}\r\n\
         [Log_Inst]\r\nAddReg = Log_AddReg\r\n\r\n[Log_AddReg]\r\n\
         HKR,,EventMessageFile,%REG_EXPAND_SZ%,\"%%SystemRoot%%\\System32\\IoLogMsg.dll\"\r\n\
         HKR,,TypesSupported,%REG_DWORD%,7\r\n\r\n\
         [Strings]\r\nVENDOR = \"Phony, Inc.\"\r\nDiskId1 = \"Phony disk\"\r\n\
         {name}.DeviceDesc = \"Phony {name} device\"\r\nREG_EXPAND_SZ = 0x00020000\r\nREG_DWORD = 0x00010001\r\n\
         SERVICE_KERNEL_DRIVER = 1\r\n"
    )
}

/// What Microsoft gives drivers of the framework before Windows 8 along: packages of one tree share its name.
pub(crate) const CO_INSTALLER: &str = "WdfCoInstaller01009.dll";
/// Drivers that bring it, and the build of it: virtio-win's are not all of one.
const CO_INSTALLED: [(&str, &[u8]); 3] =
    [("balloon", b"build 7600"), ("vioser", b"build 7600"), ("viorng", b"build 7601")];

/// An INF file that copies the co-installer, as virtio-win's for systems before Windows 8 do.
fn with_co_installer(driver: &Driver, inf: &str) -> String {
    let own = format!(
        "[{}_Inst.NT.CoInstallers]\r\nAddReg=CoInstaller_AddReg\r\nCopyFiles=CoInstaller_Files\r\n\r\n\
         [CoInstaller_AddReg]\r\nHKR,,CoInstallers32,0x00010000, \"{CO_INSTALLER},WdfCoInstaller\"\r\n\r\n\
         [CoInstaller_Files]\r\n{CO_INSTALLER}\r\n\r\n[Strings]\r\n",
        driver.name
    );
    inf.replace("[SourceDisksFiles]\r\n", &format!("[SourceDisksFiles]\r\n{CO_INSTALLER} = 1,,\r\n"))
        .replace("[DestinationDirs]\r\n", "[DestinationDirs]\r\nCoInstaller_Files = 11\r\n")
        .replace("[Strings]\r\n", &own)
}

/// The stub that serves QEMU's fw_cfg without a driver.
pub(crate) const STUB: &str = "[Version]\nSignature=\"$Windows NT$\"\nClass=System\n\
    ClassGUID={4d36e97d-e325-11ce-bfc1-08002be10318}\nProvider=%QEMU%\nDriverVer=10/21/2016,1.0.0\n\
    CatalogFile=qemufwcfg.cat\n[Manufacturer]\n%QEMU%=QEMU,NTx86,NTAMD64\n[QEMU.NTx86]\n%Desc% = Dev, ACPI\\QEMU0002\n\
    [QEMU.NTAMD64]\n%Desc% = Dev, ACPI\\QEMU0002\n[Dev.NT]\n[Dev.NT.Services]\nAddService = ,2    ; none\n\
    [Strings]\nQEMU=\"QEMU\"\nDesc = \"Firmware configuration\"\n";

/// The headers of a program, with the signature that it brings along.
pub(crate) fn program(machine: u16, signature: Option<&[u8]>) -> Vec<u8> {
    let mut out = vec![0; 0x80];
    out[..2].copy_from_slice(b"MZ");
    out[0x3c] = 0x80;
    out.extend(b"PE\0\0");
    out.extend(machine.to_le_bytes());
    out.extend([0; 18]);
    let wide = machine != 0x014c;
    out.extend(if wide { 0x20b_u16 } else { 0x10b }.to_le_bytes());
    out.extend(vec![0; if wide { 110 } else { 94 }]);
    let directories = out.len();
    out.resize(0x200, 0);
    if let Some(signature) = signature {
        let len = u32::try_from(signature.len() + 8).unwrap();
        out[directories + 32..][..4].copy_from_slice(&0x200_u32.to_le_bytes());
        out[directories + 36..][..4].copy_from_slice(&len.to_le_bytes());
        out.extend(len.to_le_bytes());
        out.extend([0, 2, 2, 0]);
        out.extend(signature);
    }
    out
}

/// `IMAGE_FILE_MACHINE_…` of an architecture.
pub(crate) fn machine(arch: Arch) -> u16 {
    match arch {
        Arch::X86 => 0x014c,
        Arch::Amd64 => 0x8664,
        Arch::Arm64 => 0xaa64,
    }
}

fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let len = u16::try_from(content.len()).unwrap();
    let mut out = vec![tag];
    match len {
        0..=127 => out.push(u8::try_from(len).unwrap()),
        _ => out.extend([0x82, (len >> 8) as u8, (len & 0xff) as u8]),
    }
    out.extend(content);
    out
}

fn distinguished(name: &str) -> Vec<u8> {
    let attribute = der(0x30, &[&[6, 3, 0x55, 4, 3], &der(0x0c, &[name.as_bytes()])]);
    der(0x30, &[&der(0x31, &[&attribute])])
}

fn certificate(serial: u8, subject: &str, issuer: &str) -> Vec<u8> {
    let (version, serial) = (der(0xa0, &[&[2, 1, 2]]), [2, 1, serial]);
    let empty = der(0x30, &[]);
    let body =
        [&version[..], &serial, &empty, &distinguished(issuer), &empty, &distinguished(subject), &empty];
    der(0x30, &[&der(0x30, &body), &empty, &[3, 1, 0]])
}

pub(crate) const SHA1: &[u8] = &[6, 5, 0x2b, 0x0e, 3, 2, 0x1a];
pub(crate) const SHA256: &[u8] = &[6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];

/// A signature: names from the signer upwards, and the digest's identifier.
pub(crate) fn signed(names: &[&str], digest: &[u8]) -> Vec<u8> {
    catalog(names, digest, false)
}

/// A catalog, whose members are listed by their SHA-1 or SHA-256.
pub(crate) fn catalog(names: &[&str], digest: &[u8], sha256: bool) -> Vec<u8> {
    let certificates: Vec<Vec<u8>> =
        (1..).zip(names.windows(2)).map(|(serial, pair)| certificate(serial, pair[0], pair[1])).collect();
    let certificates = der(0xa0, &certificates.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let algorithm = der(0x30, &[digest, &[5, 0]]);
    let id = der(0x30, &[&distinguished(names[1]), &[2, 1, 1]]);
    let signer = der(0x30, &[&[2, 1, 1], &id, &algorithm, &der(0x30, &[]), &[4, 1, 0]]);
    let usage: &[u8] = &[6, 10, 0x2b, 6, 1, 4, 1, 0x82, 0x37, 12, 1, 1];
    let members: &[u8] = &[6, 10, 0x2b, 6, 1, 4, 1, 0x82, 0x37, 12, 1, if sha256 { 3 } else { 2 }];
    let list = der(0x30, &[&der(0x30, &[usage]), &[4, 1, 0], &der(0x30, &[members, &[5, 0]])]);
    let content = der(0x30, &[&[6, 9, 0x2b, 6, 1, 4, 1, 0x82, 0x37, 10, 1], &der(0xa0, &[&list])]);
    let algorithms = der(0x31, &[&algorithm]);
    let data = der(0x30, &[&[2, 1, 1], &algorithms, &content, &certificates, &der(0x31, &[&signer])]);
    let kind: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2];
    der(0x30, &[kind, &der(0xa0, &[&data])])
}

/// A signature of Microsoft's.
pub(crate) fn whql(digest: &[u8]) -> Vec<u8> {
    let names = [
        "Microsoft Windows Hardware Compatibility Publisher",
        "Microsoft Windows Third Party Component CA 2014",
        "Microsoft Root Certificate Authority 2010",
    ];
    catalog(&names, digest, digest == SHA256)
}

/// A tree of files.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tree(pub(crate) BTreeMap<String, Vec<u8>>);

impl Tree {
    /// A virtio-win as its ISO image has it.
    pub(crate) fn virtio_win() -> Self {
        let mut tree = Self::default();
        for (os, version, from_store) in SYSTEMS {
            for driver in &DRIVERS {
                for arch in [Arch::X86, Arch::Amd64] {
                    let has = |arch| arch == Arch::Amd64 || !os.starts_with("2k1") && !os.starts_with("2k2");
                    if has(arch) {
                        let dir = format!("{}/{os}/{arch}", driver.dir);
                        let inf = inf(driver, &decoration(arch, version), from_store);
                        tree.add(driver, &dir, arch, &inf);
                        tree.co_installer(driver, os, &dir, &inf);
                    }
                }
            }
            for arch in [Arch::X86, Arch::Amd64] {
                tree.text(&format!("qemufwcfg/{os}/{arch}/qemufwcfg.inf"), STUB);
                tree.bytes(&format!("qemufwcfg/{os}/{arch}/qemufwcfg.cat"), whql(SHA256));
            }
        }
        tree
    }

    /// A driver's files in a directory.
    pub(crate) fn add(&mut self, driver: &Driver, dir: &str, arch: Arch, inf: &str) {
        let digest = if dir.contains("w10") || dir.contains("2k2") { SHA256 } else { SHA1 };
        self.text(&format!("{dir}/{}.inf", driver.name), inf);
        self.bytes(&format!("{dir}/{}.cat", driver.name), whql(digest));
        self.bytes(&format!("{dir}/{}.sys", driver.name), program(machine(arch), None));
        self.bytes(&format!("{dir}/{}.pdb", driver.name), b"no symbols".to_vec());
    }

    /// The co-installer of a driver that has one.
    fn co_installer(&mut self, driver: &Driver, os: &str, dir: &str, inf: &str) {
        let build = CO_INSTALLED.iter().find(|(name, _)| *name == driver.name);
        let Some((name, bytes)) = build.filter(|_| ["xp", "2k3", "2k8", "w7", "2k8R2"].contains(&os)) else {
            return;
        };
        self.text(&format!("{dir}/{name}.inf"), &with_co_installer(driver, inf));
        self.bytes(&format!("{dir}/{CO_INSTALLER}"), bytes.to_vec());
    }

    pub(crate) fn text(&mut self, path: &str, text: &str) {
        self.bytes(path, text.as_bytes().to_vec());
    }

    pub(crate) fn bytes(&mut self, path: &str, bytes: Vec<u8>) {
        self.0.insert(path.to_owned(), bytes);
    }

    /// Takes away every file whose path holds this.
    pub(crate) fn without(mut self, part: &str) -> Self {
        self.0.retain(|path, _| !path.contains(part));
        self
    }

    /// Writes it below a directory of the host.
    pub(crate) fn write(&self, root: &Path) {
        for (path, bytes) in &self.0 {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }
}
