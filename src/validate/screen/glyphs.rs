//! Digits by their shape. The font is not known, so a digit is compared with drawings of all sixteen, both brought to one
//! size; one that is not clearly nearer to one digit's drawings than to all others' is not told.

use std::collections::BTreeMap;

/// Most rows of a glyph.
pub(super) const MAX_ROWS: usize = 20;
/// Size that shapes are compared in: columns and rows.
const GRID: (usize, usize) = (7, 9);
/// Farthest that a digit may be from its drawing, in hundredths of the grid.
const FAR: u32 = 24;
/// How much farther the next drawing must be, in hundredths of the grid.
const MARGIN: u32 = 3;

/// A character's pixels: a row is a number, its lowest bit the leftmost pixel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Glyph {
    rows: Vec<u16>,
}

impl Glyph {
    pub(super) fn from(width: usize, height: usize, pixel: impl Fn(usize, usize) -> bool) -> Self {
        let row = |y: usize| (0..width.min(16)).filter(|x| pixel(*x, y)).fold(0, |row, x| row | (1 << x));
        Self { rows: (0..height.min(MAX_ROWS)).map(row).collect() }
    }

    pub(super) fn is_blank(&self) -> bool {
        self.rows.iter().all(|row| *row == 0)
    }

    fn has(&self, x: usize, y: usize) -> bool {
        self.rows.get(y).is_some_and(|row| (row >> x) & 1 == 1)
    }

    /// The part that is not empty, stretched to the grid: how dark each of its fields is, 0 to 100.
    fn shape(&self) -> Option<Vec<u32>> {
        let all = self.rows.iter().fold(0, |all, row| all | row);
        let (left, right) = (all.trailing_zeros() as usize, (16 - all.leading_zeros()) as usize);
        let top = self.rows.iter().position(|row| *row != 0)?;
        let bottom = self.rows.iter().rposition(|row| *row != 0)? + 1;
        let (columns, rows) = GRID;
        let field = |n: usize| {
            let (column, row) = (n % columns, n / columns);
            // Four samples a side are enough for letters of some ten pixels.
            let samples = (0..16).filter(|s| {
                let x = (column * 4 + s % 4) * (right - left) / (columns * 4);
                let y = (row * 4 + s / 4) * (bottom - top) / (rows * 4);
                self.has(left + x, top + y)
            });
            u32::try_from(samples.count()).unwrap_or(0) * 100 / 16
        };
        Some((0..columns * rows).map(field).collect())
    }
}

/// Drawings of the digits but zero, some with serifs and without.
#[rustfmt::skip]
const DRAWINGS: [(u32, [&str; 9]); 24] = [
    (0x1, ["  ##  ", " ###  ", "####  ", "  ##  ", "  ##  ", "  ##  ", "  ##  ", "  ##  ", "######"]),
    (0x1, ["  ##  ", " ###  ", "  ##  ", "  ##  ", "  ##  ", "  ##  ", "  ##  ", "  ##  ", " #### "]),
    (0x2, [" ##### ", "##   ##", "     ##", "    ## ", "   ##  ", "  ##   ", " ##    ", "##   ##", "#######"]),
    (0x3, [" ##### ", "##   ##", "     ##", "     ##", "  #### ", "     ##", "     ##", "##   ##", " ##### "]),
    (0x4, ["    ## ", "   ### ", "  #### ", " ## ## ", "##  ## ", "#######", "    ## ", "    ## ", "   ####"]),
    (0x4, ["    ## ", "   ### ", "  # ## ", " #  ## ", "#   ## ", "#######", "    ## ", "    ## ", "    ## "]),
    (0x5, ["#######", "##     ", "##     ", "##     ", "###### ", "     ##", "     ##", "##   ##", " ##### "]),
    (0x6, ["  ###  ", " ##    ", "##     ", "##     ", "###### ", "##   ##", "##   ##", "##   ##", " ##### "]),
    (0x7, ["#######", "##   ##", "     ##", "     ##", "    ## ", "   ##  ", "  ##   ", "  ##   ", "  ##   "]),
    (0x7, ["#######", "     ##", "    ## ", "    ## ", "   ##  ", "   ##  ", "  ##   ", "  ##   ", "  ##   "]),
    (0x8, [" ##### ", "##   ##", "##   ##", "##   ##", " ##### ", "##   ##", "##   ##", "##   ##", " ##### "]),
    (0x9, [" ##### ", "##   ##", "##   ##", "##   ##", " ######", "     ##", "     ##", "    ## ", " ####  "]),
    (0xA, ["   #   ", "  ###  ", " ## ## ", "##   ##", "##   ##", "#######", "##   ##", "##   ##", "##   ##"]),
    (0xA, ["  ###  ", " ## ## ", "##   ##", "##   ##", "##   ##", "#######", "##   ##", "##   ##", "##   ##"]),
    (0xB, ["###### ", " ##  ##", " ##  ##", " ##  ##", " ##### ", " ##  ##", " ##  ##", " ##  ##", "###### "]),
    (0xB, ["###### ", "##   ##", "##   ##", "##   ##", "###### ", "##   ##", "##   ##", "##   ##", "###### "]),
    (0xC, ["  #### ", " ##  ##", "##    #", "##     ", "##     ", "##     ", "##    #", " ##  ##", "  #### "]),
    (0xC, [" ##### ", "##   ##", "##     ", "##     ", "##     ", "##     ", "##     ", "##   ##", " ##### "]),
    (0xD, ["#####  ", " ## ## ", " ##  ##", " ##  ##", " ##  ##", " ##  ##", " ##  ##", " ## ## ", "#####  "]),
    (0xD, ["#####  ", "##  ## ", "##   ##", "##   ##", "##   ##", "##   ##", "##   ##", "##  ## ", "#####  "]),
    (0xE, ["#######", " ##  ##", " ##   #", " ## #  ", " ####  ", " ## #  ", " ##   #", " ##  ##", "#######"]),
    (0xE, ["#######", "##     ", "##     ", "##     ", "###### ", "##     ", "##     ", "##     ", "#######"]),
    (0xF, ["#######", " ##  ##", " ##   #", " ## #  ", " ####  ", " ## #  ", " ##    ", " ##    ", "####   "]),
    (0xF, ["#######", "##     ", "##     ", "##     ", "###### ", "##     ", "##     ", "##     ", "##     "]),
];

