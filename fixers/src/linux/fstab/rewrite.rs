//! The edit of fstab's text: field 1 of the lines concerned, and nothing else.

use crate::linux::fields::{Field, fields, unescape};
use crate::linux::names::{Names, Resolution, Use, Why};
use crate::linux::text::{Replacement, lines, replace};

/// A line whose device has another name now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renamed {
    /// As it was written.
    pub from: String,
    /// As it is written now.
    pub to: String,
}

/// A line that names a device of the old hardware and stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// Line number, from 1.
    pub line: usize,
    /// The device as written.
    pub spec: String,
    /// Mount point.
    pub mountpoint: String,
    /// Mount options.
    pub options: String,
    /// Why.
    pub why: Why,
}

/// fstab after the edit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rewritten {
    /// The whole text.
    pub text: String,
    /// Lines that changed.
    pub renamed: Vec<Renamed>,
    /// Lines that should and could not.
    pub left: Vec<Left>,
}

/// Replaces device names of the old hardware in the text of an fstab.
pub fn rewrite(text: &str, names: &Names<'_>) -> Rewritten {
    let mut out = Rewritten::default();
    let mut replacements = Vec::new();
    for (index, (offset, line)) in lines(text).enumerate() {
        let fields = fields(offset, line);
        // libmount needs the first three; options may be left out.
        let [spec, mountpoint, fstype, rest @ ..] = fields.as_slice() else { continue };
        let options = rest.first().map_or("", |f| f.text);
        if is_no_disk(fstype.text, options) {
            continue;
        }
        let mountpoint = unescape(mountpoint.text);
        match names.resolve(&unescape(spec.text), &Use::mount(fstype.text, &mountpoint)) {
            Resolution::AlreadyStable => {}
            Resolution::Resolved { stable, .. } => replacements.push(renamed(&mut out, *spec, stable)),
            Resolution::Unresolved(why) => out.left.push(Left {
                line: index + 1,
                spec: spec.text.to_owned(),
                mountpoint,
                options: options.to_owned(),
                why,
            }),
        }
    }
    out.text = replace(text, &replacements);
    out
}

fn renamed(out: &mut Rewritten, spec: Field<'_>, stable: String) -> Replacement {
    out.renamed.push(Renamed { from: spec.text.to_owned(), to: stable.clone() });
    Replacement { start: spec.start, end: spec.start + spec.text.len(), text: stable }
}

/// A CD-ROM drive under a disk's name (`/dev/hdc`), and a bind mount of something in /dev.
fn is_no_disk(fstype: &str, options: &str) -> bool {
    let disc = |t: &str| matches!(t, "iso9660" | "udf");
    fstype.split(',').any(disc) || options.split(',').any(|o| matches!(o, "bind" | "rbind" | "loop"))
}
