//! Checking: from CEL's syntax tree to a typed tree without loops, with everything that is wrong told to its author.

use std::borrow::Cow;
use std::sync::LazyLock;

use cel::Env;
use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, IdedExpr, LiteralValue, operators};
use kernel::Timestamp;

use super::eval::calculate;
use super::{Arithmetic, Comparison, Expression, Field, Names, Node, RANKS, Reads, TextTest};
use crate::domain::pack::input::{Type, Value};

/// Longest expression in bytes.
pub const MAX_BYTES: usize = 4_000;
/// Most steps that judging an expression may take.
pub const MAX_STEPS: usize = 2_000;
/// Deepest brackets, and deepest expression; the parser recurses.
const MAX_BRACKETS: usize = 12;
const MAX_DEPTH: u16 = 40;
/// Most elements of a list.
const MAX_LIST: usize = 64;
/// Stack that parsing is given: an expression within the limits above takes up to 4 MB of an unoptimised build (a sum
/// of 2,000 parts, or 12 brackets in each other), more than a thread of the runtime has.
const STACK: usize = 16 << 20;

static STANDARD: LazyLock<Env> = LazyLock::new(Env::stdlib);

pub(super) fn compile(source: &str, names: Names<'_>) -> Result<Expression, Vec<String>> {
    stacker::maybe_grow(STACK / 2, STACK, || compile_here(source, names))
}

fn compile_here(source: &str, names: Names<'_>) -> Result<Expression, Vec<String>> {
    if source.len() > MAX_BYTES {
        return Err(vec![format!("has {} bytes; at most {MAX_BYTES} are allowed", source.len())]);
    }
    if depth_of_brackets(source) > MAX_BRACKETS {
        return Err(vec![format!("nests brackets more than {MAX_BRACKETS} deep")]);
    }
    let parser = STANDARD.parser().max_recursion_depth(MAX_DEPTH);
    let parsed = parser.parse(source).map_err(|error| {
        let text: Vec<_> = error.to_string().split_whitespace().map(str::to_owned).collect();
        vec![format!("is not a CEL expression: {}", text.join(" "))]
    })?;
    let mut checker = Checker { names, problems: Vec::new(), reads: Reads::default(), bound: None, depth: 0, steps: 0 };
    let Some((node, kind)) = checker.check(&parsed) else {
        checker.problems.dedup();
        return Err(checker.problems);
    };
    Ok(Expression { source: source.to_owned(), node, kind, steps: checker.steps, reads: checker.reads })
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

/// What a part comes to; nothing after a problem, which is told then.
type Checked = Option<(Node, Type)>;

struct Checker<'a> {
    names: Names<'a>,
    problems: Vec<String>,
    reads: Reads,
    /// The variable of the comprehension that is being written out, and the element it stands for.
    bound: Option<(&'a str, &'a IdedExpr)>,
    depth: u16,
    steps: usize,
}

impl<'a> Checker<'a> {
    /// Tells a problem.
    fn no(&mut self, problem: impl Into<String>) -> Checked {
        self.problems.push(problem.into());
        None
    }

    fn check(&mut self, expression: &'a IdedExpr) -> Checked {
        if self.depth == MAX_DEPTH {
            return self.no(format!("is more than {MAX_DEPTH} levels deep; put parts of it into terms"));
        }
        if self.steps == MAX_STEPS {
            return self.no(format!("takes more than {MAX_STEPS} steps"));
        }
        self.depth += 1;
        self.steps += 1;
        let checked = self.check_here(expression);
        self.depth -= 1;
        checked
    }

    fn check_here(&mut self, expression: &'a IdedExpr) -> Checked {
        match &expression.expr {
            Expr::Literal(literal) => self.literal(literal),
            Expr::Ident(name) => self.name(name),
            Expr::Select(select) => {
                if field_of_event(&select.operand) == Some("facts") {
                    return self.input(&select.field, select.test);
                }
                if matches!(&select.operand.expr, Expr::Ident(name) if name == "event") {
                    return self.field(&select.field);
                }
                self.part_of_amount(&select.operand, &select.field)
            }
            Expr::Call(call) => self.call(call),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
            Expr::List(_) => self.no("a list stands only to the right of `in`, or before all() and exists()"),
            Expr::Map(_) | Expr::Struct(_) => self.no("must not build maps or messages"),
            Expr::Unspecified => self.no("is empty"),
        }
    }

