//! The layer of the environment: `H2K_OUTPUT`, `H2K_DISK_BUS`, … after the keys' names. `VIRTIO_WIN`, which is not h2k's
//! own, stands below all layers ([`crate::settings::VIRTIO_WIN`]).

use crate::error::{Origin, Problem};
use crate::keys::{KEYS, Key, Kind, MAX_TEXT, Raw};
use crate::nearest::nearest;
use crate::settings::Settings;
use crate::surroundings::Surroundings;

/// The variable of `--config`, which is no key of a file.
pub const CONFIG: &str = "H2K_CONFIG";

/// The keys that have a variable.
pub fn variables() -> impl Iterator<Item = &'static Key> {
    KEYS.iter().filter(|key| key.kind != Kind::Section)
}

/// What the environment says.
///
/// # Errors
/// Every variable with a value that its key does not take.
pub fn settings(around: &Surroundings) -> Result<Settings, Vec<Problem>> {
    let mut settings = Settings::default();
    let mut problems = Vec::new();
    for key in variables() {
        let name = key.variable();
        let Some(value) = around.variable(&name) else { continue };
        let set = match value.to_str() {
            None => Err("is not UTF-8".to_owned().into()),
            Some(text) if text.len() > MAX_TEXT => Err(format!("is longer than {MAX_TEXT} bytes").into()),
            Some(text) => (key.set)(&mut settings, Raw::Text(text.to_owned())),
        };
        if let Err(wrong) = set {
            problems.push(Problem { origin: Origin::Environment(name), message: wrong.message });
        }
    }
    if problems.is_empty() { Ok(settings) } else { Err(problems) }
}

/// A line for every `H2K_*` variable that is near to a key's: probably misspelt. Others are other programs' own and
/// are left alone.
pub fn misspelt(around: &Surroundings) -> Vec<String> {
    let known: Vec<String> = variables().map(Key::variable).chain([CONFIG.to_owned()]).collect();
    let plain = |name: &str| name.trim_start_matches("H2K_").to_lowercase().replace('_', "-");
    let words: Vec<String> = known.iter().map(|name| plain(name)).collect();
    let names = around.variables.keys().filter_map(|name| name.to_str());
    names
        .filter(|name| name.starts_with("H2K_") && !known.iter().any(|k| k == name))
        .filter_map(|name| {
            let word = nearest(&plain(name), words.iter().map(String::as_str))?;
            let meant = word.to_uppercase().replace('-', "_");
            Some(format!("{name} in the environment sets nothing; did you mean H2K_{meant}?"))
        })
        .collect()
}
