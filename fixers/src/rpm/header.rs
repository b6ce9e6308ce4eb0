//! Headers of tags: the same in package files and in the database (rpm's format_v4.md, "Header").

/// Bytes of an entry: tag, type, offset, count.
const ENTRY: usize = 16;
/// Most values of a tag: files of a large package.
const MAX_VALUES: usize = 100_000;

/// Longest path (PATH_MAX), and bytes of all paths of a package: each has its directory, which stands once in the header.
const MAX_PATH: usize = 4096;
const MAX_PATHS: usize = 64 << 20;

/// Tags (rpmtag.h).
pub mod tag {
    /// Name of the package.
    pub const NAME: u32 = 1000;
    /// Version.
    pub const VERSION: u32 = 1001;
    /// Release.
    pub const RELEASE: u32 = 1002;
    /// Architecture.
    pub const ARCH: u32 = 1022;
    /// Paths of files, in packages of version 3.
    pub const OLD_FILE_NAMES: u32 = 1027;
    /// Flags of files.
    pub const FILE_FLAGS: u32 = 1037;
    /// Names of what it provides.
    pub const PROVIDE_NAME: u32 = 1047;
    /// Names of what it needs.
    pub const REQUIRE_NAME: u32 = 1049;
    /// Of each file, the index of its directory.
    pub const DIR_INDEXES: u32 = 1116;
    /// Names of files.
    pub const BASE_NAMES: u32 = 1117;
    /// Directories, with a slash at their ends.
    pub const DIR_NAMES: u32 = 1118;
}

/// `RPMFILE_CONFIG` of a file's flags (rpmfiles.h).
pub const CONFIG_FILE: u32 = 1;

/// A header.
#[derive(Debug, Clone, Copy)]
pub struct Header<'a> {
    entries: &'a [u8],
    data: &'a [u8],
}

/// The big-endian number at `at`; 0 behind the end.
fn number(bytes: &[u8], at: usize) -> u32 {
    let four = bytes.get(at..).and_then(|rest| rest.first_chunk());
    four.map(|b| u32::from_be_bytes(*b)).unwrap_or_default()
}

impl<'a> Header<'a> {
    /// The header at the begin of `bytes` (number of entries, bytes of data, entries, data), and its length in bytes.
    ///
    /// # Errors
    /// It is longer than `bytes`.
    pub fn parse(bytes: &'a [u8]) -> Result<(Self, usize), String> {
        let (start, rest) = bytes.split_at_checked(8).ok_or("it ends early")?;
        let index = (number(start, 0) as usize).checked_mul(ENTRY).ok_or("it has too many tags")?;
        let size = number(start, 4) as usize;
        let (entries, rest) = rest.split_at_checked(index).ok_or("it ends early")?;
        let data = rest.get(..size).ok_or("it ends early")?;
        Ok((Self { entries, data }, start.len() + index + size))
    }

    /// Bytes of its entries and data.
    pub fn len(&self) -> usize {
        self.entries.len() + self.data.len()
    }

    /// Whether it has no tags.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Offset of a tag's values in the data, and how many there are.
    fn find(&self, tag: u32) -> Option<(usize, usize)> {
        let entry = self.entries.chunks_exact(ENTRY).find(|e| number(e, 0) == tag)?;
        Some((number(entry, 8) as usize, (number(entry, 12) as usize).min(MAX_VALUES)))
    }

    /// The texts of a tag.
    pub fn strings(&self, tag: u32) -> Vec<String> {
        let Some((offset, count)) = self.find(tag) else { return Vec::new() };
        let values = self.data.get(offset..).unwrap_or_default().split(|b| *b == 0);
        values.take(count).map(|v| String::from_utf8_lossy(v).into_owned()).collect()
    }

    /// The first text of a tag, or none.
    pub fn string(&self, tag: u32) -> String {
        self.strings(tag).into_iter().next().unwrap_or_default()
    }

    /// The numbers of a tag.
    pub fn numbers(&self, tag: u32) -> Vec<u32> {
        let Some((offset, count)) = self.find(tag) else { return Vec::new() };
        let values = self.data.get(offset..).unwrap_or_default().chunks_exact(4);
        values.take(count).map(|v| number(v, 0)).collect()
    }

    /// Version and release.
    pub fn version(&self) -> String {
        format!("{}-{}", self.string(tag::VERSION), self.string(tag::RELEASE))
    }

    /// Paths of its files and directories, each with its flags.
    ///
    /// # Errors
    /// A file has no directory; paths are longer than any are.
    pub fn files(&self) -> Result<Vec<(String, u32)>, String> {
        let dirs = self.strings(tag::DIR_NAMES);
        let mut paths = self.strings(tag::OLD_FILE_NAMES);
        let mut bytes = 0;
        for (base, index) in self.strings(tag::BASE_NAMES).iter().zip(self.numbers(tag::DIR_INDEXES)) {
            let dir =
                usize::try_from(index).ok().and_then(|i| dirs.get(i)).ok_or("a file has no directory")?;
            bytes += dir.len() + base.len();
            if dir.len() + base.len() > MAX_PATH || bytes > MAX_PATHS {
                return Err("its paths are too long".to_owned());
            }
            paths.push(format!("{dir}{base}"));
        }
        let flags = self.numbers(tag::FILE_FLAGS).into_iter().chain(std::iter::repeat(0));
        Ok(paths.into_iter().zip(flags).collect())
    }
}
