//! Units of sizes (DSP0004, annex C.1 "Programmatic Units"), and the older words for them.

/// Bytes of one unit of `expression`; `None` if it is no unit of bytes.
///
/// Understood are `byte`, `byte * 2^20`, `byte * 10^6`, `byte * 1024` and the words `MegaBytes`, `MB` and
/// their like, which stand for powers of 1024 with every producer that writes them.
pub(super) fn bytes_per_unit(expression: &str) -> Option<u64> {
    let compact: String = expression.split_whitespace().collect::<String>().to_ascii_lowercase();
    let mut factors = compact.split('*');
    let word = factors.next()?;
    let unit = match word {
        "byte" | "bytes" | "b" => 1,
        "kilobyte" | "kilobytes" | "kb" | "kib" => 1 << 10,
        "megabyte" | "megabytes" | "mb" | "mib" => 1 << 20,
        "gigabyte" | "gigabytes" | "gb" | "gib" => 1 << 30,
        "terabyte" | "terabytes" | "tb" | "tib" => 1 << 40,
        _ => return None,
    };
    factors.try_fold(unit, |product: u64, factor| product.checked_mul(power(factor)?))
}

/// `2^30` or `1024`.
fn power(factor: &str) -> Option<u64> {
    match factor.split_once('^') {
        Some((base, exponent)) => base.parse::<u64>().ok()?.checked_pow(exponent.parse().ok()?),
        None => factor.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_in_every_spelling() {
        for (expression, bytes) in [
            ("byte", 1),
            ("byte * 2^30", 1 << 30),
            ("byte*2^20", 1 << 20),
            ("Byte * 10^6", 1_000_000),
            ("byte * 1024 * 1024", 1 << 20),
            ("MegaBytes", 1 << 20),
            ("GB", 1 << 30),
        ] {
            assert_eq!(bytes_per_unit(expression), Some(bytes), "{expression}");
        }
        for bad in
            ["", "hertz * 10^6", "byte * 2^64", "byte * x", "byte *", "byte ^ 2", "count", "byte * 2^-1"]
        {
            assert_eq!(bytes_per_unit(bad), None, "{bad}");
        }
    }
}
