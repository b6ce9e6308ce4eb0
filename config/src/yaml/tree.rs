//! A YAML text as a tree whose every node knows its place. What is no YAML, or more than a person writes, ends here.

use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};

use super::build::Builder;
use super::mistakes::{Mistakes, Place};

/// Deepest nesting. The deepest setting has five levels.
const MAX_DEPTH: usize = 64;

/// How much is read.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of text.
    pub bytes: usize,
    /// Values, with those that aliases repeat. So many bytes of text may aliases repeat, too.
    pub nodes: usize,
}

/// A value with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Where it begins; for an alias, where that stands.
    pub at: Place,
    /// What it is.
    pub value: Value,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Nothing, `~` or `null`.
    Nothing,
    /// A text, as it is written: `1.10` stays `1.10`.
    Text {
        /// The text.
        text: String,
        /// Whether it stands in quotes, or is a block: then it is no number.
        quoted: bool,
    },
    /// `- a` or `[a]`.
    List(Vec<Node>),
    /// `a: b` or `{a: b}`. No name twice.
    Map(Vec<Entry>),
}

/// An entry of a mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Where the name stands.
    pub at: Place,
    /// Its value.
    pub value: Node,
}

impl Node {
    /// Its text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text { text, .. } => Some(text),
            _ => None,
        }
    }

    /// What it is, for messages.
    pub fn what(&self) -> &'static str {
        match &self.value {
            Value::Nothing => "nothing",
            Value::Text { .. } => "a text",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }
}

/// Reads a text. `None` where it is no YAML or too much; what is wrong is in `mistakes`. A name that is given twice is
/// a mistake, and the first one counts.
pub fn read(text: &str, limits: Limits, mistakes: &mut Mistakes) -> Option<Node> {
    if text.len() > limits.bytes {
        let message = format!("{} bytes are more than the {} that are read", text.len(), limits.bytes);
        mistakes.of_all(message);
        return None;
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let builder = Builder::new(limits.nodes);
    let mut reader = Reader { builder, anchors: HashMap::new(), documents: 0, tabs: tabs(text) };
    let mut parser = Parser::new_from_str(text);
    while let Some(next) = parser.next_event() {
        let taken = match next {
            Ok((event, span)) => reader.take(event, place(&span.start), mistakes),
            Err(error) => Err(reader.no_yaml(place(error.marker()), error.info())),
        };
        if let Err((at, message)) = taken {
            mistakes.add(at, message);
            return None;
        }
    }
    Some(reader.builder.root.unwrap_or(Node { at: (1, 1), value: Value::Nothing }))
}

fn place(mark: &Marker) -> Place {
    (mark.line().max(1), mark.col() + 1)
}

/// Lines that are indented with a tab, and the column at which what they say begins. The parser lets some of them pass.
fn tabs(text: &str) -> HashMap<usize, usize> {
    let column = |line: &str| {
        let indentation: String = line.chars().take_while(|c| matches!(c, ' ' | '\t')).collect();
        indentation.contains('\t').then(|| indentation.len() + 1)
    };
    text.lines().enumerate().filter_map(|(index, line)| Some((index + 1, column(line)?))).collect()
}

const TAB: &str = "a tab: YAML is indented with blanks only";

fn too_deep() -> String {
    format!("more than {MAX_DEPTH} levels lie in each other")
}

/// What stops the reading, and where.
pub(super) type Stop = (Place, String);

struct Reader {
    builder: Builder,
    /// What aliases may name: a value, how many nodes it has, how many bytes.
    anchors: HashMap<usize, (Node, usize)>,
    documents: usize,
    tabs: HashMap<usize, usize>,
}

impl Reader {
    /// The parser's own message; a tab, on which it stumbles in many ways, by its name.
    fn no_yaml(&self, at: Place, info: &str) -> Stop {
        for line in [at.0, at.0 + 1] {
            if let Some(column) = self.tabs.get(&line) {
                return ((line, *column), TAB.to_owned());
            }
        }
        if info.contains("recursion limit") {
            return (at, too_deep());
        }
        (at, format!("this is no YAML: {}", info.trim_end_matches('.')))
    }

    fn take(&mut self, event: Event<'_>, at: Place, mistakes: &mut Mistakes) -> Result<(), Stop> {
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err((at, "a second document begins here: a file is one document".to_owned()));
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                if self.tabs.get(&at.0) == Some(&at.1) {
                    return Err((at, TAB.to_owned()));
                }
                let text_tag = known(tag.as_deref(), at)?;
                let quoted = style != ScalarStyle::Plain || text_tag;
                let nothing = !quoted && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                let weight = 1 + text.len() / BYTES_PER_NODE;
                let value = if nothing { Value::Nothing } else { Value::Text { text: text.into(), quoted } };
                self.builder.spend(weight, at)?;
                self.finished(Node { at, value }, anchor, weight, mistakes)?;
            }
            Event::SequenceStart(anchor, tag) => {
                known(tag.as_deref(), at)?;
                self.open(Value::List(Vec::new()), anchor, at)?;
            }
            Event::MappingStart(anchor, tag) => {
                known(tag.as_deref(), at)?;
                self.open(Value::Map(Vec::new()), anchor, at)?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some((node, anchor, weight)) = self.builder.close() {
                    self.finished(node, anchor, weight, mistakes)?;
                }
            }
            Event::Alias(id) => {
                let (node, weight) = self
                    .anchors
                    .get(&id)
                    .ok_or_else(|| (at, "an alias stands within what it repeats".to_owned()))?;
                let (node, weight) = (Node { at, value: node.value.clone() }, *weight);
                self.builder.spend(weight, at)?;
                self.builder.put(node, mistakes);
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Ok(())
    }

    fn open(&mut self, empty: Value, anchor: usize, at: Place) -> Result<(), Stop> {
        if self.builder.depth() >= MAX_DEPTH {
            return Err((at, too_deep()));
        }
        self.builder.spend(1, at)?;
        self.builder.open(Node { at, value: empty }, anchor);
        Ok(())
    }

    /// A value that is complete: it is kept if an alias may name it, which counts like any repetition.
    fn finished(
        &mut self,
        node: Node,
        anchor: usize,
        weight: usize,
        mistakes: &mut Mistakes,
    ) -> Result<(), Stop> {
        if anchor > 0 {
            self.builder.spend(weight, node.at)?;
            self.anchors.insert(anchor, (node.clone(), weight));
        }
        self.builder.put(node, mistakes);
        Ok(())
    }
}

/// Text of this length weighs as much as a value more.
const BYTES_PER_NODE: usize = 64;

/// Whether a tag says that the value is a text.
///
/// # Errors
/// It is none of YAML's own.
fn known(tag: Option<&Tag>, at: Place) -> Result<bool, Stop> {
    let Some(tag) = tag else { return Ok(false) };
    let core = ["str", "int", "float", "bool", "null", "seq", "map"];
    if tag.is_yaml_core_schema() && core.contains(&tag.suffix.as_str()) {
        return Ok(tag.suffix == "str");
    }
    let shown: String = tag.to_string().chars().take(super::SHOWN).collect();
    Err((at, format!("unknown tag {shown:?}: no tag is needed")))
}
