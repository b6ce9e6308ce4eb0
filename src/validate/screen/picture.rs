//! A picture as QEMU writes it: binary PPM (netpbm's ppm(5), "P6"). The guest decides its size and what is on it.

use std::collections::HashMap;

/// A colour: red, green, blue.
pub type Rgb = [u8; 3];

/// Largest width and height in pixels. QEMU's displays end below it.
const MAX_SIDE: usize = 16_384;
/// Most pixels that are looked at: a 4K screen has 8 million.
const MAX_PIXELS: usize = 40_000_000;
/// Most bytes of a header's number, and of a comment.
const MAX_TOKEN: usize = 80;

/// A picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    width: usize,
    height: usize,
    bytes: Vec<u8>,
}

/// Why bytes are no picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    /// It does not begin as one.
    #[error("it is no binary PPM picture of 255 levels")]
    Header,
    /// It is larger than a screen.
    #[error("it has more than {MAX_PIXELS} pixels")]
    TooLarge,
    /// It ends too early.
    #[error("it ends within its pixels")]
    Short,
}

impl Picture {
    /// Reads a PPM picture.
    ///
    /// # Errors
    /// It is none, or larger than any screen.
    pub fn from_ppm(bytes: &[u8]) -> Result<Self, PictureError> {
        let rest = bytes.strip_prefix(b"P6").ok_or(PictureError::Header)?;
        let (width, rest) = number(rest)?;
        let (height, rest) = number(rest)?;
        let (levels, rest) = number(rest)?;
        let (space, rest) = rest.split_first().ok_or(PictureError::Header)?;
        if levels != 255 || !space.is_ascii_whitespace() || width == 0 || height == 0 {
            return Err(PictureError::Header);
        }
        if width > MAX_SIDE || height > MAX_SIDE || width * height > MAX_PIXELS {
            return Err(PictureError::TooLarge);
        }
        let bytes = rest.get(..width * height * 3).ok_or(PictureError::Short)?.to_vec();
        Ok(Self { width, height, bytes })
    }

    /// Width in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Number of pixels.
    pub fn pixels(&self) -> usize {
        self.width * self.height
    }

    /// Colour of a pixel; black outside.
    pub fn at(&self, x: usize, y: usize) -> Rgb {
        if x >= self.width || y >= self.height {
            return [0; 3];
        }
        let at = (y * self.width + x) * 3;
        self.bytes.get(at..at + 3).and_then(|pixel| pixel.try_into().ok()).unwrap_or_default()
    }

    /// The most frequent colour, and how many pixels have it.
    pub fn background(&self) -> (Rgb, usize) {
        let mut counts: HashMap<Rgb, usize> = HashMap::new();
        for pixel in self.bytes.chunks_exact(3) {
            let colour: Rgb = pixel.try_into().unwrap_or_default();
            *counts.entry(colour).or_default() += 1;
        }
        counts.into_iter().max_by_key(|(colour, count)| (*count, *colour)).unwrap_or_default()
    }

    /// Whether it differs from another in size, or in more than `few` pixels.
    pub fn differs(&self, other: &Self, few: usize) -> bool {
        let pixels = self.bytes.chunks_exact(3).zip(other.bytes.chunks_exact(3));
        (self.width, self.height) != (other.width, other.height)
            || pixels.filter(|(a, b)| a != b).nth(few).is_some()
    }

    /// Whether a pixel stands out from `background`, by the sum of its channels' differences.
    pub fn stands_out(&self, x: usize, y: usize, background: Rgb) -> bool {
        /// Letters of text screens are far above it, their shadows and the noise of a gradient below.
        const LEAST: u16 = 180;
        let pixel = self.at(x, y);
        let difference: u16 = pixel.iter().zip(background).map(|(a, b)| u16::from(a.abs_diff(b))).sum();
        difference >= LEAST
    }
}

