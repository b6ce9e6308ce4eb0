//! Digits by their shape. The font is not known, so a digit is compared with drawings of all sixteen, both brought to one
//! size; one that is not clearly nearer to one drawing than to all others is not told.

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
        let row = |y: usize| (0..width.min(16)).filter(|x| pixel(*x, y)).fold(0, |row, x| row | 1 << x);
        Self { rows: (0..height.min(MAX_ROWS)).map(row).collect() }
    }

    pub(super) fn is_blank(&self) -> bool {
        self.rows.iter().all(|row| *row == 0)
    }

    fn has(&self, x: usize, y: usize) -> bool {
        self.rows.get(y).is_some_and(|row| row >> x & 1 == 1)
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

/// Drawings of the digits, `0` to `F`.
const DRAWINGS: [[&str; 9]; 16] = [
    [" ##### ", "##   ##", "##  ###", "## ####", "#### ##", "###  ##", "##   ##", "##   ##", " ##### "],
    ["  ##  ", " ###  ", "####  ", "  ##  ", "  ##  ", "  ##  ", "  ##  ", "  ##  ", "######"],
    [" ##### ", "##   ##", "     ##", "    ## ", "   ##  ", "  ##   ", " ##    ", "##   ##", "#######"],
    [" ##### ", "##   ##", "     ##", "     ##", "  #### ", "     ##", "     ##", "##   ##", " ##### "],
    ["    ## ", "   ### ", "  #### ", " ## ## ", "##  ## ", "#######", "    ## ", "    ## ", "   ####"],
    ["#######", "##     ", "##     ", "##     ", "###### ", "     ##", "     ##", "##   ##", " ##### "],
    ["  ###  ", " ##    ", "##     ", "##     ", "###### ", "##   ##", "##   ##", "##   ##", " ##### "],
    ["#######", "##   ##", "     ##", "     ##", "    ## ", "   ##  ", "  ##   ", "  ##   ", "  ##   "],
    [" ##### ", "##   ##", "##   ##", "##   ##", " ##### ", "##   ##", "##   ##", "##   ##", " ##### "],
    [" ##### ", "##   ##", "##   ##", "##   ##", " ######", "     ##", "     ##", "    ## ", " ####  "],
    ["   #   ", "  ###  ", " ## ## ", "##   ##", "##   ##", "#######", "##   ##", "##   ##", "##   ##"],
    ["###### ", " ##  ##", " ##  ##", " ##  ##", " ##### ", " ##  ##", " ##  ##", " ##  ##", "###### "],
    ["  #### ", " ##  ##", "##    #", "##     ", "##     ", "##     ", "##    #", " ##  ##", "  #### "],
    ["#####  ", " ## ## ", " ##  ##", " ##  ##", " ##  ##", " ##  ##", " ##  ##", " ## ## ", "#####  "],
    ["#######", " ##  ##", " ##   #", " ## #  ", " ####  ", " ## #  ", " ##   #", " ##  ##", "#######"],
    ["#######", " ##  ##", " ##   #", " ## #  ", " ####  ", " ## #  ", " ##    ", " ##    ", "####   "],
];

/// The number that hexadecimal `digits` make, where `zero` shows what a zero looks like here. Nothing if one of them cannot be
/// told.
pub(super) fn number(zero: &Glyph, digits: &[Glyph]) -> Option<u32> {
    let drawings: Vec<Vec<u32>> = DRAWINGS.iter().filter_map(|drawing| drawn(drawing).shape()).collect();
    digits.iter().try_fold(0u32, |number, digit| {
        let digit = if digit == zero { 0 } else { value(digit, &drawings)? };
        number.checked_mul(16)?.checked_add(digit)
    })
}

fn drawn(drawing: &[&str; 9]) -> Glyph {
    let ink = |x: usize, y: usize| drawing.get(y).and_then(|row| row.as_bytes().get(x)) == Some(&b'#');
    Glyph::from(GRID.0, GRID.1, ink)
}

/// The digit that is clearly the nearest; a zero would be equal to the one that is known.
fn value(digit: &Glyph, drawings: &[Vec<u32>]) -> Option<u32> {
    let shape = digit.shape()?;
    let distance = |drawing: &Vec<u32>| {
        let sum: u32 = drawing.iter().zip(&shape).map(|(a, b)| a.abs_diff(*b)).sum();
        sum / u32::try_from(shape.len()).unwrap_or(1)
    };
    let mut ranked: Vec<(u32, usize)> =
        drawings.iter().enumerate().skip(1).map(|(n, drawing)| (distance(drawing), n)).collect();
    ranked.sort_unstable();
    match ranked.as_slice() {
        [(best, digit), (next, _), ..] if *best <= FAR && next - best >= MARGIN => u32::try_from(*digit).ok(),
        _ => None,
    }
}
