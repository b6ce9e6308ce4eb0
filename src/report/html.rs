//! What the pages share: escaping, the frame of a page, its style. A page fetches nothing and runs nothing.

use std::fmt::Write;

use jiff::Timestamp;

use crate::ui::escape;

/// Longest text that stands in a line, in characters. A guest's title may have megabytes.
pub const MAX_LINE: usize = 1000;

/// Longest text that stands in a block (a diff), in bytes: a page stays one that a browser opens at once.
pub const MAX_BLOCK: usize = 64 << 10;

/// What a page may do: nothing but show its own style and pictures that it holds itself.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

const STYLE: &str = include_str!("page.css");

/// Text of whatever origin as HTML text of one line: bounded, nothing in it is markup, and control characters and
/// those that turn the direction of writing are shown.
pub fn text(text: &str) -> String {
    match text.char_indices().nth(MAX_LINE) {
        None => entities(&escape::line(text)),
        Some((at, _)) => format!("{}…", entities(&escape::line(text.get(..at).unwrap_or_default()))),
    }
}

/// The same for a block of several lines; what is left out is said.
pub fn block(text: &str) -> String {
    let end = (0..=MAX_BLOCK.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let shown = entities(&escape::page(text.get(..end).unwrap_or_default()));
    match text.len() - end {
        0 => shown,
        left => format!("{shown}\n… {left} more bytes are in report.json\n"),
    }
}

/// The characters that HTML gives a meaning, in text and in attributes (HTML Standard, section 13.1.4).
fn entities(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// A relative path as the value of `href`: every byte that is not plainly part of a name is encoded (RFC 3986), and it
/// never begins with a scheme.
pub fn href(path: &str) -> String {
    let mut out = "./".to_owned();
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(char::from(byte));
            }
            // Writing to a String cannot fail.
            _ => drop(write!(out, "%{byte:02X}")),
        }
    }
    out
}

/// A moment as people read it: UTC, whole seconds.
pub fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// A page. `title` is text of any origin, `body` is markup.
pub fn page(title: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n\
         <body>\n<main>\n{body}</main>\n<footer>Made by h2k {}. Nothing on this page is fetched from \
         elsewhere.</footer>\n</body>\n</html>\n",
        text(title),
        env!("CARGO_PKG_VERSION"),
    )
}

/// A section with a heading. `body` is markup; without any, there is no section.
pub fn section(heading: &str, body: &str) -> String {
    if body.is_empty() {
        return String::new();
    }
    format!("<section>\n<h2>{heading}</h2>\n{body}</section>\n")
}

/// A table: headings, and rows of cells, all markup. Cells under a heading that begins with `#` hold numbers.
pub fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let class = |column: usize| match headings.get(column) {
        Some(heading) if heading.starts_with('#') => " class=\"num\"",
        _ => "",
    };
    let mut out = "<div class=\"scroll\"><table>\n".to_owned();
    if headings.iter().any(|heading| !heading.is_empty()) {
        out.push_str("<thead><tr>");
        for (column, heading) in headings.iter().enumerate() {
            let _ = write!(out, "<th{}>{}</th>", class(column), heading.trim_start_matches('#'));
        }
        out.push_str("</tr></thead>\n");
    }
    out.push_str("<tbody>\n");
    for row in rows {
        out.push_str("<tr>");
        for (column, cell) in row.iter().enumerate() {
            let _ = write!(out, "<td{}>{cell}</td>", class(column));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody>\n</table></div>\n");
    out
}

/// A word on a coloured ground. `kind` is one of `good`, `bad`, `warn`, `plain`.
pub fn badge(kind: &str, word: &str) -> String {
    format!("<span class=\"badge {kind}\">{}</span>", text(word))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_long_text_is_cut_at_a_character() {
        let cut = text(&"ü".repeat(MAX_LINE + 5));
        assert_eq!(cut.chars().count(), MAX_LINE + 1);
        assert!(cut.ends_with('…'));
        let cut = block(&"ü".repeat(MAX_BLOCK));
        assert!(cut.ends_with(&format!("ü\n… {MAX_BLOCK} more bytes are in report.json\n")), "{}", cut.len());
    }

    #[test]
    fn a_moment_is_told_in_utc() {
        assert_eq!(time(Timestamp::UNIX_EPOCH), "1970-01-01 00:00:00 UTC");
    }

    proptest! {
        #[test]
        fn no_text_is_markup(any in "\\PC*|[<>&\"'a-z/= \n\u{0}-\u{1f}]{0,80}") {
            for shown in [text(&any), block(&any)] {
                prop_assert!(!shown.contains(['<', '>', '"', '\'']), "{}", shown);
                prop_assert!(!shown.chars().any(|c| c.is_control() && c != '\n' && c != '\t'), "{:?}", shown);
            }
        }

        #[test]
        fn no_path_leaves_its_attribute_or_names_a_scheme(any in "\\PC*") {
            let link = href(&any);
            prop_assert!(link.starts_with("./"));
            let plain = |c: char| c.is_ascii_alphanumeric() || "-._~/%".contains(c);
            prop_assert!(link.chars().all(plain), "{}", link);
        }
    }
}
