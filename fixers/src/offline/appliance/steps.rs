//! What QEMU and the appliance in it are told while libguestfs waits for them: to be saved, or to go on from what was
//! saved. The appliance's part is in [`super::init`].
//!
//! libguestfs gives a SCSI disk to everything that is attached, before the controller gets the appliance's own. So
//! [`PLACES`] empty disks are attached to an appliance that is saved, and taken away before: the VM's disks get their
//! places, and with them the names that they have in every other appliance.

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::init::PORT;
use crate::qmp::{Qmp, QmpError};

/// Most disks that a saved appliance can be given: as many as its controller tells of at once (virtio-scsi's event
/// queue has eight buffers in Linux' driver).
pub const PLACES: usize = 8;

/// Time for an appliance to start from the beginning and to be written, on a busy host without KVM.
const SAVING: Duration = Duration::from_secs(300);
/// Time for an appliance to be read and to come up.
const RESUMING: Duration = Duration::from_secs(90);
/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(10);
/// Longest line that the appliance says.
const MAX_LINE: usize = 64;

/// The sockets by which QEMU and the appliance are talked to; gone with this.
#[derive(Debug)]
pub struct Sockets(tempfile::TempDir);

impl Sockets {
    /// Names for them below a directory. A socket's whole path has 107 bytes at most (unix(7)).
    pub fn new(dir: &Path) -> io::Result<Self> {
        tempfile::Builder::new().prefix("h2k-").tempdir_in(dir).map(Self)
    }

    fn monitor(&self) -> PathBuf {
        self.0.path().join("qmp")
    }

    fn port(&self) -> PathBuf {
        self.0.path().join("port")
    }

