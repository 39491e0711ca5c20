//! A whole year of real disruptions through the whole suite: exactly what is owed, nothing left over.
//!
//! Built with `--features year` and optimised, by `make test`: unoptimised it takes many minutes.

use std::collections::BTreeMap;
use std::process::Command;

use serde::Deserialize;

/// What the test looks at in `amends demo --json`.
#[derive(Debug, Deserialize)]
struct Summary {
    disruptions: u64,
    cancelled: u64,
    delayed_over_180: u64,
    customers: u64,
    cases: BTreeMap<String, u64>,
    needs_attention: u64,
    offers: BTreeMap<String, u64>,
    vouchers: BTreeMap<String, u64>,
    work_items: BTreeMap<String, u64>,
    clocks: BTreeMap<String, u64>,
    ledger_transactions: u64,
    ledger_unbalanced: u64,
    calls_delivered: u64,
    calls_undelivered: u64,
    recoveries_per_second: f64,
}

fn counts(expected: &[(&str, u64)]) -> BTreeMap<String, u64> {
    expected.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

#[test]
fn a_year_of_disruptions_is_recovered_to_the_last_one() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_amends_node")).args(["demo", "--year", "--json"]).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let summary: Summary = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"));

    assert_eq!((summary.disruptions, summary.customers), (40_883, 40_883));
    assert_eq!((summary.cancelled, summary.delayed_over_180), (8_255, 3_843), "what the flights' own tables say");
    assert_eq!(summary.vouchers, counts(&[("delay-over-three-hours.food-and-drink", 3_843)]));
    assert_eq!(
        summary.offers,
        counts(&[("EXPIRED", 8_255)]),
        "each cancellation was offered a choice, and nobody answers"
    );
    assert_eq!(summary.cases, counts(&[("LAPSED", 40_883)]), "every case has come to its end");
    assert_eq!(summary.needs_attention, 0);
    assert_eq!(summary.work_items, counts(&[("COMPLETED", 40_883)]));
    assert_eq!(
        summary.clocks,
        counts(&[("ACKNOWLEDGE MET", 40_883), ("RESOLVE MET", 40_883)]),
        "no promise was broken"
    );
    assert_eq!(summary.calls_undelivered, 0);
    assert_eq!(summary.ledger_unbalanced, 0);
    // Vouchers that run out within the year and the tail are booked a second time.
    assert!(summary.ledger_transactions >= 3_843, "{}", summary.ledger_transactions);
    println!("{} durable calls, {:.0} recoveries per second", summary.calls_delivered, summary.recoveries_per_second);
}
