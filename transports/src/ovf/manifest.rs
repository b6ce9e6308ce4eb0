//! Manifests: the `.mf` files of a package, one digest per line (DSP0243 1.1.0, section 5.1).
//!
//! ```text
//! SHA256(disk1.vmdk)= 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
//! ```

use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha512};
use std::fmt;
use std::io::{self, Read};

/// Warnings that are kept of one manifest.
const MAX_WARNINGS: usize = 20;

/// Bytes that are hashed at a time.
const BUFFER_BYTES: usize = 1 << 20;

/// A digest algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Algorithm {
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl Algorithm {
    fn parse(word: &str) -> Option<Self> {
        match word.trim().to_ascii_uppercase().as_str() {
            "SHA1" | "SHA-1" => Some(Self::Sha1),
            // OpenSSL 3 writes the longer names.
            "SHA256" | "SHA-256" | "SHA2-256" => Some(Self::Sha256),
            "SHA512" | "SHA-512" | "SHA2-512" => Some(Self::Sha512),
            _ => None,
        }
    }

    /// Hexadecimal digits of a digest.
    fn digits(self) -> usize {
        match self {
            Self::Sha1 => 40,
            Self::Sha256 => 64,
            Self::Sha512 => 128,
        }
    }

    /// The digest of all bytes of `reader`, in lower-case hexadecimal.
    pub(super) fn digest(self, reader: impl Read) -> io::Result<String> {
        match self {
            Self::Sha1 => hashed(Sha1::new(), reader),
            Self::Sha256 => hashed(Sha256::new(), reader),
            Self::Sha512 => hashed(Sha512::new(), reader),
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
            Self::Sha512 => "SHA512",
        })
    }
}

/// A line of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// Algorithm.
    pub algorithm: Algorithm,
    /// The file's name, relative to the manifest.
    pub file: String,
    /// The digest in lower-case hexadecimal.
    pub expected: String,
}

/// The digests in a manifest called `name`, and warnings about lines that are none. Never fails.
pub fn parse(bytes: &[u8], name: &str) -> (Vec<Digest>, Vec<String>) {
    let text = String::from_utf8_lossy(bytes);
    let mut digests = Vec::new();
    let mut warnings = Vec::new();
    let mut left_out = 0usize;
    for (index, line) in text.trim_start_matches('\u{FEFF}').lines().enumerate() {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        let (digest, complaint) = match parse_line(line) {
            Some((digest, true)) => (Some(digest), None),
            Some((digest, false)) => (Some(digest), Some("has no space after the `=`")),
            None => (None, Some("is not understood")),
        };
        digests.extend(digest);
        match complaint {
            Some(what) if warnings.len() < MAX_WARNINGS => {
                warnings.push(format!("manifest {name}: line {} {what}: {line:?}", index + 1));
            }
            Some(_) => left_out += 1,
            None => {}
        }
    }
    if left_out > 0 {
        warnings.push(format!("manifest {name}: {left_out} more lines like these"));
    }
    (digests, warnings)
}

/// The digest of a line, and whether the blank stands after its `=` that the specification asks for.
fn parse_line(line: &str) -> Option<(Digest, bool)> {
    let (algorithm, rest) = line.split_once('(')?;
    let algorithm = Algorithm::parse(algorithm)?;
    // The digest holds no parenthesis; the file's name may.
    let (file, rest) = rest.rsplit_once(')')?;
    let value = rest.trim_start().strip_prefix('=')?;
    let digest = value.trim();
    let is_digest = digest.len() == algorithm.digits() && digest.bytes().all(|b| b.is_ascii_hexdigit());
    if file.is_empty() || !is_digest {
        return None;
    }
    let digest = Digest { algorithm, file: file.to_owned(), expected: digest.to_ascii_lowercase() };
    Some((digest, value.starts_with([' ', '\t'])))
}

fn hashed<D: sha2::Digest>(mut hasher: D, mut reader: impl Read) -> io::Result<String> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => hasher.update(buffer.get(..read).unwrap_or_default()),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SHA1_ABC: &str = "a9993e364706816aba3e25717850c26c9cd0d89d";

    #[test]
    fn lines_with_every_kind_of_end() {
        let text = format!("SHA1(a.ovf)= {SHA1_ABC}\r\nSHA1 (b (1).vmdk) = {}\n\n", SHA1_ABC.to_uppercase());
        let (digests, warnings) = parse(text.as_bytes(), "x.mf");
        let names: Vec<_> = digests.iter().map(|d| (d.file.as_str(), d.expected.as_str())).collect();
        assert_eq!(names, [("a.ovf", SHA1_ABC), ("b (1).vmdk", SHA1_ABC)]);
        assert_eq!(warnings, Vec::<String>::new());
    }

    #[test]
    fn a_missing_blank_is_worth_a_warning_and_no_more() {
        let (digests, warnings) = parse(format!("SHA1(a)={SHA1_ABC}").as_bytes(), "x.mf");
        assert_eq!(digests.len(), 1);
        assert_eq!(
            warnings,
            [format!("manifest x.mf: line 1 has no space after the `=`: \"SHA1(a)={SHA1_ABC}\"")]
        );
    }

    #[test]
    fn garbage_is_named() {
        for line in [
            "garbage line",
            "MD5(a)= 00",
            "SHA1(a)= 00",
            "SHA1()= a9993e364706816aba3e25717850c26c9cd0d89d",
            "SHA1(a",
        ] {
            let (digests, warnings) = parse(format!("\n{line}\n").as_bytes(), "x.mf");
            assert!(digests.is_empty());
            assert_eq!(warnings, [format!("manifest x.mf: line 2 is not understood: {line:?}")]);
        }
        assert_eq!(parse("x\n".repeat(100).as_bytes(), "x.mf").1.len(), MAX_WARNINGS + 1);
    }

    #[test]
    fn digests_are_those_of_the_standards() {
        let of = |algorithm: Algorithm| algorithm.digest(&b"abc"[..]).unwrap();
        assert_eq!(of(Algorithm::Sha1), SHA1_ABC);
        assert!(of(Algorithm::Sha256).starts_with("ba7816bf8f01cfea"));
        assert!(of(Algorithm::Sha512).starts_with("ddaf35a193617aba"));
        for algorithm in [Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha512] {
            assert_eq!(of(algorithm).len(), algorithm.digits());
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..1000)) {
            let _ = parse(&bytes, "x.mf");
        }

        #[test]
        fn what_is_written_is_read_back(name in "[^\\p{C}]{1,30}", upper in any::<bool>()) {
            prop_assume!(name.trim() == name);
            let digest = if upper { SHA1_ABC.to_uppercase() } else { SHA1_ABC.to_owned() };
            let (digests, warnings) = parse(format!("SHA1({name})= {digest}\r\n").as_bytes(), "x.mf");
            prop_assert_eq!(warnings, Vec::<String>::new());
            prop_assert_eq!(&digests[0].file, &name);
        }
    }
}
