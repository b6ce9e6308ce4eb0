//! Berkeley DB's hash (dbinc/db_page.h, dbinc/hash.h): pages of pairs, a number and a package's header, which lies on a
//! chain of pages of its own where it does not fit. All pages are read in order, whatever bucket they belong to.

use std::cell::Cell;
use std::fs::File;
use std::os::unix::fs::FileExt;

use super::{MAX_HEADER, Visit, show};
use crate::bytes::{slice, u16_at, u32_at};

/// Offsets in the first page: magic, size of pages, last page.
const META_MAGIC: usize = 12;
const META_PAGE_SIZE: usize = 20;
const META_LAST_PAGE: usize = 32;
const MAGIC: u32 = 0x0006_1561;
/// Bytes of a page's head, and offsets in it: next page, number of items (of bytes on a page of a chain), type.
const HEAD: usize = 26;
const NEXT_PAGE: usize = 16;
const ENTRIES: usize = 20;
const USED: usize = 22;
const TYPE: usize = 25;
/// Types of pages.
const HASH_UNSORTED: u8 = 2;
const OVERFLOW: u8 = 7;
const HASH: u8 = 13;
/// Types of items: on the page itself, or on a chain.
const ON_PAGE: u8 = 1;
const OFF_PAGE: u8 = 3;

struct Pages<'a> {
    file: &'a File,
    size: usize,
    last: u32,
    /// Pages of chains that may still be read: each belongs to one chain, once.
    left: Cell<u32>,
}

pub(super) fn each(file: &File, visit: Visit<'_>) -> Result<(), String> {
    let mut meta = vec![0; 512];
    file.read_exact_at(&mut meta, 0).map_err(|e| e.to_string())?;
    match u32_at(&meta, META_MAGIC) {
        Some(MAGIC) => {}
        Some(other) if other == MAGIC.swap_bytes() => {
            return Err("it was written by a big-endian machine".to_owned());
        }
        _ => return Err("it is no hash of Berkeley DB".to_owned()),
    }
    let size = u32_at(&meta, META_PAGE_SIZE).unwrap_or_default();
    if !(512..=65_536).contains(&size) || !size.is_power_of_two() {
        return Err(format!("its pages have {size} bytes"));
    }
    let last = u32_at(&meta, META_LAST_PAGE).unwrap_or_default();
    let pages = Pages { file, size: size as usize, last, left: Cell::new(last) };
    for number in 1..=last {
        let page = pages.read(number)?;
        if matches!(page.get(TYPE), Some(&(HASH | HASH_UNSORTED))) {
            pages.pairs(&page, visit)?;
        }
    }
    Ok(())
}

impl Pages<'_> {
    fn read(&self, number: u32) -> Result<Vec<u8>, String> {
        let mut page = vec![0; self.size];
        let at = u64::from(number) * self.size as u64;
        self.file.read_exact_at(&mut page, at).map_err(|e| format!("page {number}: {e}"))?;
        Ok(page)
    }

    /// Items lie from the end of the page towards its begin; each ends where the one before it begins.
    fn pairs(&self, page: &[u8], visit: Visit<'_>) -> Result<(), String> {
        let damaged = || "an item lies outside of its page".to_owned();
        let offset = |index: usize| u16_at(page, HEAD + index * 2).map(usize::from);
        let item = |index: usize| {
            let end = if index == 0 { self.size } else { offset(index - 1)? };
            let start = offset(index)?;
            slice(page, start, end.checked_sub(start)?)
        };
        let entries = usize::from(u16_at(page, ENTRIES).unwrap_or_default());
        for pair in 0..entries / 2 {
            let key = item(pair * 2).ok_or_else(damaged)?;
            let data = item(pair * 2 + 1).ok_or_else(damaged)?;
            // Under the number 0 stands how many numbers were given.
            let counter = slice(key, 1, 4).is_some_and(|number| number == [0; 4]);
            if counter {
                continue;
            }
            match data.first() {
                Some(&ON_PAGE) => show(&data[1..], visit)?,
                Some(&OFF_PAGE) => {
                    let first = u32_at(data, 4).ok_or_else(damaged)?;
                    let length = u32_at(data, 8).ok_or_else(damaged)? as usize;
                    show(&self.chain(first, length)?, visit)?;
                }
                _ => return Err("an item is of an unknown type".to_owned()),
            }
        }
        Ok(())
    }

    /// `length` bytes on the chain of pages that begins with `first`.
    fn chain(&self, first: u32, length: usize) -> Result<Vec<u8>, String> {
        if length > MAX_HEADER {
            return Err(format!("a package's header has {length} bytes"));
        }
        let mut bytes = Vec::new();
        let mut number = first;
        while bytes.len() < length {
            if number == 0 || number > self.last {
                return Err("a chain of pages ends early".to_owned());
            }
            match self.left.get().checked_sub(1) {
                Some(left) => self.left.set(left),
                None => return Err("its chains of pages meet, or turn back".to_owned()),
            }
            let page = self.read(number)?;
            let used = usize::from(u16_at(&page, USED).unwrap_or_default());
            let part = slice(&page, HEAD, used).filter(|part| !part.is_empty());
            match part.filter(|_| page.get(TYPE) == Some(&OVERFLOW)) {
                Some(part) => bytes.extend_from_slice(part),
                None => return Err("a page of a chain is none".to_owned()),
            }
            number = u32_at(&page, NEXT_PAGE).unwrap_or_default();
        }
        bytes.truncate(length);
        Ok(bytes)
    }
}
