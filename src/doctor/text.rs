//! What the checks found, for people.

use super::{Checked, Health};
use crate::ui::table::table;

/// A row for each check, what to do below it, and how many there are of each kind.
pub fn text(checked: &[Checked]) -> String {
    let rows: Vec<Vec<String>> = checked
        .iter()
        .map(|c| vec![c.finding.health.name().to_owned(), c.title.to_owned(), c.finding.message.clone()])
        .collect();
    let mut out = String::new();
    for (line, checked) in table(&rows).lines().zip(checked) {
        out.push_str(line);
        out.push('\n');
        for mend in mends(checked) {
            out.push_str(&format!("        {mend}\n"));
        }
    }
    let count = |health| checked.iter().filter(|c| c.finding.health == health).count();
    let (ok, warn, fail) = (count(Health::Ok), count(Health::Warn), count(Health::Fail));
    out.push_str(&format!("\n{} checks: {ok} ok, {warn} to look at, {fail} failed\n", checked.len()));
    out
}

/// What was said, and what to do.
fn mends(checked: &Checked) -> Vec<String> {
    let mut lines = Vec::new();
    if !checked.finding.detail.is_empty() {
        lines.push(checked.finding.detail.clone());
    }
    if let Some(p) = checked.finding.packages {
        lines.push(format!(
            "install {} (Debian, Ubuntu), {} (Fedora, RHEL), {} (SUSE)",
            p.debian, p.fedora, p.suse
        ));
    }
    if !checked.finding.advice.is_empty() {
        lines.push(checked.finding.advice.clone());
    }
    lines
}
