//! Finds the configuration files, reads them, and lays all layers upon each other.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::env;
use crate::error::{ConfigError, problems_of};
use crate::settings::Settings;
use crate::surroundings::Surroundings;
use crate::yaml::{self, MAX_FILE};

/// All layers in one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Loaded {
    /// What they say together.
    pub settings: Settings,
    /// The command line upon the environment: what stands above a batch file.
    pub above: Settings,
    /// The files: what stands below a batch file.
    pub below: Settings,
    /// The files that were read, the strongest first.
    pub files: Vec<PathBuf>,
    /// What the user should read: variables that are probably misspelt.
    pub warnings: Vec<String>,
}

/// The layers together: the command line upon the environment upon the files. `config` is the file that the user
/// named, by `--config` or else `H2K_CONFIG`: then it alone is read.
///
/// # Errors
/// A file cannot be read, or every mistake in all files and in the environment.
pub fn load(
    command_line: Settings,
    config: Option<&Path>,
    around: &Surroundings,
) -> Result<Loaded, ConfigError> {
    let mut problems = Vec::new();
    let mut more = 0;
    let mut above = command_line;
    let mut below = Settings::default();
    match env::settings(around) {
        Ok(layer) => above = above.merge(layer),
        Err(found) => problems.extend(found),
    }
    let mut files = Vec::new();
    for (path, text) in texts(config, around)? {
        match yaml::settings(&text) {
            Ok(mut layer) => {
                layer.anchor(path.parent().unwrap_or(Path::new("/")), around.home().as_deref());
                below = below.merge(layer);
            }
            Err(mistakes) => {
                more += mistakes.more;
                problems.extend(problems_of(&path, mistakes));
            }
        }
        files.push(path);
    }
    if !problems.is_empty() {
        return Err(ConfigError::Invalid { problems, more });
    }
    let settings = above.clone().merge(below.clone());
    Ok(Loaded { settings, above, below, files, warnings: env::misspelt(around) })
}

/// Where a configuration file may lie when the user named none, the strongest first.
pub fn places(around: &Surroundings) -> Vec<PathBuf> {
    let mut places = vec![around.directory.join("h2k.yaml")];
    places.extend(around.config_home().map(|dir| dir.join("h2k/config.yaml")));
    places.push(around.etc.join("h2k/config.yaml"));
    places
}

fn texts(config: Option<&Path>, around: &Surroundings) -> Result<Vec<(PathBuf, String)>, ConfigError> {
    let named = config.or_else(|| around.variable(env::CONFIG).map(Path::new));
    if let Some(path) = named {
        let path = around.directory.join(path);
        let text = read(&path).map_err(|source| ConfigError::Read { path: path.clone(), source })?;
        return Ok(vec![(path, text)]);
    }
    let mut texts = Vec::new();
    for path in places(around) {
        match read_regular(&path) {
            Ok(text) => texts.push((path, text)),
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
            // A file that is there but cannot be read may say something: going on without it would be a guess.
            Err(source) => return Err(ConfigError::Read { path, source }),
        }
    }
    Ok(texts)
}

/// A file that nobody named is only read if it is one: opening a FIFO would wait for ever.
fn read_regular(path: &Path) -> io::Result<String> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
    }
    read(path)
}

/// Reads one byte more than is taken, so that the reader sees that it is too much.
fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MAX_FILE as u64 + 1).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests;
