//! What a program writes: chunks, lines, and the end of its stderr.

use std::io::Read;
use std::process::{ChildStderr, ChildStdout};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// How much of stderr is kept: its end says what went wrong.
pub(super) const STDERR_TAIL: usize = 2 << 10;

/// Bytes read at once.
const CHUNK: usize = 64 << 10;

/// Chunks that may wait for us; a program that writes faster is held up by its pipe.
const CHUNKS_IN_FLIGHT: usize = 4;

/// How long the last bytes of a program that has ended are waited for. They are in the pipe already; only a
/// grandchild that holds the pipe open makes us wait.
pub(super) const LAST_BYTES: Duration = Duration::from_secs(1);

/// stdout as it comes; disconnected at its end.
pub(super) type Chunks = Receiver<Vec<u8>>;

/// Reads stdout in a thread of its own, so that waiting for it can be interrupted.
pub(super) fn chunks(stdout: Option<ChildStdout>) -> Chunks {
    let (sender, receiver) = mpsc::sync_channel(CHUNKS_IN_FLIGHT);
    if let Some(mut stdout) = stdout {
        thread::spawn(move || {
            while let Some(chunk) = next_chunk(&mut stdout) {
                if sender.send(chunk).is_err() {
                    break;
                }
            }
        });
    }
    receiver
}

/// `None` at the end, or where the pipe breaks: then the program's status says why.
fn next_chunk(from: &mut impl Read) -> Option<Vec<u8>> {
    let mut chunk = vec![0; CHUNK];
    loop {
        match from.read(&mut chunk) {
            Ok(0) => return None,
            Ok(read) => {
                chunk.truncate(read);
                return Some(chunk);
            }
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
}

/// The end of stderr, read in a thread of its own.
#[derive(Debug)]
pub(super) struct Tail {
    bytes: Arc<Mutex<Vec<u8>>>,
    /// Disconnected when stderr has ended.
    end: Mutex<Receiver<()>>,
}

impl Tail {
    pub(super) fn of(stderr: Option<ChildStderr>) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let (sender, end) = mpsc::channel();
        if let Some(mut stderr) = stderr {
            let kept = Arc::clone(&bytes);
            thread::spawn(move || {
                let _until_the_end = sender;
                while let Some(chunk) = next_chunk(&mut stderr) {
                    append(&mut kept.lock().unwrap_or_else(PoisonError::into_inner), &chunk);
                }
            });
        }
        Self { bytes, end: Mutex::new(end) }
    }

    pub(super) fn text(&self) -> String {
        printable(&self.bytes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn text_at_end(&self) -> String {
        // Both answers mean the same here: no more will come in useful time.
        let _ended = self.end.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(LAST_BYTES);
        self.text()
    }
}

fn append(kept: &mut Vec<u8>, chunk: &[u8]) {
    kept.extend_from_slice(chunk);
    let surplus = kept.len().saturating_sub(STDERR_TAIL);
    kept.drain(..surplus);
}

/// Text for a message: names from an image may stand in it, so nothing that a terminal obeys.
fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.trim().chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

/// A line is longer than is taken.
#[derive(Debug)]
pub(super) struct LineTooLong;

/// Cuts chunks into lines, which end in `\n` or `\r`.
#[derive(Debug)]
pub(super) struct Lines {
    open: Vec<u8>,
    limit: usize,
}

impl Lines {
    pub(super) fn new(limit: usize) -> Self {
        Self { open: Vec::new(), limit }
    }

    pub(super) fn feed(&mut self, chunk: &[u8], on_line: &mut impl FnMut(&str)) -> Result<(), LineTooLong> {
        for piece in chunk.split_inclusive(|b| matches!(b, b'\n' | b'\r')) {
            self.open.extend_from_slice(piece);
            if matches!(self.open.last(), Some(b'\n' | b'\r')) {
                self.finish(on_line);
            }
            if self.open.len() > self.limit {
                return Err(LineTooLong);
            }
        }
        Ok(())
    }

    /// Hands over the line that is open, if it holds anything.
    pub(super) fn finish(&mut self, on_line: &mut impl FnMut(&str)) {
        let line = std::mem::take(&mut self.open);
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end_matches(['\n', '\r']);
        if !text.is_empty() {
            on_line(text);
        }
    }
}
