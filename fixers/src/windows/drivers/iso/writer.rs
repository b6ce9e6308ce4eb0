//! ISO 9660 images for tests: one tree, with names of ISO 9660, and of Joliet or Rock Ridge besides.

use std::collections::BTreeMap;

const SECTOR: usize = 2048;

/// What names an image has besides those of ISO 9660.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extra {
    None,
    Joliet,
    RockRidge,
}

#[derive(Debug, Default)]
struct Dir<'a> {
    dirs: BTreeMap<&'a str, Dir<'a>>,
    files: BTreeMap<&'a str, &'a [u8]>,
}

/// An image of files by their paths.
pub(crate) fn image(files: &BTreeMap<String, Vec<u8>>, extra: Extra) -> Vec<u8> {
    let mut root = Dir::default();
    for (path, bytes) in files {
        let mut parts: Vec<&str> = path.split('/').collect();
        let name = parts.pop().unwrap();
        let dir = parts.into_iter().fold(&mut root, |dir, part| dir.dirs.entry(part).or_default());
        dir.files.insert(name, bytes);
    }
    let mut out = vec![0; 19 * SECTOR];
    let rock_ridge = extra == Extra::RockRidge;
    let placed = place_files(&root, &mut out);
    let mut placed_again = placed.iter().copied();
    let primary = directory(
        &root,
        &mut out,
        &mut placed_again,
        if rock_ridge { Extra::RockRidge } else { Extra::None },
        true,
    );
    out[16 * SECTOR..][..SECTOR].copy_from_slice(&descriptor(1, primary, b"   "));
    if extra == Extra::Joliet {
        let mut placed = placed.iter().copied();
        let joliet = directory(&root, &mut out, &mut placed, Extra::Joliet, true);
        out[17 * SECTOR..][..SECTOR].copy_from_slice(&descriptor(2, joliet, b"%/E"));
    } else {
        out[17 * SECTOR..][..SECTOR].copy_from_slice(&descriptor(255, (0, 0), b"   "));
    }
    out[18 * SECTOR..][..SECTOR].copy_from_slice(&descriptor(255, (0, 0), b"   "));
    out
}

fn append(out: &mut Vec<u8>, bytes: &[u8]) -> (u32, u32) {
    let block = u32::try_from(out.len() / SECTOR).unwrap();
    out.extend(bytes);
    out.resize(out.len().div_ceil(SECTOR) * SECTOR, 0);
    (block, u32::try_from(bytes.len()).unwrap())
}

/// The files' contents, in the order of a walk.
fn place_files(dir: &Dir<'_>, out: &mut Vec<u8>) -> Vec<(u32, u32)> {
    let mut placed = Vec::new();
    for sub in dir.dirs.values() {
        placed.extend(place_files(sub, out));
    }
    placed.extend(dir.files.values().map(|bytes| append(out, bytes)));
    placed
}

fn directory(
    dir: &Dir<'_>,
    out: &mut Vec<u8>,
    files: &mut dyn Iterator<Item = (u32, u32)>,
    extra: Extra,
    root: bool,
) -> (u32, u32) {
    let mut children = Vec::new();
    for (name, sub) in &dir.dirs {
        children.push((*name, directory(sub, out, files, extra, false), true));
    }
    for name in dir.files.keys() {
        children.push((*name, files.next().unwrap(), false));
    }
    let indicator: &[u8] = if root && extra == Extra::RockRidge { b"SP\x07\x01\xbe\xef\0" } else { b"" };
    let mut bytes = Vec::new();
    push(&mut bytes, &record(&[0], (0, 0), true, indicator));
    push(&mut bytes, &record(&[1], (0, 0), true, b""));
    for (at, (name, place, is_dir)) in children.into_iter().enumerate() {
        let (own, system_use) = names(name, is_dir, extra, at);
        push(&mut bytes, &record(&own, place, is_dir, &system_use));
    }
    bytes.resize(bytes.len().div_ceil(SECTOR) * SECTOR, 0);
    append(out, &bytes)
}

/// A record never crosses a sector.
fn push(bytes: &mut Vec<u8>, record: &[u8]) {
    if bytes.len() % SECTOR + record.len() > SECTOR {
        bytes.resize(bytes.len().div_ceil(SECTOR) * SECTOR, 0);
    }
    bytes.extend(record);
}

/// Identifier and system use area.
fn names(name: &str, is_dir: bool, extra: Extra, at: usize) -> (Vec<u8>, Vec<u8>) {
    let version = if is_dir { "" } else { ";1" };
    match extra {
        Extra::Joliet => {
            (format!("{name}{version}").encode_utf16().flat_map(u16::to_be_bytes).collect(), Vec::new())
        }
        Extra::RockRidge => {
            // Real images cut and number the names here; these are told by the entries only.
            let len = u8::try_from(name.len() + 5).unwrap();
            let mut entry = vec![b'N', b'M', len, 1, 0];
            entry.extend(name.as_bytes());
            (format!("N{at:05}{version}").into_bytes(), entry)
        }
        Extra::None => (format!("{}{version}", name.to_uppercase()).into_bytes(), Vec::new()),
    }
}

fn both(number: u32) -> Vec<u8> {
    [number.to_le_bytes(), number.to_be_bytes()].concat()
}

pub(crate) fn record(name: &[u8], (block, len): (u32, u32), is_dir: bool, system_use: &[u8]) -> Vec<u8> {
    let mut out = vec![0, 0];
    out.extend(both(block));
    out.extend(both(len));
    out.extend([124, 1, 1, 0, 0, 0, 0, if is_dir { 2 } else { 0 }, 0, 0, 1, 0, 0, 1]);
    out.push(u8::try_from(name.len()).unwrap());
    out.extend(name);
    if name.len().is_multiple_of(2) {
        out.push(0);
    }
    out.extend(system_use);
    if !out.len().is_multiple_of(2) {
        out.push(0);
    }
    out[0] = u8::try_from(out.len()).unwrap();
    out
}

fn descriptor(kind: u8, root: (u32, u32), escapes: &[u8; 3]) -> Vec<u8> {
    let mut out = vec![0; SECTOR];
    out[0] = kind;
    out[1..7].copy_from_slice(b"CD001\x01");
    out[88..91].copy_from_slice(escapes);
    out[128..132].copy_from_slice(&[0, 8, 8, 0]);
    let root = record(&[0], root, true, b"");
    out[156..156 + root.len()].copy_from_slice(&root);
    out
}
