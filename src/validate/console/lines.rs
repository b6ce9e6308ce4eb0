//! Terminal output as lines of text: escape sequences out, cursor jumps are line ends, every line bounded.
//!
//! Source: ECMA-48 (control sequences `ESC [ … final`, strings `ESC ] … BEL`), as far as GRUB, SeaBIOS, OVMF, systemd
//! and BusyBox use it on a serial line.

/// Longest line in bytes; what is longer is taken as several.
const MAX_LINE: usize = 1024;

/// Longest parameters of a control sequence that are kept; a cursor position has seven.
const MAX_PARAMETERS: usize = 16;

/// Takes bytes and gives lines.
#[derive(Debug, Default)]
pub struct Lines {
    line: Vec<u8>,
    state: State,
    /// Parameters of the control sequence that is open.
    parameters: Vec<u8>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    /// After ESC.
    Escape,
    /// After ESC and an intermediate byte: one more byte belongs to it.
    Designate,
    /// In a control sequence.
    Control,
    /// In a string: title, device control and the like.
    String,
    /// In a string, after ESC.
    StringEscape,
}

impl Lines {
    /// Takes bytes; gives each line that ended, without its end, if there is anything in it.
    pub fn feed(&mut self, bytes: &[u8], mut ended: impl FnMut(&str)) {
        for &byte in bytes {
            if self.take(byte) && !self.line.is_empty() {
                ended(&self.current());
                self.line.clear();
            }
        }
    }

    /// The line that has not ended: where a prompt stands. It goes into messages, so nothing in it steers a terminal.
    pub fn current(&self) -> String {
        let text = String::from_utf8_lossy(&self.line);
        text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
    }

    /// Takes a byte; tells whether the line ended.
    fn take(&mut self, byte: u8) -> bool {
        match self.state {
            State::Text => return self.text(byte),
            State::Escape => {
                self.parameters.clear();
                self.state = match byte {
                    b'[' => State::Control,
                    b']' | b'P' | b'X' | b'^' | b'_' => State::String,
                    0x20..=0x2f => State::Designate,
                    _ => State::Text,
                };
                // `ESC c` resets the terminal: SeaBIOS begins with it.
                return byte == b'c';
            }
            State::Designate => self.state = State::Text,
            State::Control => return self.control(byte),
            State::String => match byte {
                0x07 | b'\n' => self.state = State::Text,
                0x1b => self.state = State::StringEscape,
                _ => {}
            },
            State::StringEscape => self.state = State::Text,
        }
        false
    }

    /// Takes a byte of a control sequence; tells whether the line ended.
    fn control(&mut self, byte: u8) -> bool {
        match byte {
            0x40..=0x7e => {
                self.state = State::Text;
                return match byte {
                    b'H' | b'f' => self.leaves_line(),
                    // Cursor to another line, or screen cleared.
                    _ => matches!(byte, b'A' | b'B' | b'E' | b'F' | b'J' | b'd'),
                };
            }
            0x30..=0x3f if self.parameters.len() < MAX_PARAMETERS => self.parameters.push(byte),
            0x1b => self.state = State::Escape,
            // A control character within a sequence: broken off.
            b'\n' | b'\r' => {
                self.state = State::Text;
                return true;
            }
            _ => {}
        }
        false
    }

    /// Does a cursor position (`row;column`) leave the line? SeaBIOS repeats the position it is at in the middle of
    /// words, so one that is near the line's end does not.
    fn leaves_line(&self) -> bool {
        let text = String::from_utf8_lossy(&self.parameters);
        let column = text.split(';').nth(1).and_then(|c| c.parse::<usize>().ok()).unwrap_or(1);
        column <= 1 || column > self.line.len().saturating_add(2)
    }

    fn text(&mut self, byte: u8) -> bool {
        match byte {
            b'\n' | b'\r' => return true,
            0x1b => self.state = State::Escape,
            0x08 => {
                self.line.pop();
            }
            b'\t' => self.line.push(b' '),
            0x20..=0x7e | 0x80..=0xff => self.line.push(byte),
            _ => {}
        }
        self.line.len() >= MAX_LINE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes: &[u8], step: usize) -> (Vec<String>, String) {
        let mut lines = Lines::default();
        let mut out = Vec::new();
        for piece in bytes.chunks(step) {
            lines.feed(piece, |l| out.push(l.to_owned()));
        }
        (out, lines.current())
    }

    #[test]
    fn escapes_go_and_jumps_end_lines() {
        let text = b"\x1bc\x1b[?7l\x1b[2J\x1b[0mSeaBIOS\r\n\r\n[\x1b[0;32m  OK  \x1b[0m] up\r\n\x1b]0;title\x07a\x1b(Bb\tc\
                     \x1b[5;1Hgrub> l\x08";
        for step in [1, 2, 1000] {
            let (ended, current) = lines(text, step);
            assert_eq!(ended, ["SeaBIOS", "[  OK  ] up", "ab c"]);
            assert_eq!(current, "grub> ");
        }
    }

    #[test]
    fn a_position_within_the_line_does_not_end_it() {
        let (ended, current) = lines(b"We\x1b[04;02H\x1b[04;03Hlcome\r\nx\x1b[2;24HGNU\x1b[3;1Hgrub> ", 2);
        assert_eq!(ended, ["Welcome", "x", "GNU"]);
        assert_eq!(current, "grub> ");
    }

    #[test]
    fn nothing_steers_a_terminal() {
        let (ended, _) = lines("a\u{9b}31mb\x7f\0c\n".as_bytes(), 3);
        assert_eq!(ended, ["a\u{fffd}31mbc"]);
    }

    #[test]
    fn an_endless_line_is_cut() {
        let (ended, current) = lines(&[b'x'; 2 * MAX_LINE + 5], 100);
        assert_eq!(ended.len(), 2);
        assert_eq!(current, "xxxxx");
        let (ended, _) = lines(&[&b"\x1b["[..], &[b'1'; 9999], b"m after\n"].concat(), 7);
        assert_eq!(ended, [" after"]);
    }
}
