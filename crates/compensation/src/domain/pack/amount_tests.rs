//! How amounts come about: tables with their bounds on both sides, dated rows, shares, multiples, limits.

use std::collections::BTreeMap;

use super::percent;
use crate::domain::assessment::Assessment;
use crate::domain::event::{Fact, FailureEvent, Severity};
use crate::domain::line::RemedyLine;
use crate::domain::money::parse_amount;
use crate::domain::pack::read::instant;
use crate::domain::pack::set::PackSet;

const INPUTS: &str = "[{ name: price, type: MONEY }, { name: days, type: INTEGER }, { name: minutes, type: INTEGER }, \
                      { name: single, type: BOOLEAN }]";

/// What an amount gives for facts on a day: the amount, or why there is none; and its arithmetic.
fn gives(amount: &str, at: &str, facts: &[(&str, Fact)]) -> (String, String) {
    match line(amount, at, facts) {
        Ok(line) => (line.benefit.to_string(), line.arithmetic),
        Err(why) => (why, String::new()),
    }
}

/// The line that an amount gives for facts on a day, or why there is none.
fn line(amount: &str, at: &str, facts: &[(&str, Fact)]) -> Result<RemedyLine, String> {
    let yaml = format!(
        "{{ id: p, display_name: P, version: \"1\", status: ACTIVE, effective_from: \"2000-01-01\", sources: [s], \
         time_zone: Europe/London, inputs: {INPUTS}, rules: [{{ id: r, description: D., automatic: [{{ id: l, \
         basis: TIME, kind: MONEY, description: L, amount: {amount} }}] }}] }}"
    );
    let packs = PackSet::from_documents([("test", yaml.as_str())]).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let event = FailureEvent {
        kind: "x".to_owned(),
        occurred_at: instant(at).expect("a time"),
        reference: String::new(),
        facts: facts.iter().map(|(key, fact)| ((*key).to_owned(), fact.clone())).collect::<BTreeMap<_, _>>(),
    };
    let Assessment { automatic, decisions, .. } = packs.assess(&event, Severity::Low);
    automatic.into_iter().next().ok_or_else(|| decisions[0].explanation.clone())
}

fn money(text: &str) -> Fact {
    Fact::Money(parse_amount(text).expect("an amount"))
}

const NOON: &str = "2026-06-01T12:00:00Z";

#[test]
fn a_bound_belongs_to_its_row_or_to_the_next() {
    let table = "{ table: { by: minutes, rows: [{ below: 30, amount: GBP 1.00 }, { up_to: 59, amount: GBP 2.00 }, \
                 { below: 120, amount: GBP 3.00 }, { amount: GBP 4.00 }] } }";
    for (minutes, owed) in [(29, "1.00"), (30, "2.00"), (59, "2.00"), (60, "3.00"), (119, "3.00"), (120, "4.00")] {
        let (given, arithmetic) = gives(table, NOON, &[("minutes", Fact::Integer(minutes))]);
        assert_eq!(given, format!("MONEY GBP {owed}"), "{minutes}");
        assert!(arithmetic.contains(&format!("minutes {minutes}: ")), "{arithmetic}");
    }
    let by_price = "{ table: { by: price, rows: [{ up_to: GBP 10.00, amount: GBP 1.00 }, { amount: GBP 2.00 }] } }";
    assert_eq!(gives(by_price, NOON, &[("price", money("GBP 10.00"))]).0, "MONEY GBP 1.00");
    assert_eq!(gives(by_price, NOON, &[("price", money("GBP 10.01"))]).0, "MONEY GBP 2.00");
    let other = gives(by_price, NOON, &[("price", money("EUR 10.00"))]).0;
    assert_eq!(other, "EUR 10.00 cannot be compared with GBP 10.00 of the table.");
}

