//! Conditions of the user's own rules: the Common Expression Language (CEL), with bounds.
//!
//! A condition is read, and refused with its place, when the configuration is read. It looks at JSON values under
//! names. What could grow or run without end is not taken: a text has a greatest length, loops stand in each other
//! twice at most, nothing is built inside of a loop, and an evaluation has a time limit.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread;
use std::time::Duration;

use cel::{Context, Program, Value};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

mod bounds;

/// Longest condition in bytes.
pub const MAX_EXPRESSION: usize = 1000;

/// Names that a condition may look at.
pub const NAMES: [&str; 5] = ["source", "facts", "target", "forecast", "policy"];

/// How long one condition may take. A loop over all modules of all kernels takes a hundredth of it.
const LIMIT: Duration = Duration::from_secs(2);

/// Most texts whose compiled form is kept. A batch has tens of rules, whatever the number of its VMs.
const KEPT: usize = 10_000;

/// A condition that was read.
#[derive(Clone)]
pub struct Expression {
    text: String,
    program: Arc<Program>,
}

impl Expression {
    /// Reads a condition. The same text is compiled once in a process.
    ///
    /// # Errors
    /// It is no condition, or beyond the bounds.
    pub fn parse(text: &str) -> Result<Self, String> {
        static COMPILED: LazyLock<Mutex<BTreeMap<String, Arc<Program>>>> = LazyLock::new(Mutex::default);
        let known = || COMPILED.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(program) = known().get(text) {
            return Ok(Self { text: text.to_owned(), program: Arc::clone(program) });
        }
        let program = Arc::new(compile(text)?);
        let mut compiled = known();
        if compiled.len() < KEPT {
            compiled.insert(text.to_owned(), Arc::clone(&program));
        }
        Ok(Self { text: text.to_owned(), program })
    }

    /// The condition as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// Compiles in a thread of its own: should the parser give up on a text, that text is a mistake and no more.
fn compile(text: &str) -> Result<Program, String> {
    if text.trim().is_empty() {
        return Err("a rule without a condition".to_owned());
    }
    if text.len() > MAX_EXPRESSION {
        return Err(format!("the condition is longer than {MAX_EXPRESSION} bytes"));
    }
    let owned = text.to_owned();
    let compiled = thread::spawn(move || {
        Program::compile(&owned).map_err(|errors| {
            errors.errors.first().map_or_else(|| "no expression".to_owned(), |e| told(e.pos, &e.msg))
        })
    });
    let program = compiled.join().unwrap_or_else(|_| Err("the parser gave it up".to_owned()));
    let program = program.map_err(|why| format!("the condition is not understood: {why}"))?;
    bounds::check(program.expression())?;
    Ok(program)
}

/// The parser's message: where, and what it met; what else it would have taken is a list of all tokens.
fn told((line, column): (isize, isize), message: &str) -> String {
    let short = message.split(" expecting ").next().unwrap_or(message);
    let place = if line > 1 { format!("line {line}, ") } else { String::new() };
    format!("{short} ({place}column {})", column.max(1))
}

/// What conditions look at: JSON values by name.
pub type Seen = Arc<BTreeMap<&'static str, serde_json::Value>>;

/// What each of the conditions says of `seen`.
///
/// # Errors
/// Per condition: it looks at something that is not there, its result is neither true nor false, or it takes too long.
pub fn evaluate(conditions: &[&Expression], seen: &Seen) -> Vec<Result<bool, String>> {
    let mut results = Vec::with_capacity(conditions.len());
    while results.len() < conditions.len() {
        let programs: Vec<Arc<Program>> =
            conditions.iter().skip(results.len()).map(|c| Arc::clone(&c.program)).collect();
        let seen = Arc::clone(seen);
        let (tell, told) = channel();
        // The thread is left to itself where it takes too long: nothing can be grown in it, and it ends with h2k.
        thread::spawn(move || {
            let context = context(&seen);
            for program in programs {
                let result = match &context {
                    Ok(context) => verdict(program.execute(context)),
                    Err(why) => Err(why.clone()),
                };
                if tell.send(result).is_err() {
                    return;
                }
            }
        });
        while results.len() < conditions.len() {
            match told.recv_timeout(LIMIT) {
                Ok(result) => results.push(result),
                Err(RecvTimeoutError::Timeout) => {
                    results.push(Err(format!("it takes longer than {} seconds", LIMIT.as_secs())));
                    break;
                }
                Err(RecvTimeoutError::Disconnected) => {
                    results.push(Err("the evaluation gave it up".to_owned()));
                    break;
                }
            }
        }
    }
    results
}

fn context(seen: &Seen) -> Result<Context<'static, 'static>, String> {
    let mut context = Context::default();
    for (name, value) in seen.iter() {
        context.add_variable(*name, Signed(value)).map_err(|e| format!("{name} cannot be looked at: {e}"))?;
    }
    Ok(context)
}

/// A value whose whole numbers are CEL's `int`, as those of a condition are: CEL adds no `int` to a `uint`.
struct Signed<'a>(&'a serde_json::Value);

impl Serialize for Signed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde_json::Value::{Array, Number, Object};
        match self.0 {
            Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(whole), _) => serializer.serialize_i64(whole),
                (None, float) => serializer.serialize_f64(float.unwrap_or(f64::INFINITY)),
            },
            Array(list) => serializer.collect_seq(list.iter().map(Signed)),
            Object(map) => serializer.collect_map(map.iter().map(|(name, value)| (name, Signed(value)))),
            other => other.serialize(serializer),
        }
    }
}

fn verdict(result: cel::ResolveResult) -> Result<bool, String> {
    match result {
        Ok(Value::Bool(found)) => Ok(found),
        Ok(other) => Err(format!("its result is neither true nor false, but a {}", other.type_of())),
        // What it shows of the values may be a whole list of the guest's.
        Err(error) => Err(error.to_string().chars().filter(|c| !c.is_control()).take(200).collect()),
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expression({:?})", self.text)
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Expression {}

impl Serialize for Expression {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Expression {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Expression;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a condition")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Expression, E> {
                Expression::parse(text).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests;
