//! Gathers what a running guest shows: its console, the firmware's debug port, frames, QEMU's events, the agent.
//! Whatever a guest can make grow has a limit.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use h2k_fixers::qmp::Event;

use crate::emit::domain::Domain;

use super::agent;
use super::console::{Console, Finding};
use super::display::Display;
use super::judge::Seen;
use super::machine::Files;
use super::pcap::Reader;
use super::qemu::Qemu;
use super::screen::stop_code::StopCode;
use super::tail::Tail;
use super::traffic::{Mac, Traffic, parse_mac};

/// Most that a guest may print on a port, in bytes. A verbose boot prints less than one MiB.
const MAX_LOG: u64 = 32 << 20;
/// Most that is captured on a NIC, in bytes.
const MAX_CAPTURE: u64 = 32 << 20;
/// Time between two tries to reach an agent that listens.
const AGENT_PAUSE: Duration = Duration::from_secs(3);
/// Time that an agent has to answer.
const AGENT_LIMIT: Duration = Duration::from_secs(2);

/// What is watched, and what was seen.
#[derive(Debug)]
pub(super) struct Watch {
    serial: Tail,
    firmware: Tail,
    pub console: Console,
    /// Texts of the firmware's debug port, which say more of a failed boot than the serial port.
    pub firmware_console: Console,
    pub captures: Vec<Capture>,
    agent_socket: PathBuf,
    agent_listens: bool,
    agent_tried: Option<Instant>,
    pub agent: bool,
    pub panicked: bool,
    pub stop_code: Option<String>,
    /// The screen, of a guest that may be Windows.
    pub display: Option<Display>,
    screen_words: Option<String>,
    pub powered_off: bool,
    pub resets: u32,
    /// QEMU is gone, and it was not asked to go.
    pub emulator_ended: bool,
    pub stop: Option<String>,
}

/// A NIC's capture.
#[derive(Debug)]
pub(super) struct Capture {
    pub mac: String,
    pub connected: bool,
    pub traffic: Traffic,
    pub ended: Option<String>,
    own: Mac,
    file: Tail,
    reader: Reader,
    /// Frames of an operating system before the last reset.
    before_reset: u64,
}

impl Capture {
    fn frames(&self) -> u64 {
        self.traffic.frames.saturating_sub(self.traffic.firmware)
    }

    fn look(&mut self) {
        if self.ended.is_some() {
            return;
        }
        let bytes = self.file.look();
        let (traffic, own) = (&mut self.traffic, self.own);
        if let Err(error) = self.reader.feed(&bytes, |frame| traffic.count(own, frame)) {
            self.ended = Some(error.to_string());
        }
    }
}

impl Watch {
    /// At power-on.
    pub fn new(domain: &Domain, files: &Files) -> Self {
        let capture = |(nic, file): (&crate::emit::domain::DomainNic, &PathBuf)| Capture {
            mac: nic.mac.clone(),
            connected: nic.connected,
            traffic: Traffic::default(),
            ended: None,
            own: parse_mac(&nic.mac).unwrap_or_default(),
            file: Tail::new(file),
            reader: Reader::new(),
            before_reset: 0,
        };
        Self {
            serial: Tail::new(&files.serial_log),
            firmware: Tail::new(&files.firmware_log),
            console: Console::new(),
            firmware_console: Console::new(),
            captures: domain.nics.iter().zip(&files.captures).map(capture).collect(),
            agent_socket: files.agent.clone(),
            agent_listens: false,
            agent_tried: None,
            agent: false,
            panicked: false,
            stop_code: None,
            display: None,
            screen_words: None,
            powered_off: false,
            resets: 0,
            emulator_ended: false,
            stop: None,
        }
    }

    /// Looks at everything once.
    pub fn look(&mut self, qemu: &mut Qemu) {
        self.console.feed(&self.serial.look());
        self.firmware_console.feed(&self.firmware.look());
        for (what, file) in [("serial port", &self.serial), ("firmware's debug port", &self.firmware)] {
            if file.size() > MAX_LOG {
                self.stop = Some(format!("the guest printed more than {} MiB on its {what}", MAX_LOG >> 20));
            }
        }
        for (i, capture) in self.captures.iter_mut().enumerate() {
            capture.look();
            if capture.ended.is_none() && capture.file.size() > MAX_CAPTURE {
                // If QEMU does not do it, the file grows on and the next look finds it again.
                if qemu.end_capture(i).is_ok() {
                    capture.ended = Some(format!("more than {} MiB", MAX_CAPTURE >> 20));
                }
            }
        }
        match qemu.events() {
            Ok(events) => events.iter().for_each(|e| self.event(e, qemu)),
            Err(error) => {
                self.emulator_ended = true;
                self.stop = Some(format!("QEMU ended: {error}: {}", qemu.messages()));
            }
        }
        self.ask_agent();
        if let Some(display) = &mut self.display {
            display.look(qemu);
            self.screen_words = display.words();
        }
    }