/// The number that hexadecimal `digits` make, where `zero` shows what a zero looks like here. Nothing if one of them cannot be
/// told.
pub(super) fn number(zero: &Glyph, digits: &[Glyph]) -> Option<u32> {
    let drawings: Vec<(u32, Vec<u32>)> =
        DRAWINGS.iter().filter_map(|(digit, drawing)| Some((*digit, drawn(drawing).shape()?))).collect();
    digits.iter().try_fold(0u32, |number, digit| {
        let digit = if digit == zero { 0 } else { value(&digit.shape()?, &drawings)? };
        number.checked_mul(16)?.checked_add(digit)
    })
}

fn drawn(drawing: &[&str; 9]) -> Glyph {
    let ink = |x: usize, y: usize| drawing.get(y).and_then(|row| row.as_bytes().get(x)) == Some(&b'#');
    Glyph::from(GRID.0, GRID.1, ink)
}

/// The digit that is clearly the nearest; a zero would be equal to the one that is known.
fn value(shape: &[u32], drawings: &[(u32, Vec<u32>)]) -> Option<u32> {
    let mut nearest = BTreeMap::new();
    for (digit, drawing) in drawings {
        let sum: u32 = drawing.iter().zip(shape).map(|(a, b)| a.abs_diff(*b)).sum();
        let distance = sum / u32::try_from(shape.len()).unwrap_or(1);
        nearest.entry(*digit).and_modify(|known: &mut u32| *known = distance.min(*known)).or_insert(distance);
    }
    let mut ranked: Vec<(u32, u32)> =
        nearest.into_iter().map(|(digit, distance)| (distance, digit)).collect();
    ranked.sort_unstable();
    let [(best, digit), (next, other), (third, _), ..] = ranked.as_slice() else { return None };
    // These two are told by their corners better than by everything.
    let alike = matches!((digit, other), (8, 0xB) | (0xB, 8));
    let (digit, next) = if alike { (eight_or_b(shape)?, third) } else { (*digit, next) };
    (*best <= FAR && next.saturating_sub(*best) >= MARGIN).then_some(digit)
}

/// A B has corners on its left and none on its right; an eight is the same on both sides.
fn eight_or_b(shape: &[u32]) -> Option<u32> {
    let (columns, rows) = GRID;
    let corners = |column: usize| {
        let at = |row: usize| shape.get(row * columns + column).copied().unwrap_or_default();
        at(0) + at(rows - 1)
    };
    match corners(0).checked_sub(corners(columns - 1)) {
        Some(80..) => Some(0xB),
        None | Some(..40) => Some(8),
        Some(_) => None,
    }
}
