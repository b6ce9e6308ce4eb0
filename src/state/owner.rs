//! Which process works on a run, and whether it still lives. A pid alone says little: pids are used again.

use std::fs;
use std::io;

/// A process, told apart from every other that had or will have its pid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its pid.
    pub pid: u32,
    /// When it started, in clock ticks since boot: field 22 of proc_pid_stat(5).
    pub start: i64,
    /// The boot that it runs in: random(4), `/proc/sys/kernel/random/boot_id`.
    pub boot: String,
}

impl Process {
    /// This process.
    ///
    /// # Errors
    /// `/proc` is not there.
    pub fn current() -> io::Result<Self> {
        let pid = std::process::id();
        let (_, start) = stat(pid)?;
        Ok(Self { pid, start, boot: boot_id()? })
    }

    /// Whether it still runs. Where that cannot be seen, it is taken to run: two processes on one run would spoil it.
    pub fn alive(&self) -> bool {
        if boot_id().is_ok_and(|boot| boot != self.boot) {
            return false;
        }
        match stat(self.pid) {
            Ok((state, start)) => start == self.start && !matches!(state, 'Z' | 'X'),
            Err(e) => e.kind() != io::ErrorKind::NotFound,
        }
    }
}

/// The boot that this host is in.
///
/// # Errors
/// `/proc` is not there.
pub fn boot_id() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

/// State (field 3) and start (field 22) of a process.
fn stat(pid: u32) -> io::Result<(char, i64)> {
    let bytes = match fs::read(format!("/proc/{pid}/stat")) {
        // The process ended between the opening and the reading: ESRCH.
        Err(e) if e.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error()) => {
            return Err(io::ErrorKind::NotFound.into());
        }
        other => other?,
    };
    parse_stat(&String::from_utf8_lossy(&bytes)).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// The second field, the program's name, may hold blanks and brackets: what counts comes after the last bracket.
fn parse_stat(text: &str) -> Option<(char, i64)> {
    let (_, rest) = text.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?.chars().next()?;
    // The next is field 4.
    Some((state, fields.nth(22 - 4)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives_and_another_with_its_pid_does_not() {
        let this = Process::current().unwrap();
        assert!(this.alive());
        assert!(
            !Process { start: this.start - 1, ..this.clone() }.alive(),
            "an earlier process with this pid"
        );
        assert!(!Process { boot: "another".to_owned(), ..this.clone() }.alive(), "before the last boot");
        // pid_max is at most 2^22.
        assert!(!Process { pid: (1 << 22) + 1, ..this }.alive());
    }

    #[test]
    fn a_name_with_brackets_does_not_confuse() {
        let text = "7 (a) R (b)) S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4242 99 100";
        assert_eq!(parse_stat(text), Some(('S', 4242)));
        assert_eq!(parse_stat("7 (a"), None);
        assert_eq!(parse_stat("7 (a) S 1 2"), None);
    }
}
