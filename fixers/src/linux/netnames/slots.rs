//! Names that udev gives a NIC on VMware, from its PCI slot number (`ethernetN.pciSlotNumber`).
//!
//! systemd.net-naming-scheme(7): `ens<slot>` from the slot number that the firmware tells, `eno<index>` from its index
//! (Red Hat 7 took VMware's large ones), `enp<bus>s<device>` from the address. VMware's slot number holds the bridge
//! (bits 5–9), the device behind it (bits 0–4) and the function of the bridge (bits 10–12); its bridges sit at fixed
//! buses, as lspci shows in any of its VMs: pciBridge0 at 02, pciBridge4 to 7 at 03, 0b, 13 and 1b, one bus for each
//! of their functions.

/// Whether a NIC in `slot` may have had the name.
pub(super) fn gives(slot: u32, name: &str) -> bool {
    if name.strip_prefix("ens").and_then(number) == Some(slot) {
        return true;
    }
    let Some((bus, device)) = address(slot) else { return false };
    let index = name.strip_prefix("eno").and_then(number);
    // The index of the NIC, then bus, device and function, a byte each.
    let onboard = index.is_some_and(|n| n > 0x00ff_ffff && n & 0x00ff_ffff == bus << 8 | device << 3);
    onboard || name == format!("enp{bus}s{device}")
}

/// Whether the name says a slot, so that it cannot be the name of a NIC in another one.
pub(super) fn names_slot(name: &str) -> bool {
    name.strip_prefix("ens").and_then(number).is_some()
}

fn address(slot: u32) -> Option<(u32, u32)> {
    let (bridge, device, function) = (slot >> 5 & 0x1f, slot & 0x1f, slot >> 10 & 0x7);
    let bus = match bridge {
        1 => 0x02,
        5..=8 => 0x03 + 8 * (bridge - 5) + function,
        _ => return None,
    };
    Some((bus, device))
}

fn number(text: &str) -> Option<u32> {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_seen_in_vms_of_vmware() {
        for (slot, name) in [
            (192, "ens192"),
            (33, "ens33"),
            (160, "ens160"),
            (1184, "ens1184"),
            (33, "eno16777736"),
            (192, "eno16780032"),
            (160, "eno16777984"),
            (37, "eno33554984"),
            (33, "enp2s1"),
            (160, "enp3s0"),
            (192, "enp11s0"),
            (224, "enp19s0"),
            (256, "enp27s0"),
            (1184, "enp4s0"),
        ] {
            assert!(gives(slot, name), "{slot} {name}");
        }
        for (slot, name) in [
            (192, "ens224"),
            (192, "eth0"),
            (192, "eno1"),
            (0, "enp0s0"),
            (u32::MAX, "ens"),
            (192, "eno99999999999"),
        ] {
            assert!(!gives(slot, name), "{slot} {name}");
        }
    }
}
