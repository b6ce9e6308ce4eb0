//! A node as something that serde reads, with the place of what it does not take.

use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, Expected, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::mistakes::Place;
use super::tree::{Entry, Node, Value};
use crate::nearest::nearest;

/// What a value of a section should have been.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// Where, if that is not the value itself.
    pub at: Option<Place>,
    /// Names from the section to the value: `.users[0]`.
    pub path: String,
    /// What.
    pub message: String,
}

impl From<String> for Wrong {
    fn from(message: String) -> Self {
        Self { at: None, path: String::new(), message }
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Wrong {}

impl Wrong {
    fn within(mut self, step: &str, at: Place) -> Self {
        self.path.insert_str(0, step);
        self.at.get_or_insert(at);
        self
    }
}

impl de::Error for Wrong {
    fn custom<T: fmt::Display>(message: T) -> Self {
        message.to_string().into()
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        super::unknown(field, expected).into()
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let shown: String = variant.chars().take(super::SHOWN).collect();
        let meant = nearest(variant, expected.iter().copied());
        let meant = meant.map_or(String::new(), |meant| format!("; did you mean {meant:?}?"));
        format!("{shown:?} is none of {}{meant}", expected.join(", ")).into()
    }

    fn missing_field(field: &'static str) -> Self {
        format!("{field} is missing").into()
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        format!("{} is given, {} is wanted", shape(unexpected), wanted(&expected.to_string())).into()
    }
}

/// What serde's own words mean to somebody who writes YAML.
fn wanted(expected: &str) -> &str {
    match expected {
        "a sequence" => "a list",
        "a map" => "a mapping",
        _ if expected.starts_with("struct ") => "a mapping",
        _ => expected,
    }
}

fn shape(unexpected: Unexpected<'_>) -> &'static str {
    match unexpected {
        Unexpected::Seq => "a list",
        Unexpected::Map => "a mapping",
        Unexpected::Unit | Unexpected::Option => "nothing",
        Unexpected::Bool(_) => "true or false",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => "a number",
        _ => "a text",
    }
}

/// Reads a node.
///
/// # Errors
/// It is not what `T` takes; with the place of what is not.
pub fn from_node<'a, T: de::Deserialize<'a>>(node: &'a Node) -> Result<T, Wrong> {
    T::deserialize(Of(node)).map_err(|wrong| wrong.within("", node.at))
}

struct Of<'a>(&'a Node);

impl<'a> Of<'a> {
    /// A text that stands for something else than itself.
    fn parsed<T: std::str::FromStr>(&self, wanted: &str) -> Result<T, Wrong> {
        let text = self
            .0
            .text()
            .ok_or_else(|| Wrong::from(format!("{} is given, {wanted} is wanted", self.0.what())))?;
        let shown: String = text.chars().take(super::SHOWN).collect();
        text.parse().map_err(|_| Wrong::from(format!("{shown:?} is not {wanted}")))
    }
}

/// What a plain text means where nobody says what is wanted.
fn plain<'a, V: Visitor<'a>>(text: &'a str, visitor: V) -> Result<V::Value, Wrong> {
    match text {
        "true" => visitor.visit_bool(true),
        "false" => visitor.visit_bool(false),
        _ => match (text.parse::<i64>(), text.parse::<f64>()) {
            (Ok(number), _) => visitor.visit_i64(number),
            (_, Ok(number)) if number.is_finite() => visitor.visit_f64(number),
            _ => visitor.visit_borrowed_str(text),
        },
    }
}

macro_rules! numbers {
    ($($deserialize:ident $visit:ident $type:ty),*) => {$(
        fn $deserialize<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
            visitor.$visit(self.parsed::<$type>("a number")?)
        }
    )*};
}

impl<'de> Deserializer<'de> for Of<'de> {
    type Error = Wrong;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match &self.0.value {
            Value::Nothing => visitor.visit_unit(),
            Value::Text { text, quoted: true } => visitor.visit_borrowed_str(text),
            Value::Text { text, quoted: false } => plain(text, visitor),
            Value::List(list) => visitor.visit_seq(Elements { list: list.iter(), index: 0 }),
            Value::Map(entries) => visitor.visit_map(Entries { entries: entries.iter(), value: None }),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match &self.0.value {
            Value::Text { text, .. } => visitor.visit_borrowed_str(text),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_bool(self.parsed("true or false")?)
    }

    numbers!(
        deserialize_i8 visit_i8 i8, deserialize_i16 visit_i16 i16, deserialize_i32 visit_i32 i32,
        deserialize_i64 visit_i64 i64, deserialize_u8 visit_u8 u8, deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32, deserialize_u64 visit_u64 u64, deserialize_f32 visit_f32 f32,
        deserialize_f64 visit_f64 f64
    );

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self.0.value {
            Value::Nothing => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        match &self.0.value {
            Value::Text { text, .. } => {
                visitor.visit_enum(IntoDeserializer::<Wrong>::into_deserializer(text.as_str()))
            }
            Value::Map(entries) if entries.len() == 1 => match entries.first() {
                Some(entry) => visitor.visit_enum(Variant(entry)),
                None => Err("one name with its value is wanted".to_owned().into()),
            },
            _ => Err(format!("{} is given, one name is wanted", self.0.what()).into()),
        }
    }

    forward_to_deserialize_any! {
        char bytes byte_buf unit unit_struct seq tuple tuple_struct map struct ignored_any
    }
}

struct Elements<'a> {
    list: std::slice::Iter<'a, Node>,
    index: usize,
}

