//! Progress as `qemu-img -p` prints it to stdout: `    (12.34/100%)`, ended by a carriage return.

/// Percent done, or `None` if the line is no progress.
pub fn parse_progress(line: &str) -> Option<f64> {
    let percent = line.trim().strip_prefix('(')?.strip_suffix("/100%)")?.parse::<f64>().ok()?;
    (0.0..=100.0).contains(&percent).then_some(percent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_told_from_text() {
        for (line, percent) in [
            ("    (0.00/100%)", Some(0.0)),
            ("    (12.34/100%)", Some(12.34)),
            ("    (100.00/100%)", Some(100.0)),
            ("Image resized.", None),
            ("    (nan/100%)", None),
            ("    (-1/100%)", None),
            ("", None),
        ] {
            assert_eq!(parse_progress(line), percent, "{line:?}");
        }
    }
}
