//! What the VMs of a batch came to, as a table.

use h2k_fixers::Severity;
use serde::Serialize;

use crate::batch::forecast::Course;
use crate::error::{Failure, FailureKind};
use crate::plan::text::{bytes, duration, guest_system};
use crate::plan::time::Range;
use crate::plan::{Plan, markdown};
use crate::ui::{escape, table::table};

/// What one VM came to: a line of the table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Name.
    pub name: String,
    /// What was planned, or why nothing was.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What came of planning a VM.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Outcome {
    /// It is planned.
    Planned(Planned),
    /// It cannot be planned.
    Failed {
        /// Why.
        error: String,
    },
}

/// What a plan comes to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Planned {
    /// Operating system.
    pub os: String,
    /// Disks.
    pub disks: usize,
    /// Bytes that are copied.
    pub copy_bytes: u64,
    /// Edits in the guest.
    pub edits: usize,
    /// Critical concerns, warnings, information.
    pub concerns: [usize; 3],
    /// Bytes that the result and the unfinished work take.
    pub space_bytes: u64,
    /// Seconds that it takes; `None` where that was not measured.
    pub time: Option<Range>,
    /// Its stages one by one, for the forecast of all.
    #[serde(skip)]
    pub course: Option<Course>,
    /// Its critical concerns, a line each.
    pub critical: Vec<String>,
}

impl Row {
    /// The line of a plan. `course` is what its stages take, where that is known.
    pub fn of(plan: &Plan, course: Option<Course>) -> Self {
        let count = |severity: Severity| plan.concerns.iter().filter(|c| c.severity == severity).count();
        let f = &plan.forecast;
        Self {
            name: plan.name.clone(),
            outcome: Outcome::Planned(Planned {
                os: guest_system(plan),
                disks: plan.target.disks.len(),
                copy_bytes: f.target_bytes,
                edits: plan.edits.len(),
                concerns: [Severity::Critical, Severity::Warning, Severity::Information].map(count),
                space_bytes: f.space(),
                time: f.time.as_ref().map(|time| time.all),
                course,
                critical: plan
                    .critical()
                    .map(|c| format!("{}: {}: {}", c.id, c.subject, c.message))
                    .collect(),
            }),
        }
    }
}

const HEAD: [&str; 10] =
    ["VM", "OS", "DISKS", "TO COPY", "EDITS", "CRITICAL", "WARNINGS", "NOTES", "SPACE", "TIME"];

fn cells(row: &Row) -> Vec<String> {
    let mut cells = vec![row.name.clone()];
    match &row.outcome {
        Outcome::Planned(p) => {
            cells.extend([p.os.clone(), p.disks.to_string(), bytes(p.copy_bytes), p.edits.to_string()]);
            cells.extend(p.concerns.map(|n| n.to_string()));
            cells.push(bytes(p.space_bytes));
            cells.push(p.time.as_ref().map(short).unwrap_or_default());
        }
        Outcome::Failed { .. } => cells.push("cannot be planned".to_owned()),
    }
    cells.iter().map(|cell| escape::line(cell).into_owned()).collect()
}

/// The sums of what can be added up, and the time of all together.
fn total(rows: &[Row], together: Option<&Range>) -> Vec<String> {
    let planned: Vec<&Planned> = rows.iter().filter_map(planned).collect();
    let sum = |of: fn(&Planned) -> u64| planned.iter().map(|p| of(p)).fold(0, u64::saturating_add);
    let concerns =
        |index: usize| planned.iter().filter_map(|p| p.concerns.get(index)).sum::<usize>().to_string();
    let disks: usize = planned.iter().map(|p| p.disks).sum();
    let edits: usize = planned.iter().map(|p| p.edits).sum();
    vec![
        format!("{} VMs", rows.len()),
        String::new(),
        disks.to_string(),
        bytes(sum(|p| p.copy_bytes)),
        edits.to_string(),
        concerns(0),
        concerns(1),
        concerns(2),
        bytes(sum(|p| p.space_bytes)),
        together.map(short).unwrap_or_default(),
    ]
}

/// The time in a table.
fn short(range: &Range) -> String {
    let seconds = |n: f64| duration(n.round() as u64);
    format!("{} ({} to {})", seconds(range.seconds), seconds(range.low), seconds(range.high))
}

/// What a row's plan comes to.
pub(super) fn planned(row: &Row) -> Option<&Planned> {
    match &row.outcome {
        Outcome::Planned(planned) => Some(planned),
        Outcome::Failed { .. } => None,
    }
}

/// Why a row has no plan, as a line.
pub(super) fn failure(row: &Row) -> Option<String> {
    match &row.outcome {
        Outcome::Failed { error } => Some(format!("{}: cannot be planned: {error}", row.name)),
        Outcome::Planned(_) => None,
    }
}

/// For terminals.
pub(super) fn text_table(rows: &[Row], together: Option<&Range>) -> String {
    let mut lines = vec![HEAD.map(str::to_owned).to_vec()];
    lines.extend(rows.iter().map(cells));
    if rows.len() > 1 {
        lines.push(total(rows, together));
    }
    let mut out = table(&lines);
    for row in rows {
        let critical = planned(row).into_iter().flat_map(|p| &p.critical);
        for line in critical.map(|c| format!("{}: [critical] {c}", row.name)).chain(failure(row)) {
            out.push_str(&format!("\n{}", escape::line(&line)));
        }
    }
    out
}

