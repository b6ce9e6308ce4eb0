//! Which Windows a guest is, as the choice of drivers sees it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Processor architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arch {
    /// 32-bit x86.
    X86,
    /// x86-64.
    Amd64,
    /// 64-bit ARM.
    Arm64,
}

impl Arch {
    /// As INF files and the driver store write it: `x86`, `amd64`, `arm64`.
    pub fn name(self) -> &'static str {
        match self {
            Self::X86 => "x86",
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }
}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Kind of a Windows; its number is that of winnt.h (`VER_NT_…`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProductType {
    /// A workstation.
    Workstation,
    /// A domain controller.
    DomainController,
    /// A server that is no domain controller.
    Server,
}

impl ProductType {
    /// `VER_NT_WORKSTATION`, `VER_NT_DOMAIN_CONTROLLER` or `VER_NT_SERVER`.
    pub fn number(self) -> u32 {
        match self {
            Self::Workstation => 1,
            Self::DomainController => 2,
            Self::Server => 3,
        }
    }
}

/// A Windows, as far as it decides which driver it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct WindowsTarget {
    /// Major version: 5 for XP, 6 for Vista to 8.1, 10.
    pub major: u32,
    /// Minor version.
    pub minor: u32,
    /// Build: 9600, 17763, 26100.
    pub build: u32,
    /// Architecture.
    pub arch: Arch,
    /// Workstation or server.
    pub product_type: ProductType,
    /// Suites, as bits of winnt.h (`VER_SUITE_…`).
    pub suite: u32,
    /// Whether it takes drivers that are signed with SHA-256 only: 8 and newer, 7 and 2008 R2 with KB3033929 or a later
    /// update that has it.
    pub sha256_signatures: bool,
}

impl WindowsTarget {
    /// A Windows without suites that takes the signatures that its version takes as it was shipped.
    pub fn new(major: u32, minor: u32, build: u32, arch: Arch, product_type: ProductType) -> Self {
        let sha256_signatures = (major, minor) >= (6, 2);
        Self { major, minor, build, arch, product_type, suite: 0, sha256_signatures }
    }

    /// Whether it is a server, a domain controller or not.
    pub fn is_server(&self) -> bool {
        self.product_type != ProductType::Workstation
    }
}

impl fmt::Display for WindowsTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_server() { "Windows Server" } else { "Windows" };
        write!(f, "{kind} {}.{}.{} ({})", self.major, self.minor, self.build, self.arch)
    }
}
