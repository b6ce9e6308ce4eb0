//! What a boot test found: the verdict and its evidence, as data.

use std::fmt;

use h2k_fixers::readiness::{Link, Readiness};
use serde::{Deserialize, Serialize};

use super::console::Finding;
use super::static_checks::Check;
use super::traffic::Traffic;

/// How a boot test ended. Only [`Outcome::Booted`] is success.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The guest proved that it came up.
    Booted,
    /// The guest, its firmware or a check said that it does not.
    Failed,
    /// Neither, in the time that it had.
    Unproven,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Outcome::Booted => "booted",
            Outcome::Failed => "failed",
            Outcome::Unproven => "unproven",
        })
    }
}

/// What QEMU ran the guest's code with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Accel {
    /// The host's CPU.
    Kvm,
    /// QEMU's own emulation; ten times slower and more.
    Tcg,
}

impl fmt::Display for Accel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Accel::Kvm => "KVM",
            Accel::Tcg => "TCG",
        })
    }
}

/// The verdict of a boot test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// How it ended.
    pub outcome: Outcome,
    /// Why, in one line.
    pub reason: String,
    /// What it rests on.
    pub evidence: Evidence,
}

impl Verdict {
    /// Of a guest that is not booted, since this link of the chain is broken.
    pub(super) fn chain_broken(link: &Link, evidence: Evidence) -> Self {
        Self {
            outcome: Outcome::Failed,
            reason: format!("not booted, the boot chain is broken: {link}"),
            evidence,
        }
    }

    /// A guest that came up, and whose network is known not to be as it was, did not prove enough.
    #[must_use]
    pub fn with_its_network(self) -> Self {
        let broken = self.evidence.readiness.as_ref().and_then(Readiness::broken);
        match broken.filter(|_| self.proven()).cloned() {
            None => self,
            Some(link) => {
                let reason = format!("it boots ({}), and a link is broken: {link}", self.reason);
                Self { outcome: Outcome::Failed, reason, ..self }
            }
        }
    }

    /// Is it proven that the guest boots?
    pub fn proven(&self) -> bool {
        self.outcome == Outcome::Booted
    }
}

/// What a verdict rests on. Files are named relative to the evidence directory.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Evidence {
    /// Checks before the boot.
    pub checks: Vec<Check>,
    /// The links of the boot chain, looked at before the boot.
    pub readiness: Option<Readiness>,
    /// What the guest's code ran with; nothing if it was not booted.
    pub accel: Option<Accel>,
    /// Why not KVM, if not.
    pub kvm_not_proven: Option<String>,
    /// In what the test VM differed from the domain.
    pub differences: Vec<String>,
    /// A serial console was set up in the throw-away overlay, since the guest has none.
    pub console_added: bool,
    /// Seconds from power-on to the end of the test.
    pub seconds: f64,
    /// Seconds from power-on to the first proof.
    pub proven_after: Option<f64>,
    /// The login prompt on the serial console.
    pub login_prompt: Option<String>,
    /// The guest agent answered.
    pub agent_ping: bool,
    /// The line that told of a failure.
    pub failure: Option<Finding>,
    /// Lines that may explain a failure.
    pub hints: Vec<Finding>,
    /// The guest told of a panic through the pvpanic device, or through Hyper-V's interface.
    pub guest_panicked: bool,
    /// The stop code that Windows told with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_code: Option<String>,
    /// What the screen showed at the end, of a guest that may be Windows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub screen: Option<ScreenEvidence>,
    /// Resets by the guest.
    pub resets: u32,
    /// The guest powered itself off.
    pub powered_off: bool,
    /// NICs in order.
    pub nics: Vec<NicEvidence>,
    /// What the guest's serial port printed.
    pub serial_log: Option<String>,
    /// Its last lines.
    pub serial_excerpt: Vec<String>,
    /// What the firmware printed on its debug port.
    pub firmware_log: Option<String>,
    /// Pictures of the screen at the end.
    pub screenshots: Vec<String>,
    /// QEMU's arguments, one per line.
    pub argv: Option<String>,
    /// The end of QEMU's own messages.
    pub qemu_messages: String,
}

/// What was seen on the screen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScreenEvidence {
    /// In words.
    pub shows: String,
    /// Seconds since it changed last.
    pub still_seconds: u64,
    /// How often it was another one than at the look before.
    pub changes: u32,
}

/// What was seen on one NIC.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NicEvidence {
    /// Its MAC address in the domain.
    pub mac: String,
    /// Was its link up?
    pub connected: bool,
    /// What the guest sent.
    pub traffic: Traffic,
    /// The captured frames.
    pub capture: Option<String>,
    /// Why the capture ended early, if it did.
    pub capture_ended: Option<String>,
}