    /// QEMU's arguments for them, and for what an appliance needs to be saved: a device that tells its kernel that
    /// it is a copy, so that no two give out the same random numbers (QEMU, docs/specs/vmgenid).
    pub fn arguments(&self) -> [(&'static str, String); 4] {
        let socket = |path: &Path| format!("path={},server=on,wait=off", escaped(path));
        [
            ("-qmp", format!("unix:{},server=on,wait=off", escaped(&self.monitor()))),
            ("-chardev", format!("socket,id={PORT},{}", socket(&self.port()))),
            ("-device", format!("virtserialport,chardev={PORT},name={PORT}")),
            ("-device", "vmgenid,guid=auto".to_owned()),
        ]
    }
}

/// A path in an option of QEMU's, where a comma ends a value unless it stands twice.
pub fn escaped(path: &Path) -> String {
    path.display().to_string().replace(',', ",,")
}

/// QEMU's name of the medium of a disk, by its number.
pub fn medium(index: usize) -> String {
    format!("h2k{index}")
}

/// Sees to it that an appliance is saved that is about to start; its QEMU ends with that, and also where it cannot be
/// saved. Comes back without once `over` is set: QEMU did not start.
pub fn save(sockets: &Sockets, memory: &Path, over: &AtomicBool) -> Result<(), QmpError> {
    let deadline = Instant::now() + SAVING;
    let mut qmp = connect(sockets, over, deadline)?;
    let written = write(&mut qmp, sockets, memory, deadline);
    // The appliance waits for what does not come, and libguestfs for the appliance.
    let ended = qmp.execute("quit", json!({})).map(drop);
    written.and(ended)
}

fn write(qmp: &mut Qmp, sockets: &Sockets, memory: &Path, deadline: Instant) -> Result<(), QmpError> {
    // QEMU listens on all of its sockets before it answers.
    let mut port = UnixStream::connect(sockets.port())?;
    expect(&mut port, "ready", deadline)?;
    empty_places(qmp, deadline)?;
    expect(&mut port, "bare", deadline)?;
    qmp.execute("stop", json!({}))?;
    // What the appliance wrote to its disk so far is in an overlay that goes with this QEMU.
    let commit = json!({ "command-line": "commit appliance" });
    if qmp.execute("human-monitor-command", commit)?.as_str() != Some("") {
        return Err(QmpError::Protocol);
    }
    // Bytes a second; QEMU spares the network otherwise.
    qmp.execute("migrate-set-parameters", json!({ "max-bandwidth": 1_u64 << 40 }))?;
    qmp.execute("migrate", json!({ "uri": file(memory) }))?;
    migrated(qmp, deadline)
}

/// Has a saved appliance go on, with a disk for each serial number. Comes back once `over` is set: libguestfs has the
/// appliance, or QEMU is gone. One that does not come up is ended.
pub fn resume(
    sockets: &Sockets,
    memory: &Path,
    serials: &[String],
    over: &AtomicBool,
) -> Result<(), QmpError> {
    let deadline = Instant::now() + RESUMING;
    let mut qmp = connect(sockets, over, deadline)?;
    // The port stays open until the appliance has read from it.
    let came_up = go_on(&mut qmp, sockets, memory, serials, deadline).and_then(|_port| {
        while !over.load(Ordering::SeqCst) {
            if Instant::now() > deadline {
                return Err(QmpError::NoAnswer);
            }
            std::thread::sleep(PAUSE);
        }
        Ok(())
    });
    if came_up.is_err() {
        // libguestfs waits for an appliance for minutes, for a QEMU that is gone it does not.
        let _gone = qmp.execute("quit", json!({}));
    }
    came_up
}

fn go_on(
    qmp: &mut Qmp,
    sockets: &Sockets,
    memory: &Path,
    serials: &[String],
    deadline: Instant,
) -> Result<UnixStream, QmpError> {
    let mut port = UnixStream::connect(sockets.port())?;
    empty_places(qmp, deadline)?;
    qmp.execute("migrate-incoming", json!({ "uri": file(memory) }))?;
    migrated(qmp, deadline)?;
    qmp.execute("cont", json!({}))?;
    for (place, serial) in serials.iter().enumerate() {
        let medium = medium(place);
        let disk = json!({
            "driver": "scsi-hd", "drive": medium, "bus": "scsi.0", "scsi-id": place, "lun": 0, "serial": serial,
        });
        qmp.execute("device_add", disk)?;
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    port.write_all(format!("{} {now}\n", serials.len()).as_bytes())?;
    Ok(port)
}

fn connect(sockets: &Sockets, over: &AtomicBool, deadline: Instant) -> Result<Qmp, QmpError> {
    let monitor = sockets.monitor();
    // QEMU makes it when it starts; until then a connection would wait for one that may have ended already.
    while !monitor.exists() {
        if over.load(Ordering::SeqCst) || Instant::now() > deadline {
            return Err(io::Error::from(ErrorKind::NotConnected).into());
        }
        std::thread::sleep(PAUSE);
    }
    Qmp::connect(&monitor, deadline.min(Instant::now() + Duration::from_secs(20)))
}

/// Takes the empty disks away, and waits until they are gone: QEMU 10.0 may die of an assertion where it reads a stream
/// while it still frees devices (`rcu_read_unlock`).
fn empty_places(qmp: &mut Qmp, deadline: Instant) -> Result<(), QmpError> {
    const DEVICES: &str = "/machine/peripheral-anon";
    let mut left = 0_usize;
    let devices = qmp.execute("qom-list", json!({ "path": DEVICES }))?;
    for device in devices.as_array().into_iter().flatten() {
        let text = |key: &str| device.get(key).and_then(Value::as_str).unwrap_or_default();
        if text("type") != "child<scsi-hd>" {
            continue;
        }
        let path = format!("{DEVICES}/{}", text("name"));
        let drive = qmp.execute("qom-get", json!({ "path": path, "property": "drive" }))?;
        // libguestfs' names: `hd0` … for what was attached, `appliance` for its own.
        if drive.as_str().is_some_and(|drive| drive.starts_with("hd")) {
            qmp.execute("device_del", json!({ "id": path }))?;
            left += 1;
        }
    }
    while left > 0 && Instant::now() < deadline {
        std::thread::sleep(PAUSE);
        let events = qmp.events()?;
        left = events
            .iter()
            .filter(|event| event.name == "DEVICE_DELETED")
            .fold(left, |left: usize, _| left.saturating_sub(1));
    }
    if left == 0 { Ok(()) } else { Err(QmpError::NoAnswer) }
}

/// Waits until QEMU has written or read everything.
fn migrated(qmp: &mut Qmp, deadline: Instant) -> Result<(), QmpError> {
    while Instant::now() < deadline {
        let state = qmp.execute("query-migrate", json!({}))?;
        match state.get("status").and_then(Value::as_str) {
            Some("completed") => return Ok(()),
            Some("failed" | "cancelled") => {
                let message = state.get("error-desc").and_then(Value::as_str).unwrap_or("no reason given");
                return Err(QmpError::Refused { command: "migrate".to_owned(), message: message.to_owned() });
            }
            _ => std::thread::sleep(PAUSE),
        }
    }
    Err(QmpError::NoAnswer)
}

/// Reads the next line from the appliance, which is to be `word`.
fn expect(port: &mut UnixStream, word: &str, deadline: Instant) -> Result<(), QmpError> {
    let left = deadline.saturating_duration_since(Instant::now());
    port.set_read_timeout(Some(left.max(PAUSE)))?;
    let mut line = Vec::new();
    while line.last() != Some(&b'\n') && line.len() < MAX_LINE {
        let mut byte = [0];
        port.read_exact(&mut byte)?;
        line.extend(byte);
    }
    if line.trim_ascii_end() == word.as_bytes() { Ok(()) } else { Err(QmpError::Protocol) }
}

fn file(path: &Path) -> String {
    format!("file:{}", path.display())
}

#[cfg(test)]
mod tests;
