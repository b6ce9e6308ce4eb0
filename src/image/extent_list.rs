//! Extents as they are found: neighbours of one kind joined.

use std::ops::Range;

use super::{Extent, ExtentKind};

/// Collects the extents of a range in order.
#[derive(Debug)]
pub(crate) struct ExtentList {
    range: Range<u64>,
    extents: Vec<Extent>,
}

impl ExtentList {
    /// For a range of guest offsets in bytes.
    pub(crate) fn new(range: Range<u64>) -> Self {
        Self { range, extents: Vec::new() }
    }

    /// The next extent, from the end of the last one to `end`, cut to the range. What ends before is left out.
    pub(crate) fn push_to(&mut self, end: u64, kind: ExtentKind) {
        let start = self.end();
        let end = end.min(self.range.end);
        if end <= start {
            return;
        }
        match self.extents.last_mut() {
            Some(last) if last.kind == kind => last.len = last.len.saturating_add(end - start),
            _ => self.extents.push(Extent { start, len: end - start, kind }),
        }
    }

    /// Where the next extent begins.
    pub(crate) fn end(&self) -> u64 {
        self.extents.last().map_or(self.range.start, |e| e.start.saturating_add(e.len))
    }

    /// The extents; what was not pushed at the range's end is left out.
    pub(crate) fn finish(self) -> Vec<Extent> {
        self.extents
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_joined_and_cut_to_the_range() {
        let mut list = ExtentList::new(100..1000);
        list.push_to(50, ExtentKind::Data);
        list.push_to(200, ExtentKind::Zero);
        list.push_to(300, ExtentKind::Zero);
        list.push_to(300, ExtentKind::Data);
        list.push_to(5000, ExtentKind::Data);
        list.push_to(6000, ExtentKind::Unallocated);
        let extent = |start, len, kind| Extent { start, len, kind };
        assert_eq!(list.finish(), [extent(100, 200, ExtentKind::Zero), extent(300, 700, ExtentKind::Data)]);
    }
}
