//! Screens that are painted here, and what they show.

use super::picture::Picture;
use super::*;

const WHITE: Rgb = [255; 3];
const GREY: Rgb = [170; 3];
/// Blue of VGA's palette, of Windows' boot driver, and of Windows 10.
const BLUE: Rgb = [0, 0, 170];
const BOOT_BLUE: Rgb = [0, 0, 130];
const WINDOWS_10: Rgb = [0, 120, 215];

/// A font of 5 by 7 pixels, unlike the drawings that digits are compared with.
const FONT: &[(char, [&str; 7])] = &[
    ('*', ["  #  ", "# # #", " ### ", "#####", " ### ", "# # #", "  #  "]),
    ('S', [" ####", "#    ", "#    ", " ### ", "    #", "    #", "#### "]),
    ('T', ["#####", "  #  ", "  #  ", "  #  ", "  #  ", "  #  ", "  #  "]),
    ('O', [" ### ", "#   #", "#   #", "#   #", "#   #", "#   #", " ### "]),
    ('P', ["#### ", "#   #", "#   #", "#### ", "#    ", "#    ", "#    "]),
    (':', ["     ", "  #  ", "     ", "     ", "     ", "  #  ", "     "]),
    ('x', ["     ", "     ", "#   #", " # # ", "  #  ", " # # ", "#   #"]),
    ('(', ["   # ", "  #  ", " #   ", " #   ", " #   ", "  #  ", "   # "]),
    ('0', [" ### ", "#   #", "#  ##", "# # #", "##  #", "#   #", " ### "]),
    ('1', ["  #  ", " ##  ", "  #  ", "  #  ", "  #  ", "  #  ", " ### "]),
    ('7', ["#####", "    #", "   # ", "   # ", "  #  ", "  #  ", "  #  "]),
    ('B', ["#### ", "#   #", "#   #", "#### ", "#   #", "#   #", "#### "]),
    ('E', ["#####", "#    ", "#    ", "#### ", "#    ", "#    ", "#####"]),
    ('?', ["#   #", "#####", "#   #", "#####", "#   #", "#####", "#   #"]),
];

/// Writes a line of text, each character `pitch` wide.
fn write(picture: &mut Picture, text: &str, (left, top): (usize, usize), pitch: usize, colour: Rgb) {
    for (n, c) in text.chars().enumerate() {
        let Some((_, rows)) = FONT.iter().find(|(known, _)| *known == c) else { continue };
        for (y, row) in rows.iter().enumerate() {
            for (x, _) in row.bytes().enumerate().filter(|(_, b)| *b == b'#') {
                picture.put(left + n * pitch + x, top + y, colour);
            }
        }
    }
}

fn stop_screen(line: &str, pitch: usize, background: Rgb) -> Picture {
    let mut picture = Picture::filled(pitch * 80, 400, background);
    write(&mut picture, "SPOT TOPS POTS", (0, 16), pitch, GREY);
    write(&mut picture, line, (0, 48), pitch, GREY);
    write(&mut picture, "OOPS", (0, 80), pitch, GREY);
    picture
}

const LINE: &str = "*** STOP: 0x0000007B (0x0000001E 0x00000000)";

fn rectangle(picture: &mut Picture, (x, y, w, h): (usize, usize, usize, usize), colour: Rgb) {
    for at in 0..w * h {
        picture.put(x + at % w, y + at / w, colour);
    }
}

/// The face: `size` is the height of its arc.
fn face(width: usize, height: usize, size: usize, background: Rgb) -> Picture {
    let mut picture = Picture::filled(width, height, background);
    let (left, top, dot) = (width / 10, height / 6, size / 6);
    rectangle(&mut picture, (left, top + size / 4, dot, dot), WHITE);
    rectangle(&mut picture, (left, top + size * 2 / 3, dot, dot), WHITE);
    for y in 0..size {
        // A parabola, `size / 4` deep.
        let off = (2 * y).abs_diff(size);
        let x = left + size / 2 + off * off / (size * 4);
        rectangle(&mut picture, (x, top + y, dot, 1), WHITE);
    }
    rectangle(&mut picture, (left, height * 2 / 3, width / 2, height / 40), WHITE);
    picture
}

