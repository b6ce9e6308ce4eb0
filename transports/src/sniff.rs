//! What a file is, by its first bytes; by its name only where the bytes leave it open.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use crate::error::FetchError;
use crate::source::DiskFormat;

/// Bytes of a file's head that are looked at. A tar header has 512; the key lines of a VMX and an OVF's root
/// element stand within the first few KiB.
pub(crate) const HEAD_BYTES: usize = 64 << 10;

/// Size of a VHD footer (Virtual Hard Disk Image Format Specification 1.0, "Hard Disk Footer Format") and of a DMG's
/// trailer.
const FOOTER_BYTES: u64 = 512;

/// First bytes of footers. DMG's: its name, version and length.
const FOOTERS: [(&[u8], DiskFormat); 2] =
    [(b"conectix", DiskFormat::Vhd), (b"koly\0\0\0\x04\0\0\x02\0", DiskFormat::Dmg)];

/// Bytes that tell a disk format, at most.
pub(crate) const MAGIC_BYTES: u64 = 68;

/// First bytes by which formats are told apart for certain.
const DISK_MAGICS: [(&[u8], DiskFormat); 11] = [
    (b"KDMV", DiskFormat::Vmdk),
    (b"COWD", DiskFormat::Vmdk),
    // seSparse: the magic 0xcafebabe as a 64-bit little-endian number.
    (b"\xbe\xba\xfe\xca\0\0\0\0", DiskFormat::Vmdk),
    (b"# Disk DescriptorFile", DiskFormat::Vmdk),
    (b"conectix", DiskFormat::Vhd),
    (b"vhdxfile", DiskFormat::Vhdx),
    (b"QFI\xfb\0\0\0\x01", DiskFormat::Qcow),
    (b"QFI\xfb", DiskFormat::Qcow2),
    (b"QED\0", DiskFormat::Qed),
    (b"WithoutFreeSpace", DiskFormat::Parallels),
    (b"WithouFreSpacExt", DiskFormat::Parallels),
];

/// Name endings that suggest a format, longest first where one ends another.
const DISK_ENDINGS: [(&str, DiskFormat); 16] = [
    ("-flat.vmdk", DiskFormat::Raw),
    (".vmdk", DiskFormat::Vmdk),
    (".avhdx", DiskFormat::Vhdx),
    (".vhdx", DiskFormat::Vhdx),
    (".avhd", DiskFormat::Vhd),
    (".vhd", DiskFormat::Vhd),
    (".vpc", DiskFormat::Vhd),
    (".qcow2", DiskFormat::Qcow2),
    (".raw", DiskFormat::Raw),
    (".img", DiskFormat::Raw),
    (".vdi", DiskFormat::Vdi),
    (".hdd", DiskFormat::Parallels),
    (".hds", DiskFormat::Parallels),
    (".qed", DiskFormat::Qed),
    (".qcow", DiskFormat::Qcow),
    (".dmg", DiskFormat::Dmg),
];

/// VDI's signature, 0xbeda107f, stands behind 64 bytes of text.
const VDI_SIGNATURE: (usize, &[u8]) = (64, b"\x7f\x10\xda\xbe");

/// The disk format of which `head` are the first bytes; `None` if they do not say.
pub(crate) fn disk_format_by_magic(head: &[u8]) -> Option<DiskFormat> {
    let first = DISK_MAGICS.iter().find(|(magic, _)| head.starts_with(magic)).map(|(_, format)| *format);
    first.or_else(|| begins_a_vdi(head).then_some(DiskFormat::Vdi))
}

fn begins_a_vdi(head: &[u8]) -> bool {
    let (at, signature) = VDI_SIGNATURE;
    let text = head.iter().take(at);
    head.get(at..).is_some_and(|rest| rest.starts_with(signature))
        && text.copied().all(|b| matches!(b, 0 | b'\n' | b'\r' | b' '..=b'~'))
}

/// The disk format that a name's ending suggests.
pub(crate) fn disk_format_by_name(name: &str) -> Option<DiskFormat> {
    let name = name.to_ascii_lowercase();
    DISK_ENDINGS.iter().find(|(ending, _)| name.ends_with(ending)).map(|(_, format)| *format)
}

