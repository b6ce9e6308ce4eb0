//! The capture file that QEMU's `filter-dump` writes, read while it grows.
//!
//! Format: draft-ietf-opsawg-pcap, "PCAP Capture File Format": a header of 24 bytes, then records of a header of 16
//! bytes and the captured bytes, all in the byte order that the magic number shows. What is in the frames is the
//! guest's, so every length is checked.

/// Bytes of the file header.
const FILE_HEADER: usize = 24;
/// Bytes of a record header.
const RECORD_HEADER: usize = 16;
/// Longest captured frame: `filter-dump` cuts frames at 65536 bytes unless told otherwise.
const MAX_FRAME: usize = 65_536;
/// Magic number with microseconds.
const MAGIC_MICROSECONDS: u32 = 0xa1b2_c3d4;
/// Magic number with nanoseconds.
const MAGIC_NANOSECONDS: u32 = 0xa1b2_3c4d;
/// Link type of Ethernet frames.
const ETHERNET: u32 = 1;

/// Why a capture cannot be read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PcapError {
    /// It does not begin with a known magic number.
    #[error("it is not a capture file")]
    Magic,
    /// It captures something else than Ethernet.
    #[error("its link type is {0}, not Ethernet")]
    LinkType(u32),
    /// A record claims to be longer than QEMU writes them.
    #[error("a frame claims {0} bytes")]
    FrameLength(u32),
}

/// Reads a capture piece by piece. After an error it takes nothing more.
#[derive(Debug, Default)]
pub struct Reader {
    /// Bytes that are not yet a whole record.
    rest: Vec<u8>,
    /// Byte order, once the file header was read.
    order: Option<Order>,
    /// Why it stopped.
    failed: Option<PcapError>,
}

#[derive(Debug, Clone, Copy)]
enum Order {
    Little,
    Big,
}

impl Order {
    fn u32(self, bytes: &[u8], at: usize) -> Option<u32> {
        let word: [u8; 4] = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(match self {
            Order::Little => u32::from_le_bytes(word),
            Order::Big => u32::from_be_bytes(word),
        })
    }
}

impl Reader {
    /// A reader at the start of a capture.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the file and gives each frame that is complete to `frame`.
    ///
    /// # Errors
    /// The file is no Ethernet capture, or a length in it is out of range; every later call says so again.
    pub fn feed(&mut self, bytes: &[u8], mut frame: impl FnMut(&[u8])) -> Result<(), PcapError> {
        if let Some(failed) = self.failed {
            return Err(failed);
        }
        self.rest.extend_from_slice(bytes);
        let mut used = 0;
        let result = loop {
            match self.next(used) {
                Ok(Some((start, end))) => {
                    if let Some(captured) = self.rest.get(start..end).filter(|c| !c.is_empty()) {
                        frame(captured);
                    }
                    used = end;
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        self.rest.drain(..used.min(self.rest.len()));
        if let Err(error) = result {
            self.failed = Some(error);
            self.rest = Vec::new();
        }
        result
    }

    /// Where the frame of the record at `from` begins and ends; nothing if more bytes are needed. The file header
    /// counts as a record with an empty frame.
    fn next(&mut self, from: usize) -> Result<Option<(usize, usize)>, PcapError> {
        let Some(order) = self.order else {
            let Some(header) = self.rest.get(..FILE_HEADER) else { return Ok(None) };
            self.order = Some(file_header(header)?);
            return Ok(Some((FILE_HEADER, FILE_HEADER)));
        };
        let start = from.saturating_add(RECORD_HEADER);
        let Some(length) = order.u32(&self.rest, from.saturating_add(8)) else { return Ok(None) };
        if length as usize > MAX_FRAME {
            return Err(PcapError::FrameLength(length));
        }
        let end = start.saturating_add(length as usize);
        Ok((end <= self.rest.len()).then_some((start, end)))
    }
}

fn file_header(header: &[u8]) -> Result<Order, PcapError> {
    let known = |order: Order| {
        order
            .u32(header, 0)
            .is_some_and(|m| m == MAGIC_MICROSECONDS || m == MAGIC_NANOSECONDS)
            .then_some(order)
    };
    let order = known(Order::Little).or_else(|| known(Order::Big)).ok_or(PcapError::Magic)?;
    // The upper half of the field is flags.
    let link = order.u32(header, 20).unwrap_or(0) & 0xffff;
    if link != ETHERNET {
        return Err(PcapError::LinkType(link));
    }
    Ok(order)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A little-endian capture of `frames`.
    pub fn capture(frames: &[&[u8]]) -> Vec<u8> {
        let mut out =
            vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0];
        for frame in frames {
            let length = (frame.len() as u32).to_le_bytes();
            out.extend([0u8; 8].iter().chain(&length).chain(&length).chain(*frame));
        }
        out
    }

    fn frames(file: &[u8], step: usize) -> Result<Vec<Vec<u8>>, PcapError> {
        let mut reader = Reader::new();
        let mut out = Vec::new();
        for piece in file.chunks(step) {
            reader.feed(piece, |f| out.push(f.to_vec()))?;
        }
        Ok(out)
    }

    #[test]
    fn frames_come_out_however_the_file_grows() {
        let file = capture(&[b"first", b"", b"second"]);
        for step in [1, 3, 24, 40, 1000] {
            assert_eq!(frames(&file, step).unwrap(), [b"first".to_vec(), b"second".to_vec()]);
        }
        assert_eq!(frames(&file[..file.len() - 1], 7).unwrap(), [b"first".to_vec()]);
    }

    #[test]
    fn both_byte_orders_and_clocks_are_read() {
        let mut big =
            vec![0xa1, 0xb2, 0x3c, 0x4d, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1];
        big.extend([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 2, b'h', b'i']);
        assert_eq!(frames(&big, 5).unwrap(), [b"hi".to_vec()]);
    }

    #[test]
    fn nonsense_is_refused_once_and_for_all() {
        assert_eq!(frames(&[0; 24], 24), Err(PcapError::Magic));
        let mut file = capture(&[b"x"]);
        file[20] = 105;
        assert_eq!(frames(&file, 9), Err(PcapError::LinkType(105)));
        let mut file = capture(&[b"x"]);
        file[24 + 8..24 + 12].copy_from_slice(&u32::MAX.to_le_bytes());
        let mut reader = Reader::new();
        assert_eq!(reader.feed(&file, |_| panic!("no frame")), Err(PcapError::FrameLength(u32::MAX)));
        assert_eq!(
            reader.feed(&capture(&[b"x"]), |_| panic!("no frame")),
            Err(PcapError::FrameLength(u32::MAX))
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400), step in 1usize..90) {
            let _ = frames(&bytes, step);
            let mut file = capture(&[]);
            file.extend(&bytes);
            let _ = frames(&file, step);
        }
    }
}
