//! What a guest sent on a NIC: enough to see that it brought the interface up and with which addresses.
//!
//! Sources: Ethernet II and IEEE 802.1Q; ARP RFC 826 and probes RFC 5227; DHCP RFC 2131 and its options RFC 2132;
//! IPv6 RFC 8200, neighbour discovery RFC 4861, MLDv2 RFC 3810; DHCPv6 RFC 8415; PXE specification 2.1 for the
//! vendor class of firmware.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

/// Most addresses kept per NIC: a guest could send from millions.
const MAX_ADDRESSES: usize = 32;
/// Most 802.1Q tags that are looked behind (a tag in a tag).
const MAX_TAGS: usize = 2;
/// First bytes of the MAC addresses of QEMU's own gateway and name server in a user network (libslirp: `52:55` and
/// the IPv4 address, `52:56` for IPv6).
const SLIRP: [[u8; 2]; 2] = [[0x52, 0x55], [0x52, 0x56]];

/// A MAC address.
pub type Mac = [u8; 6];

/// What was counted on one NIC.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Traffic {
    /// Frames that the guest sent on the NIC.
    pub frames: u64,
    /// ARP among them.
    pub arp: u64,
    /// DHCP and DHCPv6 requests of the operating system among them.
    pub dhcp: u64,
    /// IPv6 neighbour discovery and multicast listener reports among them: every Linux and Windows interface that
    /// comes up sends some.
    pub neighbour: u64,
    /// Network boot requests of the firmware among them, which prove nothing.
    pub firmware: u64,
    /// Those of them from another MAC address than the NIC's: a bridge, a bond, or an address set in the guest.
    pub other_mac: u64,
    /// Addresses that the guest sent from, announced or probed.
    pub addresses: BTreeSet<IpAddr>,
}

impl Traffic {
    /// Did an operating system speak, not only the firmware?
    pub fn spoke(&self) -> bool {
        self.frames > self.firmware
    }

    /// Counts a frame of the NIC with address `own`.
    pub fn count(&mut self, own: Mac, frame: &[u8]) {
        let Some(source) = frame.get(6..12) else { return };
        if SLIRP.iter().any(|prefix| source.starts_with(prefix)) {
            return;
        }
        if source != own {
            self.other_mac = self.other_mac.saturating_add(1);
        }
        self.frames = self.frames.saturating_add(1);
        let _ = self.payload(frame);
    }

    /// Looks into a frame as far as it is whole.
    fn payload(&mut self, frame: &[u8]) -> Option<()> {
        let mut at = 12;
        for _ in 0..MAX_TAGS {
            match be16(frame, at)? {
                0x8100 | 0x88a8 => at += 4,
                _ => break,
            }
        }
        let body = frame.get(at + 2..)?;
        match be16(frame, at)? {
            0x0806 => self.arp(body),
            0x0800 => self.ipv4(body),
            0x86dd => self.ipv6(body),
            _ => None,
        }
    }

    fn arp(&mut self, arp: &[u8]) -> Option<()> {
        self.arp = self.arp.saturating_add(1);
        let sender = ipv4_at(arp, 14)?;
        // A probe asks for the address that it is about to use and gives none of its own.
        self.address(if sender.is_unspecified() { ipv4_at(arp, 24)? } else { sender }.into());
        Some(())
    }

    fn ipv4(&mut self, packet: &[u8]) -> Option<()> {
        self.address(ipv4_at(packet, 12)?.into());
        let header = usize::from(packet.first()? & 0xf) * 4;
        let udp = packet.get(header..)?;
        if *packet.get(9)? == 17 && be16(udp, 0)? == 68 && be16(udp, 2)? == 67 {
            match udp.get(8..).is_some_and(from_firmware) {
                true => self.firmware = self.firmware.saturating_add(1),
                false => self.dhcp = self.dhcp.saturating_add(1),
            }
        }
        Some(())
    }

    fn ipv6(&mut self, packet: &[u8]) -> Option<()> {
        let source = ipv6_at(packet, 8)?;
        self.address(source.into());
        // Listener reports come behind a hop-by-hop header.
        let (next, body) = match *packet.get(6)? {
            0 => (*packet.get(40)?, packet.get(40 + 8 * (usize::from(*packet.get(41)?) + 1)..)?),
            next => (next, packet.get(40..)?),
        };
        match next {
            58 if matches!(*body.first()?, 131 | 132 | 133 | 135 | 136 | 143) => {
                self.neighbour = self.neighbour.saturating_add(1);
                // A solicitation from no address tests the one that is about to be used.
                if *body.first()? == 135 && source.is_unspecified() {
                    self.address(ipv6_at(body, 8)?.into());
                }
            }
            17 if be16(body, 0)? == 546 && be16(body, 2)? == 547 => self.dhcp = self.dhcp.saturating_add(1),
            _ => {}
        }
        Some(())
    }

    fn address(&mut self, address: IpAddr) {
        if !address.is_unspecified() && !address.is_multicast() && self.addresses.len() < MAX_ADDRESSES {
            self.addresses.insert(address);
        }
    }
}

/// Does a BOOTP message come from network boot firmware: does its vendor class (option 60) say so?
fn from_firmware(bootp: &[u8]) -> bool {
    let Some(mut options) = bootp.get(240..) else { return false };
    while let Some((&code, rest)) = options.split_first() {
        if code == 0 {
            options = rest;
            continue;
        }
        let Some((&length, rest)) = rest.split_first() else { return false };
        let Some(value) = rest.get(..length.into()) else { return false };
        if code == 60 {
            return value.starts_with(b"PXEClient") || value.starts_with(b"HTTPClient");
        }
        options = rest.get(length.into()..).unwrap_or_default();
    }
    false
}

