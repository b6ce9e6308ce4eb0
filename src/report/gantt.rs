//! Stages on a time axis, as an SVG inside a page.

use std::fmt::Write;

use super::html;
use crate::stage::Stage;

/// Width of the drawing in its own units; a page scales it.
const WIDTH: f64 = 1000.0;
/// Where the axis begins: labels stand left of it.
const LEFT: f64 = 190.0;
/// Right of the axis: the last tick's number has room.
const RIGHT: f64 = 30.0;
/// Height of a row.
const ROW: f64 = 26.0;
/// Height of a bar.
const BAR: f64 = 16.0;
/// Height of the axis above the rows.
const TOP: f64 = 28.0;
/// Narrowest bar: a stage of a millisecond is seen.
const NARROWEST: f64 = 2.0;
/// Longest label in characters; the whole of it is the row's title.
const LABEL: usize = 24;
/// About how many ticks the axis has.
const TICKS: f64 = 8.0;
/// Distances of ticks that people count in, in seconds.
const STEPS: &[f64] = &[
    0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0,
];

/// A row of the drawing.
pub struct Row {
    /// What stands left of it, of any origin.
    pub label: String,
    /// Heading of the rows that begin here.
    pub group: Option<String>,
    /// Its bars.
    pub bars: Vec<Bar>,
}

/// A bar.
pub struct Bar {
    /// Stage: its colour.
    pub stage: Stage,
    /// Begin on the axis, in seconds.
    pub from: f64,
    /// Length in seconds.
    pub seconds: f64,
    /// What a pointer on it shows, of any origin.
    pub title: String,
    /// It was done by an earlier run.
    pub resumed: bool,
    /// It did not end well.
    pub failed: bool,
}

/// The drawing; nothing where there is no bar.
pub fn svg(rows: &[Row]) -> String {
    let span = rows.iter().flat_map(|row| &row.bars).map(|bar| bar.from + bar.seconds).fold(0.0, f64::max);
    if span <= 0.0 || !span.is_finite() {
        return String::new();
    }
    let scale = (WIDTH - LEFT - RIGHT) / span;
    let lines = rows.len() + rows.iter().filter(|row| row.group.is_some()).count();
    let height = TOP + lines as f64 * ROW + 6.0;
    let mut out = format!(
        "<svg class=\"gantt\" viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\" \
         aria-label=\"timeline of the stages\">\n"
    );
    // Writing to a String cannot fail.
    let _ = axis(&mut out, span, scale, height);
    let mut y = TOP;
    for row in rows {
        if let Some(group) = &row.group {
            let _ =
                writeln!(out, "<text class=\"group\" x=\"0\" y=\"{:.1}\">{}</text>", y + 17.0, short(group));
            y += ROW;
        }
        let _ = draw(&mut out, row, y, scale);
        y += ROW;
    }
    out.push_str("</svg>\n");
    out
}

fn axis(out: &mut String, span: f64, scale: f64, height: f64) -> std::fmt::Result {
    let step = step(span);
    let mut at = 0.0;
    while at <= span {
        let x = LEFT + at * scale;
        writeln!(
            out,
            "<line class=\"tick\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"20\" y2=\"{:.1}\"/>",
            height - 4.0
        )?;
        writeln!(out, "<text class=\"axis\" x=\"{x:.1}\" y=\"13\">{}</text>", clock(at))?;
        at += step;
    }
    Ok(())
}

fn step(span: f64) -> f64 {
    let wanted = span / TICKS;
    let day = || (wanted / 14_400.0).ceil() * 14_400.0;
    STEPS.iter().copied().find(|step| *step >= wanted).unwrap_or_else(day)
}

/// A place on the axis: seconds below two minutes, hours and minutes above.
fn clock(seconds: f64) -> String {
    if seconds < 120.0 {
        let text = format!("{seconds:.1}");
        return format!("{} s", text.trim_end_matches(".0"));
    }
    let whole = seconds.round() as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, m, 0) => format!("{m} min"),
        (0, m, s) => format!("{m}:{s:02} min"),
        (h, m, _) => format!("{h}:{m:02} h"),
    }
}

fn draw(out: &mut String, row: &Row, y: f64, scale: f64) -> std::fmt::Result {
    writeln!(out, "<g class=\"row\"><title>{}</title>", html::text(&row.label))?;
    writeln!(
        out,
        "<text class=\"label\" x=\"{}\" y=\"{:.1}\">{}</text>",
        LEFT - 10.0,
        y + 17.0,
        short(&row.label)
    )?;
    for bar in &row.bars {
        let x = LEFT + bar.from.max(0.0) * scale;
        let width = (bar.seconds.max(0.0) * scale).max(NARROWEST);
        let earlier = if bar.resumed { " earlier" } else { "" };
        let failed = if bar.failed { " broke" } else { "" };
        writeln!(
            out,
            "<rect class=\"bar {}{earlier}{failed}\" x=\"{x:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{BAR}\" \
             rx=\"2\"><title>{}</title></rect>",
            bar.stage,
            y + (ROW - BAR) / 2.0,
            html::text(&bar.title)
        )?;
    }
    writeln!(out, "</g>")
}

fn short(label: &str) -> String {
    match label.char_indices().nth(LABEL) {
        None => html::text(label),
        Some((at, _)) => format!("{}…", html::text(label.get(..at).unwrap_or_default())),
    }
}

/// Which colour stands for which stage.
pub fn legend() -> String {
    let keys = Stage::ALL.iter().map(|stage| format!("<span><i class=\"bar {stage}\"></i>{stage}</span>"));
    format!("<p class=\"legend\">{}</p>\n", keys.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(from: f64, seconds: f64) -> Bar {
        Bar { stage: Stage::Fix, from, seconds, title: "fix".to_owned(), resumed: false, failed: false }
    }

    #[test]
    fn bars_stand_where_their_time_is() {
        let row = Row { label: "a".to_owned(), group: None, bars: vec![bar(0.0, 50.0), bar(50.0, 50.0)] };
        let svg = svg(&[row]);
        assert!(svg.contains("x=\"190.0\"") && svg.contains("x=\"580.0\""), "{svg}");
        assert_eq!(svg.matches("width=\"390.0\"").count(), 2, "{svg}");
    }

    #[test]
    fn without_a_time_there_is_no_drawing() {
        assert_eq!(svg(&[]), "");
        let row = Row { label: "a".to_owned(), group: None, bars: vec![bar(0.0, 0.0)] };
        assert_eq!(svg(&[row]), "");
        let row = Row {
            label: "a".to_owned(),
            group: None,
            bars: vec![bar(0.0, f64::NAN), bar(f64::INFINITY, 1.0)],
        };
        assert_eq!(svg(&[row]), "");
    }

    #[test]
    fn the_axis_has_few_ticks_whatever_the_span() {
        for span in [0.05, 1.0, 7.0, 59.0, 100.0, 3599.0, 80_000.0, 3_000_000.0] {
            let ticks = (span / step(span)).floor();
            assert!(ticks <= TICKS, "{span}: {ticks}");
        }
        let told: Vec<_> = [0.0, 0.5, 90.0, 150.0, 600.0, 7260.0].into_iter().map(clock).collect();
        assert_eq!(told, ["0 s", "0.5 s", "90 s", "2:30 min", "10 min", "2:01 h"]);
    }
}