/// The next number of the header, behind white space and comments.
fn number(bytes: &[u8]) -> Result<(usize, &[u8]), PictureError> {
    let mut rest = bytes;
    for _ in 0..MAX_TOKEN {
        match rest {
            [b'#', ..] => {
                let end = rest.iter().position(|b| *b == b'\n').ok_or(PictureError::Header)?;
                rest = rest.get(end..).unwrap_or_default();
            }
            [b, tail @ ..] if b.is_ascii_whitespace() => rest = tail,
            _ => break,
        }
    }
    let digits = rest.iter().take(MAX_TOKEN).take_while(|b| b.is_ascii_digit()).count();
    let (text, rest) = rest.split_at_checked(digits).ok_or(PictureError::Header)?;
    let text = std::str::from_utf8(text).map_err(|_| PictureError::Header)?;
    Ok((text.parse().map_err(|_| PictureError::Header)?, rest))
}

#[cfg(test)]
impl Picture {
    /// A picture of one colour.
    pub fn filled(width: usize, height: usize, colour: Rgb) -> Self {
        Self { width, height, bytes: colour.repeat(width * height) }
    }

    /// Paints a pixel.
    pub fn put(&mut self, x: usize, y: usize, colour: Rgb) {
        let at = (y * self.width + x) * 3;
        self.bytes[at..at + 3].copy_from_slice(&colour);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_qemu_writes_is_read() {
        let picture = Picture::from_ppm(b"P6\n2 1\n255\n\x01\x02\x03\x04\x05\x06").unwrap();
        assert_eq!((picture.width(), picture.height()), (2, 1));
        assert_eq!((picture.at(0, 0), picture.at(1, 0), picture.at(2, 0)), ([1, 2, 3], [4, 5, 6], [0; 3]));
        assert!(Picture::from_ppm(b"P6 # a comment\n2 # b\n1 255 \x01\x02\x03\x04\x05\x06more").is_ok());
    }

    #[test]
    fn what_is_none_is_refused() {
        for (bytes, error) in [
            (&b"P5\n1 1\n255\nx"[..], PictureError::Header),
            (b"P6\n1 1\n65535\nxxxxxx", PictureError::Header),
            (b"P6\n0 1\n255\n", PictureError::Header),
            (b"P6\n1\n", PictureError::Header),
            (b"P6\n#", PictureError::Header),
            (b"P6\n99999999999999999999999999 1\n255\n", PictureError::Header),
            (b"P6\n16384 16384\n255\n", PictureError::TooLarge),
            (b"P6\n99999 1\n255\n", PictureError::TooLarge),
            (b"P6\n2 2\n255\nshort", PictureError::Short),
        ] {
            assert_eq!(Picture::from_ppm(bytes).unwrap_err(), error, "{bytes:?}");
        }
    }

    #[test]
    fn a_cursor_is_no_difference() {
        let empty = Picture::filled(90, 50, [0; 3]);
        let mut cursor = empty.clone();
        (0..4).for_each(|x| cursor.put(x, 1, [255; 3]));
        assert!(!cursor.differs(&empty, 4) && cursor.differs(&empty, 3));
        assert!(Picture::filled(50, 90, [0; 3]).differs(&empty, 4500));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused_and_looked_at(
            head in "(P6)?[ \n#0-9]{0,20}", body in proptest::collection::vec(any::<u8>(), 0..400),
        ) {
            let bytes = [head.as_bytes(), &body].concat();
            if let Ok(picture) = Picture::from_ppm(&bytes) {
                super::super::look(&picture).words();
            }
        }

        #[test]
        fn any_picture_is_looked_at(width in 1usize..90, height in 1usize..50, seed in proptest::collection::vec(any::<bool>(), 1..64)) {
            let mut picture = Picture::filled(width, height, [0, 0, 170]);
            for (n, _) in seed.iter().cycle().take(width * height).enumerate().filter(|(_, on)| **on) {
                picture.put(n % width, n / width, [255; 3]);
            }
            super::super::look(&picture).words();
        }
    }
}
