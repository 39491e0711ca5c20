//! Reports as they are printed, with and without a terminal.

use api::common::FailureEvent;
use api::compensation::{
    BacktestBand, BacktestHit, BacktestLine, BacktestQuantile, BacktestRule, BacktestShift, HistoricEvent,
};

use super::*;

fn usd(units: i64) -> Option<WireMoney> {
    Some(WireMoney { currency_code: "USD".to_owned(), units, nanos: 0 })
}

fn side(pack: &str, scale: i64) -> BacktestSide {
    let band = |from, customers: i64| BacktestBand {
        from: usd(from),
        below: usd(from + 1),
        customers,
        cost: usd(from * customers),
    };
    let line = |name: &str, kind: remedy_line::Kind, offered, customers, cost: Option<WireMoney>| BacktestLine {
        line: name.to_owned(),
        basis: remedy_line::Basis::Time.into(),
        kind: kind.into(),
        offered,
        customers,
        costs: cost.into_iter().collect(),
        ..BacktestLine::default()
    };
    BacktestSide {
        pack: pack.to_owned(),
        judged: 336_776,
        owed: 12_000 * scale,
        customers_owed: 12_000 * scale,
        undecided: 12,
        costs: vec![BacktestCost {
            events: 9_001,
            customers: 9_001,
            low: usd(60_000 * scale),
            high: usd(1_830_000 * scale),
            quantiles: vec![
                BacktestQuantile { percent: 50, amount: usd(15) },
                BacktestQuantile { percent: 99, amount: usd(214) },
            ],
            bands: vec![band(15, 4_000), band(214, 8_255), band(600, 1)],
        }],
        rules: vec![
            BacktestRule { rule: "late".to_owned(), applied: 4_000, customers: 4_000, missing: 0 },
            BacktestRule { rule: "never".to_owned(), applied: 0, customers: 0, missing: 12 },
        ],
        lines: vec![
            line("late.food", remedy_line::Kind::Voucher, false, 4_000 * scale, usd(60_000 * scale)),
            line("cancelled.refund", remedy_line::Kind::Money, true, 8_255, usd(1_770_697)),
            line("cancelled.flight", remedy_line::Kind::Service, true, 8_255, None),
        ],
    }
}

fn report() -> (BacktestReport, Vec<BacktestDifference>) {
    let baseline = side("packs/care@1.0.0", 1);
    let report = BacktestReport {
        events: 336_776,
        customers: 336_776,
        candidate: Some(side("packs/care@2.0.0", 2)),
        baseline: Some(baseline),
        comparison: Some(BacktestComparison {
            gain: Some(BacktestHit { events: 4_000, customers: 4_000 }),
            lose: Some(BacktestHit::default()),
            other: Some(BacktestHit { events: 1, customers: 2 }),
            shifts: vec![BacktestShift { gained: usd(60_000), lost: usd(0) }],
        }),
    };
    let event =
        FailureEvent { kind: "flight.delayed".to_owned(), reference: "UA7".to_owned(), ..FailureEvent::default() };
    let line = |amount| RemedyLine { amount, description: "A train".to_owned(), ..RemedyLine::default() };
    let differing = BacktestDifference {
        event: Some(HistoricEvent { event: Some(event), customers: 2, ..HistoricEvent::default() }),
        baseline: Some(BacktestOutcome { in_force: true, ..BacktestOutcome::default() }),
        candidate: Some(BacktestOutcome {
            in_force: true,
            automatic: vec![line(usd(15)), line(None)],
            ..BacktestOutcome::default()
        }),
    };
    (report, vec![differing])
}

fn shown(chart: Chart, report: &BacktestReport, differences: &[BacktestDifference]) -> String {
    let mut page = Page::default();
    backtest(&mut page, chart, report, differences);
    page.as_str().to_owned()
}

#[test]
fn a_comparison_reads_well_without_a_terminal() {
    let (report, differences) = report();
    let text = shown(Chart { width: 80, blocks: false }, &report, &differences);
    assert!(text.is_ascii(), "{text}");
    insta::assert_snapshot!("comparison", text);
}

#[test]
fn one_version_alone_reads_well_on_a_terminal() {
    let (mut report, _) = report();
    (report.baseline, report.comparison) = (None, None);
    insta::assert_snapshot!("alone", shown(Chart { width: 60, blocks: true }, &report, &[]));
}

#[test]
fn no_line_of_a_chart_is_wider_than_the_terminal() {
    let (report, _) = report();
    let cost = &report.candidate.as_ref().expect("there is one").costs[0];
    for (width, blocks) in [(50, true), (50, false), (132, true), (300, false)] {
        let mut page = Page::default();
        bands(&mut page, Chart { width, blocks }, cost);
        let bars: Vec<_> = page.as_str().lines().filter(|line| line.ends_with("customers")).collect();
        assert_eq!((bars.len(), bars.iter().map(|line| line.width()).max()), (3, Some(width)), "{}", page.as_str());
    }
}

#[test]
fn bars_are_in_proportion_and_a_little_is_never_nothing() {
    let plain = Chart { width: 80, blocks: false };
    let blocks = Chart { width: 80, blocks: true };
    assert_eq!((plain.bar(50, 100, 10).as_str(), plain.bar(1, 1_000_000, 10).as_str()), ("#####", "#"));
    assert_eq!((blocks.bar(55, 100, 10).as_str(), blocks.bar(100, 100, 10).width()), ("█████▌", 10));
    assert_eq!((plain.bar(0, 100, 10), plain.bar(i128::MAX, i128::MAX, 4)), (String::new(), "####".to_owned()));
    assert_eq!((grouped(-1_234_567), grouped(999)), ("-1,234,567".to_owned(), "999".to_owned()));
}