#[test]
fn a_dated_row_is_picked_by_the_day_of_the_event_in_the_packs_zone() {
    let table = "{ table: { rows: [{ since: \"2022-04-01\", until: \"2023-04-01\", amount: GBP 8.40 }, \
                 { since: \"2023-04-01\", amount: GBP 9.33 }] }, times: days }";
    // British summer time: the day begins at 23:00 UTC the day before.
    for (at, owed) in [
        ("2022-03-31T22:59:59Z", "No row of the table is for the event."),
        ("2022-03-31T23:00:00Z", "MONEY GBP 16.80"),
        ("2023-03-31T22:59:59.999999Z", "MONEY GBP 16.80"),
        ("2023-03-31T23:00:00Z", "MONEY GBP 18.66"),
    ] {
        assert_eq!(gives(table, at, &[("days", Fact::Integer(2))]).0, owed, "{at}");
    }
    let (_, arithmetic) = gives(table, NOON, &[("days", Fact::Integer(3))]);
    assert_eq!(arithmetic, "GBP 9.33 (since 2023-04-01) x 3 (days) = GBP 27.99");
    assert_eq!(
        gives(table, NOON, &[("days", Fact::Integer(0))]).0,
        "GBP 9.33 (since 2023-04-01) x 0 (days) is not an amount that can be paid."
    );
    assert_eq!(gives(table, NOON, &[]).0, "The fact `days` is missing.");
}

#[test]
fn shares_are_exact_and_rounded_once() {
    let price = |text: &str| [("price", money(text))];
    assert_eq!(gives("{ from_fact: price, percent: 12.5 }", NOON, &price("GBP 0.99")).0, "MONEY GBP 0.12");
    assert_eq!(gives("{ from_fact: price, percent: 12.5 }", NOON, &price("GBP 1.00")).0, "MONEY GBP 0.13");
    // 1 / 464 of a season ticket, four times: rounded at the end, not four times.
    let season = "{ from_fact: price, divide_by: 464, times: 4 }";
    let (given, arithmetic) = gives(season, NOON, &price("GBP 1000.00"));
    assert_eq!(
        (given.as_str(), arithmetic.as_str()),
        ("MONEY GBP 8.62", "price GBP 1000.00 x 100 % / 464 x 4 = GBP 8.62")
    );
    let by_minutes = "{ from_fact: price, table: { by: minutes, rows: [{ below: 30, percent: 25 }, { below: 60, \
                      percent: 50 }, { percent: 100 }] }, adjust: [{ when: '!single', percent: 50, because: return }] }";
    for (minutes, single, owed) in [(29, true, "2.50"), (30, true, "5.00"), (60, true, "10.00"), (60, false, "5.00")] {
        let facts =
            [("price", money("GBP 10.00")), ("minutes", Fact::Integer(minutes)), ("single", Fact::Boolean(single))];
        assert_eq!(gives(by_minutes, NOON, &facts).0, format!("MONEY GBP {owed}"), "{minutes} {single}");
    }
    // A reduction whose reason is not known is not made.
    let facts = [("price", money("GBP 10.00")), ("minutes", Fact::Integer(60))];
    assert_eq!(gives(by_minutes, NOON, &facts).0, "MONEY GBP 10.00");
}

/// The arithmetic has a factor for each thing that was done, and none for what was not.
#[test]
fn the_arithmetic_is_told_as_it_was_done() {
    let row = |gives: &str| format!("table: {{ by: minutes, rows: [{{ up_to: 59, {gives} }}] }}");
    let facts = [("price", money("GBP 8.00")), ("minutes", Fact::Integer(30)), ("days", Fact::Integer(2))];
    for (amount, told) in [
        ("{ fixed: GBP 8.00 }".to_owned(), "fixed GBP 8.00"),
        ("{ fixed: GBP 8.00, percent: 50 }".to_owned(), "fixed GBP 8.00 x 50 % = GBP 4.00"),
        ("{ fixed: GBP 8.00, divide_by: 4 }".to_owned(), "fixed GBP 8.00 x 100 % / 4 = GBP 2.00"),
        ("{ fixed: GBP 8.00, times: 2 }".to_owned(), "fixed GBP 8.00 x 2 = GBP 16.00"),
        ("{ fixed: GBP 8.00, times: 1 }".to_owned(), "fixed GBP 8.00"),
        ("{ fixed: GBP 8.00, times: days }".to_owned(), "fixed GBP 8.00 x 2 (days) = GBP 16.00"),
        ("{ from_fact: price }".to_owned(), "price GBP 8.00 x 100 % = GBP 8.00"),
        (format!("{{ {} }}", row("amount: GBP 8.00")), "GBP 8.00 (minutes 30: up to 59)"),
        (
            format!("{{ {}, percent: 50 }}", row("amount: GBP 8.00")),
            "GBP 8.00 (minutes 30: up to 59) x 50 % = GBP 4.00",
        ),
        (
            format!("{{ from_fact: price, {} }}", row("percent: 50")),
            "price GBP 8.00 x 50 % (minutes 30: up to 59) = GBP 4.00",
        ),
    ] {
        assert_eq!(gives(&amount, NOON, &facts).1, told, "{amount}");
    }
}