    fn literal(&mut self, literal: &LiteralValue) -> Checked {
        Some(match literal {
            LiteralValue::Boolean(value) => (Node::Constant(Value::Boolean(*value.inner())), Type::Boolean),
            LiteralValue::Int(value) => (Node::Constant(Value::Integer(*value.inner())), Type::Integer),
            LiteralValue::String(text) => {
                (Node::Constant(Value::Text(Cow::Owned(text.inner().to_owned()))), Type::Text)
            }
            LiteralValue::UInt(_) | LiteralValue::Double(_) => {
                return self.no("has a number that is not a plain whole number; write it in a smaller unit");
            }
            LiteralValue::Bytes(_) | LiteralValue::Null => return self.no("must not use bytes or null"),
        })
    }

    fn name(&mut self, name: &str) -> Checked {
        if let Some((bound, element)) = self.bound
            && bound == name
        {
            return self.check(element);
        }
        if let Some((_, severity)) = RANKS.iter().find(|(rank, _)| *rank == name) {
            return Some((Node::Constant(Value::Integer(severity.rank())), Type::Integer));
        }
        if name == "event" {
            return self.no("uses event as a whole; name a field of it");
        }
        if let Some((index, term)) = self.names.terms.iter().enumerate().find(|(_, term)| term.name == name) {
            self.reads.add(term.is.reads());
            self.steps = (self.steps + term.is.steps()).min(MAX_STEPS);
            return Some((Node::Term(index), term.is.kind()));
        }
        self.input(name, false)
    }

    fn input(&mut self, name: &str, test: bool) -> Checked {
        let Some((index, input)) = self.names.inputs.iter().enumerate().find(|(_, input)| input.name == name) else {
            return self.no(format!("reads `{name}`, which is declared neither under inputs nor under terms"));
        };
        self.reads.inputs.insert(index);
        Some(if test { (Node::Has(index), Type::Boolean) } else { (Node::Input(index), input.kind) })
    }

    fn field(&mut self, field: &str) -> Checked {
        let (field, kind) = match field {
            "kind" => (Field::Kind, Type::Text),
            "severity" => (Field::Severity, Type::Integer),
            "occurred_at" => (Field::OccurredAt, Type::Time),
            "facts" => return self.no("uses event.facts as a whole; name one of them"),
            other => {
                return self.no(format!(
                    "reads event.{other}, which no event has; there are event.kind, event.severity, \
                     event.occurred_at, event.facts"
                ));
            }
        };
        self.reads.fields.insert(field);
        Some((Node::Field(field), kind))
    }

    fn part_of_amount(&mut self, operand: &'a IdedExpr, part: &str) -> Checked {
        let (node, kind) = self.check(operand)?;
        match (kind, part) {
            (Type::Money, "minor") => Some((Node::Minor(Box::new(node)), Type::Integer)),
            (Type::Money, "currency") => Some((Node::Currency(Box::new(node)), Type::Text)),
            (Type::Money, _) => self.no(format!("reads .{part} of an amount, which has .currency and .minor")),
            _ => self.no(format!("reads .{part} of {kind}")),
        }
    }

