//! What of CEL a condition may use: so that nothing grows beyond what it looks at, and loops end.

use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue};

use super::NAMES;
use crate::nearest::nearest;

/// Most loops (`exists`, `all`, `filter`, `map` …) within each other. Lists in facts have some thousand entries.
const MAX_LOOPS: usize = 2;

/// Functions that a condition may call, besides operators.
const FUNCTIONS: [&str; 9] =
    ["contains", "startsWith", "endsWith", "size", "int", "uint", "double", "string", "type"];

/// What `type` may be compared with.
const TYPES: [&str; 8] = ["int", "uint", "double", "string", "bool", "list", "map", "null_type"];

/// Checks a condition.
///
/// # Errors
/// What in it is not taken.
pub(super) fn check(expression: &IdedExpr) -> Result<(), String> {
    Scope { variables: Vec::new(), loops: 0 }.expression(expression)
}

/// What is known at a place of a condition.
struct Scope<'a> {
    /// Variables of the loops around it.
    variables: Vec<&'a str>,
    /// Loops around it.
    loops: usize,
}

impl<'a> Scope<'a> {
    fn expression(&mut self, expression: &'a IdedExpr) -> Result<(), String> {
        match &expression.expr {
            Expr::Unspecified => Err("the condition has a part without a meaning".to_owned()),
            Expr::Literal(_) => Ok(()),
            Expr::Ident(name) => self.name(name),
            Expr::Select(select) => self.expression(&select.operand),
            Expr::Call(call) => self.call(call),
            Expr::List(list) => {
                self.built(
                    list.elements.iter().all(is_literal),
                    "a list of other things than texts and numbers",
                )?;
                list.elements.iter().try_for_each(|e| self.expression(e))
            }
            Expr::Map(map) => {
                self.built(false, "a map")?;
                map.entries.iter().try_for_each(|entry| match &entry.expr {
                    EntryExpr::MapEntry(pair) => {
                        self.expression(&pair.key)?;
                        self.expression(&pair.value)
                    }
                    EntryExpr::StructField(_) => Err("a condition makes no messages".to_owned()),
                })
            }
            Expr::Struct(_) => Err("a condition makes no messages".to_owned()),
            Expr::Comprehension(inner) => self.comprehension(inner),
        }
    }

    fn name(&self, name: &str) -> Result<(), String> {
        if NAMES.contains(&name) || TYPES.contains(&name) || self.variables.contains(&name) {
            return Ok(());
        }
        let shown: String = name.chars().take(60).collect();
        Err(match nearest(name, NAMES) {
            Some(meant) => format!("there is no {shown:?} to look at; did you mean {meant:?}?"),
            None => format!("there is no {shown:?} to look at; there are {}", NAMES.join(", ")),
        })
    }

    /// Something that is made, and is not of a fixed size: not within a loop.
    fn built(&self, fixed: bool, what: &str) -> Result<(), String> {
        if fixed || self.loops == 0 { Ok(()) } else { Err(format!("{what} is not made within a loop")) }
    }

    fn call(&mut self, call: &'a CallExpr) -> Result<(), String> {
        let name = call.func_name.as_str();
        let operator = name.contains(|c: char| !c.is_ascii_alphanumeric()) && !name.contains('.');
        if !operator && !FUNCTIONS.contains(&name) {
            let shown: String = name.chars().take(60).collect();
            return Err(match nearest(name, FUNCTIONS) {
                Some(meant) => format!("there is no function {shown:?}; did you mean {meant:?}?"),
                None => format!("there is no function {shown:?}; there are {}", FUNCTIONS.join(", ")),
            });
        }
        if name == "_+_" {
            self.built(call.args.iter().any(is_literal), "a sum without a number or text of its own")?;
        }
        call.target.iter().map(AsRef::as_ref).chain(&call.args).try_for_each(|e| self.expression(e))
    }

    /// A loop. What its macro adds (the list of results that grows by one) is not the user's.
    fn comprehension(&mut self, inner: &'a ComprehensionExpr) -> Result<(), String> {
        self.expression(&inner.iter_range)?;
        if self.loops >= MAX_LOOPS {
            return Err(format!("more than {MAX_LOOPS} loops stand within each other"));
        }
        let known = self.variables.len();
        self.variables.push(&inner.iter_var);
        self.variables.extend(inner.iter_var2.as_deref());
        self.variables.push(&inner.accu_var);
        self.loops += 1;
        let checked = self.step(&inner.loop_step, &inner.accu_var);
        self.loops -= 1;
        self.variables.truncate(known);
        checked
    }

    /// `@result + [x]`, alone or under the condition of a filter; anything else is checked as it stands.
    fn step(&mut self, step: &'a IdedExpr, result: &str) -> Result<(), String> {
        if let Expr::Call(call) = &step.expr {
            let is_result = |e: &IdedExpr| matches!(&e.expr, Expr::Ident(name) if name == result);
            match (call.func_name.as_str(), call.args.as_slice()) {
                ("_+_", [grown, IdedExpr { expr: Expr::List(list), .. }]) if is_result(grown) => {
                    return list.elements.iter().try_for_each(|e| self.expression(e));
                }
                ("_?_:_", [condition, then, other]) if is_result(other) => {
                    self.expression(condition)?;
                    return self.step(then, result);
                }
                _ => {}
            }
        }
        self.expression(step)
    }
}

fn is_literal(expression: &IdedExpr) -> bool {
    match &expression.expr {
        Expr::Literal(LiteralValue::Bytes(_)) => false,
        Expr::Literal(_) => true,
        Expr::Call(call) => call.func_name == "-_" && call.args.iter().all(is_literal),
        _ => false,
    }
}