#[test]
fn a_share_is_told_with_the_decimal_places_that_it_has() {
    for (hundredths, told) in [
        (1, "0.01 %"),
        (10, "0.1 %"),
        (100, "1 %"),
        (1_205, "12.05 %"),
        (1_230, "12.3 %"),
        (1_234, "12.34 %"),
        (5_000, "50 %"),
        (100_000, "1000 %"),
    ] {
        assert_eq!(percent(hundredths), told);
    }
    let facts = [("price", money("GBP 8.00"))];
    let told = gives("{ from_fact: price, percent: 12.5 }", NOON, &facts).1;
    assert_eq!(told, "price GBP 8.00 x 12.5 % = GBP 1.00");
}

/// What a line read is on record with it, so that whoever looks at it later sees by which days it was worked out.
#[test]
fn the_number_of_times_is_among_what_a_line_read() {
    let days = [("days", Fact::Integer(2)), ("minutes", Fact::Integer(30))];
    let read = |amount: &str| line(amount, NOON, &days).expect("a line").origin.inputs.into_iter().collect::<Vec<_>>();
    assert_eq!(read("{ fixed: GBP 8.00, times: days }"), [("days".to_owned(), "2".to_owned())]);
    assert_eq!(read("{ fixed: GBP 8.00, times: 2 }"), []);
}

#[test]
fn limits_hold_on_both_sides() {
    let limited = "{ from_fact: price, percent: 200, min: USD 5.00, max: USD 1075.00, nothing_below: USD 2.00 }";
    for (price, owed, words) in [
        ("USD 0.99", "nothing is given below USD 2.00", ""),
        ("USD 1.00", "MONEY USD 5.00", "price USD 1.00 x 200 % = USD 2.00, at least USD 5.00 = USD 5.00"),
        ("USD 2.50", "MONEY USD 5.00", "price USD 2.50 x 200 % = USD 5.00"),
        ("USD 537.50", "MONEY USD 1075.00", "price USD 537.50 x 200 % = USD 1075.00"),
        (
            "USD 537.51",
            "MONEY USD 1075.00",
            "price USD 537.51 x 200 % = USD 1075.02, at most USD 1075.00 = USD 1075.00",
        ),
        ("EUR 10.00", "the currencies differ", ""),
    ] {
        let (given, arithmetic) = gives(limited, NOON, &[("price", money(price))]);
        assert!(given.contains(owed), "{price}: {given}");
        assert_eq!(arithmetic, words, "{price}");
    }
}

#[test]
fn what_does_not_fit_is_no_amount() {
    let huge = [("price", Fact::Money(kernel::Money::new(kernel::Currency::parse("USD").expect("known"), i64::MAX)))];
    assert!(gives("{ from_fact: price, percent: 1000 }", NOON, &huge).0.contains("out of range"));
    let times = [("days", Fact::Integer(i64::MAX))];
    assert!(gives("{ fixed: USD 15.00, times: days }", NOON, &times).0.contains("out of range"));
    let negative = [("days", Fact::Integer(-1))];
    assert!(
        gives("{ fixed: USD 15.00, times: days }", NOON, &negative).0.contains("is not an amount that can be paid")
    );
}
