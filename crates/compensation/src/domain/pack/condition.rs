//! A rule's condition: a CEL expression over `event`, checked and compiled when the pack is loaded.
//!
//! The interpreter has no budget, so that what may run is bounded before: at most 4,000 bytes, no comprehension within
//! another, only known names, and a result that is yes or no. Facts are scalars and at most 64, so that a single
//! comprehension cannot run long.
//!
//! In a condition `event.kind` is text, `event.severity` a number from 0 to 4 (`LOW`, `MEDIUM`, `HIGH` and `CRITICAL`
//! stand for 1 to 4), `event.occurred_at` whole seconds since 1970, and `event.facts.<key>` a whole number, yes or no,
//! text, seconds since 1970 for a time, and for an amount a map of `currency` and `minor` (minor units).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, LazyLock};

use cel::common::ast::{EntryExpr, Expr, IdedExpr, LiteralValue, operators};
use cel::objects::Map;
use cel::{Context, Env, ExecutionError, Value};

use crate::domain::event::{Fact, FailureEvent, Severity};

/// How an input reads that the event does not have.
pub const MISSING: &str = "missing";
/// Longest condition in bytes.
pub const MAX_BYTES: usize = 4_000;
/// Deepest brackets, and deepest expression; parser and interpreter recurse.
const MAX_BRACKETS: usize = 12;
const MAX_DEPTH: u16 = 40;

static STANDARD: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// What a condition may read of an event besides its facts.
const FIELDS: [&str; 4] = ["kind", "severity", "occurred_at", "facts"];
const RANKS: [(&str, Severity); 4] =
    [("LOW", Severity::Low), ("MEDIUM", Severity::Medium), ("HIGH", Severity::High), ("CRITICAL", Severity::Critical)];

/// Operators and functions whose result is yes or no.
const PREDICATES: [&str; 15] = [
    operators::LOGICAL_AND,
    operators::LOGICAL_OR,
    operators::LOGICAL_NOT,
    operators::EQUALS,
    operators::NOT_EQUALS,
    operators::GREATER,
    operators::GREATER_EQUALS,
    operators::LESS,
    operators::LESS_EQUALS,
    operators::IN,
    operators::NOT_STRICTLY_FALSE,
    "startsWith",
    "endsWith",
    "contains",
    "bool",
];

/// A compiled condition.
pub struct Condition {
    source: String,
    expression: IdedExpr,
    reads: Reads,
}

impl std::fmt::Debug for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Condition").field(&self.source).finish()
    }
}

/// An event as conditions see it; made once for all of them.
pub struct Scope(Context<'static, 'static>);

impl std::fmt::Debug for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scope").finish_non_exhaustive()
    }
}

impl Scope {
    /// Of an event.
    pub fn of(event: &FailureEvent, severity: Severity) -> Self {
        let mut context = Context::with_env(Arc::clone(&STANDARD));
        for (name, rank) in RANKS {
            context.add_variable_from_value(name, rank.rank());
        }
        context.add_variable_from_value("event", event_value(event, severity));
        Self(context)
    }
}

/// What a condition reads.
#[derive(Debug, Default)]
struct Reads {
    fields: BTreeSet<String>,
    facts: BTreeSet<String>,
}

/// What a condition says about an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Holds,
    /// It does not.
    Fails,
    /// It cannot be told: this fact is missing.
    Missing(String),
    /// It cannot be told: a fact is not of the type that the condition compares it with.
    WrongType,
}

