//! Which chunks hold data, found as the copy goes along.

use std::collections::{HashSet, VecDeque};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use super::chunk::CHUNK;
use super::error::CopyError;
use crate::image::layers::windows;
use crate::image::{DiskReader, ExtentKind};

/// A chunk to be copied.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Task {
    /// Number of the chunk.
    pub index: u64,
    /// Its guest ranges that hold data, in order.
    pub data: Vec<Range<u64>>,
}

impl Task {
    /// Bytes of data.
    pub(super) fn bytes(&self) -> u64 {
        self.data.iter().fold(0, |sum, range| sum.saturating_add(range.end - range.start))
    }
}

/// Hands chunks to workers, in order.
pub(super) struct Feed<'a> {
    reader: &'a dyn DiskReader,
    done: &'a HashSet<u64>,
    state: Mutex<State>,
}

struct State {
    windows: Box<dyn Iterator<Item = Range<u64>> + Send>,
    ready: VecDeque<Task>,
}

impl<'a> Feed<'a> {
    /// All chunks of the disk that hold data but those in `done`.
    pub(super) fn new(reader: &'a dyn DiskReader, done: &'a HashSet<u64>) -> Self {
        let state = State { windows: Box::new(windows(reader.size())), ready: VecDeque::new() };
        Self { reader, done, state: Mutex::new(state) }
    }

    /// The next chunk; `None` after the last.
    pub(super) fn next(&self) -> Result<Option<Task>, CopyError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(task) = state.ready.pop_front() {
                return Ok(Some(task));
            }
            let Some(window) = state.windows.next() else { return Ok(None) };
            let offset = window.start;
            let extents = self.reader.extents(window).map_err(|source| CopyError::Read { offset, source })?;
            let data = extents.iter().filter(|e| e.kind == ExtentKind::Data);
            for extent in data {
                let range = extent.start..extent.start.saturating_add(extent.len);
                push(&mut state.ready, range, self.done);
            }
        }
    }
}

/// Cuts a range at the bounds of chunks.
fn push(tasks: &mut VecDeque<Task>, range: Range<u64>, done: &HashSet<u64>) {
    let mut at = range.start;
    while at < range.end {
        let index = at / CHUNK;
        let end = range.end.min((index + 1).saturating_mul(CHUNK));
        match tasks.back_mut() {
            Some(last) if last.index == index => match last.data.last_mut() {
                Some(before) if before.end == at => before.end = end,
                _ => last.data.push(at..end),
            },
            _ if done.contains(&index) => {}
            _ => tasks.push_back(Task { index, data: std::iter::once(at..end).collect() }),
        }
        at = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_cut_into_chunks_and_joined_within_them() {
        let mut tasks = VecDeque::new();
        let done = HashSet::from([2]);
        for range in [10..20, 20..30, 40..CHUNK + 5, 2 * CHUNK..3 * CHUNK + 1] {
            push(&mut tasks, range, &done);
        }
        let flat: Vec<(u64, u64, u64)> =
            tasks.iter().flat_map(|t| t.data.iter().map(|r| (t.index, r.start, r.end))).collect();
        let want = [(0, 10, 30), (0, 40, CHUNK), (1, CHUNK, CHUNK + 5), (3, 3 * CHUNK, 3 * CHUNK + 1)];
        assert_eq!(flat, want);
        assert_eq!(tasks.len(), 3);
        assert_eq!(tasks[0].bytes(), 20 + CHUNK - 40);
    }
}
