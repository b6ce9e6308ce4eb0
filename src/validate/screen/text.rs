//! Text of a font of fixed width, which is not known: on VGA's text screen the card's, on Windows' stop screen that of its
//! boot driver. The line is told by its form, in which equal characters must look equal:
//!
//! ```text
//! *** STOP: 0x0000007B (0xF78D2524,0xC0000034,0x00000000,0x00000000)
//! ```

use super::glyphs::{self, Glyph};
use super::picture::{Picture, Rgb};
use super::stop_code::StopCode;

/// Widths of a character: graphics modes have 8 pixels, VGA's text modes 8 or 9.
const PITCHES: [usize; 2] = [8, 9];
/// Height of a line's letters, without the gap to the next.
const HEIGHTS: std::ops::RangeInclusive<usize> = 5..=glyphs::MAX_ROWS;
/// Most lines that are looked at: 1200 pixels have at most 240.
const MAX_LINES: usize = 400;
/// Digits of a stop code.
const DIGITS: usize = 8;
/// The line's form: equal letters are equal characters, a blank is one.
const FORM: &[u8] = b"*** STOP: 0xdddddddd (0x";

/// The code of the line `*** STOP: 0x…`: nothing if no line has that form, `Some(None)` if its digits cannot be told.
pub(super) fn stop_line(picture: &Picture, background: Rgb) -> Option<Option<StopCode>> {
    let mut found = None;
    for (top, height) in lines(picture, background) {
        for pitch in PITCHES {
            for offset in 0..pitch {
                let Some(digits) = at(picture, background, (top, height), pitch, offset) else { continue };
                match glyphs::number(&digits.zero, &digits.digits) {
                    Some(code) => return Some(Some(StopCode(code))),
                    None => found = Some(None),
                }
            }
        }
    }
    found
}

/// Rows of pixels that hold something, between rows that do not: first row, number of rows.
fn lines(picture: &Picture, background: Rgb) -> Vec<(usize, usize)> {
    let mut lines = Vec::new();
    let mut start = None;
    for y in 0..=picture.height() {
        let row = y < picture.height() && (0..picture.width()).any(|x| picture.stands_out(x, y, background));
        match (row, start) {
            (true, None) => start = Some(y),
            (false, Some(top)) => {
                start = None;
                if HEIGHTS.contains(&(y - top)) && lines.len() < MAX_LINES {
                    lines.push((top, y - top));
                }
            }
            _ => {}
        }
    }
    lines
}

/// What the form holds: a zero as it looks, and the digits.
struct Digits {
    zero: Glyph,
    digits: Vec<Glyph>,
}

/// The form in one line, read with characters of `pitch` pixels that begin at `offset`.
fn at(
    picture: &Picture,
    background: Rgb,
    (top, height): (usize, usize),
    pitch: usize,
    offset: usize,
) -> Option<Digits> {
    let count = picture.width().checked_sub(offset)? / pitch;
    let cell = |n: usize| {
        let pixel = |x: usize, y: usize| picture.stands_out(offset + n * pitch + x, top + y, background);
        Glyph::from(pitch, height, pixel)
    };
    let cells: Vec<Glyph> = (0..count).map(cell).collect();
    cells.windows(FORM.len()).find_map(has_form)
}

/// Compares characters with the form.
fn has_form(cells: &[Glyph]) -> Option<Digits> {
    let mut known: Vec<(u8, &Glyph)> = Vec::new();
    let mut digits = Vec::new();
    for (wanted, cell) in FORM.iter().zip(cells) {
        if (*wanted == b' ') != cell.is_blank() {
            return None;
        }
        match wanted {
            b' ' => {}
            b'd' => digits.push(cell.clone()),
            letter => match known.iter().find(|(known, _)| known == letter) {
                Some((_, same)) if *same != cell => return None,
                Some(_) => {}
                None if known.iter().any(|(_, other)| *other == cell) => return None,
                None => known.push((*letter, cell)),
            },
        }
    }
    let zero = known.iter().find(|(letter, _)| *letter == b'0').map(|(_, cell)| (*cell).clone())?;
    (digits.len() == DIGITS).then_some(Digits { zero, digits })
}