impl Condition {
    /// Checks and compiles a condition.
    ///
    /// # Errors
    /// What is wrong with it, for its author.
    pub fn compile(source: &str) -> Result<Self, String> {
        if source.len() > MAX_BYTES {
            return Err(format!("has {} bytes; at most {MAX_BYTES} are allowed", source.len()));
        }
        if depth_of_brackets(source) > MAX_BRACKETS {
            return Err(format!("nests brackets more than {MAX_BRACKETS} deep"));
        }
        let parser = STANDARD.parser().max_recursion_depth(MAX_DEPTH);
        let expression = parser.parse(source).map_err(|error| {
            let text: Vec<_> = error.to_string().split_whitespace().map(str::to_owned).collect();
            format!("is not a CEL expression: {}", text.join(" "))
        })?;
        let mut checker = Checker { reads: Reads::default(), bound: Vec::new(), comprehensions: 0, depth: 0 };
        checker.check(&expression)?;
        if !is_predicate(&expression) {
            return Err("must say yes or no: end in a comparison, in, has(), all(), exists(), && or ||".to_owned());
        }
        Ok(Self { source: source.to_owned(), reads: checker.reads, expression })
    }

    /// As written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Judges an event.
    pub fn judge(&self, scope: &Scope) -> Verdict {
        match Value::resolve(&self.expression, &scope.0) {
            Ok(Value::Bool(true)) => Verdict::Holds,
            Ok(Value::Bool(false)) => Verdict::Fails,
            Err(ExecutionError::NoSuchKey(key)) => Verdict::Missing(key.to_string()),
            Ok(_) | Err(_) => Verdict::WrongType,
        }
    }

    /// What the condition read of an event, as text; a missing fact reads `missing`.
    pub fn inputs(&self, event: &FailureEvent, severity: Severity) -> BTreeMap<String, String> {
        let mut inputs = BTreeMap::new();
        for field in &self.reads.fields {
            let value = match field.as_str() {
                "kind" => event.kind.clone(),
                "severity" => severity.as_str().to_owned(),
                "occurred_at" => event.occurred_at.to_string(),
                _ => continue,
            };
            inputs.insert(field.clone(), value);
        }
        for fact in &self.reads.facts {
            let value = event.facts.get(fact).map_or_else(|| MISSING.to_owned(), ToString::to_string);
            inputs.insert(fact.clone(), value);
        }
        inputs
    }
}

