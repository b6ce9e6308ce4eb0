//! CRC-32C (Castagnoli's polynomial 0x1EDC6F41, reflected), eight bytes at a step.

/// The polynomial, its bits reflected.
const POLYNOMIAL: u32 = 0x82f6_3b78;

/// `TABLES[n][byte]`: what `byte` contributes when `n` more bytes follow in the step.
static TABLES: [[u32; 256]; 8] = tables();

const fn tables() -> [[u32; 256]; 8] {
    let mut tables = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ POLYNOMIAL } else { crc >> 1 };
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    let mut n = 1;
    while n < 8 {
        let mut byte = 0;
        while byte < 256 {
            let before = tables[n - 1][byte];
            tables[n][byte] = (before >> 8) ^ tables[0][(before & 0xff) as usize];
            byte += 1;
        }
        n += 1;
    }
    tables
}

/// A checksum of bytes that come piece by piece.
#[derive(Debug, Clone, Copy)]
pub(super) struct Crc32c(u32);

impl Crc32c {
    pub(super) fn new() -> Self {
        Self(u32::MAX)
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        let (steps, rest) = bytes.as_chunks::<8>();
        let [t0, t1, t2, t3, t4, t5, t6, t7] = &TABLES;
        for step in steps {
            // The indices are bytes and the tables have 256 entries.
            let [a, b, c, d, e, f, g, h] = (u64::from_le_bytes(*step) ^ u64::from(self.0)).to_le_bytes();
            let at = usize::from;
            self.0 =
                t7[at(a)] ^ t6[at(b)] ^ t5[at(c)] ^ t4[at(d)] ^ t3[at(e)] ^ t2[at(f)] ^ t1[at(g)] ^ t0[at(h)];
        }
        for byte in rest {
            let [low, ..] = self.0.to_le_bytes();
            self.0 = (self.0 >> 8) ^ t0[usize::from(low ^ byte)];
        }
    }

    pub(super) fn finish(self) -> u32 {
        !self.0
    }
}

/// The checksum of a structure whose own checksum, the four bytes at 4, is taken as zero (2.2.2, "Checksum").
pub(super) fn of_structure(bytes: &[u8]) -> u32 {
    let mut crc = Crc32c::new();
    crc.update(bytes.get(..4).unwrap_or(bytes));
    crc.update(&[0; 4]);
    crc.update(bytes.get(8..).unwrap_or_default());
    crc.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_castagnolis_in_any_pieces() {
        let of = |pieces: &[&[u8]]| {
            let mut crc = Crc32c::new();
            pieces.iter().for_each(|piece| crc.update(piece));
            crc.finish()
        };
        // RFC 3720, B.4.
        assert_eq!(of(&[b"123456789"]), 0xe306_9283);
        assert_eq!(of(&[b"1", b"23", b"", b"456789"]), 0xe306_9283);
        assert_eq!(of(&[&[0; 32]]), 0x8a91_36aa);
        assert_eq!(of(&[&[0xff; 32]]), 0x62a8_ab43);
        let rising: Vec<u8> = (0..32).collect();
        assert_eq!(of(&[&rising]), 0x46dd_794e);
        assert_eq!(of(&[&rising[..13], &rising[13..]]), 0x46dd_794e);
    }
}
