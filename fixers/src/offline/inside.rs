//! The few commands that run in the appliance itself, where libguestfs has no call for them. What runs is a constant
//! script; what it works on comes in files, so that no name and no secret is ever part of a command line.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;

use rustix::fs::{MemfdFlags, memfd_create};

use super::session::{Session, label};
use crate::error::{GuestError, Result};
use crate::facts::BlockDevice;

/// What a script says last, on a line of its own, when it came to its end well.
const DONE: &str = "h2k: done";

/// Opens the LUKS container that the first word names as the second one, with the key that comes as a file
/// (cryptsetup(8), `--key-file`: every byte counts).
pub(super) const OPEN_LUKS: Script = Script {
    doing: "opening a container with a key file",
    text: "exec 2>&1
        { read -r device && read -r name; } < /tmp/h2k-words &&
        udevadm settle &&
        cryptsetup --type luks --key-file=/tmp/h2k-secret open \"$device\" \"$name\" &&
        udevadm settle && echo 'h2k: done'
        rm -f /tmp/h2k-words /tmp/h2k-secret\n",
};

/// Shows the device that the first word names, through a table of device-mapper, as the second one (dmsetup(8)). A disk
/// that may only be read makes a volume that may only be read.
pub(super) const OPEN_TABLE: Script = Script {
    doing: "opening a volume by its table",
    text: "exec 2>&1
        { read -r device && read -r name; } < /tmp/h2k-words &&
        udevadm settle &&
        if [ \"$(blockdev --getro \"$device\")\" = 1 ]; then only=--readonly; else only=; fi &&
        dmsetup create $only \"$name\" < /tmp/h2k-secret &&
        udevadm settle && echo 'h2k: done'
        rm -f /tmp/h2k-words /tmp/h2k-secret\n",
};

/// Calls the device-mapper volume of the first name by the second (dmsetup(8)).
pub(super) const RENAME_VOLUME: Script = Script {
    doing: "renaming a volume",
    text: "exec 2>&1
        { read -r old && read -r new; } < /tmp/h2k-words &&
        dmsetup rename \"$old\" \"$new\" &&
        udevadm settle && echo 'h2k: done'
        rm -f /tmp/h2k-words /tmp/h2k-secret\n",
};

/// Gives the appliance's /dev, which programs of the guest see as theirs, the links that udev leaves to the init system
/// (the kernel's Documentation/admin-guide/devices.txt, "Compulsory links"). mkinitcpio reads its settings through one.
pub(super) const STANDARD_STREAMS: Script = Script {
    doing: "preparing the devices for a program of the guest",
    text: "exec 2>&1
        ln -sfn /proc/self/fd /dev/fd &&
        ln -sfn /proc/self/fd/0 /dev/stdin &&
        ln -sfn /proc/self/fd/1 /dev/stdout &&
        ln -sfn /proc/self/fd/2 /dev/stderr && echo 'h2k: done'
        rm -f /tmp/h2k-words /tmp/h2k-secret\n",
};

/// The path by which the appliance's own programs find a device. To libguestfs' calls `/dev/sda2` is the second partition
/// of the first disk that was attached; to the kernel, of the first that it found.
pub(super) fn own_path(device: &BlockDevice) -> String {
    match (device.disk, device.partition) {
        (Some(disk), Some(partition)) => format!("/dev/disk/guestfs/{}{partition}", label(disk)),
        (Some(disk), None) => format!("/dev/disk/guestfs/{}", label(disk)),
        // A volume's or an array's is the same for both.
        (None, _) => device.name.clone(),
    }
}

/// A script for the appliance's shell.
pub(super) struct Script {
    pub(super) doing: &'static str,
    pub(super) text: &'static str,
}

impl Session {
    /// Runs a script with words, a line each, and a secret.
    ///
    /// # Errors
    /// A word holds a line break or a zero byte; what the script said where it failed; the appliance failed.
    pub(super) fn run_inside(&self, script: &Script, words: &[&str], secret: &[u8]) -> Result<()> {
        if words.iter().any(|word| word.contains(['\n', '\0'])) {
            return Err(GuestError::Unsupported("a name with a line break cannot be passed on".to_owned()));
        }
        let lines: String = words.iter().map(|word| format!("{word}\n")).collect();
        self.put_inside("/tmp/h2k-words", lines.as_bytes())?;
        self.put_inside("/tmp/h2k-secret", secret)?;
        self.put_inside("/tmp/h2k-script", script.text.as_bytes())?;
        let said = self.ask(script.doing, |g| g.debug("sh", &["sh", "/tmp/h2k-script"]))?;
        match said.trim_end().strip_suffix(DONE) {
            Some(_) => Ok(()),
            None => {
                Err(GuestError::Backend { doing: script.doing.to_owned(), message: said.trim().to_owned() })
            }
        }
    }

    /// A file in the appliance's own memory, from one in ours: the content never lies on a disk.
    fn put_inside(&self, path: &str, content: &[u8]) -> Result<()> {
        let doing = "handing a file to the appliance";
        let host = |source: std::io::Error| GuestError::Host { doing: doing.to_owned(), source };
        let memory = memfd_create("h2k", MemfdFlags::CLOEXEC).map_err(|e| host(e.into()))?;
        let mut file = File::from(memory);
        file.write_all(content).map_err(host)?;
        let ours = format!("/proc/self/fd/{}", file.as_raw_fd());
        self.ask(doing, |g| g.debug_upload(&ours, path, 0o600))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disks_are_found_by_their_labels_and_volumes_by_their_names() {
        let device = |name: &str, disk, partition| BlockDevice {
            name: name.to_owned(),
            disk,
            partition,
            ..BlockDevice::default()
        };
        assert_eq!(own_path(&device("/dev/sda2", Some(0), Some(2))), "/dev/disk/guestfs/da2");
        assert_eq!(own_path(&device("/dev/sdm", Some(12), None)), "/dev/disk/guestfs/dbc");
        assert_eq!(own_path(&device("/dev/vg0/root", None, None)), "/dev/vg0/root");
    }
}
