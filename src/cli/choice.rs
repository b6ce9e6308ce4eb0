//! A choice of `h2k_config` as a value that clap lists, completes and checks.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use h2k_config::Choice;

/// Parses the names of `T`.
pub fn parser<T: Choice + Send + Sync>() -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(T::names()).try_map(|name| T::parse(&name))
}
