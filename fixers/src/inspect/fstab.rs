//! `/etc/fstab`, fstab(5).

use crate::facts::FstabEntry;

/// Its path.
pub const PATH: &str = "/etc/fstab";

/// The entries, in order: lines with two fields at least. The first field stays as written; the mount point has its
/// octal escapes (`\040`) resolved. Fields that are left out are empty.
pub fn parse(text: &str) -> Vec<FstabEntry> {
    text.lines().filter_map(entry).collect()
}

fn entry(line: &str) -> Option<FstabEntry> {
    let line = line.trim_start_matches([' ', '\t']);
    if line.starts_with('#') {
        return None;
    }
    // fs.h and libmount split at blanks and tabs only.
    let mut fields = line.split([' ', '\t', '\r']).filter(|f| !f.is_empty());
    let spec = fields.next()?;
    let mountpoint = fields.next()?;
    Some(FstabEntry {
        spec: spec.to_owned(),
        mountpoint: unescape(mountpoint),
        fstype: fields.next().unwrap_or_default().to_owned(),
        options: fields.next().unwrap_or_default().to_owned(),
    })
}

/// A field with its octal escapes resolved, as getmntent(3) does: `\040` is a blank, `\134` a backslash.
pub fn unescape(field: &str) -> String {
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let octal = after.get(..3).filter(|d| d.iter().all(|b| (b'0'..=b'7').contains(b)));
        let value = octal.and_then(|d| u8::from_str_radix(std::str::from_utf8(d).ok()?, 8).ok());
        match value.filter(|_| *first == b'\\') {
            Some(byte) => {
                out.push(byte);
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                out.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_comments_and_escapes() {
        let text = "# /etc/fstab\n\
            UUID=0a /  ext4\terrors=remount-ro 0 1\n\
            \t# swap\n\
            /dev/sdb1 none swap sw\n\
            LABEL=my\\040data /srv/my\\040data\\134x xfs defaults,nofail\r\n\
            tmpfs /tmp tmpfs\n\
            short\n\
            //nas/share /mnt\n";
        let entries = parse(text);
        let short: Vec<_> = entries
            .iter()
            .map(|e| [e.spec.as_str(), e.mountpoint.as_str(), e.fstype.as_str(), e.options.as_str()])
            .collect();
        assert_eq!(
            short,
            [
                ["UUID=0a", "/", "ext4", "errors=remount-ro"],
                ["/dev/sdb1", "none", "swap", "sw"],
                ["LABEL=my\\040data", "/srv/my data\\x", "xfs", "defaults,nofail"],
                ["tmpfs", "/tmp", "tmpfs", ""],
                ["//nas/share", "/mnt", "", ""],
            ]
        );
    }

    #[test]
    fn only_three_octal_digits_of_a_byte_are_an_escape() {
        assert_eq!(unescape("a\\04"), "a\\04");
        assert_eq!(unescape("\\999\\777\\303\\274"), "\\999\\777ü");
    }
}