    fn event(&mut self, event: &Event, qemu: &mut Qemu) {
        let flag = |name: &str| event.data.get(name).and_then(serde_json::Value::as_bool) == Some(true);
        let reason = event.data.get("reason").and_then(serde_json::Value::as_str);
        match event.name.as_str() {
            "SHUTDOWN" if reason == Some("guest-reset") => self.reset(qemu),
            "SHUTDOWN" if flag("guest") => self.powered_off = true,
            "GUEST_PANICKED" => {
                self.panicked = true;
                self.stop_code =
                    stop_code(&event.data).map(|code| code.to_string()).or(self.stop_code.take());
            }
            "VSERPORT_CHANGE" => self.agent_listens = flag("open"),
            _ => {}
        }
    }

    /// What was seen before belongs to another boot. A failure stays: panics may end in a reset, as a stop screen of Windows
    /// does a moment later. The guest is held, so that this can be seen; then it starts over.
    fn reset(&mut self, qemu: &mut Qemu) {
        if let Some(display) = &mut self.display {
            display.look_now(qemu);
        }
        self.console.feed(&self.serial.look());
        self.firmware_console.feed(&self.firmware.look());
        self.resets = self.resets.saturating_add(1);
        self.agent = false;
        self.agent_listens = false;
        for console in [&mut self.console, &mut self.firmware_console] {
            if console.failure().is_none() {
                console.reset();
            }
        }
        for capture in &mut self.captures {
            capture.look();
            capture.before_reset = capture.frames();
        }
        if let Err(error) = qemu.start_over() {
            self.stop = Some(format!("QEMU did not reset the guest: {error}"));
        }
    }

    fn ask_agent(&mut self) {
        let due = self.agent_tried.is_none_or(|t| t.elapsed() >= AGENT_PAUSE);
        if self.agent_listens && !self.agent && due {
            self.agent_tried = Some(Instant::now());
            self.agent = agent::ping(&self.agent_socket, AGENT_LIMIT);
        }
    }

    /// The failure that either port told of, or the screen.
    pub fn failure(&self) -> Option<&Finding> {
        let screen = || self.display.as_ref().and_then(Display::stopped);
        self.console.failure().or(self.firmware_console.failure()).or_else(screen)
    }

    /// Lines that may explain it; the firmware's if it did not get further.
    pub fn hints(&self) -> &[Finding] {
        match self.console.hints() {
            [] => self.firmware_console.hints(),
            hints => hints,
        }
    }

    /// What was seen, for the judge.
    pub fn seen(&self, elapsed: Duration) -> Seen<'_> {
        let connected = || self.captures.iter().filter(|c| c.connected);
        let spoke = |c: &Capture| c.frames() > c.before_reset;
        let addressed = |c: &Capture| c.traffic.arp > 0 || c.traffic.dhcp > 0;
        Seen {
            elapsed,
            failure: self.failure(),
            hints: self.hints(),
            login: self.console.login(),
            console: self.console.system_spoke(),
            agent: self.agent,
            panicked: self.panicked,
            stop_code: self.stop_code.as_deref(),
            screen: self.screen_words.as_deref(),
            powered_off: self.powered_off,
            resets: self.resets,
            spoke: connected().filter(|c| spoke(c)).map(|c| c.mac.as_str()).collect(),
            silent: connected().filter(|c| !spoke(c)).map(|c| c.mac.as_str()).collect(),
            more_may_come: !connected().all(addressed) || (self.agent_listens && !self.agent),
            stop: self.stop.as_deref(),
        }
    }
}

/// The stop code of Windows in the data of a panic (QEMU's qapi/run-state.json, `GuestPanicInformationHyperV`): it writes the
/// code into the first of the crash registers (Hypervisor Top-Level Functional Specification, "Guest crash enlightenment").
fn stop_code(data: &serde_json::Value) -> Option<StopCode> {
    let info =
        data.get("info").filter(|info| info.get("type").and_then(|t| t.as_str()) == Some("hyper-v"))?;
    let code = info.get("arg1")?.as_u64()?;
    u32::try_from(code).ok().map(StopCode)
}

/// Name of a file in the evidence directory, if it is there.
pub(super) fn name_if_there(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?.to_owned();
    path.exists().then_some(name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// As QEMU writes it for a guest with Hyper-V's crash registers, for pvpanic, and as nobody writes it.
    #[test]
    fn the_stop_code_comes_with_the_panic() {
        let told = |data| stop_code(&data).map(|code| code.to_string());
        let info = json!({
            "type": "hyper-v", "arg1": 123, "arg2": 18_446_735_279_843_356_672_u64, "arg3": 3_221_225_524_u64, "arg4": 0, "arg5": 1,
        });
        let code = Some("stop code 0x0000007B (INACCESSIBLE_BOOT_DEVICE)".to_owned());
        assert_eq!(told(json!({ "action": "pause", "info": info })), code);
        assert_eq!(
            told(json!({ "info": { "type": "hyper-v", "arg1": 0xdead } })),
            Some("stop code 0x0000DEAD".to_owned())
        );
        for data in [
            json!({ "action": "pause" }),
            json!({ "info": { "type": "s390", "arg1": 1 } }),
            json!({ "info": { "type": "hyper-v" } }),
            json!({ "info": { "type": "hyper-v", "arg1": -1 } }),
            json!({ "info": { "type": "hyper-v", "arg1": u64::MAX } }),
        ] {
            assert_eq!(told(data.clone()), None, "{data}");
        }
    }
}
