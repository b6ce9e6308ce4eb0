//! A screenshot inside a page.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Component, Path};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Largest picture that a page holds, in bytes. A text screen has kilobytes; a desktop's may have more than a page
/// should carry, and lies beside it anyway.
const MAX: u64 = 1 << 20;

/// First bytes of a PNG (PNG Specification, section 5.2).
const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// A PNG of a directory as a `data:` URI, or why it is not shown.
///
/// # Errors
/// In words for the page: it is not there, too large, no PNG, or its name is no file's name.
pub fn data_uri(dir: &Path, name: &str) -> Result<String, &'static str> {
    let mut parts = Path::new(name).components();
    let (Some(Component::Normal(_)), None) = (parts.next(), parts.next()) else {
        return Err("its name leads elsewhere");
    };
    let path = dir.join(name);
    // Not through a link: the page is passed on to others.
    let plain = fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_file());
    let mut bytes = Vec::new();
    let read = File::open(&path).and_then(|file| file.take(MAX + 1).read_to_end(&mut bytes));
    if !plain || read.is_err() {
        return Err("it cannot be read");
    }
    if bytes.len() as u64 > MAX {
        return Err("it is too large for this page");
    }
    if !bytes.starts_with(SIGNATURE) {
        return Err("it is no PNG");
    }
    Ok(format!("data:image/png;base64,{}", STANDARD.encode(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_small_png_of_the_directory_is_shown() {
        let dir = tempfile::tempdir().unwrap();
        let put = |name: &str, content: &[u8]| fs::write(dir.path().join(name), content).unwrap();
        put("good.png", SIGNATURE);
        put("text.png", b"<script>");
        put("large.png", &[SIGNATURE, &vec![0; 1 << 20]].concat());
        std::os::unix::fs::symlink("good.png", dir.path().join("link.png")).unwrap();
        assert_eq!(data_uri(dir.path(), "good.png"), Ok("data:image/png;base64,iVBORw0KGgo=".to_owned()));
        for (name, why) in [
            ("none.png", "it cannot be read"),
            ("link.png", "it cannot be read"),
            ("text.png", "it is no PNG"),
            ("large.png", "it is too large for this page"),
            ("../good.png", "its name leads elsewhere"),
            ("/etc/passwd", "its name leads elsewhere"),
            ("..", "its name leads elsewhere"),
            ("", "its name leads elsewhere"),
        ] {
            assert_eq!(data_uri(dir.path(), name), Err(why), "{name}");
        }
    }
}
