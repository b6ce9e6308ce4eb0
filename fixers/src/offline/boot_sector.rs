//! What a BIOS finds in a disk's first sector.

/// Boot code of an MBR: the bytes before the disk signature.
const MBR_CODE_LEN: usize = 440;
/// The four entries of an MBR's table; the first byte of each is 0x80 in the active one.
const MBR_ENTRIES: std::ops::Range<usize> = 446..510;
/// How the boot code begins that libparted, Windows and syslinux (`mbr.bin`) write.
const GENERIC_CODE: [&[u8]; 3] = [
    &[0xfa, 0xb8, 0x00, 0x10, 0x8e, 0xd0, 0xbc, 0x00, 0xb0],
    &[0x33, 0xc0, 0x8e, 0xd0, 0xbc, 0x00, 0x7c],
    &[0x33, 0xc0, 0xfa, 0x8e, 0xd8, 0x8e, 0xd0, 0xbc, 0x00, 0x7c],
];

/// Whether a BIOS finds something to start in a disk's first sector. Generic code only passes on to the active partition:
/// tools write it to every disk that they label, so without one it is a data disk's.
pub(super) fn boots(sector: &[u8]) -> bool {
    let signed = sector.get(510..512) == Some(&[0x55, 0xaa]);
    let code = sector.iter().take(MBR_CODE_LEN).any(|b| *b != 0);
    let generic = GENERIC_CODE.iter().any(|start| sector.starts_with(start));
    let active =
        sector.get(MBR_ENTRIES).is_some_and(|entries| entries.iter().step_by(16).any(|b| *b == 0x80));
    signed && code && (active || !generic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generic_code_without_an_active_partition_boots_nothing() {
        let sector = |code: &[u8], active: Option<usize>| {
            let mut sector = vec![0; 512];
            sector[..code.len()].copy_from_slice(code);
            sector[510..].copy_from_slice(&[0x55, 0xaa]);
            sector[446 + 4] = 0x83;
            active.into_iter().for_each(|entry| sector[446 + 16 * entry] = 0x80);
            sector
        };
        for generic in GENERIC_CODE {
            assert!(!boots(&sector(generic, None)), "{generic:x?}");
            assert!(boots(&sector(generic, Some(0))) && boots(&sector(generic, Some(3))), "{generic:x?}");
        }
        // GRUB's looks at no entry.
        let grub = [0xeb, 0x63, 0x90];
        assert!(boots(&sector(&grub, None)));
        assert!(!boots(&sector(&[], Some(0))), "no code");
        let mut unsigned = sector(&grub, None);
        unsigned[511] = 0;
        assert!(!boots(&unsigned) && !boots(&[]) && !boots(&[0xeb, 0x63]));
    }
}
