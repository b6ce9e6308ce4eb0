//! Rules about volumes that BitLocker encrypts: which are closed, and what becomes of those that were opened.

use h2k_fixers::Severity;
use h2k_fixers::facts::windows::{BitLockerFacts, BitLockerState};
use h2k_fixers::facts::{BITLOCKER, BlockDevice};

use super::storage::place;
use super::{Finding, Rule, Seen};

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "windows.bitlocker-system",
        severity: Severity::Critical,
        acceptable: false,
        summary: "Windows is on a volume that BitLocker encrypts",
        explanation: "What is on it cannot be read, so no driver can be put into it. It is opened with its recovery password, \
                      its password or its startup key (--key), and without any key where its protection is suspended. One \
                      that is only partly encrypted is not opened at all.",
        advice: "on the source run \"manage-bde -protectors -disable C: -rebootcount 0\", shut it down, and plan again; or give \
                 the recovery password with --key UUID=…:file:PATH; if encryption or decryption is not finished, let it finish",
        check: |s| if s.facts.systems.is_empty() { closed(s) } else { Vec::new() },
    },
    Rule {
        id: "windows.bitlocker",
        severity: Severity::Warning,
        acceptable: true,
        summary: "BitLocker encrypts a volume besides the system's",
        explanation: "It is copied as it is, free space too. Windows opens it as before if its key is kept on the system's \
                      volume (automatic unlocking) or typed in; not if a TPM keeps it, whose contents do not come along.",
        advice: "have the recovery key ready (\"manage-bde -protectors -get D:\"), or run \"manage-bde -off D:\" on the source",
        check: |s| if s.facts.systems.is_empty() { Vec::new() } else { closed(s) },
    },
    Rule {
        id: "windows.bitlocker-key",
        severity: Severity::Warning,
        acceptable: true,
        summary: "a BitLocker volume was opened with a key; Windows will ask for one too",
        explanation: "The key that a TPM keeps does not come along, and other hardware is what BitLocker protects against: at \
                      its first start on the target Windows stops at a blue screen and waits for the recovery password. \
                      Nothing of the first boot happens before it is typed in, and a boot test ends there.",
        advice: "suspend the protection on the source before (\"manage-bde -protectors -disable C: -rebootcount 0\"), or have the \
                 recovery password and a console at hand",
        check: |s| opened(s, false),
    },
    Rule {
        id: "windows.bitlocker-suspended",
        severity: Severity::Warning,
        acceptable: true,
        summary: "the protection of a BitLocker volume is suspended; it starts as it is",
        explanation: "A key lies on the volume in the clear, so Windows starts on any hardware, and whoever has the disk or a \
                      copy of it can read it. Windows resumes the protection after the restarts that it was suspended for, \
                      and then asks for the recovery password where the TPM is not the one that it was sealed to.",
        advice: "when it runs on the target, renew its protectors (\"manage-bde -protectors -delete C: -type tpm\", \"-add C: -tpm\") \
                 and run \"manage-bde -protectors -enable C:\"; keep the copies safe until then",
        check: |s| opened(s, true),
    },
];

fn volumes<'a>(seen: &'a Seen<'_>) -> impl Iterator<Item = (&'a BlockDevice, BitLockerFacts)> {
    let volumes = seen.facts.block.iter().filter(|device| device.fstype == BITLOCKER);
    volumes.map(|device| (device, device.bitlocker.clone().unwrap_or_default()))
}

/// Volumes that were not opened.
fn closed(seen: &Seen<'_>) -> Vec<Finding> {
    let closed = volumes(seen).filter(|(device, _)| seen.facts.opened(device).is_none());
    closed
        .map(|(device, told)| {
            let state = match told.state {
                BitLockerState::Encrypted => "it is encrypted",
                BitLockerState::Converting => "its encryption or decryption is not finished",
                BitLockerState::Decrypted => "it says that it is not encrypted",
                BitLockerState::Unknown => "its headers cannot be read",
            };
            Finding::new(place(device), format!("{state}{}", details(device, &told)))
        })
        .collect()
}

fn opened(seen: &Seen<'_>, suspended: bool) -> Vec<Finding> {
    let opened = volumes(seen).filter(|(device, _)| seen.facts.opened(device).is_some());
    let those = opened.filter(|(_, told)| told.suspended == suspended);
    let how = if suspended { "it was opened without a key" } else { "it was opened with a key" };
    those
        .map(|(device, told)| Finding::new(place(device), format!("{how}{}", details(device, &told))))
        .collect()
}

/// What opens a volume, and how it is named for it.
fn details(device: &BlockDevice, told: &BitLockerFacts) -> String {
    let mut text = String::new();
    if !told.protectors.is_empty() {
        text.push_str(&format!("; protectors: {}", told.protectors.join(", ")));
    }
    if !device.uuid.is_empty() {
        text.push_str(&format!("; UUID={}", device.uuid));
    }
    text
}