    fn call(&mut self, call: &'a CallExpr) -> Checked {
        let name = call.func_name.as_str();
        if let Some(target) = &call.target {
            let test = match name {
                "startsWith" => TextTest::Starts,
                "endsWith" => TextTest::Ends,
                "contains" => TextTest::Contains,
                _ => return self.no(format!("calls {name}(), which is not available")),
            };
            let [part] = call.args.as_slice() else { return self.no(format!("{name}() takes one text")) };
            let (text, part) = (self.typed(target, Type::Text), self.typed(part, Type::Text));
            return Some((Node::Text(test, Box::new((text?, part?))), Type::Boolean));
        }
        match (name, call.args.as_slice()) {
            (operators::LOGICAL_NOT, [of]) => {
                self.typed(of, Type::Boolean).map(|of| (Node::Not(Box::new(of)), Type::Boolean))
            }
            (operators::NEGATE, [of]) => {
                let of = self.typed(of, Type::Integer)?;
                Some((folded_negative(of), Type::Integer))
            }
            (operators::LOGICAL_AND, parts) => self.all_of(parts).map(|parts| (Node::And(parts), Type::Boolean)),
            (operators::LOGICAL_OR, parts) => self.all_of(parts).map(|parts| (Node::Or(parts), Type::Boolean)),
            (operators::CONDITIONAL, [condition, yes, no]) => self.conditional(condition, yes, no),
            (operators::IN, [what, list]) => self.one_of(what, list),
            (operators::INDEX, [map, key]) => match (&key.expr, field_of_event(map)) {
                (Expr::Literal(LiteralValue::String(name)), Some("facts")) => self.input(name.inner(), false),
                _ => self.no("indexes something else than event.facts by a written-out name"),
            },
            ("timestamp", [text]) => self.timestamp(text),
            (name, [left, right]) => self.binary(name, left, right),
            (name, _) => self.no(format!("calls {name}(), which is not available")),
        }
    }

    /// A time that is written out.
    fn timestamp(&mut self, text: &IdedExpr) -> Checked {
        if let Expr::Literal(LiteralValue::String(text)) = &text.expr
            && let Ok(at) = text.inner().parse::<jiff::Timestamp>()
        {
            let at = Timestamp::from_micros(at.as_microsecond());
            return Some((Node::Constant(Value::Time(at)), Type::Time));
        }
        self.no("timestamp() takes a time that is written out, such as '2021-01-01T00:00:00Z'")
    }

    /// A part that must be of a type.
    fn typed(&mut self, expression: &'a IdedExpr, wanted: Type) -> Option<Node> {
        let (node, kind) = self.check(expression)?;
        if kind == wanted {
            return Some(node);
        }
        self.problems.push(format!("has {kind} where {wanted} is needed"));
        None
    }

    fn all_of(&mut self, parts: &'a [IdedExpr]) -> Option<Vec<Node>> {
        let parts: Vec<_> = parts.iter().map(|part| self.typed(part, Type::Boolean)).collect();
        parts.into_iter().collect()
    }

    fn conditional(&mut self, condition: &'a IdedExpr, yes: &'a IdedExpr, no: &'a IdedExpr) -> Checked {
        let condition = self.typed(condition, Type::Boolean);
        let (yes, no) = (self.check(yes), self.check(no));
        let (condition, (yes, kind), (no, other)) = (condition?, yes?, no?);
        if kind != other {
            return self.no(format!("is {kind} or {other}, depending on `?`; both must be of one type"));
        }
        Some((Node::If(Box::new((condition, yes, no))), kind))
    }

    fn one_of(&mut self, what: &'a IdedExpr, list: &'a IdedExpr) -> Checked {
        let (what, kind) = self.check(what)?;
        let Expr::List(list) = &list.expr else { return self.no("`in` needs a list that is written out") };
        if list.elements.len() > MAX_LIST {
            return self.no(format!("has a list of {} elements; at most {MAX_LIST}", list.elements.len()));
        }
        let list: Vec<_> = list.elements.iter().map(|element| self.typed(element, kind)).collect();
        let list = list.into_iter().collect::<Option<Vec<_>>>()?;
        Some((Node::OneOf(Box::new(what), list), Type::Boolean))
    }

