//! Rules about a Windows guest as it was left: whether its disks may be written, and what of it is tied to the old hardware.

use h2k_fixers::facts::WindowsFacts;
use h2k_fixers::facts::windows::Shutdown;
use h2k_fixers::{Severity, guid_text};

use super::{Finding, Rule, Seen};

/// How `MountedDevices` begins the value of a partition of a GPT; its unique GUID follows.
const GPT_MARK: &[u8] = b"DMIO:ID:";
/// Length of the value of a partition of an MBR: the disk's signature (4 bytes), the partition's offset (8 bytes).
const MBR_VALUE: usize = 12;

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "windows.hibernated",
        severity: Severity::Critical,
        acceptable: false,
        summary: "Windows is hibernated: its memory lies on the disk",
        explanation: "When it starts it goes on with what it has in memory, the old hardware and its view of the file \
                      systems among it. What h2k had changed on the disks meanwhile would destroy them.",
        advice: "start it on the source, run \"powercfg /h off\", then \"shutdown /s /t 0\", and plan again",
        check: |s| left(s, Shutdown::Hibernated, "hiberfil.sys holds the memory of a hibernated system"),
    },
    Rule {
        id: "windows.fast-startup",
        severity: Severity::Critical,
        acceptable: false,
        summary: "Windows was shut down by fast startup: its kernel is hibernated",
        explanation: "\"Shut down\" in the menu of Windows 8 and newer keeps the kernel with its drivers and open file systems \
                      on the disk. Started on other hardware it stops, and what was changed on the disks would destroy them.",
        advice: "start it on the source, run \"powercfg /h off\", then \"shutdown /s /t 0\", and plan again",
        check: |s| left(s, Shutdown::FastStartup, "hiberfil.sys holds the kernel"),
    },
    Rule {
        id: "windows.dirty",
        severity: Severity::Critical,
        acceptable: false,
        summary: "a file system of Windows was not unmounted: its journal has changes that are not made yet",
        explanation: "Only Windows itself plays NTFS's journal back as a whole. Files that h2k wrote before it would be undone, \
                      or the file system damaged. That is how a VM looks whose power was cut, and a snapshot of a running one.",
        advice: "start it on the source, run \"chkdsk C: /f\", let it restart, then \"shutdown /s /t 0\", and plan again",
        check: |s| {
            let mut found = left(s, Shutdown::Dirty, "the volume is marked as in use");
            found.extend(list(
                s,
                |windows| &windows.in_use,
                "a volume that it boots from is marked as in use",
            ));
            found
        },
    },
    Rule {
        id: "windows.unknown-shutdown",
        severity: Severity::Warning,
        acceptable: true,
        summary: "how Windows was shut down could not be seen",
        explanation: "Neither its file system nor its hibernation file could be asked. If it was hibernated or its power was \
                      cut, what h2k changes on the disks may be lost or do harm.",
        advice: "make sure that it was shut down as a whole: \"powercfg /h off\", then \"shutdown /s /t 0\"",
        check: |s| left(s, Shutdown::Unknown, "it is not known to have been shut down as a whole"),
    },
    Rule {
        id: "windows.dynamic-disks",
        severity: Severity::Warning,
        acceptable: true,
        summary: "a disk is a dynamic one, of Windows' Logical Disk Manager",
        explanation: "Volumes may span such disks. They are copied byte by byte, and Windows puts them together from a database \
                      on the disks themselves; if it sees a disk late or by another driver, it calls it foreign or missing.",
        advice: "name all disks of the VM together; if a disk is foreign after the move, import it in Disk Management",
        check: |s| {
            let dynamic = s.facts.disks.iter().enumerate().filter(|(_, disk)| disk.dynamic);
            dynamic.map(|(n, _)| Finding::new(format!("disk {n}"), "it is a dynamic disk")).collect()
        },
    },
    Rule {
        id: "windows.device-policies",
        severity: Severity::Warning,
        acceptable: true,
        summary: "group policies forbid the installation of devices",
        explanation: "The driver of the disk is put in place before the first start and is not subject to them. Network card, \
                      balloon and the like are installed by plug and play at the first start, which the policy may forbid: \
                      the guest would then have no network.",
        advice: "set AllowAdminInstall (\"Allow administrators to override Device Installation Restriction policies\"), or lift \
                 the policy for the move",
        check: |s| list(s, |windows| &windows.device_policies, "is set"),
    },
    Rule {
        id: "windows.guards",
        severity: Severity::Warning,
        acceptable: true,
        summary: "a product watches the boot and may refuse new drivers",
        explanation: "Antivirus with a filter of its own, and products that start before all others, judge every driver that \
                      the boot loader starts. One that does not know virtio may keep the disk's driver from starting: stop \
                      code 0x7B.",
        advice: "add the virtio drivers to its exceptions, or take it off for the move",
        check: |s| list(s, |windows| &windows.guards, "is started to watch"),
    },
    Rule {
        id: "windows.unsupported-version",
        severity: Severity::Critical,
        acceptable: true,
        summary: "h2k does not know this version of Windows",
        explanation: "It is older than XP, or newer than anything that h2k was written for. No driver is chosen for it, and \
                      which hardware it starts on is not known.",
        advice: "see whether a newer h2k knows it; h2k convert copies the disks",
        check: |s| {
            about(s, |windows| {
                let v = &windows.version;
                let known = !v.release().is_empty() && v.major <= 10;
                (!known).then(|| format!("version {}.{}, build {}", v.major, v.minor, v.build))
            })
        },
    },
    Rule {
        id: "windows.activation",
        severity: Severity::Information,
        acceptable: true,
        summary: "Windows may have to be activated again",
        explanation: "The hardware that a licence was tied to changes: mainboard, disk and network card. UUID, MAC addresses and \
                      the generation id stay as they were. Clients of a KMS server or of Active Directory activate again by \
                      themselves; OEM licences of the old host (Windows Server Datacenter by AVMA or SLIC) do not.",
        advice: "have product keys ready; \"slmgr /dlv\" shows how it is licensed",
        check: |s| about(s, |_| Some("its licence may be tied to the old hardware".to_owned())),
    },
    Rule {
        id: "windows.drive-letters",
        severity: Severity::Information,
        acceptable: true,
        summary: "a drive letter belongs to a partition of a disk that is not there",
        explanation: "Windows keeps letters by the partition's GUID, or by the disk's signature and the partition's place, both of \
                      which the copy keeps. A letter without its disk is left over, or the disk was not named.",
        advice: "check that all disks of the VM are there",
        check: drive_letters,
    },
    Rule {
        id: "windows.replayed-hives",
        severity: Severity::Information,
        acceptable: true,
        summary: "a part of the registry was in its transaction logs still",
        explanation: "Windows writes changes of the registry into logs first. h2k reads the hive with them applied, as Windows \
                      would at its next start, and writes it as a whole if it changes it.",
        advice: "nothing",
        check: |s| list(s, |windows| &windows.hives.replayed, "was made whole by its logs"),
    },
    Rule {
        id: "windows.compact-os",
        severity: Severity::Information,
        acceptable: true,
        summary: "Windows keeps its system files compressed (CompactOS)",
        explanation: "Such files show through a filter of Windows only. h2k needs none of their content: what it reads (hives, \
                      boot configuration) is never compressed, and what it writes is new.",
        advice: "nothing; \"compact /CompactOS:never\" on the source would undo it",
        check: |s| {
            about(s, |windows| windows.compact_os.then(|| "its system files are compressed".to_owned()))
        },
    },
];

