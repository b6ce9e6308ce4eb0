//! MAC addresses as Windows writes them.

/// `000C29661AA2`, `00-0C-29-66-1A-A2` → `00:0c:29:66:1a:a2`; `None` for what is no MAC.
pub(super) fn from_text(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|c| !matches!(c, '-' | ':')).collect();
    let sound = digits.len() == 12 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    sound.then(|| pairs(&digits)).filter(|mac| mac != "00:00:00:00:00:00")
}

/// Six bytes.
pub(super) fn from_bytes(bytes: &[u8]) -> Option<String> {
    let digits: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    from_text(&digits)
}

/// The MAC in a device instance: adapters on PCI Express have a serial number that is made from it (PCI Code and ID
/// Assignment; EUI-64). Intel's has `FFFF` in its middle. vmxnet3's has `FFFE` there and each of its two words the wrong
/// way round: 00:50:56:84:79:b3 is `FF565000` `B37984FE` (Microsoft's article on 0xc0000142 at device installation).
pub(super) fn from_instance(instance: &str) -> Option<String> {
    let serial = instance.rsplit('\\').next().filter(|serial| serial.len() == 18)?;
    let part = |at: std::ops::Range<usize>| serial.get(at);
    let is = |at, mark: &str| part(at).is_some_and(|found| found.eq_ignore_ascii_case(mark));
    if is(6..10, "FFFF") {
        return from_text(&format!("{}{}", part(0..6)?, part(10..16)?));
    }
    if is(0..2, "FF") && is(14..16, "FE") {
        let bytes = [part(6..8)?, part(4..6)?, part(2..4)?, part(12..14)?, part(10..12)?, part(8..10)?];
        return from_text(&bytes.concat());
    }
    None
}

fn pairs(digits: &str) -> String {
    let lower = digits.to_ascii_lowercase();
    let pairs: Vec<&str> = (0..lower.len()).step_by(2).filter_map(|at| lower.get(at..at + 2)).collect();
    pairs.join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn macs_are_read_in_all_their_forms() {
        let mac = Some("00:0c:29:66:1a:a2".to_owned());
        assert_eq!(from_text("000C29661AA2"), mac);
        assert_eq!(from_text("00-0c-29-66-1a-A2"), mac);
        assert_eq!(from_bytes(&[0, 0x0c, 0x29, 0x66, 0x1a, 0xa2]), mac);
        assert_eq!(from_instance("PCI\\VEN_8086&DEV_10D3\\000C29FFFF661AA200"), mac);
        for other in ["", "4&3b50545d&0&00A8", "FFÄ65000B37984FE00", "000C29FFFF661AA", "ÄÖÜ", "000000000000"]
        {
            assert_eq!(from_text(other), None);
            assert_eq!(from_instance(other), None);
        }
    }

    /// As Microsoft's article, a note on devcon and a program's samples have them.
    #[test]
    fn real_instances_of_vmxnet3_tell_their_macs() {
        for (serial, mac) in [
            ("FF565000B37984FE00", "00:50:56:84:79:b3"),
            ("FF290C008E0E28FE00", "00:0c:29:28:0e:8e"),
            ("FF290C0092C195FE00", "00:0c:29:95:c1:92"),
            ("ff290c00f1b6a9fe00", "00:0c:29:a9:b6:f1"),
        ] {
            let instance = format!("PCI\\VEN_15AD&DEV_07B0&SUBSYS_07B015AD&REV_01\\{serial}");
            assert_eq!(from_instance(&instance).as_deref(), Some(mac));
        }
        assert_eq!(from_instance("PCI\\VEN_15AD\\FFAABB01FE50560000"), None);
    }
}
