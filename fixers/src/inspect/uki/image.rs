//! Unified kernel images for tests, made in-process.
#![allow(clippy::unwrap_used)]

use super::pe;

/// A PE image with these sections, `gap` bytes between them.
pub(crate) fn image(sections: &[(&str, &[u8])], gap: usize) -> Vec<u8> {
    let mut head = vec![0u8; 0x80];
    head[..2].copy_from_slice(b"MZ");
    head[0x3c] = 0x80;
    head.extend(b"PE\0\0");
    head.extend(0x8664_u16.to_le_bytes());
    head.extend(u16::try_from(sections.len()).unwrap().to_le_bytes());
    head.extend([0; 12]);
    head.extend(240_u16.to_le_bytes());
    head.extend([0; 2 + 240]);
    // PE32+, with all sixteen directories, none of which is there.
    let optional = head.len() - 240;
    head[optional..optional + 2].copy_from_slice(&0x20b_u16.to_le_bytes());
    head[optional + 108] = 16;
    let mut at = head.len() + sections.len() * pe::SECTION + gap;
    let mut body = Vec::new();
    for (name, bytes) in sections {
        let mut field = [0u8; 8];
        field[..name.len()].copy_from_slice(name.as_bytes());
        head.extend(field);
        let padded = bytes.len().next_multiple_of(512);
        for number in [bytes.len(), at, padded, at, 0, 0, 0, 0] {
            let number = u32::try_from(number).unwrap();
            head.extend(number.to_le_bytes());
        }
        body.extend(vec![0; gap]);
        body.extend(*bytes);
        body.resize(body.len() + padded - bytes.len(), 0);
        at += padded + gap;
    }
    // The image's size in memory, which here is that of the file.
    head[optional + 56..optional + 60].copy_from_slice(&u32::try_from(at).unwrap().to_le_bytes());
    [head, body].concat()
}
