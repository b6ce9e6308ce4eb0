//! Data of a registry value, in a form that people read and that loses nothing.

use serde::{Deserialize, Serialize};

/// Types of registry values (winnt.h, `REG_*`).
pub mod kind {
    /// No type.
    pub const NONE: u32 = 0;
    /// Text.
    pub const SZ: u32 = 1;
    /// Text with `%VARIABLES%`.
    pub const EXPAND_SZ: u32 = 2;
    /// Bytes.
    pub const BINARY: u32 = 3;
    /// 32 bits, little-endian.
    pub const DWORD: u32 = 4;
    /// Several texts.
    pub const MULTI_SZ: u32 = 7;
    /// 64 bits, little-endian.
    pub const QWORD: u32 = 11;
}

/// Data of a value. What is not written as its type asks for (text without an end, a number of the wrong size) and
/// types without a form of their own are kept as bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RegData {
    /// `REG_SZ`.
    Sz(String),
    /// `REG_EXPAND_SZ`.
    ExpandSz(String),
    /// `REG_MULTI_SZ`; no text in it is empty.
    MultiSz(Vec<String>),
    /// `REG_DWORD`.
    Dword(u32),
    /// `REG_QWORD`.
    Qword(u64),
    /// `REG_BINARY`.
    Binary(Hex),
    /// Everything else.
    Other {
        /// Type.
        kind: u32,
        /// Bytes.
        data: Hex,
    },
}

/// Bytes, in JSON as hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Hex(pub Vec<u8>);

impl From<Hex> for String {
    fn from(hex: Hex) -> Self {
        hex.0.iter().map(|b| format!("{b:02x}")).collect()
    }
}

impl TryFrom<String> for Hex {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let digit = |c: u8| char::from(c).to_digit(16).and_then(|d| u8::try_from(d).ok());
        let byte = |pair: &[u8]| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        };
        let bytes: Option<Vec<u8>> = text.as_bytes().chunks(2).map(byte).collect();
        bytes.map(Hex).ok_or_else(|| "not an even number of hexadecimal digits".to_owned())
    }
}

impl RegData {
    /// Bytes of the type `REG_BINARY`.
    pub fn binary(bytes: impl Into<Vec<u8>>) -> Self {
        RegData::Binary(Hex(bytes.into()))
    }

    /// An empty value without a type, as Windows uses it for mere names.
    pub fn none() -> Self {
        RegData::Other { kind: kind::NONE, data: Hex::default() }
    }

    /// From what a hive holds.
    pub fn from_raw(kind: u32, data: &[u8]) -> Self {
        let read = match kind {
            kind::SZ => text(data).map(RegData::Sz),
            kind::EXPAND_SZ => text(data).map(RegData::ExpandSz),
            kind::MULTI_SZ => texts(data).map(RegData::MultiSz),
            kind::DWORD => data.try_into().ok().map(|b| RegData::Dword(u32::from_le_bytes(b))),
            kind::QWORD => data.try_into().ok().map(|b| RegData::Qword(u64::from_le_bytes(b))),
            kind::BINARY => Some(RegData::Binary(Hex(data.to_vec()))),
            _ => None,
        };
        // Only a form that gives back the same bytes is one.
        read.filter(|read| read.to_raw() == (kind, data.to_vec()))
            .unwrap_or_else(|| RegData::Other { kind, data: Hex(data.to_vec()) })
    }

    /// Type and bytes, as a hive holds them.
    pub fn to_raw(&self) -> (u32, Vec<u8>) {
        match self {
            RegData::Sz(text) => (kind::SZ, utf16(text)),
            RegData::ExpandSz(text) => (kind::EXPAND_SZ, utf16(text)),
            RegData::MultiSz(texts) => {
                let mut bytes: Vec<u8> = texts.iter().flat_map(|text| utf16(text)).collect();
                bytes.extend([0, 0]);
                (kind::MULTI_SZ, bytes)
            }
            RegData::Dword(number) => (kind::DWORD, number.to_le_bytes().to_vec()),
            RegData::Qword(number) => (kind::QWORD, number.to_le_bytes().to_vec()),
            RegData::Binary(Hex(bytes)) => (kind::BINARY, bytes.clone()),
            RegData::Other { kind, data: Hex(bytes) } => (*kind, bytes.clone()),
        }
    }

    /// The text of a text, also of one that lacks its end; `None` for everything else.
    pub fn text(&self) -> Option<String> {
        match self {
            RegData::Sz(text) | RegData::ExpandSz(text) => Some(text.clone()),
            RegData::Other { kind: kind::SZ | kind::EXPAND_SZ, data: Hex(bytes) } => {
                let units = units(bytes).take_while(|unit| *unit != 0);
                Some(char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
            }
            _ => None,
        }
    }

    /// The texts of several texts; of one text, that one. `None` for everything else.
    pub fn texts(&self) -> Option<Vec<String>> {
        match self {
            RegData::MultiSz(texts) => Some(texts.clone()),
            RegData::Other { kind: kind::MULTI_SZ, data: Hex(bytes) } => {
                let all: Vec<u16> = units(bytes).collect();
                let parts = all.split(|unit| *unit == 0).filter(|part| !part.is_empty());
                Some(parts.map(String::from_utf16_lossy).collect())
            }
            other => other.text().map(|text| vec![text]),
        }
    }

    /// The number of a 32-bit or 64-bit value.
    pub fn number(&self) -> Option<u64> {
        match self {
            RegData::Dword(number) => Some(u64::from(*number)),
            RegData::Qword(number) => Some(*number),
            _ => None,
        }
    }

    /// The bytes of a value of any type.
    pub fn bytes(&self) -> Vec<u8> {
        self.to_raw().1
    }
}

fn units(bytes: &[u8]) -> impl Iterator<Item = u16> + '_ {
    bytes.chunks_exact(2).filter_map(|pair| pair.try_into().ok().map(u16::from_le_bytes))
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().chain(std::iter::once(0)).flat_map(u16::to_le_bytes).collect()
}

fn text(data: &[u8]) -> Option<String> {
    let units: Vec<u16> = units(data).collect();
    let (end, text) = units.split_last()?;
    (*end == 0 && !text.contains(&0)).then(|| String::from_utf16(text).ok()).flatten()
}

fn texts(data: &[u8]) -> Option<Vec<String>> {
    let units: Vec<u16> = units(data).collect();
    let (_, texts) = units.split_last()?;
    let mut parts: Vec<&[u16]> = texts.split(|unit| *unit == 0).collect();
    // Behind the last text's own end nothing is left.
    parts.pop();
    parts.into_iter().map(|part| String::from_utf16(part).ok()).collect()
}
