//! A printer whose stdout and stderr a test can read.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use super::{Mode, Ui, lock};

/// What was written so far.
#[derive(Clone, Default)]
pub struct Captured(Arc<Mutex<Vec<u8>>>);

impl Captured {
    /// As text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&lock(&self.0)).into_owned()
    }
}

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lock(&self.0).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A printer, its stdout and its stderr.
pub fn captured(mode: Mode) -> (Ui, Captured, Captured) {
    let (out, log) = (Captured::default(), Captured::default());
    (Ui::with_sinks(mode, Box::new(out.clone()), Box::new(log.clone())), out, log)
}
