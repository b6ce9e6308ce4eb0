//! Versions in what programs print.

/// Major and minor version: the first number with a point in a text (`QEMU emulator version 10.0.2 (Debian …)`).
pub fn of(text: &str) -> Option<(u32, u32)> {
    text.split_whitespace().find_map(|word| {
        let mut parts = word.trim_start_matches('v').trim_end_matches(',').split(['.', '-', '+']);
        let major = parts.next()?.parse().ok()?;
        Some((major, parts.next()?.parse().ok()?))
    })
}

/// The first line, where a program tells its version.
pub fn line(text: &str) -> &str {
    text.lines().next().unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_real_programs() {
        for (text, expected) in [
            ("QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-2+deb13u1~bpo12+1)", Some((10, 0))),
            ("qemu-img version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)", Some((7, 2))),
            ("QEMU emulator version 9.1.0-rc2", Some((9, 1))),
            ("guestfish 1.48.6", Some((1, 48))),
            ("guestfish 1.54.0fedora=42,release=1.fc42", Some((1, 54))),
            ("supermin 5.2.2", Some((5, 2))),
            ("TPM emulator version 0.7.1, Copyright (c) 2014-2021 IBM Corp.", Some((0, 7))),
            ("no version at all", None),
            ("", None),
        ] {
            assert_eq!(of(text), expected, "{text}");
        }
    }
}