impl<'a> SeqAccess<'a> for Elements<'a> {
    type Error = Wrong;

    fn next_element_seed<T: DeserializeSeed<'a>>(&mut self, seed: T) -> Result<Option<T::Value>, Wrong> {
        let Some(node) = self.list.next() else { return Ok(None) };
        let step = format!("[{}]", self.index);
        self.index += 1;
        seed.deserialize(Of(node)).map(Some).map_err(|wrong| wrong.within(&step, node.at))
    }
}

struct Entries<'a> {
    entries: std::slice::Iter<'a, Entry>,
    value: Option<&'a Entry>,
}

impl<'a> MapAccess<'a> for Entries<'a> {
    type Error = Wrong;

    fn next_key_seed<K: DeserializeSeed<'a>>(&mut self, seed: K) -> Result<Option<K::Value>, Wrong> {
        self.value = self.entries.next();
        let Some(entry) = self.value else { return Ok(None) };
        let name: StrDeserializer<'_, Wrong> = entry.name.as_str().into_deserializer();
        seed.deserialize(name).map(Some).map_err(|wrong| wrong.within("", entry.at))
    }

    fn next_value_seed<T: DeserializeSeed<'a>>(&mut self, seed: T) -> Result<T::Value, Wrong> {
        let Some(entry) = self.value.take() else { return Err("a name is missing".to_owned().into()) };
        let step = format!(".{}", entry.name);
        seed.deserialize(Of(&entry.value)).map_err(|wrong| wrong.within(&step, entry.value.at))
    }
}

/// `name: value` where one of several names is wanted.
struct Variant<'a>(&'a Entry);

impl<'a> EnumAccess<'a> for Variant<'a> {
    type Error = Wrong;
    type Variant = Of<'a>;

    fn variant_seed<T: DeserializeSeed<'a>>(self, seed: T) -> Result<(T::Value, Of<'a>), Wrong> {
        let name: StrDeserializer<'_, Wrong> = self.0.name.as_str().into_deserializer();
        let variant = seed.deserialize(name).map_err(|wrong| wrong.within("", self.0.at))?;
        Ok((variant, Of(&self.0.value)))
    }
}

impl<'a> VariantAccess<'a> for Of<'a> {
    type Error = Wrong;

    fn unit_variant(self) -> Result<(), Wrong> {
        match self.0.value {
            Value::Nothing => Ok(()),
            _ => Err("takes no value".to_owned().into()),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'a>>(self, seed: T) -> Result<T::Value, Wrong> {
        let at = self.0.at;
        seed.deserialize(self).map_err(|wrong| wrong.within("", at))
    }

    fn tuple_variant<V: Visitor<'a>>(self, _len: usize, visitor: V) -> Result<V::Value, Wrong> {
        self.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'a>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        self.deserialize_any(visitor)
    }
}
