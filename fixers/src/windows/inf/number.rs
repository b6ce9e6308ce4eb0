//! Numbers of INF files, as SetupGetIntField and SetupGetBinaryField read them.

use super::error::Fault;

/// A number: decimal, or hexadecimal after `0x`, with a sign; empty is 0.
pub(super) fn integer(what: &'static str, text: &str) -> Result<i64, Fault> {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let hex = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
    // Neither may bring a sign of its own.
    let plain = |digits: &str| digits.chars().all(|c| c.is_ascii_hexdigit());
    let number = match hex {
        Some(hex) if plain(hex) => i64::from_str_radix(hex, 16).ok(),
        None if text.is_empty() => Some(0),
        None if plain(digits) => digits.parse().ok(),
        _ => None,
    };
    let number =
        number.ok_or_else(|| Fault::Malformed { what, wanted: "a number", value: text.to_owned() })?;
    Ok(if negative { -number } else { number })
}

/// A number of 32 bits; a negative one in two's complement.
pub(super) fn word(what: &'static str, text: &str) -> Result<u32, Fault> {
    let number = integer(what, text)?;
    u32::try_from(number)
        .or_else(|_| i32::try_from(number).map(i32::cast_unsigned))
        .map_err(|_| Fault::Malformed { what, wanted: "a number of 32 bits", value: text.to_owned() })
}

/// A byte of a list: hexadecimal with or without `0x`.
pub(super) fn byte(what: &'static str, text: &str) -> Result<u8, Fault> {
    let trimmed = text.trim();
    let digits = trimmed.strip_prefix("0x").or_else(|| trimmed.strip_prefix("0X")).unwrap_or(trimmed);
    let plain = !digits.starts_with('+');
    u8::from_str_radix(digits, 16).ok().filter(|_| plain).ok_or_else(|| Fault::Malformed {
        what,
        wanted: "a hexadecimal byte",
        value: text.to_owned(),
    })
}
