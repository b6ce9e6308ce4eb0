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

/// The MAC in a device instance: adapters on PCI Express have a serial number that is made from it, with `FFFF` in its
/// middle (PCI Code and ID Assignment; EUI-64), which VMware's and Intel's do.
pub(super) fn from_instance(instance: &str) -> Option<String> {
    let serial = instance.rsplit('\\').next()?;
    let (head, tail) = (serial.get(..6)?, serial.get(10..16)?);
    let sound = serial.len() == 18 && serial.get(6..10)?.eq_ignore_ascii_case("FFFF");
    if sound { from_text(&format!("{head}{tail}")) } else { None }
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
        for other in ["", "4&3b50545d&0&00A8", "000C29FFFF661AA", "ÄÖÜ", "000000000000"] {
            assert_eq!(from_text(other), None);
            assert_eq!(from_instance(other), None);
        }
    }
}
