//! Rules about this host and the place where the result goes.

use h2k_fixers::Severity;

use super::{Finding, Rule};

pub(super) static RULES: &[Rule] = &[Rule {
    id: "target.space",
    severity: Severity::Critical,
    summary: "the target file system has too little room",
    advice: "make room there or name another directory with -o",
    check: |s| {
        let needed = s.forecast.target_bytes + s.forecast.overlay_bytes;
        match &s.output {
            Some(space) if space.free < needed => {
                let message = format!("{} MiB free, {} MiB needed", space.free >> 20, needed >> 20);
                vec![Finding::new(space.path.display().to_string(), message)]
            }
            _ => Vec::new(),
        }
    },
}];
