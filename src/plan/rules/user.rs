//! Rules of the user's own: conditions over the JSON of what was seen and decided.

use std::sync::Arc;

use h2k_config::expression::{self, Expression};
use h2k_fixers::Concern;
use serde::Serialize;
use serde_json::Value;

use super::weigh::severity;
use super::{Seen, others};

/// What a rule without advice advises.
const NO_ADVICE: &str = "the rule that you gave says no more";

/// What the user's rules find. One that cannot look is a critical concern.
pub fn check(seen: &Seen<'_>) -> Vec<Concern> {
    let rules = &seen.policy.rules;
    if rules.is_empty() {
        return Vec::new();
    }
    let conditions: Vec<&Expression> = rules.iter().map(|rule| &rule.when).collect();
    let results = match values(seen) {
        Ok(values) => expression::evaluate(&conditions, &values),
        Err(error) => vec![Err(format!("what was seen cannot be shown: {error}")); rules.len()],
    };
    let subject = seen.target.name.as_str();
    rules
        .iter()
        .zip(results)
        .filter_map(|(rule, result)| match result {
            Ok(false) => None,
            Ok(true) => {
                let advice = rule.advice.as_ref().map_or(NO_ADVICE, |advice| advice.as_str());
                let weight = severity(rule.severity);
                Some(Concern::new(rule.id.as_str(), weight, subject, rule.message.as_str(), advice))
            }
            Err(why) => {
                let message = format!("{}: {why}", rule.when.text());
                Some(others::concern("rules.failed", rule.id.as_str(), message))
            }
        })
        .collect()
}

/// What conditions look at, by the names of [`expression::NAMES`].
fn values(seen: &Seen<'_>) -> Result<expression::Seen, serde_json::Error> {
    let mut source = value(seen.source)?;
    if let Value::Object(fields) = &mut source {
        // Numbers of MiB are what people write; unknown stays unknown.
        fields.insert("memory_mib".to_owned(), seen.source.memory_bytes.map(|bytes| bytes >> 20).into());
    }
    let values = [
        ("source", source),
        ("facts", value(seen.facts)?),
        ("target", value(seen.target)?),
        ("forecast", value(seen.forecast)?),
        ("policy", with_underscores(value(seen.policy)?)),
    ];
    Ok(Arc::new(values.into()))
}

fn value(of: &impl Serialize) -> Result<Value, serde_json::Error> {
    serde_json::to_value(of)
}

/// `disk-bus` as `disk_bus`: a dash is a minus in a condition.
fn with_underscores(policy: Value) -> Value {
    match policy {
        Value::Object(fields) => {
            fields.into_iter().map(|(name, value)| (name.replace('-', "_"), value)).collect()
        }
        other => other,
    }
}
