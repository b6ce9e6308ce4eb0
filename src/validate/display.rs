//! Looks at the screen of a running guest from time to time: what it shows, and since when.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::console::{Finding, Sign};
use super::qemu::Qemu;
use super::screen::picture::Picture;
use super::screen::{CURSOR, Look, Shows, look};
use super::verdict::{Accel, ScreenEvidence};

/// Largest picture that is read, in bytes: 4K has 25 MB.
const MAX_PICTURE: u64 = 128 << 20;
/// Most looks that may fail before nobody looks again: a guest may have no display.
const MAX_FAILURES: u32 = 3;

/// The screen, and what was seen on it.
#[derive(Debug)]
pub(super) struct Display {
    file: PathBuf,
    pause: Duration,
    looked: Option<Instant>,
    failures: u32,
    before: Option<Picture>,
    changed: Option<Instant>,
    changes: u32,
    last: Option<Look>,
    stopped: Option<Finding>,
}

impl Display {
    /// At power-on; pictures are written to `dir` for the moment.
    pub fn new(dir: &Path, accel: Accel) -> Self {
        let pause = match accel {
            Accel::Kvm => Duration::from_secs(4),
            Accel::Tcg => Duration::from_secs(8),
        };
        Self {
            file: dir.join("screen.ppm"),
            pause,
            looked: None,
            failures: 0,
            before: None,
            changed: None,
            changes: 0,
            last: None,
            stopped: None,
        }
    }

    /// Looks, if it is time to.
    pub fn look(&mut self, qemu: &mut Qemu) {
        if self.failures < MAX_FAILURES && self.looked.is_none_or(|at| at.elapsed() >= self.pause) {
            self.look_now(qemu);
        }
    }

    /// Looks.
    pub fn look_now(&mut self, qemu: &mut Qemu) {
        let written = qemu.picture(&self.file).is_ok();
        match read(&self.file).filter(|_| written) {
            Some(bytes) => self.take(&bytes),
            None => self.failures += 1,
        }
        // Only after it, since a picture may take longer than the pause.
        self.looked = Some(Instant::now());
        // It is gone with its directory too.
        let _ = fs::remove_file(&self.file);
    }

    fn take(&mut self, bytes: &[u8]) {
        let Ok(picture) = Picture::from_ppm(bytes) else {
            self.failures += 1;
            return;
        };
        if self.before.as_ref().is_some_and(|before| !picture.differs(before, CURSOR)) {
            return;
        }
        self.changes += u32::from(self.before.is_some());
        self.changed = Some(Instant::now());
        let look = look(&picture);
        if let (Shows::Stop(code), None) = (&look.shows, &self.stopped) {
            let line = code.map_or_else(|| look.words(), |code| code.to_string());
            self.stopped = Some(Finding { sign: Sign::StopScreen, line });
        }
        self.last = Some(look);
        self.before = Some(picture);
    }

    /// The stop screen that was seen, whatever came after it.
    pub fn stopped(&self) -> Option<&Finding> {
        self.stopped.as_ref()
    }

    /// What there is to see, in words; nothing if nobody could look.
    pub fn words(&self) -> Option<String> {
        let still = self.changed?.elapsed().as_secs();
        let last = self.last.as_ref()?;
        let still = if still >= 10 { format!(" and has not changed for {still} s") } else { String::new() };
        Some(format!("{}{still}", last.words()))
    }

    /// For the verdict.
    pub fn evidence(&self) -> Option<ScreenEvidence> {
        Some(ScreenEvidence {
            shows: self.last.as_ref()?.words(),
            still_seconds: self.changed?.elapsed().as_secs(),
            changes: self.changes,
        })
    }
}

fn read(file: &Path) -> Option<Vec<u8>> {
    let size = fs::metadata(file).ok()?.len();
    if size > MAX_PICTURE {
        return None;
    }
    fs::read(file).ok()
}