fn code(picture: &Picture) -> Option<u32> {
    match look(picture).shows {
        Shows::Stop(code) => code.map(|c| c.0),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_stop_line_is_read_in_any_font_and_at_any_place() {
    for (pitch, background) in [(8, BOOT_BLUE), (9, BLUE), (8, [0; 3])] {
        assert_eq!(code(&stop_screen(LINE, pitch, background)), Some(0x7B));
        assert_eq!(code(&stop_screen(&format!("  {LINE}"), pitch, background)), Some(0x7B));
    }
    let mut moved = Picture::filled(640, 480, BLUE);
    write(&mut moved, LINE, (5, 33), 8, WHITE);
    let look = look(&moved);
    assert_eq!(
        look.words(),
        "the screen shows that Windows stopped: stop code 0x0000007B (INACCESSIBLE_BOOT_DEVICE)"
    );
    assert_eq!(code(&stop_screen(&LINE.replace("7B", "1E"), 8, BLUE)), Some(0x1E));
}

#[test]
fn digits_that_cannot_be_told_are_not_guessed() {
    assert_eq!(code(&stop_screen(&LINE.replace("7B", "?B"), 8, BLUE)), None);
}

#[test]
fn other_text_is_no_stop_screen() {
    for line in [
        "*** STOP: 0x000007B (0x0000001E",
        "*** STOP: 0x0000007B(0x0000001E",
        "**  STOP: 0x0000007B (0x0000001E",
        "*** STOO: 0x0000007B (0x0000001E",
        "*** STOP: 1x0000007B (0x0000001E",
        "",
    ] {
        let look = look(&stop_screen(line, 8, BLUE));
        assert_eq!(look.shows, Shows::Something, "{line}");
        assert_eq!(look.words(), "the screen shows something on #0000aa, 640x400");
    }
}

#[test]
fn the_face_is_found_in_every_colour_and_size() {
    for (width, height, size) in
        [(1024, 768, 110), (1280, 800, 90), (1920, 1080, 130), (640, 480, 60), (320, 200, 40)]
    {
        for background in [WINDOWS_10, [0; 3], [16, 124, 16], [17, 115, 170]] {
            let look = look(&face(width, height, size, background));
            assert_eq!(look.shows, Shows::Stop(None), "{width}x{height} {background:?}");
        }
    }
    let words = "the screen shows that Windows stopped (on #0078d7; its code cannot be read)";
    assert_eq!(look(&face(1024, 768, 110, WINDOWS_10)).words(), words);
}

#[test]
fn what_is_like_a_face_is_none() {
    // A sign-in screen: a clock and text on one colour.
    let mut clock = Picture::filled(1024, 768, WINDOWS_10);
    rectangle(&mut clock, (60, 560, 30, 80), WHITE);
    rectangle(&mut clock, (110, 580, 10, 10), WHITE);
    rectangle(&mut clock, (110, 610, 10, 10), WHITE);
    rectangle(&mut clock, (140, 560, 30, 80), WHITE);
    // A smiling face, and letters of a text screen.
    let mut smiling = Picture::filled(1024, 768, WINDOWS_10);
    let sad = face(1024, 768, 110, WINDOWS_10);
    for at in 0..1024 * 768 {
        smiling.put(1023 - at % 1024, at / 1024, sad.at(at % 1024, at / 1024));
    }
    let mut letters = Picture::filled(720, 400, [0; 3]);
    (0..20).for_each(|n| write(&mut letters, ":( :( :(", (0, n * 16), 9, GREY));
    for picture in [clock, smiling, letters] {
        assert_eq!(look(&picture).shows, Shows::Something);
    }
}

#[test]
fn an_empty_screen_is_empty() {
    let mut empty = Picture::filled(720, 400, [0; 3]);
    assert_eq!(look(&empty).words(), "the screen is empty (black)");
    rectangle(&mut empty, (0, 14, 9, 2), GREY);
    assert_eq!(look(&empty).shows, Shows::Nothing, "a cursor");
    rectangle(&mut empty, (0, 30, 60, 16), GREY);
    assert_eq!(look(&empty).shows, Shows::Something);
}