/// For tickets.
pub(super) fn markdown_table(name: &str, rows: &[Row], together: Option<&Range>) -> String {
    let line = |cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|cell| markdown::inline(cell)).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let mut out = format!("# Batch {}\n\n", markdown::inline(name));
    out.push_str(&line(&HEAD.map(str::to_owned)));
    out.push_str(&format!("|{}\n", "---|".repeat(HEAD.len())));
    for row in rows {
        let mut cells = cells(row);
        cells.resize(HEAD.len(), String::new());
        out.push_str(&line(&cells));
    }
    if rows.len() > 1 {
        out.push_str(&line(&total(rows, together)));
    }
    for line in rows.iter().filter_map(failure) {
        out.push_str(&format!("\n- {}\n", markdown::inline(&escape::line(&line))));
    }
    out
}

/// What all rows mean for the exit code.
///
/// # Errors
/// [`FailureKind::Partial`] if one has no plan; [`FailureKind::NotReady`] if a plan has critical concerns.
pub(super) fn verdict(rows: &[Row]) -> Result<(), Failure> {
    let failed: Vec<&str> =
        rows.iter().filter(|row| failure(row).is_some()).map(|row| row.name.as_str()).collect();
    let critical = |row: &&Row| planned(row).is_some_and(|p| p.concerns.first().is_some_and(|n| *n > 0));
    let not_ready: Vec<&str> = rows.iter().filter(critical).map(|row| row.name.as_str()).collect();
    if !failed.is_empty() {
        let message = format!("{} of {} VMs cannot be planned: {}", failed.len(), rows.len(), some(&failed));
        return Err(Failure::message(FailureKind::Partial, message));
    }
    if !not_ready.is_empty() {
        let message = format!(
            "the plans for {} of {} VMs have critical concerns: {}",
            not_ready.len(),
            rows.len(),
            some(&not_ready)
        );
        return Err(Failure::message(FailureKind::NotReady, message));
    }
    Ok(())
}

/// The first few of many names.
fn some(names: &[&str]) -> String {
    const SHOWN: usize = 10;
    let shown = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(SHOWN) {
        Some(more @ 1..) => format!("{shown} and {more} more"),
        _ => shown,
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    fn row(name: &str, critical: &[&str], edits: usize) -> Row {
        Row {
            name: name.to_owned(),
            outcome: Outcome::Planned(Planned {
                os: "Debian GNU/Linux 12 (bookworm)".to_owned(),
                disks: 2,
                copy_bytes: 3 << 30,
                edits,
                concerns: [critical.len(), 2, 11],
                space_bytes: 3 << 30 | 16 << 20,
                time: Some(Range::of(90.0, 60.0, 240.0)),
                course: None,
                critical: critical.iter().map(|c| (*c).to_owned()).collect(),
            }),
        }
    }

    #[test]
    fn vms_side_by_side() {
        let failed = Outcome::Failed { error: "fetch: disk 1 is not there\n\x1b[2J".to_owned() };
        let all = Range::of(90.0, 60.0, 480.0);
        let rows = [
            row("web01", &[], 12),
            row("db01", &["disk.independent: disk 1: it is left out of snapshots"], 7),
            Row { name: "old|01".to_owned(), outcome: failed },
        ];
        assert_snapshot!(text_table(&rows, Some(&all)), @r#"
        VM      OS                              DISKS  TO COPY  EDITS  CRITICAL  WARNINGS  NOTES  SPACE    TIME
        web01   Debian GNU/Linux 12 (bookworm)  2      3.0 GiB  12     0         2         11     3.0 GiB  1 min 30 s (1 min 0 s to 4 min 0 s)
        db01    Debian GNU/Linux 12 (bookworm)  2      3.0 GiB  7      1         2         11     3.0 GiB  1 min 30 s (1 min 0 s to 4 min 0 s)
        old|01  cannot be planned
        3 VMs                                   4      6.0 GiB  19     1         4         22     6.0 GiB  1 min 30 s (1 min 0 s to 8 min 0 s)

        db01: [critical] disk.independent: disk 1: it is left out of snapshots
        old|01: cannot be planned: fetch: disk 1 is not there\n\u{1b}[2J
        "#);
        assert_snapshot!(markdown_table("night", &rows, Some(&all)), @r#"
        # Batch night

        | VM | OS | DISKS | TO COPY | EDITS | CRITICAL | WARNINGS | NOTES | SPACE | TIME |
        |---|---|---|---|---|---|---|---|---|---|
        | web01 | Debian GNU/Linux 12 (bookworm) | 2 | 3.0 GiB | 12 | 0 | 2 | 11 | 3.0 GiB | 1 min 30 s (1 min 0 s to 4 min 0 s) |
        | db01 | Debian GNU/Linux 12 (bookworm) | 2 | 3.0 GiB | 7 | 1 | 2 | 11 | 3.0 GiB | 1 min 30 s (1 min 0 s to 4 min 0 s) |
        | old\|01 | cannot be planned |  |  |  |  |  |  |  |  |
        | 3 VMs |  | 4 | 6.0 GiB | 19 | 1 | 4 | 22 | 6.0 GiB | 1 min 30 s (1 min 0 s to 8 min 0 s) |

        - old\|01: cannot be planned: fetch: disk 1 is not there\\n\\u{1b}\[2J
        "#);
        assert_eq!(verdict(&rows).unwrap_err().kind.exit_code(), 4);
        assert_eq!(verdict(&rows[..2]).unwrap_err().kind.exit_code(), 3);
        assert!(verdict(&rows[..1]).is_ok());
    }
}
