//! Expressions of all shapes: none stalls, none takes more steps than it said, and CEL's own interpreter agrees.

use std::collections::BTreeMap;

use cel::{Context, Program};
use kernel::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::domain::event::{Fact, FailureEvent};

fn inputs() -> Vec<Input> {
    let input = |name: &str, kind| Input {
        name: name.to_owned(),
        kind,
        description: String::new(),
        default: None,
        derived: None,
    };
    vec![input("a", Type::Integer), input("b", Type::Integer), input("yes", Type::Boolean), input("word", Type::Text)]
}

/// Expressions that say yes or no, most of them well typed.
fn conditions() -> impl Strategy<Value = String> {
    let number = prop_oneof![
        Just("a".to_owned()),
        Just("b".to_owned()),
        (-200_i64..200).prop_map(|n| n.to_string()),
        Just("9223372036854775807".to_owned()),
    ];
    let number = number.prop_recursive(3, 8, 2, |inner| {
        let operator = prop::sample::select(vec!["+", "-", "*", "/", "%"]);
        (inner.clone(), operator, inner).prop_map(|(left, operator, right)| format!("({left} {operator} {right})"))
    });
    let comparison = prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">="]);
    let leaf = prop_oneof![
        (number.clone(), comparison, number.clone())
            .prop_map(|(left, comparison, right)| format!("{left} {comparison} {right}")),
        (number.clone(), prop::collection::vec(number, 0..4))
            .prop_map(|(what, list)| format!("{what} in [{}]", list.join(", "))),
        Just("yes".to_owned()),
        Just("true".to_owned()),
        Just("word == 'storm'".to_owned()),
        Just("word.startsWith('st') && word.contains('or')".to_owned()),
        Just("[1, 2, 3].exists(n, n == a)".to_owned()),
        Just("[1, 2, 3].all(n, n < a)".to_owned()),
    ];
    leaf.prop_recursive(5, 40, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(left, right)| format!("({left}) && ({right})")),
            (inner.clone(), inner.clone()).prop_map(|(left, right)| format!("({left}) || ({right})")),
            inner.clone().prop_map(|of| format!("!({of})")),
            (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| format!("({a}) ? ({b}) : ({c})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn cels_own_interpreter_agrees(source in conditions(), a in -5_i64..5, b in prop::num::i64::ANY, yes: bool, storm: bool) {
        let inputs = inputs();
        let Ok(ours) = Expression::condition(&source, Names { inputs: &inputs, terms: &[] }) else {
            // Too deep, or a number that can be seen to be out of range: refused at once, which the interpreter may not do.
            return Ok(());
        };
        let word = if storm { "storm" } else { "strike" };
        let event = FailureEvent {
            kind: "x".to_owned(),
            occurred_at: Timestamp::EPOCH,
            reference: String::new(),
            facts: BTreeMap::from([
                ("a".to_owned(), Fact::Integer(a)),
                ("b".to_owned(), Fact::Integer(b)),
                ("yes".to_owned(), Fact::Boolean(yes)),
                ("word".to_owned(), Fact::Text(word.to_owned())),
            ]),
        };
        let scope = Scope::new(&event, Severity::Low, &inputs, &[]);
        let verdict = scope.holds(&ours);
        prop_assert!(scope.steps() <= ours.steps(), "{} of {} steps", scope.steps(), ours.steps());

        let mut context = Context::default();
        context.add_variable_from_value("a", a);
        context.add_variable_from_value("b", b);
        context.add_variable_from_value("yes", yes);
        context.add_variable_from_value("word", word);
        // Its parser recurses on the thread's own stack.
        let program = stacker::grow(16 << 20, || Program::compile(&source)).expect("we have parsed it");
        let theirs = program.execute(&context);
        match (verdict, theirs) {
            (Ok(ours), Ok(cel::Value::Bool(theirs))) => prop_assert_eq!(ours, theirs, "{}", source),
            (Err(_), Err(_)) => {}
            (ours, theirs) => prop_assert!(false, "{source}: {ours:?}, the interpreter: {theirs:?}"),
        }
    }

    /// Whatever is written, it is refused or bounded: the bound is one of steps, not of time.
    #[test]
    fn nothing_that_is_written_can_run_long(source in "[ab0-9()\\[\\].,&|!?:<>=+*/%'\" -]{0,300}|((\\(|\\[|!|-|a\\.map\\(x, |\\[1\\]\\.all\\(x, ){0,60}a(\\)|\\]){0,60})") {
        let inputs = inputs();
        if let Ok(expression) = Expression::compile(&source, Names { inputs: &inputs, terms: &[] }) {
            prop_assert!(expression.steps() <= MAX_STEPS);
            let event = FailureEvent {
                kind: "x".to_owned(),
                occurred_at: Timestamp::EPOCH,
                reference: String::new(),
                facts: BTreeMap::from([("a".to_owned(), Fact::Integer(1))]),
            };
            let scope = Scope::new(&event, Severity::Low, &inputs, &[]);
            let _verdict = scope.judge(&expression);
            prop_assert!(scope.steps() <= expression.steps());
        }
    }
}
