//! Headers of Windows programs (Microsoft: "PE Format"), as far as drivers need them.

use crate::windows::Arch;

/// Offset of the new header's offset.
const NEW_HEADER: usize = 0x3c;
/// `PE\0\0` and the COFF header.
const COFF: usize = 24;
/// `WIN_CERT_TYPE_PKCS_SIGNED_DATA`.
const PKCS_SIGNED: u16 = 2;
/// Length, revision and type of a certificate.
const CERTIFICATE: usize = 8;

/// What a program's headers say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Program<'a> {
    /// `IMAGE_FILE_MACHINE_…`.
    pub(super) machine: u16,
    /// The signature that it brings along: PKCS #7.
    pub(super) signature: Option<&'a [u8]>,
}

impl Program<'_> {
    /// Its architecture, if h2k knows it.
    pub(super) fn arch(&self) -> Option<Arch> {
        match self.machine {
            0x014c => Some(Arch::X86),
            0x8664 => Some(Arch::Amd64),
            0xaa64 => Some(Arch::Arm64),
            _ => None,
        }
    }
}

/// Reads the headers.
pub(super) fn read(bytes: &[u8]) -> Result<Program<'_>, &'static str> {
    let none = "it is no Windows program";
    if !bytes.starts_with(b"MZ") {
        return Err(none);
    }
    let at = usize::try_from(word(bytes, NEW_HEADER).ok_or(none)?).map_err(|_| none)?;
    let header = bytes.get(at..).filter(|header| header.starts_with(b"PE\0\0")).ok_or(none)?;
    let machine = half(header, 4).ok_or(none)?;
    Ok(Program { machine, signature: header.get(COFF..).and_then(|optional| certificate(bytes, optional)) })
}

/// The certificate table's first PKCS #7. The fifth data directory has its place in the file.
fn certificate<'a>(bytes: &'a [u8], optional: &[u8]) -> Option<&'a [u8]> {
    let directories = match half(optional, 0)? {
        0x10b => 96,
        0x20b => 112,
        _ => return None,
    };
    let at = usize::try_from(word(optional, directories + 4 * 8)?).ok()?;
    let size = usize::try_from(word(optional, directories + 4 * 8 + 4)?).ok()?;
    let table = bytes.get(at..at.checked_add(size)?)?;
    let len = usize::try_from(word(table, 0)?).ok()?;
    (half(table, 6)? == PKCS_SIGNED).then(|| table.get(CERTIFICATE..len)).flatten()
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|four| u32::from_le_bytes(*four))
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|two| u16::from_le_bytes(*two))
}

/// The signature that a program brings along.
pub fn embedded_signature(bytes: &[u8]) -> Option<super::Signature> {
    read(bytes).ok()?.signature.and_then(super::signature)
}
