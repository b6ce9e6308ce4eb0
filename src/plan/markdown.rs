//! A plan as Markdown, for tickets and reviews.

use std::fmt::Write;

use super::{Plan, diff, text};

/// The plan as Markdown.
pub fn markdown(plan: &Plan) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write_plan(&mut out, plan);
    out
}

fn write_plan(out: &mut String, plan: &Plan) -> std::fmt::Result {
    writeln!(out, "# Plan for {}\n", inline(&plan.name))?;
    writeln!(out, "- source: {}", inline(&plan.source.path.display().to_string()))?;
    writeln!(out, "- guest: {}", inline(&text::guest_line(plan)))?;
    for line in text::target_lines(&plan.target) {
        writeln!(out, "- {}", inline(&line.split_whitespace().collect::<Vec<_>>().join(" ")))?;
    }
    writeln!(out, "- forecast: {} on the target", text::bytes(plan.forecast.target_bytes))?;
    if let Some(memory) = plan.forecast.memory_bytes {
        writeln!(out, "- memory: {} at most", text::bytes(memory))?;
    }
    if let Some(time) = &plan.forecast.time {
        writeln!(out, "- time: {}", text::span(&time.all))?;
        for line in text::time_lines(time) {
            writeln!(out, "  - {}", inline(&line))?;
        }
    }
    writeln!(out, "- source digest: `{}`\n", plan.source_digest)?;
    writeln!(out, "## Concerns\n")?;
    for c in &plan.concerns {
        let (id, weight) = (&c.id, text::severity(c.severity));
        let then = match &c.accepted {
            Some(reason) => format!("*Accepted: {}*", inline(reason)),
            None => inline(&c.advice),
        };
        writeln!(out, "- **{weight}** `{id}` {}: {}. {then}", inline(&c.subject), inline(&c.message))?;
    }
    writeln!(out, "\n## Edits\n")?;
    for (number, edit) in plan.edits.iter().enumerate() {
        writeln!(
            out,
            "{}. {} (`{}`): {}\n",
            number + 1,
            inline(&diff::headline(edit)),
            edit.fixer,
            inline(&edit.reason)
        )?;
        let body = diff::unified(edit);
        if !body.is_empty() {
            let fence = fence(&body);
            writeln!(out, "{fence}diff\n{body}{fence}\n")?;
        }
    }
    Ok(())
}

/// Text of a guest or a source inside a line: markup characters lose their meaning.
pub fn inline(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' => out.push(' '),
            '\\' | '`' | '*' | '_' | '<' | '>' | '[' | ']' | '|' | '#' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// A fence longer than any run of backticks in the text (CommonMark 0.31, section 4.5).
fn fence(body: &str) -> String {
    let mut longest = 0;
    let mut run = 0;
    for c in body.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    "`".repeat(longest.max(2) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guest_text_cannot_close_its_fence() {
        assert_eq!(fence("a ``` b"), "````");
        assert_eq!(fence("plain"), "```");
    }

    #[test]
    fn guest_text_has_no_markup() {
        assert_eq!(inline("a*b\n<script>"), "a\\*b \\<script\\>");
    }
}