fn about(seen: &Seen<'_>, found: impl Fn(&WindowsFacts) -> Option<String>) -> Vec<Finding> {
    let Some(windows) = seen.facts.windows() else { return Vec::new() };
    found(windows).map(|message| Finding::new(&windows.version.product, message)).into_iter().collect()
}

fn left(seen: &Seen<'_>, how: Shutdown, message: &str) -> Vec<Finding> {
    about(seen, |windows| (windows.shutdown == how).then(|| message.to_owned()))
}

fn list(seen: &Seen<'_>, names: impl Fn(&WindowsFacts) -> &Vec<String>, message: &str) -> Vec<Finding> {
    let Some(windows) = seen.facts.windows() else { return Vec::new() };
    names(windows).iter().map(|name| Finding::new(name, message)).collect()
}

fn drive_letters(seen: &Seen<'_>) -> Vec<Finding> {
    let Some(windows) = seen.facts.windows() else { return Vec::new() };
    let there = |id: &str, whole: bool| {
        seen.facts.block.iter().any(|device| {
            let own = device.partuuid.to_ascii_lowercase();
            if whole { own == id } else { own.split('-').next() == Some(id) }
        })
    };
    // The volumes of dynamic disks have GUIDs of their own, which no partition has.
    let dynamic = seen.facts.disks.iter().any(|disk| disk.dynamic);
    let absent = windows.drive_letters.iter().filter_map(|(letter, digits)| {
        let value = bytes(digits)?;
        let message = match value.strip_prefix(GPT_MARK) {
            Some(_) if dynamic => None,
            Some(guid) => {
                let guid = guid_text(guid.try_into().ok()?);
                (!there(&guid, true)).then(|| format!("no partition has the GUID {guid}"))
            }
            None if value.len() == MBR_VALUE => {
                let signature = u32::from_le_bytes(value.get(..4)?.try_into().ok()?);
                let id = format!("{signature:08x}");
                (!there(&id, false)).then(|| format!("no disk has the signature {id}"))
            }
            // Names of devices, which removable ones have.
            None => None,
        };
        Some(Finding::new(letter, message?))
    });
    absent.collect()
}

/// Bytes of hexadecimal digits.
fn bytes(digits: &str) -> Option<Vec<u8>> {
    let byte = |at: usize| digits.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    (0..digits.len()).step_by(2).map(byte).collect()
}
