//! The indexes in which modprobe(8) and udev look for modules: `modules.dep` and `modules.alias`, each as text and in
//! a binary form, `.bin`, which is the only one that libkmod reads.
//!
//! The binary form is a trie, all numbers big-endian (libkmod/libkmod-index.c of kmod, whose version 2.1 of the format
//! dates from module-init-tools 3.3):
//!
//! ```text
//!  file   magic 0xb007f457, version 0x00020001, offset of the root node
//!  node   prefix, zero byte                          if bit 31 of the offset that led here is set
//!         first, last: one byte each,
//!           an offset for each byte from first to last; 0: none   if bit 29 is set
//!         count, then for each value: priority, text, zero byte   if bit 30 is set
//! ```

use std::collections::BTreeMap;

const MAGIC: u32 = 0xb007_f457;
const VERSION: u32 = 0x0002_0001;
const HAS_PREFIX: u32 = 0x8000_0000;
const HAS_VALUES: u32 = 0x4000_0000;
const HAS_CHILDREN: u32 = 0x2000_0000;

/// Longest line that is taken; the longest real ones, of modules with many dependencies, have about 3000 bytes.
const MAX_LINE: usize = 16 * 1024;

/// Longest key that is taken: it bounds how deep the trie is. The longest real ones, of DMI, have about 200 bytes.
const MAX_KEY: usize = 512;

/// Which index a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Index {
    /// `modules.dep`: `PATH: PATH…`, found by the module's name.
    Dependencies,
    /// `modules.alias`: `alias PATTERN MODULE`, found by the pattern.
    Aliases,
}

/// The binary form of a text index. Lines that are none of its own are passed over, as depmod(8) would not write them.
pub fn binary(index: Index, text: &str) -> Vec<u8> {
    let mut trie = Node::default();
    let lines = text.lines().filter(|l| l.len() <= MAX_LINE && l.is_ascii() && !l.contains('\0'));
    for (number, line) in lines.enumerate() {
        let Some((key, value)) = entry(index, line) else { continue };
        if key.len() <= MAX_KEY {
            trie.insert(key.as_bytes(), u32::try_from(number).unwrap_or(u32::MAX), value);
        }
    }
    let mut out = Vec::new();
    for number in [MAGIC, VERSION, 0] {
        out.extend_from_slice(&number.to_be_bytes());
    }
    let root = trie.write(&mut out);
    if let Some(place) = out.get_mut(8..12) {
        place.copy_from_slice(&root.to_be_bytes());
    }
    out
}

/// Key and value of a line.
fn entry(index: Index, line: &str) -> Option<(String, &str)> {
    match index {
        Index::Dependencies => {
            let (path, _) = line.split_once(':')?;
            let name = super::module_name(path.rsplit('/').next()?)?;
            Some((name, line))
        }
        Index::Aliases => {
            let mut words = line.strip_prefix("alias ")?.split(' ');
            match (words.next(), words.next(), words.next()) {
                (Some(pattern), Some(module), None) if !pattern.is_empty() && !module.is_empty() => {
                    Some((normalized(pattern)?, module))
                }
                _ => None,
            }
        }
    }
}

/// An alias as it is looked for: underscores for dashes, but not in a bracket's range (`alias_normalize`).
fn normalized(pattern: &str) -> Option<String> {
    let mut bracket = false;
    let mut out = String::with_capacity(pattern.len());
    for c in pattern.chars() {
        match c {
            '[' if !bracket => bracket = true,
            ']' if bracket => bracket = false,
            ']' => return None,
            _ => {}
        }
        out.push(if c == '-' && !bracket { '_' } else { c });
    }
    (!bracket).then_some(out)
}

/// A node of the trie, one byte of a key per level; what has one child only becomes a prefix when it is written.
#[derive(Default)]
struct Node<'a> {
    children: BTreeMap<u8, Node<'a>>,
    /// Smaller priorities come first.
    values: Vec<(u32, &'a str)>,
}

impl<'a> Node<'a> {
    fn insert(&mut self, key: &[u8], priority: u32, value: &'a str) {
        let mut node = self;
        for byte in key {
            node = node.children.entry(*byte).or_default();
        }
        if !node.values.iter().any(|(_, v)| *v == value) {
            node.values.push((priority, value));
        }
    }

    /// Writes what is below and then the node itself, or the node that all of its keys lead to; its offset with its
    /// bits.
    fn write(&self, out: &mut Vec<u8>) -> u32 {
        let (mut node, mut prefix) = (self, Vec::new());
        while let (1, true, Some((byte, child))) =
            (node.children.len(), node.values.is_empty(), node.children.first_key_value())
        {
            prefix.push(*byte);
            node = child;
        }
        let written: BTreeMap<u8, u32> = node.children.iter().map(|(b, c)| (*b, c.write(out))).collect();
        let mut offset =
            u32::try_from(out.len()).unwrap_or(u32::MAX) & !(HAS_PREFIX | HAS_VALUES | HAS_CHILDREN);
        if !prefix.is_empty() {
            offset |= HAS_PREFIX;
            out.extend_from_slice(&prefix);
            out.push(0);
        }
        if let (Some((first, _)), Some((last, _))) = (written.first_key_value(), written.last_key_value()) {
            offset |= HAS_CHILDREN;
            out.extend_from_slice(&[*first, *last]);
            for byte in *first..=*last {
                out.extend_from_slice(&written.get(&byte).copied().unwrap_or(0).to_be_bytes());
            }
        }
        if !node.values.is_empty() {
            offset |= HAS_VALUES;
            out.extend_from_slice(&u32::try_from(node.values.len()).unwrap_or(0).to_be_bytes());
            for (priority, value) in &node.values {
                out.extend_from_slice(&priority.to_be_bytes());
                out.extend_from_slice(value.as_bytes());
                out.push(0);
            }
        }
        offset
    }
}