/// How deep brackets nest; those in texts count as well, which only refuses more.
fn depth_of_brackets(source: &str) -> usize {
    let mut depth = 0_usize;
    let mut deepest = 0;
    for byte in source.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

fn event_value(event: &FailureEvent, severity: Severity) -> Value {
    let facts: HashMap<String, Value> = event.facts.iter().map(|(key, fact)| (key.clone(), fact_value(fact))).collect();
    let fields: HashMap<String, Value> = HashMap::from([
        ("kind".to_owned(), Value::from(event.kind.as_str())),
        ("severity".to_owned(), Value::from(severity.rank())),
        ("occurred_at".to_owned(), Value::from(event.occurred_at.to_seconds_nanos().0)),
        ("facts".to_owned(), Value::Map(Map::from(facts))),
    ]);
    Value::Map(Map::from(fields))
}

fn fact_value(fact: &Fact) -> Value {
    match fact {
        Fact::Integer(value) => Value::from(*value),
        Fact::Boolean(value) => Value::from(*value),
        Fact::Text(value) => Value::from(value.as_str()),
        Fact::Time(value) => Value::from(value.to_seconds_nanos().0),
        Fact::Money(value) => Value::Map(Map::from(HashMap::from([
            ("currency".to_owned(), Value::from(value.currency.code())),
            ("minor".to_owned(), Value::from(value.minor)),
        ]))),
    }
}

/// True when the result can only be yes or no, or is a fact that may be.
fn is_predicate(expression: &IdedExpr) -> bool {
    match &expression.expr {
        Expr::Call(call) if call.func_name == operators::CONDITIONAL => call.args.iter().skip(1).all(is_predicate),
        Expr::Call(call) => PREDICATES.contains(&call.func_name.as_str()),
        Expr::Comprehension(comprehension) => is_predicate(&comprehension.result),
        Expr::Literal(literal) => matches!(literal, LiteralValue::Boolean(_)),
        Expr::Select(select) => select.test || fact_key(expression).is_some(),
        Expr::Ident(name) => name.starts_with('@'),
        Expr::List(_) | Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => false,
    }
}

/// The key of `event.facts.<key>` or `event.facts["<key>"]`.
fn fact_key(expression: &IdedExpr) -> Option<&str> {
    match &expression.expr {
        Expr::Select(select) if field_of_event(&select.operand) == Some("facts") => Some(&select.field),
        Expr::Call(call) if call.func_name == operators::INDEX => match (call.args.first(), call.args.get(1)) {
            (Some(map), Some(key)) if field_of_event(map) == Some("facts") => match &key.expr {
                Expr::Literal(LiteralValue::String(text)) => Some(text.inner()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

/// The field of `event.<field>`.
fn field_of_event(expression: &IdedExpr) -> Option<&str> {
    match &expression.expr {
        Expr::Select(select) => match &select.operand.expr {
            Expr::Ident(name) if name == "event" => Some(&select.field),
            _ => None,
        },
        _ => None,
    }
}

/// Walks an expression: refuses what may not run, collects what it reads.
struct Checker {
    reads: Reads,
    /// Variables of the comprehension that is being walked.
    bound: Vec<String>,
    comprehensions: u32,
    depth: u16,
}

impl Checker {
    fn check(&mut self, expression: &IdedExpr) -> Result<(), String> {
        if self.depth == MAX_DEPTH {
            return Err(format!("is more than {MAX_DEPTH} levels deep; put it into several rules"));
        }
        self.depth += 1;
        let checked = self.check_here(expression);
        self.depth -= 1;
        checked
    }

    fn check_here(&mut self, expression: &IdedExpr) -> Result<(), String> {
        if let Some(key) = fact_key(expression) {
            self.reads.facts.insert(key.to_owned());
            return Ok(());
        }
        if let Some(field) = field_of_event(expression) {
            if !FIELDS.contains(&field) {
                return Err(format!(
                    "reads event.{field}, which no event has; there are event.{}",
                    FIELDS.join(", event.")
                ));
            }
            self.reads.fields.insert(field.to_owned());
            return Ok(());
        }
        match &expression.expr {
            Expr::Unspecified | Expr::Literal(_) => Ok(()),
            Expr::Ident(name) => self.check_name(name),
            Expr::Select(select) => self.check(&select.operand),
            Expr::Call(call) => call.target.as_deref().into_iter().chain(&call.args).try_for_each(|e| self.check(e)),
            Expr::List(list) => list.elements.iter().try_for_each(|e| self.check(e)),
            Expr::Map(map) => map.entries.iter().try_for_each(|e| self.check_entry(&e.expr)),
            Expr::Struct(_) => Err("must not build messages".to_owned()),
            Expr::Comprehension(comprehension) => {
                if self.comprehensions > 0 {
                    return Err("nests a comprehension (all, exists, exists_one, map, filter) in another".to_owned());
                }
                self.comprehensions += 1;
                self.bound.extend([comprehension.iter_var.clone(), comprehension.accu_var.clone()]);
                self.bound.extend(comprehension.iter_var2.clone());
                let parts = [
                    &comprehension.iter_range,
                    &comprehension.accu_init,
                    &comprehension.loop_cond,
                    &comprehension.loop_step,
                    &comprehension.result,
                ];
                let checked = parts.into_iter().try_for_each(|part| self.check(part));
                self.bound.clear();
                self.comprehensions -= 1;
                checked
            }
        }
    }

    fn check_entry(&mut self, entry: &EntryExpr) -> Result<(), String> {
        match entry {
            EntryExpr::MapEntry(entry) => self.check(&entry.key).and_then(|()| self.check(&entry.value)),
            EntryExpr::StructField(field) => self.check(&field.value),
        }
    }

    fn check_name(&self, name: &str) -> Result<(), String> {
        let known = self.bound.iter().any(|bound| bound == name) || RANKS.iter().any(|(rank, _)| *rank == name);
        match name {
            "event" => Err("uses event as a whole; name a field of it".to_owned()),
            _ if known => Ok(()),
            _ => Err(format!("reads `{name}`, which is not known; facts are read as event.facts.{name}")),
        }
    }
}

#[cfg(test)]
#[path = "condition_tests.rs"]
mod tests;
