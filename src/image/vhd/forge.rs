//! Makes VHDs that QEMU does not write.

/// Bytes of a block of the images made here: 8 sectors.
pub const BLOCK: usize = 4096;

/// A block: its number, which of its sectors the bitmap claims, and its bytes.
pub type Block = (usize, [bool; 8], [u8; BLOCK]);

/// What a child says of its parent.
pub struct ParentNames<'a> {
    pub id: [u8; 16],
    pub relative: Option<&'a str>,
    pub absolute: Option<&'a str>,
    pub unicode: &'a str,
}

/// The footer of a disk.
pub fn footer(kind: u32, size: u64, id: [u8; 16]) -> Vec<u8> {
    let mut f = vec![0; 512];
    f[..8].copy_from_slice(b"conectix");
    f[8..12].copy_from_slice(&2u32.to_be_bytes());
    f[12..16].copy_from_slice(&0x1_0000u32.to_be_bytes());
    f[16..24].copy_from_slice(&if kind == 2 { u64::MAX } else { 512 }.to_be_bytes());
    f[28..32].copy_from_slice(b"win ");
    f[40..48].copy_from_slice(&size.to_be_bytes());
    f[48..56].copy_from_slice(&size.to_be_bytes());
    f[60..64].copy_from_slice(&kind.to_be_bytes());
    f[68..84].copy_from_slice(&id);
    seal(&mut f, 64);
    f
}

/// Puts the checksum of a structure right.
pub fn seal(bytes: &mut [u8], field: usize) {
    bytes[field..field + 4].fill(0);
    let sum = !bytes.iter().map(|b| u32::from(*b)).sum::<u32>();
    bytes[field..field + 4].copy_from_slice(&sum.to_be_bytes());
}

/// A dynamic disk, or with a parent a differencing one.
pub fn image(size: u64, id: [u8; 16], parent: Option<&ParentNames<'_>>, blocks: &[Block]) -> Vec<u8> {
    let kind = if parent.is_some() { 4 } else { 3 };
    let entries = size.div_ceil(BLOCK as u64) as usize;
    let mut header = vec![0; 1024];
    header[..8].copy_from_slice(b"cxsparse");
    header[8..16].fill(0xff);
    header[16..24].copy_from_slice(&1536u64.to_be_bytes());
    header[24..28].copy_from_slice(&0x1_0000u32.to_be_bytes());
    header[28..32].copy_from_slice(&(entries as u32).to_be_bytes());
    header[32..36].copy_from_slice(&(BLOCK as u32).to_be_bytes());
    let mut out = footer(kind, size, id);
    out.extend_from_slice(&[0; 1024]);
    let table = out.len();
    out.resize(table + (entries * 4).next_multiple_of(512), 0xff);
    if let Some(parent) = parent {
        name_parent(&mut header, &mut out, parent);
    }
    seal(&mut header, 36);
    out[512..1536].copy_from_slice(&header);
    for (index, sectors, bytes) in blocks {
        let at = (out.len() / 512) as u32;
        out[table + index * 4..table + index * 4 + 4].copy_from_slice(&at.to_be_bytes());
        let bits = sectors.iter().enumerate().fold(0u8, |bits, (n, here)| bits | u8::from(*here) << (7 - n));
        out.push(bits);
        out.resize(out.len() + 511, 0);
        out.extend_from_slice(bytes);
    }
    out.extend(footer(kind, size, id));
    out
}

fn name_parent(header: &mut [u8], out: &mut Vec<u8>, parent: &ParentNames<'_>) {
    header[40..56].copy_from_slice(&parent.id);
    for (n, unit) in parent.unicode.encode_utf16().enumerate() {
        header[64 + n * 2..66 + n * 2].copy_from_slice(&unit.to_be_bytes());
    }
    // A Mac's locator comes first and means nothing here.
    let locators =
        [(b"MacX", Some("file://localhost/x")), (b"W2ku", parent.absolute), (b"W2ru", parent.relative)];
    for (n, (code, text)) in locators.into_iter().enumerate() {
        let Some(text) = text else { continue };
        let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let entry = &mut header[576 + n * 24..600 + n * 24];
        entry[..4].copy_from_slice(code);
        entry[4..8].copy_from_slice(&1u32.to_be_bytes());
        entry[8..12].copy_from_slice(&(bytes.len() as u32).to_be_bytes());
        entry[16..24].copy_from_slice(&(out.len() as u64).to_be_bytes());
        out.extend(bytes);
        out.resize(out.len().next_multiple_of(512), 0);
    }
}
