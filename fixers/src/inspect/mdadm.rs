//! `mdadm.conf`, mdadm.conf(5): the names that a guest gives its arrays.

use crate::facts::ArrayLine;

/// Debian's place and the other distributions'.
pub const PATHS: [&str; 2] = ["/etc/mdadm/mdadm.conf", "/etc/mdadm.conf"];

/// The ARRAY lines that name a device and a UUID. A line that begins with a blank continues the one before it.
pub fn parse(text: &str) -> Vec<ArrayLine> {
    let mut entries: Vec<String> = Vec::new();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default();
        match entries.last_mut().filter(|_| line.starts_with([' ', '\t'])) {
            Some(last) => last.push_str(line),
            None => entries.push(line.to_owned()),
        }
    }
    entries.iter().filter_map(|entry| array(entry)).collect()
}

fn array(entry: &str) -> Option<ArrayLine> {
    let mut words = entry.split_whitespace();
    // Keywords count in any case, and by their first three letters.
    let keyword = words.next()?.to_ascii_lowercase();
    let device = words.next().filter(|_| keyword.len() >= 3 && "array".starts_with(&keyword))?;
    let uuid = words.find_map(|word| {
        let (name, value) = word.split_once('=')?;
        name.eq_ignore_ascii_case("uuid").then(|| value.to_ascii_lowercase())
    })?;
    device.starts_with("/dev/").then(|| ArrayLine { device: device.to_owned(), uuid })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_have_the_names_of_their_lines() {
        let text = "DEVICE partitions\n# ARRAY /dev/md9 UUID=9\nARRAY /dev/md0 level=raid1 num-devices=2\n  UUID=AA:b:c:d\n\
                    array /dev/md/root metadata=1.2 uuid=1:2:3:4 name=h:root\nARRAY <ignore> UUID=5\nARRAY /dev/md7\n";
        let found = parse(text);
        let found: Vec<_> = found.iter().map(|a| (a.device.as_str(), a.uuid.as_str())).collect();
        assert_eq!(found, [("/dev/md0", "aa:b:c:d"), ("/dev/md/root", "1:2:3:4")]);
    }
}
