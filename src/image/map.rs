//! What `qemu-img map --output=json` prints: one object per line, in an array (qemu-img(1), "map").

use serde::Deserialize;

use super::{Extent, ExtentKind};

/// Most extents that are kept: about 100 MiB. What follows is told apart no more and counts as data, which is
/// always true enough: it is read.
const MAX_EXTENTS: usize = 4 << 20;

/// A line of the map.
#[derive(Debug, Deserialize)]
struct Line {
    start: u64,
    length: u64,
    zero: bool,
    present: bool,
}

/// The map as it is read, neighbours of one kind joined.
#[derive(Debug, Default)]
pub(super) struct Map {
    extents: Vec<Extent>,
    /// Where the disk ends so far, in bytes.
    end: u64,
}

/// Why a line is not of a map.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum MapError {
    /// Not a line of the JSON that is expected.
    #[error("`qemu-img map` printed {0:?}")]
    Unreadable(String),
    /// The extents have a gap, or go backwards.
    #[error("`qemu-img map` went from {0} to {1}")]
    Gap(u64, u64),
}

impl Map {
    pub(super) fn take(&mut self, line: &str) -> Result<(), MapError> {
        let json = line.trim_start_matches('[').trim_end_matches([',', ']']).trim();
        if json.is_empty() {
            return Ok(());
        }
        let unreadable = || MapError::Unreadable(line.chars().take(200).collect());
        let line: Line = serde_json::from_str(json).map_err(|_| unreadable())?;
        if line.start != self.end {
            return Err(MapError::Gap(self.end, line.start));
        }
        self.end = line.start.checked_add(line.length).ok_or_else(unreadable)?;
        self.push(Extent { start: line.start, len: line.length, kind: line.kind() });
        Ok(())
    }

    fn push(&mut self, extent: Extent) {
        let full = self.extents.len() >= MAX_EXTENTS;
        match self.extents.last_mut() {
            Some(last) if last.kind == extent.kind || full => {
                if full && last.kind != extent.kind {
                    last.kind = ExtentKind::Data;
                }
                last.len = last.len.saturating_add(extent.len);
            }
            _ => self.extents.push(extent),
        }
    }

    /// The extents, and the size of the disk in bytes.
    pub(super) fn finish(self) -> (Vec<Extent>, u64) {
        (self.extents, self.end)
    }
}

impl Line {
    fn kind(&self) -> ExtentKind {
        match (self.present, self.zero) {
            (false, _) => ExtentKind::Unallocated,
            // Whatever `data` says: flat VMDK extents say it of holes too.
            (true, true) => ExtentKind::Zero,
            (true, false) => ExtentKind::Data,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(start: u64, length: u64, present: bool, zero: bool, data: bool) -> String {
        format!(
            "{{ \"start\": {start}, \"length\": {length}, \"depth\": 0, \"present\": {present}, \"zero\": {zero}, \
             \"data\": {data}, \"compressed\": false}}"
        )
    }

    #[test]
    fn neighbours_of_one_kind_are_joined() {
        let mut map = Map::default();
        map.take(&format!("[{},", line(0, 10, true, false, true))).unwrap();
        map.take(&format!("{},", line(10, 5, true, false, true))).unwrap();
        map.take(&format!("{},", line(15, 5, true, true, true))).unwrap();
        map.take(&format!("{}]", line(20, 5, false, true, false))).unwrap();
        let (extents, size) = map.finish();
        let want = |start, len, kind| Extent { start, len, kind };
        assert_eq!(size, 25);
        assert_eq!(
            extents,
            [
                want(0, 15, ExtentKind::Data),
                want(15, 5, ExtentKind::Zero),
                want(20, 5, ExtentKind::Unallocated)
            ]
        );
    }

    #[test]
    fn gaps_and_other_text_are_refused() {
        let mut map = Map::default();
        map.take("[").unwrap();
        assert_eq!(map.take(&line(5, 5, true, false, true)), Err(MapError::Gap(0, 5)));
        assert!(matches!(map.take("Offset  Length"), Err(MapError::Unreadable(_))));
        map.take(&line(0, u64::MAX, true, false, true)).unwrap();
        assert!(map.take(&line(u64::MAX, 1, true, false, true)).is_err());
    }
}
