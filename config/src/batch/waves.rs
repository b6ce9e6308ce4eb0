//! The section `waves`: which VMs before which.

use std::collections::HashMap;

use super::Wave;
use super::keys::WAVE;
use super::values::Reading;
use crate::nearest::nearest;
use crate::yaml::tree::{Node, Value};
use crate::yaml::{Place, entries, unknown};

/// Most waves. A night has a few.
const MAX_WAVES: usize = 200;

/// A wave as it is written.
struct Written {
    at: Place,
    wave: Wave,
    /// Waves that it names; `None` where it follows the one above it.
    after: Option<Vec<(String, Place)>>,
}

/// The waves in an order in which each stands after those that it waits for. Without any there is one without a name.
pub(super) fn waves(node: Option<&Node>, reading: &mut Reading<'_>) -> Vec<Wave> {
    let written = match node {
        Some(node) => written(node, reading),
        None => Vec::new(),
    };
    let mut index: HashMap<String, usize> = HashMap::new();
    for (number, wave) in written.iter().enumerate() {
        if let Some(first) = index.get(&wave.wave.name) {
            let line = written.get(*first).map_or(0, |first| first.at.0);
            let message = format!("wave {:?} is there twice, first on line {line}", wave.wave.name);
            reading.mistakes.add(wave.at, message);
            continue;
        }
        index.insert(wave.wave.name.clone(), number);
    }
    let after: Vec<Vec<usize>> =
        written.iter().enumerate().map(|(number, wave)| waits(number, wave, &index, reading)).collect();
    match order(&after) {
        Ok(_) if written.is_empty() => vec![Wave {
            name: String::new(),
            after: Vec::new(),
            go_on: false,
            not_before: None,
            deadline: None,
        }],
        Ok(order) => sorted(written, &after, &order),
        Err(cycle) => {
            tell_cycle(&written, &cycle, reading);
            written.into_iter().map(|written| written.wave).collect()
        }
    }
}

fn written(node: &Node, reading: &mut Reading<'_>) -> Vec<Written> {
    let Value::List(list) = &node.value else {
        if !matches!(node.value, Value::Nothing) {
            reading.wrong::<()>(node, format!("waves: {} is given, a list is wanted", node.what()));
        }
        return Vec::new();
    };
    if let Some(node) = list.get(MAX_WAVES) {
        reading.wrong::<()>(node, format!("waves: there are more than {MAX_WAVES}"));
    }
    list.iter().take(MAX_WAVES).filter_map(|node| wave(node, reading)).collect()
}

fn wave(node: &Node, reading: &mut Reading<'_>) -> Option<Written> {
    let mut wave =
        Wave { name: String::new(), after: Vec::new(), go_on: false, not_before: None, deadline: None };
    let mut after = None;
    if node.text().is_some() {
        wave.name = reading.text_of("waves", node)?;
        return Some(Written { at: node.at, wave, after });
    }
    let mut named = false;
    let mut deadline_at = node;
    for entry in entries(node, reading.mistakes) {
        match entry.name.as_str() {
            "name" => {
                named = true;
                wave.name = reading.text(entry).unwrap_or_default();
            }
            "after" => after = Some(names(entry, reading)),
            "on-failure" => wave.go_on = reading.choice(entry, &["stop", "go-on"]) == Some("go-on"),
            "not-before" => wave.not_before = reading.time(entry),
            "deadline" => {
                deadline_at = &entry.value;
                wave.deadline = reading.time(entry);
            }
            other => {
                let names: Vec<&str> = WAVE.iter().map(|key| key.name).collect();
                reading.mistakes.add(entry.at, unknown(other, &names));
            }
        }
    }
    check_times(wave.not_before, wave.deadline, deadline_at, reading);
    if !named {
        return reading.wrong(node, "a wave without \"name\"");
    }
    Some(Written { at: node.at, wave, after })
}

/// A deadline that is over before anything may begin.
pub(super) fn check_times(from: Option<i64>, until: Option<i64>, node: &Node, reading: &mut Reading<'_>) {
    if let (Some(from), Some(until)) = (from, until)
        && until <= from
    {
        reading.wrong::<()>(node, "deadline: it is not after not-before: nothing would ever start");
    }
}

/// The waves that an `after` names; there may be none.
fn names(entry: &crate::yaml::tree::Entry, reading: &mut Reading<'_>) -> Vec<(String, Place)> {
    match &entry.value.value {
        Value::List(list) if list.is_empty() => Vec::new(),
        _ => {
            let texts = reading.texts(entry).unwrap_or_default();
            texts.into_iter().map(|(text, node)| (text, node.at)).collect()
        }
    }
}