    fn binary(&mut self, name: &str, left: &'a IdedExpr, right: &'a IdedExpr) -> Checked {
        let comparison = match name {
            operators::EQUALS => Some(Comparison::Equal),
            operators::NOT_EQUALS => Some(Comparison::Different),
            operators::LESS => Some(Comparison::Less),
            operators::LESS_EQUALS => Some(Comparison::AtMost),
            operators::GREATER => Some(Comparison::Greater),
            operators::GREATER_EQUALS => Some(Comparison::AtLeast),
            _ => None,
        };
        let arithmetic = match name {
            operators::ADD => Some(Arithmetic::Add),
            operators::SUBSTRACT => Some(Arithmetic::Subtract),
            operators::MULTIPLY => Some(Arithmetic::Multiply),
            operators::DIVIDE => Some(Arithmetic::Divide),
            operators::MODULO => Some(Arithmetic::Remainder),
            _ => None,
        };
        let (left, right) = (self.check(left), self.check(right));
        let ((left, of), (right, with)) = (left?, right?);
        if let Some(comparison) = comparison {
            let ordered = !matches!(comparison, Comparison::Equal | Comparison::Different);
            if of != with {
                return self.no(format!("compares {of} with {with}"));
            }
            if ordered && of == Type::Boolean {
                return self.no("compares yes or no by size");
            }
            return Some((Node::Compare(comparison, Box::new((left, right))), Type::Boolean));
        }
        let Some(arithmetic) = arithmetic else {
            return self.no(format!("calls {name}(), which is not available"));
        };
        let kind = match (of, with, arithmetic) {
            (Type::Integer, Type::Integer, _) | (Type::Time, Type::Time, Arithmetic::Subtract) => Type::Integer,
            (Type::Time, Type::Integer, Arithmetic::Add | Arithmetic::Subtract) => Type::Time,
            _ => return self.no(format!("works out a number from {of} and {with}")),
        };
        if let (Node::Constant(left), Node::Constant(right)) = (&left, &right) {
            return match calculate(arithmetic, left, right) {
                Some(value) => Some((Node::Constant(value), kind)),
                None => self.no("has a number that is out of range, or divides by zero"),
            };
        }
        Some((Node::Arithmetic(arithmetic, Box::new((left, right))), kind))
    }

    /// `all` and `exists` over a list that is written out; everything else could run long.
    fn comprehension(&mut self, comprehension: &'a ComprehensionExpr) -> Checked {
        if self.bound.is_some() {
            return self.no("nests a comprehension (all, exists, exists_one, map, filter) in another");
        }
        let Expr::List(list) = &comprehension.iter_range.expr else {
            return self.no("runs over something else than a list that is written out");
        };
        let (Some((is_all, part)), None) = (all_or_exists(comprehension), &comprehension.iter_var2) else {
            return self.no("uses exists_one, map or filter; there are all() and exists()");
        };
        if list.elements.len() > MAX_LIST {
            return self.no(format!("has a list of {} elements; at most {MAX_LIST}", list.elements.len()));
        }
        let mut parts = Vec::new();
        for element in &list.elements {
            self.bound = Some((&comprehension.iter_var, element));
            parts.push(self.typed(part, Type::Boolean));
        }
        self.bound = None;
        let parts = parts.into_iter().collect::<Option<Vec<_>>>()?;
        Some((if is_all { Node::And(parts) } else { Node::Or(parts) }, Type::Boolean))
    }
}

fn folded_negative(of: Node) -> Node {
    match of {
        Node::Constant(Value::Integer(value)) if value != i64::MIN => Node::Constant(Value::Integer(-value)),
        of => Node::Negative(Box::new(of)),
    }
}

/// Whether a comprehension is `all` (true) or `exists` (false), with the part that each element must pass.
fn all_or_exists(comprehension: &ComprehensionExpr) -> Option<(bool, &IdedExpr)> {
    let Expr::Literal(LiteralValue::Boolean(_)) = &comprehension.accu_init.expr else { return None };
    let Expr::Call(step) = &comprehension.loop_step.expr else { return None };
    let is_accumulator = |part: &IdedExpr| matches!(&part.expr, Expr::Ident(name) if *name == comprehension.accu_var);
    match (step.func_name.as_str(), step.args.as_slice()) {
        (operators::LOGICAL_AND, [accumulator, part]) if is_accumulator(accumulator) => Some((true, part)),
        (operators::LOGICAL_OR, [accumulator, part]) if is_accumulator(accumulator) => Some((false, part)),
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
