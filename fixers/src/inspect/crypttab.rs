//! `/etc/crypttab`, crypttab(5).

use crate::facts::CryptVolume;

/// Its path.
pub const PATH: &str = "/etc/crypttab";

/// The volumes, in order: lines with two fields at least.
pub fn parse(text: &str) -> Vec<CryptVolume> {
    text.lines().filter_map(entry).collect()
}

fn entry(line: &str) -> Option<CryptVolume> {
    let mut fields = line.split([' ', '\t', '\r']).filter(|f| !f.is_empty());
    let name = fields.next().filter(|name| !name.starts_with('#'))?;
    Some(CryptVolume { name: name.to_owned(), device: fields.next()?.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_with_a_name_and_a_device_count() {
        let found = parse("# a b\n\nroot\tUUID=1  none luks\nalone\n  swap /dev/sda2 /dev/urandom swap\r\n");
        let found: Vec<_> = found.iter().map(|v| (v.name.as_str(), v.device.as_str())).collect();
        assert_eq!(found, [("root", "UUID=1"), ("swap", "/dev/sda2")]);
    }
}
