//! The structures of a VHD as they stand on disk. Section names are those of the Virtual Hard Disk Image Format
//! Specification 1.0; all fields are big-endian.

use h2k_transports::RangeRead;

use crate::image::bytes::{Fields, SECTOR, read_vec};
use crate::image::error::ImageError;

/// "conectix", the cookie of a footer.
const FOOTER_COOKIE: &[u8; 8] = b"conectix";

/// Bytes of a footer that are checked; old files leave out the 512th, which is reserved.
const FOOTER_BYTES: usize = 511;

/// Bytes of the dynamic disk header.
pub(super) const DYNAMIC_HEADER_BYTES: usize = 1024;

/// Most blocks: 2 TiB, the format's limit ("2040 GB"), in blocks of 512 KiB, which halve Microsoft's 2 MiB twice.
const MAX_BLOCKS: u32 = 4 << 20;

/// What the footer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VhdFooter {
    /// "Data Offset": where the dynamic disk header stands, in bytes.
    pub data_offset: u64,
    /// "Current Size": virtual size in bytes. The geometry is never used: it rounds down, and a guest of Hyper-V,
    /// Azure or XenServer has its last sectors behind it. What Virtual PC ("vpc ") wrote is read with its tail, which
    /// that hypervisor did not show.
    pub size: u64,
    /// "Disk Type".
    pub kind: VhdKind,
    /// "Unique Id", as it stands there.
    pub unique_id: [u8; 16],
}

/// "Disk Type" of a VHD.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VhdKind {
    /// The bytes as they are, then the footer.
    Fixed,
    /// Blocks where they were needed.
    Dynamic,
    /// Blocks that differ from a parent.
    Differencing,
}

impl VhdFooter {
    /// Reads the 512 bytes of a footer, or the 511 of an old one ("Hard Disk Footer Format").
    ///
    /// # Errors
    /// `Corrupt` or `Unsupported` with what is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, ImageError> {
        let f = Fields(bytes);
        let fields = || Some((f.array::<8>(0)?, f.u32_be(12)?, f.u64_be(16)?, f.u64_be(48)?, f.u32_be(60)?));
        let holds = bytes.len() >= FOOTER_BYTES && checksum_holds(bytes, 64);
        let (Some((cookie, version, data_offset, size, kind)), Some(unique_id), true) =
            (fields(), f.array(68), holds)
        else {
            return Err(ImageError::corrupt("the checksum of the VHD footer is wrong")
                .with_hint("the file is damaged; fetch it again"));
        };
        if cookie != *FOOTER_COOKIE || version >> 16 != 1 {
            return Err(ImageError::unsupported(format!("a VHD of version {version:#x}")));
        }
        let kind = match kind {
            2 => VhdKind::Fixed,
            3 => VhdKind::Dynamic,
            4 => VhdKind::Differencing,
            other => return Err(ImageError::unsupported(format!("a VHD of the disk type {other}"))),
        };
        Ok(Self { data_offset, size, kind, unique_id })
    }

    /// Checks that every block of a dynamic or differencing disk lies inside the file and apart from all others.
    ///
    /// # Errors
    /// `Corrupt`, with the number of missing bytes where the file is truncated; `Io` if the medium fails.
    pub fn check_blocks(&self, file: &dyn RangeRead) -> Result<(), ImageError> {
        super::table::check(&DynamicHeader::read(file, self)?, self, file, file.size())
    }
}

/// A footer, and where what the disk consists of must end.
pub(super) struct Found {
    pub footer: VhdFooter,
    /// Bytes of the footer at the end of the file: 512 or 511; 0 if only the copy at the start is whole.
    pub trailer: u64,
}