/// The disk format of a file: by its head, by its foot (a fixed VHD has only a footer, a DMG a trailer), then by its
/// name.
///
/// # Errors
/// What opening and reading report.
pub(crate) fn format_of_file(path: &Path) -> Result<Option<DiskFormat>, FetchError> {
    let head = head_of(path)?;
    if let Some(format) = disk_format_by_magic(&head) {
        return Ok(Some(format));
    }
    let doing = || format!("reading the end of {}", path.display());
    if let Some(format) = format_by_foot(path).map_err(|e| FetchError::io(doing(), e))? {
        return Ok(Some(format));
    }
    Ok(disk_format_by_name(&path.to_string_lossy()))
}

fn format_by_foot(path: &Path) -> io::Result<Option<DiskFormat>> {
    let mut file = File::open(path)?;
    let size = file.seek(SeekFrom::End(0))?;
    if size < FOOTER_BYTES {
        return Ok(None);
    }
    file.seek(SeekFrom::Start(size - FOOTER_BYTES))?;
    let mut foot = [0; 12];
    file.read_exact(&mut foot)?;
    Ok(FOOTERS.iter().find(|(start, _)| foot.starts_with(start)).map(|(_, format)| *format))
}

/// The first [`HEAD_BYTES`] of a file, or all of a smaller one.
///
/// # Errors
/// What opening and reading report.
pub(crate) fn head_of(path: &Path) -> Result<Vec<u8>, FetchError> {
    let doing = || format!("reading {}", path.display());
    let file = File::open(path).map_err(|e| FetchError::io(doing(), e))?;
    head(file).map_err(|e| FetchError::io(doing(), e))
}

/// The first [`HEAD_BYTES`] of a stream.
pub(crate) fn head(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(HEAD_BYTES as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(name: &str, content: &[u8]) -> Option<DiskFormat> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, content).unwrap();
        format_of_file(&path).unwrap()
    }

    #[test]
    fn magic_beats_the_name() {
        assert_eq!(format("a.raw", b"KDMV\x01\0\0\0"), Some(DiskFormat::Vmdk));
        assert_eq!(format("a.raw", b"# Disk DescriptorFile\n"), Some(DiskFormat::Vmdk));
        assert_eq!(format("a.vmdk", b"vhdxfile"), Some(DiskFormat::Vhdx));
        assert_eq!(format("a", b"QFI\xfb\0\0\0\x03"), Some(DiskFormat::Qcow2));
        let mut fixed_vhd = vec![0; 2048];
        fixed_vhd.extend_from_slice(b"conectix");
        fixed_vhd.resize(2048 + 512, 0);
        assert_eq!(format("a.img", &fixed_vhd), Some(DiskFormat::Vhd));
    }

    #[test]
    fn foreign_formats_are_told() {
        let mut vdi = b"<<< Oracle VM VirtualBox Disk Image >>>\n".to_vec();
        vdi.resize(64, 0);
        vdi.extend_from_slice(b"\x7f\x10\xda\xbe\x01\0\x01\0");
        assert_eq!(format("a.img", &vdi), Some(DiskFormat::Vdi));
        vdi[1] = 0xff;
        assert_eq!(format("a.img", &vdi), Some(DiskFormat::Raw));
        assert_eq!(format("a.img", b"QED\0"), Some(DiskFormat::Qed));
        assert_eq!(format("a.img", b"WithouFreSpacExt"), Some(DiskFormat::Parallels));
        assert_eq!(format("a.img", b"QFI\xfb\0\0\0\x01"), Some(DiskFormat::Qcow));
        let mut dmg = vec![0; 2048];
        dmg.extend_from_slice(b"koly\0\0\0\x04\0\0\x02\0");
        dmg.resize(2048 + 512, 0);
        assert_eq!(format("a.img", &dmg), Some(DiskFormat::Dmg));
        for (name, expected) in [
            ("A.VDI", DiskFormat::Vdi),
            ("a.hdd", DiskFormat::Parallels),
            ("a.hds", DiskFormat::Parallels),
            ("a.qed", DiskFormat::Qed),
            ("a.qcow", DiskFormat::Qcow),
            ("a.dmg", DiskFormat::Dmg),
        ] {
            assert_eq!(format(name, b""), Some(expected), "{name}");
        }
    }

    #[test]
    fn the_name_decides_where_bytes_do_not() {
        assert_eq!(format("a-flat.vmdk", b""), Some(DiskFormat::Raw));
        assert_eq!(format("A.VMDK", b""), Some(DiskFormat::Vmdk));
        assert_eq!(format("a.img", &[0; 4096]), Some(DiskFormat::Raw));
        assert_eq!(format("a.bin", &[0; 4096]), None);
    }
}
