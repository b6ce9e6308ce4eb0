//! Who made a program or driver: the company in its version resource.

/// The key that comes before the company's name in a version resource (winver.h, `StringFileInfo`).
const KEY: &str = "CompanyName";
/// Longest name in UTF-16 units.
const MAX_NAME: usize = 128;

/// The company that a PE file names. The resource is looked for by its key, wherever it lies: the directories that lead
/// to it are the file's own word as well. `None` for what is no PE file or names none.
pub(super) fn company(file: &[u8]) -> Option<String> {
    if file.get(..2)? != b"MZ" {
        return None;
    }
    let key: Vec<u8> = KEY.encode_utf16().chain(std::iter::once(0)).flat_map(u16::to_le_bytes).collect();
    let at = find(file, &key)? + key.len();
    let units = file.get(at..)?.chunks_exact(2).filter_map(|pair| pair.try_into().ok());
    let mut units = units.map(u16::from_le_bytes);
    // The value is aligned to 32 bits: there may be one zero between.
    let first = units.by_ref().take(2).find(|unit| *unit != 0)?;
    let name: Vec<u16> =
        std::iter::once(first).chain(units.take_while(|unit| *unit != 0).take(MAX_NAME)).collect();
    String::from_utf16(&name).ok().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty())
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let (first, _) = needle.split_first()?;
    let mut from = 0;
    while let Some(step) = haystack.get(from..)?.iter().position(|byte| byte == first) {
        let at = from + step;
        if haystack.get(at..)?.starts_with(needle) {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

/// A file for tests that names a company.
#[cfg(any(test, feature = "phony"))]
pub(super) fn sample(company: &str) -> Vec<u8> {
    let mut file = b"MZ\x90\0 and so on ".to_vec();
    file.extend(KEY.encode_utf16().chain([0, 0]).flat_map(u16::to_le_bytes));
    file.extend(company.encode_utf16().chain([0]).flat_map(u16::to_le_bytes));
    file.extend(b" more");
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_company_is_found_with_and_without_a_gap() {
        assert_eq!(company(&sample("VMware, Inc.")).as_deref(), Some("VMware, Inc."));
        let tight = sample("Ä");
        assert_eq!(company(&tight).as_deref(), Some("Ä"));
        assert_eq!(company(b"no PE"), None);
        assert_eq!(company(b"MZ without"), None);
        let mut cut = sample("VMware");
        cut.truncate(cut.len() - 9);
        assert!(company(&cut).is_some());
    }
}
