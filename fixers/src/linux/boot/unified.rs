//! The command line inside of a unified kernel image, written over in place.
//!
//! systemd-stub takes as many bytes as the section has in memory, up to the first NUL (systemd-stub(7), `.cmdline`;
//! src/boot/efi/stub.c), and checks nothing where the image is not signed. A longer line grows into the bytes that fill
//! the section up in the file, and the header's size of the section with it.

use super::ID;
use super::arguments::{Editor, Weight};
use super::sealed::named;
use crate::facts::{CmdlinePlace, UkiFacts};
use crate::linux::names::Names;
use crate::linux::reason;
use crate::linux::text::replace;
use crate::{Change, Concern, Content, Edit, Piece, Proposal, Severity};

/// The edit for one image, or why there is none.
pub(super) fn plan(uki: &UkiFacts, names: &Names<'_>, proposal: &mut Proposal) {
    if let Some(why) = &uki.unreadable {
        proposal.concerns.push(Concern::new(
            "guest.boot.uki",
            Severity::Warning,
            &uki.path,
            format!("the unified kernel image cannot be read: {why}"),
            "check the root= of its command line in the guest before the migration",
        ));
        return;
    }
    let place = uki.place.as_ref();
    let Some(text) = place.map(|p| p.text.as_str()).or(uki.cmdline.as_deref()) else { return };
    let mut editor = Editor::new(names, false);
    let after = replace(text, &editor.line(text, 0));
    let edit = match place {
        None => Err(uki.sealed.clone().unwrap_or_else(|| "was not looked at".to_owned())),
        Some(place) => pieces(place, &after),
    };
    match edit {
        Ok(pieces) if !pieces.is_empty() => {
            let size = place.map_or(0, |p| p.file);
            let change = Change::Patch { path: uki.path.clone(), size, pieces };
            proposal.edits.push(Edit::new(ID, reason::renamed(editor.changed()), change));
            let left =
                editor.left().map(|(what, _, weight, _)| (what.to_owned(), weight)).collect::<Vec<_>>();
            if let Some(weight) = left.iter().map(|(_, weight)| *weight).max() {
                let what: Vec<String> = left.into_iter().map(|(what, _)| what).collect();
                proposal.concerns.push(stays(uki, weight, &what.join(", "), ""));
            }
        }
        result => {
            let why = result.err().map(|why| format!(", and cannot be edited: it {why}")).unwrap_or_default();
            proposal.concerns.extend(editor.weight_of_all().map(|w| stays(uki, w, &named(&editor), &why)));
        }
    }
}

fn stays(uki: &UkiFacts, weight: Weight, what: &str, why: &str) -> Concern {
    Concern::new(
        "guest.boot.uki",
        weight.severity(),
        &uki.path,
        format!("the command line inside of the unified kernel image names {what} by the old hardware{why}"),
        "write UUID=… in /etc/kernel/cmdline in the guest, and build the image anew, before the migration",
    )
}

/// What is written over where; nothing if the line stays as it is.
///
/// # Errors
/// It does not fit, in words that follow "it".
fn pieces(place: &CmdlinePlace, after: &str) -> Result<Vec<Piece>, String> {
    if after == place.text {
        return Ok(Vec::new());
    }
    let length = u32::try_from(after.len()).unwrap_or(u32::MAX);
    if length > place.room {
        return Err(format!("has {} bytes for it, and the new line takes {length}", place.room));
    }
    let text = |text: &str| Content::Text(text.to_owned());
    let mut pieces = vec![Piece { offset: place.offset, before: text(&place.text), after: text(after) }];
    if length > place.size {
        // Always bytes, whatever characters the numbers happen to be.
        let bytes = |size: u32| Content::base64(&size.to_le_bytes());
        pieces.push(Piece { offset: place.size_field, before: bytes(place.size), after: bytes(length) });
    }
    Ok(pieces)
}