/// The footer at the end of the file, or else the copy that a dynamic disk has at its start, where it survives
/// truncation. The one at the end comes first: the start of a fixed disk belongs to the guest.
///
/// # Errors
/// `Corrupt` if there is none that is whole, or if the two contradict each other; `Io` if the medium fails.
pub(super) fn find_footer(file: &dyn RangeRead) -> Result<Found, ImageError> {
    let mut damaged = None;
    let mut parse = |at: u64, length: u64| {
        let bytes =
            read_vec(file, at, length as usize).map_err(|e| ImageError::io("reading the VHD footer", e))?;
        let parsed = bytes.starts_with(FOOTER_COOKIE).then(|| VhdFooter::parse(&bytes)).transpose();
        // What is damaged counts only if nothing else is there.
        Ok::<_, ImageError>(parsed.unwrap_or_else(|e| {
            damaged.get_or_insert(e);
            None
        }))
    };
    let size = file.size();
    let mut last = None;
    for length in [SECTOR, SECTOR - 1] {
        if let (None, Some(at)) = (&last, size.checked_sub(length)) {
            last = parse(at, length)?.map(|footer| Found { footer, trailer: length });
        }
    }
    // A fixed disk has no copy: what looks like that of one is the guest's.
    let copy = parse(0, size.min(SECTOR))?.filter(|footer| footer.kind != VhdKind::Fixed);
    match (last, copy) {
        (Some(found), Some(copy)) if !found.agrees(&copy, size) => {
            Err(ImageError::corrupt("the footer of the VHD and the copy at its start contradict each other")
                .with_hint("the copy of the file is not complete, or a tool changed it: fetch it again"))
        }
        (Some(found), _) => Ok(found),
        (None, Some(footer)) => Ok(Found { footer, trailer: 0 }),
        (None, None) => Err(damaged.unwrap_or_else(|| ImageError::corrupt("the VHD has no footer"))),
    }
}

impl Found {
    /// Whether a footer at the start of a file of `size` bytes may stand there. A truncated disk can end with the
    /// footer of a disk inside it, a fixed disk can begin with one, but then its size is that of its file.
    fn agrees(&self, copy: &VhdFooter, size: u64) -> bool {
        let Self { footer, trailer } = self;
        match footer.kind {
            VhdKind::Fixed => footer.size.checked_add(*trailer) == Some(size),
            kind => (kind, footer.size, footer.data_offset) == (copy.kind, copy.size, copy.data_offset),
        }
    }
}

/// "Dynamic Disk Header Format".
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DynamicHeader {
    /// "Table Offset": where the block allocation table stands, in bytes.
    pub table: u64,
    /// "Max Table Entries".
    pub entries: u32,
    /// "Block Size" in bytes, without the bitmap.
    pub block: u64,
    /// Bytes of the bitmap before each block: a bit for each sector, in whole sectors.
    pub bitmap: u64,
    /// All of it, for what concerns the parent.
    pub bytes: Vec<u8>,
}

impl DynamicHeader {
    pub(super) fn read(file: &dyn RangeRead, footer: &VhdFooter) -> Result<Self, ImageError> {
        let at = footer.data_offset;
        let bytes = read_vec(file, at, DYNAMIC_HEADER_BYTES)
            .map_err(|e| ImageError::io(format!("reading the dynamic disk header at byte {at}"), e))?;
        let f = Fields(&bytes);
        let fields = || {
            let cookie = f.array(0)? == *b"cxsparse";
            cookie.then_some((f.u64_be(16)?, f.u32_be(24)?, f.u32_be(28)?, f.u32_be(32)?))
        };
        let (table, version, entries, block) = fields()
            .ok_or_else(|| ImageError::corrupt(format!("the VHD has no dynamic disk header at byte {at}")))?;
        if !checksum_holds(&bytes, 36) {
            return Err(ImageError::corrupt(format!(
                "the checksum of the dynamic disk header at byte {at} is wrong"
            ))
            .with_hint("the file is damaged; fetch it again"));
        }
        if version >> 16 != 1 {
            return Err(ImageError::unsupported(format!("a dynamic disk header of version {version:#x}")));
        }
        let block = u64::from(block);
        if !block.is_power_of_two() || block < SECTOR || entries > MAX_BLOCKS {
            return Err(ImageError::corrupt(format!(
                "the dynamic disk header at byte {at} makes no sense: {entries} blocks of {block} bytes"
            )));
        }
        if footer.size.div_ceil(block) > u64::from(entries) {
            return Err(ImageError::corrupt(format!(
                "the block allocation table at byte {table} is smaller than its disk: {entries} blocks of {block} bytes"
            )));
        }
        let bitmap = (block / SECTOR).div_ceil(8).next_multiple_of(SECTOR);
        Ok(Self { table, entries, block, bitmap, bytes })
    }
}

/// "one's complement of the sum of all the bytes … without the checksum field", which is at `field`.
fn checksum_holds(bytes: &[u8], field: usize) -> bool {
    let Some(stored) = Fields(bytes).u32_be(field) else { return false };
    let counted = bytes.iter().enumerate().filter(|(at, _)| !(field..field + 4).contains(at));
    let sum = counted.fold(0u32, |sum, (_, byte)| sum.wrapping_add(u32::from(*byte)));
    stored == !sum
}
