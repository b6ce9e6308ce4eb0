//! The sections `rules`, `severity` and `accept`: concerns of the user's own, what weight concerns have, and which are
//! accepted.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::concern_ids::{self, CONCERNS};
use crate::expression::Expression;
use crate::keys::MAX_ENTRIES;
use crate::nearest::nearest;

/// Longest id in bytes.
const MAX_ID: usize = 64;

/// Longest message, advice or reason in bytes.
const MAX_LINE: usize = 1000;

/// How much a concern weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weight {
    /// Worth knowing.
    Information,
    /// The VM is migrated, but something needs a look.
    Warning,
    /// The plan is not ready.
    Critical,
}

/// A rule of the user's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct UserRule {
    /// Id of the concern that it raises.
    pub id: OwnId,
    /// When it raises it.
    pub when: Expression,
    /// How much it weighs.
    pub severity: Weight,
    /// What is to be known.
    pub message: Line,
    /// What to do about it.
    #[serde(default)]
    pub advice: Option<Line>,
}

/// Rules, each with an id that no other has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserRules(pub Vec<UserRule>);

/// Weights by id.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Severities(pub BTreeMap<String, Weight>);

/// Reasons by id.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Accepted(pub BTreeMap<String, String>);

/// An id that h2k does not raise by itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct OwnId(String);

impl OwnId {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for OwnId {
    type Error = String;

    fn try_from(id: String) -> Result<Self, String> {
        let area = well_formed(&id)?;
        if concern_ids::is_own_area(area) {
            return Err(format!("{id:?}: {area}.* is h2k's own; rules of yours are site.* or another area"));
        }
        Ok(Self(id))
    }
}

/// Text that is a line and is not empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line(String);

impl Line {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Line {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err("an empty text says nothing".to_owned());
        }
        if text.len() > MAX_LINE || text.chars().any(char::is_control) {
            return Err(format!("takes one line of {MAX_LINE} bytes at most"));
        }
        Ok(Self(text.trim().to_owned()))
    }
}

/// The area of an id `area.finding`.
fn well_formed(id: &str) -> Result<&str, String> {
    let part = |p: &str| {
        p.starts_with(|c: char| c.is_ascii_lowercase())
            && p.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let area = id.split('.').next().unwrap_or_default();
    if id.len() > MAX_ID || !(2..=3).contains(&id.split('.').count()) || !id.split('.').all(part) {
        let shown: String = id.chars().take(MAX_ID).collect();
        return Err(format!("{shown:?} is no id: write area.finding in small letters, digits and dashes"));
    }
    Ok(area)
}

/// Checks an id that is there to be changed or accepted.
///
/// # Errors
/// It is an id in an area of h2k's own that there is not.
fn known(id: &str) -> Result<(), String> {
    let area = well_formed(id)?;
    if !concern_ids::is_own_area(area) || concern_ids::find(id).is_some() {
        return Ok(());
    }
    Err(match nearest(id, CONCERNS.iter().map(|(known, _)| *known)) {
        Some(meant) => format!("there is no concern {id:?}; did you mean {meant:?}?"),
        None => format!("there is no concern {id:?}; h2k rules lists all"),
    })
}

/// The weight that `word` gives the concern `id`.
fn weight(id: &str, word: &str) -> Result<Weight, String> {
    let weight = match word {
        "information" => Weight::Information,
        "warning" => Weight::Warning,
        "critical" => Weight::Critical,
        _ => return Err("a severity is information, warning or critical".to_owned()),
    };
    if concern_ids::find(id) == Some(false) && weight != Weight::Critical {
        return Err(format!("{id} stays critical: the result would be wrong (see h2k rules {id})"));
    }
    Ok(weight)
}

/// The reason to accept the concern `id`.
fn reason(id: &str, reason: &str) -> Result<String, String> {
    if concern_ids::find(id) == Some(false) {
        return Err(format!("{id} cannot be accepted: the result would be wrong (see h2k rules {id})"));
    }
    Line::try_from(reason.to_owned())
        .map(|line| line.0)
        .map_err(|why| format!("the reason to accept {id}: {why}"))
}

/// A text whose mistake is told with its place: the reader knows that of what it is reading.
struct Checked<F>(&'static str, F);

impl<'de, V, F: FnOnce(&str) -> Result<V, String>> DeserializeSeed<'de> for Checked<F> {
    type Value = V;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<V, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<V, F: FnOnce(&str) -> Result<V, String>> Visitor<'_> for Checked<F> {
    type Value = V;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<V, E> {
        (self.1)(text).map_err(E::custom)
    }
}

impl<'de> Deserialize<'de> for OwnId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Checked("an id", |text: &str| Self::try_from(text.to_owned())).deserialize(deserializer)
    }
}

impl<'de> Deserialize<'de> for Line {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Checked("a text", |text: &str| Self::try_from(text.to_owned())).deserialize(deserializer)
    }
}

/// A mapping of ids, none of them twice.
struct ById<V> {
    value: fn(&str, &str) -> Result<V, String>,
    what: &'static str,
}

impl<'de, V> Visitor<'de> for ById<V> {
    type Value = BTreeMap<String, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = BTreeMap::new();
        let new = |text: &str, found: &BTreeMap<String, V>| match known(text) {
            Ok(()) if found.contains_key(text) => Err(format!("{text} stands twice")),
            Ok(()) if found.len() >= MAX_ENTRIES => Err(format!("has more than {MAX_ENTRIES} entries")),
            other => other.map(|()| text.to_owned()),
        };
        while let Some(id) = map.next_key_seed(Checked("an id", |text: &str| new(text, &found)))? {
            let value = map.next_value_seed(Checked(self.what, |text: &str| (self.value)(&id, text)))?;
            found.insert(id, value);
        }
        Ok(found)
    }
}

impl<'de> Deserialize<'de> for Severities {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ById { value: weight, what: "ids with a severity each" }).map(Self)
    }
}

impl<'de> Deserialize<'de> for Accepted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ById { value: reason, what: "ids with a reason each" }).map(Self)
    }
}

impl<'de> Deserialize<'de> for UserRules {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Rules;
        impl<'de> Visitor<'de> for Rules {
            type Value = UserRules;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of rules")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<UserRules, A::Error> {
                let mut rules: Vec<UserRule> = Vec::new();
                while let Some(rule) = seq.next_element::<UserRule>()? {
                    if rules.iter().any(|known| known.id == rule.id) {
                        return Err(A::Error::custom(format!("{} stands twice", rule.id.as_str())));
                    }
                    if rules.len() >= MAX_ENTRIES {
                        return Err(A::Error::custom(format!("has more than {MAX_ENTRIES} entries")));
                    }
                    rules.push(rule);
                }
                Ok(UserRules(rules))
            }
        }
        deserializer.deserialize_seq(Rules)
    }
}

impl UserRules {
    /// These rules upon those of the layer below; one of the same id replaces it.
    #[must_use]
    pub fn merge(self, below: UserRules) -> UserRules {
        let mut rules: Vec<UserRule> =
            below.0.into_iter().filter(|old| !self.0.iter().any(|new| new.id == old.id)).collect();
        rules.extend(self.0);
        UserRules(rules)
    }
}
