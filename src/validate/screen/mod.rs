//! What the screen of a guest shows, as far as a program can tell: that Windows stopped, and with which code; that there is
//! nothing; that nothing moves. It never proves that a guest came up.
//!
//! ```text
//!  picture  QEMU's PPM as pixels, and its background
//!  text     lines of a font of fixed width: "*** STOP: 0x0000007B (0x…" by its form   ─▶ glyphs (digits) ─▶ stop_code
//!  face     the ":(" of Windows 8 and newer, whatever its colours
//! ```

mod face;
mod glyphs;
pub mod picture;
pub mod stop_code;
#[cfg(test)]
pub(super) mod tests;
mod text;

use picture::{Picture, Rgb};
use stop_code::StopCode;

/// Most pixels that a cursor of a text screen has: one character. A screen without more is empty, and one that differs by no
/// more is still.
pub const CURSOR: usize = 9 * 16;

/// What a picture shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shows {
    /// One colour, or nearly so.
    Nothing,
    /// Windows' stop screen; the code where it can be read.
    Stop(Option<StopCode>),
    /// Something else.
    Something,
}

/// A look at a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// What it shows.
    pub shows: Shows,
    /// The most frequent colour.
    pub background: Rgb,
    /// Width and height.
    pub size: (usize, usize),
}

/// Looks at a picture.
pub fn look(picture: &Picture) -> Look {
    let (background, count) = picture.background();
    let shows = if picture.pixels().saturating_sub(count) <= CURSOR {
        Shows::Nothing
    } else if let Some(code) = text::stop_line(picture, background) {
        Shows::Stop(code)
    } else if face::is_there(picture, background) {
        Shows::Stop(None)
    } else {
        Shows::Something
    };
    Look { shows, background, size: (picture.width(), picture.height()) }
}

impl Look {
    /// In words.
    pub fn words(&self) -> String {
        let [r, g, b] = self.background;
        let colour = match self.background {
            [0, 0, 0] => "black".to_owned(),
            _ => format!("#{r:02x}{g:02x}{b:02x}"),
        };
        match &self.shows {
            Shows::Nothing => format!("the screen is empty ({colour})"),
            Shows::Stop(Some(code)) => format!("the screen shows that Windows stopped: {code}"),
            Shows::Stop(None) => {
                format!("the screen shows that Windows stopped (on {colour}; its code cannot be read)")
            }
            Shows::Something => {
                let (width, height) = self.size;
                format!("the screen shows something on {colour}, {width}x{height}")
            }
        }
    }
}
