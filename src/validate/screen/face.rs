//! The `:(` on the stop screen of Windows 8 and newer: two dots above each other, and to their right an arc that is open to
//! the right. Colours and language do not matter; Windows' other full screens have no such thing.

use super::picture::{Picture, Rgb};

/// Width that pictures are brought down to, in fields: the face is still some fifty of them high.
const FIELDS: usize = 400;
/// Least height of the arc, in hundredths of the screen's: a letter of a text screen has four.
const LEAST_ARC: usize = 6;
/// Most shapes that are compared with each other.
const MAX_SHAPES: usize = 3000;

/// A connected shape: its bounds, and the leftmost field of each row.
#[derive(Debug)]
struct Shape {
    left: usize,
    right: usize,
    top: usize,
    bottom: usize,
    fields: usize,
    edge: Vec<usize>,
}

impl Shape {
    fn width(&self) -> usize {
        self.right - self.left + 1
    }

    fn height(&self) -> usize {
        self.bottom - self.top + 1
    }

    /// About as high as wide, and filled.
    fn is_dot(&self) -> bool {
        let (w, h) = (self.width(), self.height());
        w >= 2 && h >= 2 && w * 2 >= h && h * 2 >= w && self.fields * 10 >= w * h * 6
    }

    /// Narrow, and its middle stands farther to the left than both its ends.
    fn is_arc(&self, screen: usize) -> bool {
        let middle = self.edge.get(self.edge.len() / 2).copied().unwrap_or_default();
        let ends = self.edge.first().zip(self.edge.last());
        let bent = ends.is_some_and(|(first, last)| {
            let bow = self.width().div_ceil(4);
            *first >= middle + bow && *last >= middle + bow
        });
        self.height() * 100 >= screen * LEAST_ARC && self.width() * 10 <= self.height() * 7 && bent
    }
}

/// Whether the face is there, in the left half and the upper two thirds.
pub(super) fn is_there(picture: &Picture, background: Rgb) -> bool {
    let map = Map::of(picture, background);
    let shapes = map.shapes();
    let inside = |s: &&Shape| s.right * 2 <= map.width && s.top * 3 <= map.height * 2;
    let dots: Vec<&Shape> = shapes.iter().filter(inside).filter(|s| s.is_dot()).collect();
    let arcs = shapes.iter().filter(inside).filter(|s| s.is_arc(map.height));
    arcs.into_iter().any(|arc| {
        let before = |dot: &&&Shape| {
            dot.right < arc.left
                && arc.left - dot.right <= arc.height()
                && dot.top >= arc.top
                && dot.bottom <= arc.bottom
        };
        let near: Vec<&&Shape> = dots.iter().filter(before).collect();
        near.iter().any(|upper| near.iter().any(|lower| colon(upper, lower)))
    })
}

/// Two dots of one size, one above the other with a gap.
fn colon(upper: &Shape, lower: &Shape) -> bool {
    let like = |a: usize, b: usize| a.abs_diff(b) * 2 <= a.max(b);
    let aligned = (upper.left + upper.right).abs_diff(lower.left + lower.right) <= upper.width();
    let apart = lower.top > upper.bottom && (lower.top - upper.bottom) * 2 >= upper.height();
    aligned && apart && like(upper.width(), lower.width()) && like(upper.height(), lower.height())
}

/// What stands out, brought down to fields.
struct Map {
    width: usize,
    height: usize,
    ink: Vec<bool>,
}

impl Map {
    fn of(picture: &Picture, background: Rgb) -> Self {
        let step = picture.width().div_ceil(FIELDS).max(1);
        let (width, height) = (picture.width().div_ceil(step), picture.height().div_ceil(step));
        let ink = (0..width * height).map(|n| {
            picture.stands_out(n % width * step + step / 2, n / width * step + step / 2, background)
        });
        Self { width, height, ink: ink.collect() }
    }

    fn shapes(&self) -> Vec<Shape> {
        let mut left = self.ink.clone();
        let mut shapes = Vec::new();
        for start in 0..left.len() {
            if left.get(start) == Some(&true) && shapes.len() < MAX_SHAPES {
                shapes.push(self.shape(start, &mut left));
            }
        }
        shapes
    }

    /// Takes the shape that holds `start` out of `left`.
    fn shape(&self, start: usize, left: &mut [bool]) -> Shape {
        let mut found = Vec::new();
        let mut todo = vec![start];
        while let Some(at) = todo.pop() {
            match left.get_mut(at) {
                Some(ink) if *ink => *ink = false,
                _ => continue,
            }
            let (x, y) = (at % self.width, at / self.width);
            found.push((x, y));
            for (dx, dy) in [(0, 1), (1, 0), (1, 2), (2, 1), (0, 0), (0, 2), (2, 0), (2, 2)] {
                let (Some(x), Some(y)) = ((x + dx).checked_sub(1), (y + dy).checked_sub(1)) else { continue };
                if x < self.width && y < self.height {
                    todo.push(y * self.width + x);
                }
            }
        }
        let bounds = |values: &mut dyn Iterator<Item = usize>| {
            values.fold((usize::MAX, 0), |(low, high), v| (low.min(v), high.max(v)))
        };
        let (west, east) = bounds(&mut found.iter().map(|(x, _)| *x));
        let (top, bottom) = bounds(&mut found.iter().map(|(_, y)| *y));
        let mut edge = vec![usize::MAX; bottom - top + 1];
        for (x, y) in &found {
            if let Some(first) = edge.get_mut(y - top) {
                *first = (*first).min(*x);
            }
        }
        Shape { left: west, right: east, top, bottom, fields: found.len(), edge }
    }
}
