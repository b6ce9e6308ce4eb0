//! The nodes that are begun and not finished yet.

use std::collections::HashMap;

use super::mistakes::{Mistakes, Place};
use super::tree::{Entry, Node, Stop, Value};

/// Puts finished values into those that they belong to.
pub(super) struct Builder {
    stack: Vec<Open>,
    /// The finished tree.
    pub(super) root: Option<Node>,
    spent: usize,
    limit: usize,
}

/// A list or mapping that is not at its end.
struct Open {
    node: Node,
    anchor: usize,
    /// What was spent before it.
    before: usize,
    /// Names of a mapping, and where each stands.
    seen: HashMap<String, Place>,
    key: Key,
}

/// What the next value of a mapping belongs to.
enum Key {
    /// It is a name itself.
    Awaited,
    /// To this name.
    Name(String, Place),
    /// To a name that is a mistake.
    Bad,
}

impl Builder {
    pub(super) fn new(limit: usize) -> Self {
        Self { stack: Vec::new(), root: None, spent: 0, limit }
    }

    /// How many lists and mappings are open.
    pub(super) fn depth(&self) -> usize {
        self.stack.len()
    }

    /// Counts values.
    ///
    /// # Errors
    /// There are too many.
    pub(super) fn spend(&mut self, weight: usize, at: Place) -> Result<(), Stop> {
        self.spent = self.spent.saturating_add(weight);
        if self.spent > self.limit {
            let message = format!("more than {} values, with those that aliases repeat", self.limit);
            return Err((at, message));
        }
        Ok(())
    }

    /// A list or mapping begins, which was counted already.
    pub(super) fn open(&mut self, node: Node, anchor: usize) {
        let before = self.spent.saturating_sub(1);
        self.stack.push(Open { node, anchor, before, seen: HashMap::new(), key: Key::Awaited });
    }

    /// The innermost one is at its end: itself, its anchor, and what it weighs.
    pub(super) fn close(&mut self) -> Option<(Node, usize, usize)> {
        let open = self.stack.pop()?;
        Some((open.node, open.anchor, self.spent.saturating_sub(open.before)))
    }

    /// A finished value.
    pub(super) fn put(&mut self, node: Node, mistakes: &mut Mistakes) {
        let Some(open) = self.stack.last_mut() else {
            self.root = Some(node);
            return;
        };
        match &mut open.node.value {
            Value::List(list) => list.push(node),
            Value::Map(entries) => match std::mem::replace(&mut open.key, Key::Awaited) {
                Key::Awaited => open.key = name(node, &mut open.seen, mistakes),
                Key::Name(name, at) => entries.push(Entry { name, at, value: node }),
                Key::Bad => {}
            },
            Value::Nothing | Value::Text { .. } => {}
        }
    }
}

/// The name of an entry.
fn name(node: Node, seen: &mut HashMap<String, Place>, mistakes: &mut Mistakes) -> Key {
    let at = node.at;
    let name = match node.value {
        Value::Text { text, .. } => text,
        Value::Nothing => String::new(),
        _ => {
            mistakes.add(at, format!("{} cannot be a name", node.what()));
            return Key::Bad;
        }
    };
    if let Some((line, _)) = seen.get(&name) {
        let shown: String = name.chars().take(super::SHOWN).collect();
        mistakes.add(at, format!("{shown} is set twice, first on line {line}"));
        return Key::Bad;
    }
    seen.insert(name.clone(), at);
    Key::Name(name, at)
}
