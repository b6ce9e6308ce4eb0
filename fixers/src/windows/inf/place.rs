//! Directories that INF files name by number (Microsoft: "Using Dirids").

/// A directory of the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Directory {
    /// 10: `%SystemRoot%`.
    Windows,
    /// 11: `%SystemRoot%\System32`.
    System32,
    /// 12: `%SystemRoot%\System32\drivers`.
    Drivers,
    /// 13: the package's own directory in the driver store.
    Package,
    /// 17: `%SystemRoot%\INF`.
    Inf,
    /// 18: `%SystemRoot%\Help`.
    Help,
    /// 20: `%SystemRoot%\Fonts`.
    Fonts,
    /// 24: root of the system's drive.
    SystemDrive,
    /// 30: root of the drive that it boots from.
    BootDrive,
    /// 16419: `%ProgramData%`.
    ProgramData,
    /// 16422: `%ProgramFiles%`.
    ProgramFiles,
    /// 16425: `%SystemRoot%\SysWOW64`.
    SysWow64,
    /// 16426: `%ProgramFiles(x86)%`.
    ProgramFilesX86,
    /// 16427: `%CommonProgramFiles%`.
    CommonFiles,
    /// 16428: `%CommonProgramFiles(x86)%`.
    CommonFilesX86,
    /// 65535 (-1): the path is absolute.
    Absolute,
    /// Another one, by its number.
    Other(u32),
}

impl Directory {
    /// The directory with a number.
    pub fn of(id: i64) -> Self {
        match id {
            10 => Self::Windows,
            11 => Self::System32,
            12 => Self::Drivers,
            13 => Self::Package,
            17 => Self::Inf,
            18 => Self::Help,
            20 => Self::Fonts,
            24 => Self::SystemDrive,
            30 => Self::BootDrive,
            16419 => Self::ProgramData,
            16422 => Self::ProgramFiles,
            16425 => Self::SysWow64,
            16426 => Self::ProgramFilesX86,
            16427 => Self::CommonFiles,
            16428 => Self::CommonFilesX86,
            -1 | 65535 => Self::Absolute,
            other => Self::Other(u32::try_from(other).unwrap_or(u32::MAX)),
        }
    }

    /// Its path with the variables that a guest's programs see; `None` for the package's own, and where it is not known.
    pub fn path(self) -> Option<&'static str> {
        Some(match self {
            Self::Windows => "%SystemRoot%",
            Self::System32 => r"%SystemRoot%\System32",
            Self::Drivers => r"%SystemRoot%\System32\drivers",
            Self::Inf => r"%SystemRoot%\INF",
            Self::Help => r"%SystemRoot%\Help",
            Self::Fonts => r"%SystemRoot%\Fonts",
            Self::SystemDrive | Self::BootDrive => "%SystemDrive%",
            Self::ProgramData => "%ProgramData%",
            Self::ProgramFiles => "%ProgramFiles%",
            Self::SysWow64 => r"%SystemRoot%\SysWOW64",
            Self::ProgramFilesX86 => "%ProgramFiles(x86)%",
            Self::CommonFiles => "%CommonProgramFiles%",
            Self::CommonFilesX86 => "%CommonProgramFiles(x86)%",
            Self::Package | Self::Absolute | Self::Other(_) => return None,
        })
    }
}

/// A file's place in the guest.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    /// Directory.
    pub directory: Directory,
    /// Directory below it, with backslashes but none at the ends; may be empty.
    pub below: String,
    /// Name.
    pub name: String,
}

impl Place {
    /// The path from the directory: `below\name`.
    pub fn relative(&self) -> String {
        if self.below.is_empty() { self.name.clone() } else { format!(r"{}\{}", self.below, self.name) }
    }

    /// The value of `ImagePath` for a kernel driver: relative to `%SystemRoot%` as Windows' own boot drivers have it
    /// (`System32\drivers\viostor.sys`), or below `\SystemRoot` for one in the driver store, where `store` is the
    /// package's directory in `FileRepository`. `None` where a boot loader cannot look.
    pub fn image_path(&self, store: &str) -> Option<String> {
        let relative = self.relative();
        Some(match self.directory {
            Directory::Windows => relative,
            Directory::System32 => format!(r"System32\{relative}"),
            Directory::Drivers => format!(r"System32\drivers\{relative}"),
            Directory::Package => {
                format!(r"\SystemRoot\System32\DriverStore\FileRepository\{store}\{relative}")
            }
            _ => return None,
        })
    }
}
