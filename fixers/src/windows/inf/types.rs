//! What an INF file comes to for one Windows: plain data.

use std::sync::Arc;

use super::place::Place;

/// A text of an INF file that may stand for another one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Text {
    /// As the file has it: `%VioScsi.DeviceDesc%`.
    pub token: String,
    /// What it stands for.
    pub value: String,
}

/// A device that an INF file has a driver for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Who made it.
    pub manufacturer: Text,
    /// What it is.
    pub description: Text,
    /// Section of models that it stands in, as the file writes its name (`VioStor.NTamd64`).
    pub models: String,
    /// Hardware id: `PCI\VEN_1AF4&DEV_1001&SUBSYS_00021AF4&REV_00`.
    pub hardware_id: String,
    /// Ids that it serves too, but not as well.
    pub compatible_ids: Vec<String>,
    /// Line of the model in the file.
    pub line: u32,
    /// How it is installed.
    pub install: Arc<Install>,
}

impl Device {
    /// Hardware id and compatible ids, in this order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.hardware_id.as_str()).chain(self.compatible_ids.iter().map(String::as_str))
    }
}

/// A DDInstall section with those that belong to it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Install {
    /// Name of the section that applies, with its decoration, as the file writes it: `scsi_inst`, `BALLOON_Device.NT`.
    /// Windows names the configuration in its driver database after it.
    pub section: String,
    /// Services, in the file's order.
    pub services: Vec<Service>,
    /// Whether the device is served without a driver (`AddService = ,2`).
    pub null_driver: bool,
    /// Registry values of the driver's software key (`AddReg` of the section itself).
    pub registry: Vec<RegistryValue>,
    /// Registry values of the device's hardware key (`.HW`).
    pub hardware: Vec<RegistryValue>,
    /// Registry values of `.CoInstallers`.
    pub co_installers: Vec<RegistryValue>,
    /// Files that are copied, those of `.CoInstallers` too.
    pub files: Vec<CopyFile>,
    /// KMDF and UMDF services of `.Wdf`: the directive's values.
    pub wdf: Vec<Vec<String>>,
    /// INF files that it includes. They are Windows' own and are not read.
    pub includes: Vec<String>,
    /// Sections of those files that it needs.
    pub needs: Vec<String>,
    /// Sections that are named but do not exist: Windows takes them for empty.
    pub absent: Vec<String>,
}

impl Install {
    /// The service that is the device's function driver (`SPSVCINST_ASSOCSERVICE`).
    pub fn function_driver(&self) -> Option<&Service> {
        self.services.iter().find(|service| service.flags & Service::ASSOCIATED != 0)
    }
}

/// A service that an INF file adds. Its tag is not the file's affair: Windows gives out the group's next free one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Name, the key below `Services`.
    pub name: String,
    /// Flags of `AddService` (`SPSVCINST_…`).
    pub flags: u32,
    /// Name for people.
    pub display_name: Option<Text>,
    /// Description for people.
    pub description: Option<Text>,
    /// `ServiceType`: 1 is a kernel driver.
    pub service_type: u32,
    /// `StartType`: 0 boot, 1 system, 2 automatic, 3 on demand, 4 disabled.
    pub start_type: u32,
    /// `ErrorControl`.
    pub error_control: u32,
    /// Its program.
    pub binary: Place,
    /// `LoadOrderGroup`.
    pub group: Option<String>,
    /// `Dependencies`.
    pub dependencies: Vec<String>,
    /// `StartName`.
    pub start_name: Option<String>,
    /// Registry values relative to its key.
    pub registry: Vec<RegistryValue>,
    /// Its event log.
    pub event_log: Option<EventLog>,
}

impl Service {
    /// `SPSVCINST_ASSOCSERVICE`: it is the function driver of the device.
    pub const ASSOCIATED: u32 = 2;
}

/// Source of events that a service registers below `Services\EventLog`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventLog {
    /// `System`, `Security` or `Application`.
    pub log: String,
    /// Name of the source.
    pub name: String,
    /// Registry values relative to its key.
    pub registry: Vec<RegistryValue>,
}

/// Where a registry value's key begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Root {
    /// Relative to what the section is for.
    Relative,
    /// `HKEY_CLASSES_ROOT`.
    Classes,
    /// `HKEY_CURRENT_USER`.
    User,
    /// `HKEY_LOCAL_MACHINE`.
    Machine,
    /// `HKEY_USERS`.
    Users,
}

/// A line of an AddReg section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryValue {
    /// Root.
    pub root: Root,
    /// Key below the root, without backslashes at its ends; may be empty.
    pub key: String,
    /// Name; empty for the key's default value.
    pub name: String,
    /// Flags as they stand (`FLG_ADDREG_…`).
    pub flags: u32,
    /// Content.
    pub data: RegistryData,
}

impl RegistryValue {
    /// `FLG_ADDREG_NOCLOBBER`: a value that exists stays.
    pub const NO_CLOBBER: u32 = 0x02;
    /// `FLG_ADDREG_DELVAL`: the value, or the key, is deleted.
    pub const DELETE: u32 = 0x04;
    /// `FLG_ADDREG_APPEND`: appended to a `REG_MULTI_SZ`.
    pub const APPEND: u32 = 0x08;
    /// `FLG_ADDREG_KEYONLY`: only the key is made.
    pub const KEY_ONLY: u32 = 0x10;
    /// `FLG_ADDREG_OVERWRITEONLY`: only a value that exists is written.
    pub const OVERWRITE_ONLY: u32 = 0x20;
    /// `FLG_ADDREG_KEYONLY_COMMON`: only the key is made.
    pub const KEY_ONLY_COMMON: u32 = 0x2000;
}

/// Content of a registry value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistryData {
    /// Only the key.
    Key,
    /// What is there is deleted.
    Delete,
    /// `REG_SZ`.
    Sz(String),
    /// `REG_EXPAND_SZ`.
    ExpandSz(String),
    /// `REG_MULTI_SZ`.
    MultiSz(Vec<String>),
    /// `REG_DWORD`.
    Dword(u32),
    /// `REG_BINARY`.
    Binary(Vec<u8>),
    /// `REG_NONE`.
    None,
    /// Another type, by its number.
    Other(u16, Vec<u8>),
}

/// A file that is copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyFile {
    /// Name beside the INF file.
    pub source: String,
    /// Directory below that of the INF file, with `/`; empty for that one.
    pub source_dir: String,
    /// Where it goes, with its name there.
    pub place: Place,
    /// Flags (`COPYFLG_…`).
    pub flags: u32,
    /// Line of the file.
    pub line: u32,
}
