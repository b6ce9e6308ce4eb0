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

    /// A guest that came up, and whose network is known not to be as it was, did not prove enough. One whose NIC has a
    /// static address and sent nothing deserves a warning: where nothing of the guest had to send, none is needed.
    #[must_use]
    pub fn with_its_network(mut self) -> Self {
        if self.proven() {
            self.evidence.warnings.extend(self.evidence.silent_senders());
        }
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
    /// What a guest that came up should be looked at for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// How a first try ended that said nothing of the guest, if there was one; all else is of the second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_try: Option<String>,
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

impl Evidence {
    /// A warning for each connected NIC with a static address whose system sent no frame.
    fn silent_senders(&self) -> Vec<String> {
        let links = self.readiness.iter().flat_map(|r| &r.links);
        let silent = |mac: &str| {
            self.nics.iter().any(|nic| {
                let sent = nic.traffic.frames.saturating_sub(nic.traffic.firmware);
                nic.mac.eq_ignore_ascii_case(mac) && nic.connected && sent == 0
            })
        };
        let warning = |link: &Link| {
            let sender = link.sender.as_ref().filter(|sender| silent(&sender.mac))?;
            Some(format!(
                "the NIC {} has the static address {} as {}, and sent nothing: look whether it is up",
                sender.mac, sender.address, link.subject
            ))
        };
        links.filter_map(warning).collect()
    }
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

#[cfg(test)]
mod tests {
    use h2k_fixers::readiness::{LinkKind, LinkState, Sender};

    use super::*;

    #[test]
    fn a_nic_with_a_static_address_that_sent_nothing_is_told() {
        let mac = "52:54:00:12:34:01".to_owned();
        let link = Link {
            link: LinkKind::Network,
            subject: "ens192".to_owned(),
            state: LinkState::Ok,
            detail: "NIC 0 has this name".to_owned(),
            sender: Some(Sender { mac: mac.clone(), address: "192.0.2.7/24".to_owned() }),
        };
        let verdict = |outcome, link: &Link, frames, firmware, connected| {
            let traffic = Traffic { frames, firmware, ..Traffic::default() };
            let nic = NicEvidence { mac: mac.to_uppercase(), connected, traffic, ..NicEvidence::default() };
            let readiness = Some(Readiness { links: vec![link.clone()] });
            let evidence = Evidence { readiness, nics: vec![nic], ..Evidence::default() };
            Verdict { outcome, reason: String::new(), evidence }.with_its_network()
        };
        let told = verdict(Outcome::Booted, &link, 2, 2, true);
        assert!(told.proven(), "a warning is no failure");
        let want = "the NIC 52:54:00:12:34:01 has the static address 192.0.2.7/24 as ens192, and sent nothing: look \
                    whether it is up";
        assert_eq!(told.evidence.warnings, [want]);
        let dhcp = Link { sender: None, ..link.clone() };
        for quiet in [
            verdict(Outcome::Booted, &link, 3, 2, true),
            verdict(Outcome::Booted, &link, 0, 0, false),
            verdict(Outcome::Booted, &dhcp, 0, 0, true),
            verdict(Outcome::Failed, &link, 0, 0, true),
        ] {
            assert_eq!(quiet.evidence.warnings, Vec::<String>::new());
        }
    }
}
