//! The value of an entry, in the shape that its key takes. Every scalar is taken as its text: `1.10` stays `1.10`.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::Pass;
use crate::customize::Customize;
use crate::keys::{Key, Kind, MAX_ENTRIES, MAX_TEXT, Raw};
use crate::rules::{Accepted, Severities, UserRules};

/// The value of one entry.
pub(super) struct Value<'p, 'a> {
    pub(super) pass: &'p Pass<'a>,
    pub(super) entry: usize,
    pub(super) key: &'static Key,
}

impl Value<'_, '_> {
    fn set<E: Error>(&self, raw: Raw) -> Result<(), E> {
        (self.key.set)(&mut self.pass.settings.borrow_mut(), raw).map_err(|message| self.stop(&message))
    }

    fn stop<E: Error>(&self, message: &str) -> E {
        self.pass.stop(self.entry, format!("{}: {message}", self.key.name))
    }

    fn section<'de, D: Deserializer<'de>>(&self, deserializer: D) -> Result<(), D::Error> {
        let raw = match self.key.name {
            "rules" => UserRules::deserialize(deserializer).map(Raw::Rules),
            "severity" => Severities::deserialize(deserializer).map(Raw::Severity),
            "accept" => Accepted::deserialize(deserializer).map(Raw::Accept),
            _ => Customize::deserialize(deserializer).map(|s| Raw::Customize(Box::new(s))),
        };
        self.set(raw?)
    }

    fn text<E: Error>(&self, text: &str) -> Result<String, E> {
        if text.len() > MAX_TEXT {
            return Err(self.stop(&format!("a value is longer than {MAX_TEXT} bytes")));
        }
        Ok(text.to_owned())
    }

    fn bounded<E: Error>(&self, entries: usize) -> Result<(), E> {
        if entries > MAX_ENTRIES {
            return Err(self.stop(&format!("has more than {MAX_ENTRIES} entries")));
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let (pass, entry) = (self.pass, self.entry);
        let read = match self.key.kind {
            Kind::Scalar => deserializer.deserialize_str(self),
            Kind::List | Kind::Map => deserializer.deserialize_any(self),
            Kind::Section => self.section(deserializer),
        };
        // A value of another shape stops the reader before anything here is asked; it is this entry's mistake too.
        read.inspect_err(|error| pass.note(entry, error))
    }
}

impl<'de> Visitor<'de> for Value<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.key.kind {
            Kind::Scalar => "one value",
            Kind::List => "a list",
            Kind::Map => "names with a value each",
            Kind::Section => "settings of its own",
        })
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        let text = self.text(text)?;
        self.set(Raw::Text(text))
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Err(self.stop("has no value"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut list = Vec::new();
        while let Some(text) = seq.next_element_seed(Text(&self))? {
            list.push(text);
            self.bounded(list.len())?;
        }
        self.set(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut pairs = Vec::new();
        while let Some(name) = map.next_key_seed(Text(&self))? {
            pairs.push((name, map.next_value_seed(Text(&self))?));
            self.bounded(pairs.len())?;
        }
        self.set(Raw::Map(pairs))
    }
}

/// A text within a list or a mapping.
struct Text<'v, 'p, 'a>(&'v Value<'p, 'a>);

impl<'de> DeserializeSeed<'de> for Text<'_, '_, '_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Text<'_, '_, '_> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
        self.0.text(text)
    }
}
