//! A small client of QEMU's machine protocol, QMP (docs/interop/qmp-spec.rst): JSON objects, one per line, over a
//! unix socket. Answers and events are QEMU's, but a guest may have taken QEMU over, so everything is bounded.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Longest line that is taken, in bytes; QEMU's longest here is its greeting.
const MAX_LINE: usize = 1 << 20;
/// Most events kept until they are asked for.
const MAX_EVENTS: usize = 1024;
/// Time that QEMU has to answer a command. A screenshot under TCG is the slowest.
const ANSWER: Duration = Duration::from_secs(20);
/// Pause between two tries to connect, or two looks for an event.
const PAUSE: Duration = Duration::from_millis(20);

/// Something that QEMU tells by itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its name: `RESET`, `SHUTDOWN`, `GUEST_PANICKED` …
    pub name: String,
    /// Its data, or null.
    pub data: Value,
}

/// What went wrong with QEMU's protocol.
#[derive(Debug, thiserror::Error)]
pub enum QmpError {
    /// The connection failed or ended.
    #[error("talking to QEMU")]
    Io(#[from] std::io::Error),
    /// No answer came in time.
    #[error("QEMU did not answer within {} s", ANSWER.as_secs())]
    NoAnswer,
    /// Something else than the protocol came.
    #[error("QEMU said something that is not its protocol")]
    Protocol,
    /// A command was refused.
    #[error("QEMU refused {command}: {message}")]
    Refused {
        /// The command.
        command: String,
        /// QEMU's words.
        message: String,
    },
}

/// A connection.
#[derive(Debug)]
pub struct Qmp {
    stream: UnixStream,
    rest: Vec<u8>,
    events: VecDeque<Event>,
    commands: u64,
}

impl Qmp {
    /// Connects to the socket as soon as it is there and leaves the negotiation mode.
    ///
    /// # Errors
    /// It is not there before `deadline`, or it is something else.
    pub fn connect(socket: &Path, deadline: Instant) -> Result<Self, QmpError> {
        let stream = loop {
            match UnixStream::connect(socket) {
                Ok(stream) => break stream,
                Err(e) if Instant::now() >= deadline => return Err(e.into()),
                Err(_) => std::thread::sleep(PAUSE),
            }
        };
        let mut qmp = Self { stream, rest: Vec::new(), events: VecDeque::new(), commands: 0 };
        let greeting = qmp.line(Instant::now() + ANSWER)?.ok_or(QmpError::NoAnswer)?;
        if greeting.get("QMP").is_none() {
            return Err(QmpError::Protocol);
        }
        qmp.execute("qmp_capabilities", json!({}))?;
        Ok(qmp)
    }

    /// Runs a command and returns what it returns. Events that come meanwhile are kept.
    ///
    /// # Errors
    /// QEMU refused it, did not answer, or is gone.
    pub fn execute(&mut self, command: &str, arguments: Value) -> Result<Value, QmpError> {
        self.commands += 1;
        let id = self.commands;
        let line = json!({ "execute": command, "arguments": arguments, "id": id }).to_string() + "\n";
        self.stream.set_write_timeout(Some(ANSWER))?;
        self.stream.write_all(line.as_bytes())?;
        let deadline = Instant::now() + ANSWER;
        while let Some(answer) = self.line(deadline)? {
            if answer.get("id").and_then(Value::as_u64) != Some(id) {
                continue;
            }
            if let Some(error) = answer.get("error") {
                let text = error.get("desc").and_then(Value::as_str).unwrap_or("no reason given");
                return Err(QmpError::Refused { command: command.to_owned(), message: text.to_owned() });
            }
            return answer.get("return").cloned().ok_or(QmpError::Protocol);
        }
        Err(QmpError::NoAnswer)
    }

    /// Events since the last call, oldest first; does not wait.
    ///
    /// # Errors
    /// The connection ended: so did QEMU. Events that came before are lost only if they were never asked for.
    pub fn events(&mut self) -> Result<Vec<Event>, QmpError> {
        let ended = loop {
            match self.line(Instant::now()) {
                Ok(Some(_)) => {}
                Ok(None) => break None,
                Err(e) => break Some(e),
            }
        };
        match ended {
            Some(error) if self.events.is_empty() => Err(error),
            _ => Ok(self.events.drain(..).collect()),
        }
    }

    /// Waits until an event has come; the others are kept, and so is it.
    ///
    /// # Errors
    /// It does not come in the time that an answer may take, or QEMU is gone.
    pub fn wait_for(&mut self, name: &str) -> Result<(), QmpError> {
        let deadline = Instant::now() + ANSWER;
        while !self.events.iter().any(|event| event.name == name) {
            if Instant::now() >= deadline {
                return Err(QmpError::NoAnswer);
            }
            // An answer that nobody waits for any more is passed over.
            self.line(Instant::now() + PAUSE)?;
        }
        Ok(())
    }

    /// The next line that is no event, or nothing if none comes before `deadline`.
    fn line(&mut self, deadline: Instant) -> Result<Option<Value>, QmpError> {
        loop {
            if let Some(end) = self.rest.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                if line.iter().all(u8::is_ascii_whitespace) {
                    continue;
                }
                let value: Value = serde_json::from_slice(&line).map_err(|_| QmpError::Protocol)?;
                match event(&value) {
                    Some(event) if self.events.len() < MAX_EVENTS => self.events.push_back(event),
                    Some(_) => {}
                    None => return Ok(Some(value)),
                }
            } else if !self.fill(deadline)? {
                return Ok(None);
            }
        }
    }

    /// Reads some bytes; tells whether any came before `deadline`.
    fn fill(&mut self, deadline: Instant) -> Result<bool, QmpError> {
        // Zero would mean to wait for ever.
        let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        self.stream.set_read_timeout(Some(left))?;
        let mut buffer = [0; 8192];
        match self.stream.read(&mut buffer) {
            Ok(0) => Err(std::io::Error::from(ErrorKind::UnexpectedEof).into()),
            Ok(_) if self.rest.len() > MAX_LINE => Err(QmpError::Protocol),
            Ok(n) => {
                self.rest.extend_from_slice(buffer.get(..n).unwrap_or_default());
                Ok(true)
            }
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(false),
            Err(e) if e.kind() == ErrorKind::Interrupted => Ok(true),
            Err(e) => Err(e.into()),
        }
    }
}

fn event(value: &Value) -> Option<Event> {
    let name = value.get("event")?.as_str()?.to_owned();
    Some(Event { name, data: value.get("data").cloned().unwrap_or_default() })
}

#[cfg(test)]
mod tests;
