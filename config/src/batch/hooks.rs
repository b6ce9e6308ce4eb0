//! The section `hooks`.

use std::path::Path;
use std::time::Duration;

use super::keys::{HOOK, STAGES};
use super::values::{Base, Reading};
use super::{Hook, HookTime, OnFailure};
use crate::yaml::tree::{Node, Value};
use crate::yaml::{entries, unknown};

/// After how long a hook is ended that gives no time itself.
const TIMEOUT: Duration = Duration::from_secs(300);

/// Whose hooks they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Batch,
    Vm,
}

/// The hooks of a list, or the only one of a mapping.
pub(super) fn hooks(node: &Node, owner: Owner, base: Base<'_>, reading: &mut Reading<'_>) -> Vec<Hook> {
    match &node.value {
        Value::List(list) => list.iter().filter_map(|node| hook(node, owner, base, reading)).collect(),
        Value::Map(_) => hook(node, owner, base, reading).into_iter().collect(),
        Value::Nothing => Vec::new(),
        Value::Text { .. } => {
            reading.wrong::<()>(node, "hooks: a text is given, a list of hooks is wanted");
            Vec::new()
        }
    }
}

fn hook(node: &Node, owner: Owner, base: Base<'_>, reading: &mut Reading<'_>) -> Option<Hook> {
    let (mut name, mut when, mut run) = (None, None, None);
    let (mut timeout, mut on_failure) = (TIMEOUT, OnFailure::Fail);
    let known = entries(node, reading.mistakes);
    for entry in known {
        match entry.name.as_str() {
            "name" => name = reading.text(entry),
            "when" => {
                when = Some(reading.text(entry).and_then(|text| time(&text, owner, &entry.value, reading)))
            }
            "run" => {
                run = Some(reading.texts(entry).map(|all| command(all.into_iter().map(|(t, _)| t), base)))
            }
            "timeout" => timeout = reading.duration(entry).unwrap_or(TIMEOUT),
            "on-failure" if reading.choice(entry, &["fail", "warn"]) == Some("warn") => {
                on_failure = OnFailure::Warn;
            }
            "on-failure" => {}
            other => {
                let names: Vec<&str> = HOOK.iter().map(|key| key.name).collect();
                reading.mistakes.add(entry.at, unknown(other, &names));
            }
        }
    }
    for (key, missing) in [("when", when.is_none()), ("run", run.is_none())] {
        if missing && matches!(node.value, Value::Map(_)) {
            reading.wrong::<()>(node, format!("a hook without {key:?}"));
        }
    }
    let run: Vec<String> = run??;
    let program = run.first().and_then(|program| Path::new(program).file_name());
    let name = name.or_else(|| Some(program?.to_string_lossy().into_owned())).unwrap_or_default();
    Some(Hook { name, when: when??, run, timeout, on_failure })
}

/// A program with a slash in its name is a path; any other is looked for where programs are.
fn command(words: impl Iterator<Item = String>, base: Base<'_>) -> Vec<String> {
    let program = |(index, word): (usize, String)| match index {
        0 if word.contains('/') => base.path(&word).to_string_lossy().into_owned(),
        _ => word,
    };
    words.enumerate().map(program).collect()
}

fn time(text: &str, owner: Owner, node: &Node, reading: &mut Reading<'_>) -> Option<HookTime> {
    let stage = |name: &str| STAGES.iter().find(|stage| **stage == name).map(|stage| (*stage).to_owned());
    let found = match text {
        "batch-start" => Some(HookTime::BatchStart),
        "batch-end" => Some(HookTime::BatchEnd),
        "vm-end" => Some(HookTime::VmEnd),
        _ => match (text.strip_prefix("before-"), text.strip_prefix("after-")) {
            (Some(name), _) => stage(name).map(HookTime::Before),
            (_, Some(name)) => stage(name).map(HookTime::After),
            _ => None,
        },
    };
    let of_batch = matches!(found, Some(HookTime::BatchStart | HookTime::BatchEnd));
    if of_batch && owner == Owner::Vm {
        return reading.wrong(node, format!("when: {text} is the batch's, not a VM's"));
    }
    found.or_else(|| {
        let message = format!(
            "when: {:?} is none of batch-start, batch-end, vm-end, before-STAGE, after-STAGE; the stages are {}",
            super::values::shown(text),
            STAGES.join(", ")
        );
        reading.wrong(node, message)
    })
}