fn waits(
    number: usize,
    wave: &Written,
    index: &HashMap<String, usize>,
    reading: &mut Reading<'_>,
) -> Vec<usize> {
    let Some(names) = &wave.after else {
        return number.checked_sub(1).into_iter().collect();
    };
    let mut after = Vec::new();
    for (name, at) in names {
        match index.get(name) {
            Some(other) => after.push(*other),
            None => reading.mistakes.add(*at, missing("after: ", name, index.keys().map(String::as_str))),
        }
    }
    after.sort_unstable();
    after.dedup();
    after
}

/// What is said of a wave that is not there.
pub(super) fn missing<'a>(before: &str, name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let mut known: Vec<&str> = known.collect();
    known.sort_unstable();
    let shown = super::values::shown(name);
    match nearest(name, known.iter().copied()) {
        Some(meant) => format!("{before}there is no wave {shown:?}; did you mean {meant:?}?"),
        None if known.is_empty() => format!("{before}there is no wave {shown:?}: the file has no waves"),
        None => format!("{before}there is no wave {shown:?}; the waves are {}", known.join(", ")),
    }
}

/// The numbers of the waves, each after those that it waits for, else as they are written. A cycle otherwise.
fn order(after: &[Vec<usize>]) -> Result<Vec<usize>, Vec<usize>> {
    let mut order = Vec::new();
    let mut done = vec![false; after.len()];
    let ready = |done: &[bool], number: usize| {
        after.get(number).is_some_and(|list| list.iter().all(|n| done.get(*n).copied().unwrap_or(true)))
    };
    while order.len() < after.len() {
        let next = (0..after.len()).find(|n| !done.get(*n).copied().unwrap_or(true) && ready(&done, *n));
        let Some(next) = next else { return Err(cycle(after, &done)) };
        if let Some(mark) = done.get_mut(next) {
            *mark = true;
        }
        order.push(next);
    }
    Ok(order)
}

/// Some cycle among the waves that wait for ever: each waits for the next, the last for the first.
fn cycle(after: &[Vec<usize>], done: &[bool]) -> Vec<usize> {
    let open = |n: &usize| !done.get(*n).copied().unwrap_or(true);
    let mut path: Vec<usize> = Vec::new();
    let mut at = (0..after.len()).find(open).unwrap_or_default();
    while !path.contains(&at) {
        path.push(at);
        // A wave that is not done waits for one that is not done.
        let Some(next) = after.get(at).and_then(|list| list.iter().copied().find(|n| open(n))) else { break };
        at = next;
    }
    let start = path.iter().position(|n| *n == at).unwrap_or_default();
    path.split_off(start)
}

fn tell_cycle(written: &[Written], cycle: &[usize], reading: &mut Reading<'_>) {
    let waves: Vec<&Written> = cycle.iter().filter_map(|n| written.get(*n)).collect();
    let Some(first) = waves.first() else { return };
    let names: Vec<&str> = waves.iter().chain([first]).map(|wave| wave.wave.name.as_str()).collect();
    let implied: Vec<&str> =
        waves.iter().filter(|wave| wave.after.is_none()).map(|wave| wave.wave.name.as_str()).collect();
    let why = match implied.as_slice() {
        [] => String::new(),
        names => {
            format!("; {} follows the one above it: \"after: []\" has it wait for none", names.join(", "))
        }
    };
    let message = format!("waves wait for each other for ever: {}{why}", names.join(" after "));
    reading.mistakes.add(first.at, message);
}

fn sorted(written: Vec<Written>, after: &[Vec<usize>], order: &[usize]) -> Vec<Wave> {
    let mut place = vec![0; order.len()];
    for (new, old) in order.iter().enumerate() {
        if let Some(slot) = place.get_mut(*old) {
            *slot = new;
        }
    }
    let mut waves: Vec<(usize, Wave)> = written
        .into_iter()
        .zip(after)
        .zip(&place)
        .map(|((written, after), new)| {
            let mut after: Vec<usize> = after.iter().filter_map(|old| place.get(*old).copied()).collect();
            after.sort_unstable();
            (*new, Wave { after, ..written.wave })
        })
        .collect();
    waves.sort_by_key(|(new, _)| *new);
    waves.into_iter().map(|(_, wave)| wave).collect()
}
