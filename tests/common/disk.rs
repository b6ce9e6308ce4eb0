//! Disk images for the tests of `convert`: made by qemu-img, compared by qemu-img.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Place, Ran, ok, run};

pub const MIB: u64 = 1 << 20;
pub const GIB: u64 = 1 << 30;

/// Numbers that look random and are the same each time (xorshift64*).
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.roll() % (to - from)
    }

    /// Bytes that cannot be compressed.
    pub fn noise(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        blake3::Hasher::new().update(&self.roll().to_le_bytes()).finalize_xof().fill(&mut bytes);
        bytes
    }
}

pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A raw file full of bytes that cannot be compressed.
pub fn noise(place: &Place, name: &str, len: u64) -> PathBuf {
    place.write(name, Dice(len | 1).noise(len as usize))
}

/// A raw disk of `size` bytes: noise across the bounds of sectors, clusters, blocks and chunks, bytes that compress
/// well, zeros that are written, holes, and data up to the very end.
pub fn sample(place: &Place, name: &str, size: u64) -> PathBuf {
    let path = place.write(name, b"");
    let file = File::options().write(true).open(&path).unwrap();
    file.set_len(size).unwrap();
    let put = |at: u64, bytes: &[u8]| {
        let len = size.saturating_sub(at).min(bytes.len() as u64) as usize;
        file.write_all_at(&bytes[..len], at).unwrap();
    };
    let mut dice = Dice(size);
    put(0, &dice.noise(3000));
    put((64 << 10) - 512, &dice.noise(1024));
    put(MIB - 7, &dice.noise(300 << 10));
    put(2 * MIB, &[0x5a; 200 << 10]);
    put(3 * MIB, &dice.noise(4096));
    put(4 * MIB - 512, &dice.noise(1024));
    put(9 * MIB, &vec![0; MIB as usize]);
    for at in [size / 2, size / 4 * 3] {
        if at > 16 * MIB {
            put(at - at % 512 - 512, &dice.noise(70 << 10));
        }
    }
    put(size.saturating_sub(700), &dice.noise(700));
    path
}

/// A disk in another format, written by qemu-img. `options` are its own, `-o` and `-c` among them.
pub fn image(raw: &Path, format: &str, options: &[&str], to: &Path) {
    let mut args = vec!["convert", "-f", "raw", "-O", format];
    args.extend(options);
    args.extend([text(raw), text(to)]);
    ok("qemu-img", &args);
}

/// A qcow2 or VMDK that holds what differs from `parent`; the parent is named as `names` spells it.
pub fn child(place: &Place, format: &str, parent: &str, name: &str) -> PathBuf {
    let path = place.path(name);
    ok("qemu-img", &["create", "-q", "-f", format, "-b", parent, "-F", format, text(&path)]);
    path
}

/// Has QEMU write `len` bytes of a pattern.
pub fn poke(path: &Path, format: &str, offset: u64, len: u64, pattern: u8) {
    let write = format!("write -P {pattern} {offset} {len}");
    ok("qemu-io", &["-f", format, "-c", &write, text(path)]);
}

/// What qemu-img says of an image.
pub fn info(path: &Path, format: &str) -> serde_json::Value {
    serde_json::from_str(&ok("qemu-img", &["info", "--output=json", "-f", format, text(path)])).unwrap()
}

/// The same size and the same bytes, as QEMU reads both.
#[track_caller]
pub fn assert_same(one: &Path, one_format: &str, other: &Path, other_format: &str) {
    let size = |path, format| info(path, format)["virtual-size"].as_u64();
    assert_eq!(
        size(one, one_format),
        size(other, other_format),
        "sizes of {} and {}",
        one.display(),
        other.display()
    );
    assert_content(one, one_format, other, other_format);
}

/// The same bytes; what one is longer is zeros.
#[track_caller]
pub fn assert_content(one: &Path, one_format: &str, other: &Path, other_format: &str) {
    let args = ["compare", "-q", "-f", one_format, "-F", other_format, text(one), text(other)];
    run(Command::new("qemu-img").args(args)).expect(0);
}

/// A qcow2 without leaks and errors, that says so of itself.
#[track_caller]
pub fn assert_clean(path: &Path) {
    run(Command::new("qemu-img").args(["check", "-q", "-f", "qcow2"]).arg(path)).expect(0);
}

/// Whether the directory of an unfinished output is there.
pub fn unfinished(out: &Path) -> bool {
    let name = format!(".{}.h2k", out.file_name().unwrap().to_str().unwrap());
    out.with_file_name(name).exists()
}

impl Place {
    /// Runs `h2k convert IN OUT` with `more` options.
    pub fn convert(&self, from: &Path, to: &Path, more: &[&str]) -> Ran {
        let mut args = vec!["convert", text(from), text(to)];
        args.extend(more);
        self.h2k(args)
    }

    /// Converts, and expects `code` with every one of `says` in what is told; nothing lies under the final name, and
    /// the source is untouched.
    #[track_caller]
    pub fn refused(&self, from: &Path, to: &Path, more: &[&str], code: i32, says: &[&str]) -> Ran {
        let source = from.parent().filter(|dir| dir.is_dir());
        let before = source.map(super::digests);
        let ran = self.convert(from, to, more).expect(code);
        for part in says {
            assert!(ran.stderr.contains(part), "'{part}' is not said:\n{}", ran.stderr);
        }
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
        assert!(!to.exists(), "something lies under the final name");
        assert_eq!(source.map(super::digests), before, "the source was touched");
        ran
    }

    /// Converts, and expects success with JSON about it.
    #[track_caller]
    pub fn converted(&self, from: &Path, to: &Path, more: &[&str]) -> serde_json::Value {
        let mut all = vec!["--json", "-q"];
        all.extend(more);
        let done = self.convert(from, to, &all).expect(0).json();
        assert!(!unfinished(to), "work was left behind");
        done
    }
}
