//! Names of a parent, out of the Windows paths that a child gives.

/// Names by which a parent may be found, the best first, each once.
#[derive(Debug, Default)]
pub(in crate::image) struct Names(Vec<String>);

impl Names {
    /// Adds a path relative to the child: as a whole, if it leads down from there, then its last component.
    pub(in crate::image) fn relative(&mut self, path: &str) {
        let parts: Vec<&str> = components(path).filter(|part| !matches!(*part, "" | ".")).collect();
        let down = !path.starts_with(['/', '\\']) && parts.iter().all(|part| is_plain(part));
        if down {
            self.push(parts.join("/"));
        }
        self.bare(path);
    }

    /// Adds the last component of a path on the host that made the child.
    pub(in crate::image) fn bare(&mut self, path: &str) {
        if let Some(last) = components(path).next_back().filter(|last| is_plain(last)) {
            self.push(last.to_owned());
        }
    }

    fn push(&mut self, name: String) {
        if !name.is_empty() && !self.0.contains(&name) {
            self.0.push(name);
        }
    }

    /// The names; there may be none.
    pub(in crate::image) fn into_vec(self) -> Vec<String> {
        self.0
    }
}

fn components(path: &str) -> std::str::Split<'_, [char; 2]> {
    path.split(['/', '\\'])
}

/// A name as Windows allows it: no drive, no stream, no step upwards.
fn is_plain(part: &str) -> bool {
    !part.is_empty()
        && part != "."
        && part != ".."
        && !part.contains(':')
        && !part.chars().any(char::is_control)
}

/// UTF-16 text up to its first NUL. What is no character becomes U+FFFD; an odd last byte is left out.
pub(in crate::image) fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units = bytes.chunks_exact(2).filter_map(|pair| pair.try_into().ok()).map(unit);
    char::decode_utf16(units.take_while(|unit| *unit != 0))
        .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_paths_become_names_below_the_child() {
        for (path, want) in [
            (r".\parent.vhd", &["parent.vhd"][..]),
            ("parent.vhd", &["parent.vhd"]),
            (r"disks\parent.vhd", &["disks/parent.vhd", "parent.vhd"]),
            (r"..\Virtual Hard Disks\parent.vhd", &["parent.vhd"]),
            (r"a\..\parent.vhd", &["parent.vhd"]),
            (r"C:\VMs\parent.vhd", &["parent.vhd"]),
            ("C:parent.vhd", &[]),
            (r"\\host\share\parent.vhd", &["parent.vhd"]),
            ("/etc/shadow", &["shadow"]),
            (r"disks\", &["disks"]),
            ("..", &[]),
            ("", &[]),
        ] {
            let mut names = Names::default();
            names.relative(path);
            names.relative(path);
            assert_eq!(names.into_vec(), want, "{path}");
        }
    }

    #[test]
    fn text_ends_at_its_nul() {
        let bytes: Vec<u8> = "é€\0x".encode_utf16().flat_map(u16::to_le_bytes).chain([7]).collect();
        assert_eq!(utf16(&bytes, u16::from_le_bytes), "é€");
        assert_eq!(utf16(&[0, 0xd8, b'a', 0], u16::from_le_bytes), "\u{fffd}a");
        assert_eq!(utf16(&[0, b'a'], u16::from_be_bytes), "a");
    }
}