/// A MAC address from its six hexadecimal pairs.
pub fn parse_mac(text: &str) -> Option<Mac> {
    let mut mac = [0; 6];
    let mut parts = text.split(':');
    for byte in &mut mac {
        let part = parts.next().filter(|p| p.len() == 2 && p.bytes().all(|b| b.is_ascii_hexdigit()))?;
        *byte = u8::from_str_radix(part, 16).ok()?;
    }
    parts.next().is_none().then_some(mac)
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

fn ipv4_at(bytes: &[u8], at: usize) -> Option<Ipv4Addr> {
    let octets: [u8; 4] = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
    Some(octets.into())
}

fn ipv6_at(bytes: &[u8], at: usize) -> Option<Ipv6Addr> {
    let octets: [u8; 16] = bytes.get(at..at.checked_add(16)?)?.try_into().ok()?;
    Some(octets.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OWN: Mac = [0x52, 0x54, 0, 0x12, 0x34, 1];

    fn ethernet(source: Mac, kind: u16, body: &[u8]) -> Vec<u8> {
        [&[0xff; 6][..], &source, &kind.to_be_bytes(), body].concat()
    }

    fn arp(sender: [u8; 4], target: [u8; 4]) -> Vec<u8> {
        [&[0, 1, 8, 0, 6, 4, 0, 1][..], &OWN, &sender, &[0; 6], &target].concat()
    }

    fn dhcp(class: &[u8]) -> Vec<u8> {
        let mut bootp = vec![0; 236];
        bootp.extend([0x63, 0x82, 0x53, 0x63, 0, 53, 1, 1, 60, class.len() as u8]);
        bootp.extend(class);
        bootp.push(255);
        let udp = [&[0, 68, 0, 67, 0, 0, 0, 0][..], &bootp].concat();
        let ip = [0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255];
        [&ip[..], &udp].concat()
    }

    fn icmp6(source: [u8; 16], hop_by_hop: bool, body: &[u8]) -> Vec<u8> {
        let next = if hop_by_hop { 0 } else { 58 };
        let mut out = [&[0x60, 0, 0, 0, 0, 0, next, 255][..], &source, &[0xff; 16]].concat();
        if hop_by_hop {
            out.extend([58, 0, 5, 2, 0, 0, 1, 0]);
        }
        out.extend(body);
        out
    }

    fn traffic(frames: &[Vec<u8>]) -> Traffic {
        let mut out = Traffic::default();
        frames.iter().for_each(|f| out.count(OWN, f));
        out
    }

    #[test]
    fn addresses_are_learnt_from_what_the_guest_sends() {
        let link_local = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];
        let solicitation = [&[135, 0, 0, 0, 0, 0, 0, 0][..], &link_local].concat();
        let seen = traffic(&[
            ethernet(OWN, 0x0806, &arp([192, 0, 2, 7], [192, 0, 2, 1])),
            ethernet(OWN, 0x0806, &arp([0; 4], [192, 0, 2, 8])),
            ethernet(OWN, 0x8100, &[&[0, 5, 8, 6][..], &arp([192, 0, 2, 9], [0; 4])].concat()),
            ethernet(OWN, 0x0800, &dhcp(b"MSFT 5.0")),
            ethernet(OWN, 0x86dd, &icmp6([0; 16], false, &solicitation)),
            ethernet(OWN, 0x86dd, &icmp6([0; 16], true, &[143, 0, 0, 0])),
            ethernet(OWN, 0x88cc, &[]),
        ]);
        let addresses: Vec<String> = seen.addresses.iter().map(IpAddr::to_string).collect();
        assert_eq!(addresses, ["192.0.2.7", "192.0.2.8", "192.0.2.9", "fe80::9"]);
        assert_eq!((seen.frames, seen.arp, seen.dhcp, seen.neighbour, seen.firmware), (7, 3, 1, 2, 0));
        assert!(seen.spoke());
    }

    #[test]
    fn firmware_and_qemu_itself_prove_nothing() {
        let seen = traffic(&[
            ethernet(OWN, 0x0800, &dhcp(b"PXEClient:Arch:00007:UNDI:003001")),
            ethernet([0x52, 0x55, 10, 0, 2, 2], 0x0806, &arp([10, 0, 2, 2], [0; 4])),
        ]);
        assert!(!seen.spoke());
        assert_eq!((seen.frames, seen.firmware, seen.other_mac), (1, 1, 0));
        assert!(seen.addresses.is_empty());
    }

    #[test]
    fn what_a_bridge_with_an_address_of_its_own_sends_is_the_guests() {
        let seen = traffic(&[ethernet([2, 0, 0, 0, 0, 1], 0x0806, &arp([192, 0, 2, 7], [0; 4]))]);
        assert!(seen.spoke());
        assert_eq!((seen.frames, seen.arp, seen.other_mac), (1, 1, 1));
        assert!(seen.addresses.contains(&IpAddr::from([192, 0, 2, 7])));
    }

    #[test]
    fn macs_are_six_pairs() {
        assert_eq!(parse_mac("52:54:00:12:34:01"), Some(OWN));
        for text in ["", "52:54:00:12:34", "52:54:00:12:34:01:02", "52:54:0:12:34:01", "+2:54:00:12:34:01"] {
            assert_eq!(parse_mac(text), None);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_frame_is_counted(kind in prop_oneof![Just(0x0800u16), Just(0x0806), Just(0x86dd), Just(0x8100)],
                                body in proptest::collection::vec(any::<u8>(), 0..400)) {
            let seen = traffic(&[ethernet(OWN, kind, &body), body]);
            prop_assert!(seen.frames <= 2 && seen.addresses.len() <= MAX_ADDRESSES);
        }
    }
}
