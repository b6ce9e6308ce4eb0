//! Identifiers of a VMX in canonical form: BIOS UUID, generation id, MAC addresses.

/// `uuid.bios` (`56 4d 54 59 5d 0c 51 8d-d3 40 38 4f fe bf e4 5d`) as a UUID, lower-case with dashes.
///
/// The bytes stay in their order, as vSphere itself shows them. `None` if these are not 16 bytes.
pub fn bios_uuid(value: &str) -> Option<String> {
    let digits: String = value.chars().filter(|c| !matches!(c, ' ' | '-' | '\t')).collect();
    if digits.len() != 32 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let digits = digits.to_ascii_lowercase();
    let part = |start: usize, end: usize| digits.get(start..end).unwrap_or_default();
    Some([part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-"))
}

/// The VM generation id that a guest sees, from `vm.genid` and `vm.genidX` (signed 64-bit decimals).
///
/// The two numbers are the halves of a Windows GUID as it lies in memory: the first three fields of a GUID
/// are little-endian numbers, the last eight bytes are plain bytes. VMware documents neither; the arrangement
/// was worked out on the qemu-devel list in July 2018 ("vmgenid from the VMX") and is what virt-v2v uses.
pub fn generation_id(genid: i64, genid_x: i64) -> String {
    let low = genid.cast_unsigned();
    let bytes = genid_x.to_le_bytes();
    let hex = |part: &[u8]| part.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let (clock, node) = bytes.split_at(2);
    format!(
        "{:08x}-{:04x}-{:04x}-{}-{}",
        low & 0xffff_ffff,
        (low >> 32) & 0xffff,
        low >> 48,
        hex(clock),
        hex(node)
    )
}

/// A MAC address in lower case with colons; `None` if `value` is none.
pub fn mac_address(value: &str) -> Option<String> {
    let parts: Vec<&str> = value.trim().split([':', '-']).collect();
    let well_formed = parts.len() == 6
        && parts.iter().all(|p| (1..=2).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_hexdigit()));
    well_formed
        .then(|| parts.iter().map(|p| format!("{p:0>2}").to_ascii_lowercase()).collect::<Vec<_>>().join(":"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bios_uuids() {
        assert_eq!(
            bios_uuid("56 4d 54 59 5d 0c 51 8d-d3 40 38 4f FE BF E4 5D").as_deref(),
            Some("564d5459-5d0c-518d-d340-384ffebfe45d")
        );
        for bad in
            ["", "56 4d", "56 4d 54 59 5d 0c 51 8d-d3 40 38 4f fe bf e4 5d 00", "ü".repeat(16).as_str()]
        {
            assert_eq!(bios_uuid(bad), None, "{bad}");
        }
    }

    #[test]
    fn generation_ids_of_two_real_vms() {
        assert_eq!(
            generation_id(-570734802784577186, -5042519231342505152),
            "8312995e-57b8-f814-4013-c1ba795f05ba"
        );
        assert_eq!(
            generation_id(-802103094701856339, -5104727847056752683),
            "2f0de9ad-5b7c-f4de-d53f-23b1115d28b9"
        );
    }

    #[test]
    fn mac_addresses() {
        assert_eq!(mac_address("00:0C:29:36:EF:31").as_deref(), Some("00:0c:29:36:ef:31"));
        assert_eq!(mac_address(" 0-c-29-36-ef-31 ").as_deref(), Some("00:0c:29:36:ef:31"));
        for bad in [
            "",
            "00:0c:29:36:ef",
            "00:0c:29:36:ef:31:00",
            "00:0c:29:36:ef:3g",
            "000c2936ef31",
            "+1:0:0:0:0:0",
        ] {
            assert_eq!(mac_address(bad), None, "{bad}");
        }
    }
}
