//! What is wrong with what h2k was told, all of it at once.

use std::fmt;
use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::yaml::Mistakes;

/// Where a setting stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// In a file; line and column count from 1 where they are known.
    File {
        /// The file.
        path: PathBuf,
        /// Line and column.
        at: Option<(usize, usize)>,
    },
    /// In an environment variable.
    Environment(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::File { path, at: Some((line, column)) } => {
                write!(f, "{}:{line}:{column}", path.display())
            }
            Origin::File { path, at: None } => write!(f, "{}", path.display()),
            Origin::Environment(name) => write!(f, "{name} in the environment"),
        }
    }
}

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub origin: Origin,
    /// What.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.origin, self.message)
    }
}

/// The settings cannot be had.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// A file that is there cannot be read, or one that was named is not there.
    #[error("reading {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system reported.
        source: io::Error,
    },
    /// Mistakes in files and in the environment, at least one.
    #[error("{}", listed(.problems, *.more))]
    Invalid {
        /// The first of them.
        problems: Vec<Problem>,
        /// How many there are besides.
        more: usize,
    },
}

impl ConfigError {
    /// The mistakes of a file.
    pub fn of_file(path: &std::path::Path, mistakes: Mistakes) -> Self {
        let more = mistakes.more;
        ConfigError::Invalid { problems: problems_of(path, mistakes), more }
    }
}

fn listed(problems: &[Problem], more: usize) -> String {
    match problems {
        [one] if more == 0 => one.to_string(),
        many => {
            let mut lines: Vec<String> = many.iter().map(|p| format!("\n  {p}")).collect();
            if more > 0 {
                lines.push(format!("\n  and {more} more"));
            }
            format!("{} mistakes in the configuration:{}", many.len() + more, lines.concat())
        }
    }
}

/// The mistakes of a file as problems.
pub(crate) fn problems_of(path: &std::path::Path, mistakes: Mistakes) -> Vec<Problem> {
    let problem = |m: crate::yaml::Mistake| Problem {
        origin: Origin::File { path: path.to_owned(), at: m.at },
        message: m.message,
    };
    mistakes.list.into_iter().map(problem).collect()
}
