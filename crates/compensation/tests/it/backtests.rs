//! BacktestPack: what versions would have given, over a stream with limits.

use api::common::{Fact, FailureEvent, Severity};
use api::compensation as wire;
use api::compensation::backtest_pack_request::Message as Asked;
use api::compensation::backtest_pack_response::Message as Told;
use api::compensation::backtest_version::Version;
use kernel::ServiceError;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::harness::{Desk, TEMPLATE, as_client, config, error, integer, minor, money_fact};

const KLM: &str = "packs/care-klm@1.1.0";
const KLM_YAML: &str = include_str!("../../packs/care-klm/pack.yaml");

fn named(name: &str) -> Option<wire::BacktestVersion> {
    Some(wire::BacktestVersion { version: Some(Version::Name(name.to_owned())) })
}

fn written(document: impl Into<String>) -> Option<wire::BacktestVersion> {
    Some(wire::BacktestVersion { version: Some(Version::Document(document.into())) })
}

fn setup(candidate: Option<wire::BacktestVersion>, baseline: Option<wire::BacktestVersion>) -> wire::BacktestSetup {
    wire::BacktestSetup { candidate, baseline, ..wire::BacktestSetup::default() }
}

/// What happened in 2013: delays of so many minutes, or a cancellation of a ticket of so many cents.
fn happened(day: i64, kind: &str, facts: &[(&str, Fact)], customers: i32) -> wire::HistoricEvent {
    let event = FailureEvent {
        kind: kind.to_owned(),
        occurred_at: Some(prost_types::Timestamp { seconds: 1_356_998_400 + day * 86_400, nanos: 0 }),
        reference: format!("UA {day}"),
        facts: facts.iter().map(|(key, fact)| ((*key).to_owned(), fact.clone())).collect(),
    };
    wire::HistoricEvent { event: Some(event), severity: Severity::Medium.into(), customers }
}

fn delay(day: i64, minutes: i64) -> wire::HistoricEvent {
    happened(day, "flight.delayed", &[("arrival_delay_minutes", integer(minutes))], 0)
}

fn sample() -> Vec<wire::HistoricEvent> {
    let mut events: Vec<_> = (0..60).map(|day| delay(day, 100 + day * 4)).collect();
    events.push(happened(70, "flight.cancelled", &[("ticket_price", money_fact("USD", 21_450))], 3));
    events.push(happened(71, "flight.cancelled", &[], 2));
    events
}

async fn run(
    desk: &Desk,
    setup: wire::BacktestSetup,
    batches: Vec<Vec<wire::HistoricEvent>>,
) -> Result<Vec<Told>, ServiceError> {
    let batches = batches.into_iter().map(|events| Asked::Batch(wire::BacktestBatch { events }));
    stream(desk, std::iter::once(Asked::Setup(setup)).chain(batches).collect()).await
}

async fn stream(desk: &Desk, messages: Vec<Asked>) -> Result<Vec<Told>, ServiceError> {
    let messages: Vec<_> =
        messages.into_iter().map(|message| wire::BacktestPackRequest { message: Some(message) }).collect();
    let answer = desk.packs.clone().backtest_pack(as_client(tokio_stream::iter(messages))).await.map_err(error)?;
    let mut answers = answer.into_inner();
    let mut told = Vec::new();
    while let Some(message) = answers.message().await.map_err(error)? {
        told.extend(message.message);
    }
    Ok(told)
}

/// The report and the differing events' references.
fn read(told: Vec<Told>) -> (wire::BacktestReport, Vec<String>) {
    let (mut reports, mut references) = (Vec::new(), Vec::new());
    for message in told {
        assert!(reports.is_empty(), "the report is the last message");
        match message {
            Told::Progress(_) => {}
            Told::Difference(difference) => references.push(difference.event.unwrap().event.unwrap().reference),
            Told::Report(report) => reports.push(report),
        }
    }
    (reports.remove(0), references)
}

fn violations(found: Result<Vec<Told>, ServiceError>) -> Vec<(String, String)> {
    let refused = found.expect_err("must be refused");
    assert_eq!(refused.reason, "INVALID_FIELDS");
    refused.violations.into_iter().map(|violation| (violation.field, violation.reason)).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(field, reason)| ((*field).to_owned(), (*reason).to_owned())).collect()
}

testkit::on_both_databases! {
    template: TEMPLATE;

    async fn a_known_version_is_judged_and_nothing_is_changed(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let (report, references) = read(run(&desk, setup(named(KLM), None), vec![sample()]).await.unwrap());
        assert_eq!((report.events, report.customers, references.len()), (62, 65, 0));
        let side = report.candidate.unwrap();
        // 39 of the delays are longer than 180 minutes.
        assert_eq!((side.pack.as_str(), side.judged, side.owed, side.customers_owed, side.undecided), (KLM, 62, 41, 44, 0));
        let cost = &side.costs[0];
        let amount = |money: &Option<api::google::r#type::Money>| minor(money.as_ref().unwrap());
        assert_eq!((amount(&cost.low), amount(&cost.high)), (39 * 1_500, 39 * 1_500 + 3 * 21_450));
        assert_eq!((cost.events, cost.customers), (40, 42));
        let bands: Vec<_> = cost.bands.iter().map(|band| (amount(&band.from), band.customers)).collect();
        assert_eq!(bands, [(1_500, 39), (21_400, 3)]);
        let half = cost.quantiles.iter().find(|quantile| quantile.percent == 50).unwrap();
        assert_eq!(amount(&half.amount), 1_500);
        let refund = side.lines.iter().find(|line| line.line == "cancellation.ticket-refund").unwrap();
        assert_eq!((refund.offered, refund.events, refund.customers), (true, 1, 3));
        assert_eq!(side.rules.iter().find(|rule| rule.rule == "cancellation").unwrap().applied, 2);
        assert!(report.baseline.is_none() && report.comparison.is_none());
        for table in ["remedies", "vouchers", "outbound_calls", "inbound_requests"] {
            assert_eq!(desk.count(&format!("SELECT count(*) AS n FROM {table}")).await, 0, "{table}");
        }
    }

    async fn neither_order_nor_batches_change_the_report(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let stricter = KLM_YAML.replace("> 180", "> 120").replace("version: 1.1.0", "version: 2.0.0");
        let setup = setup(written(stricter), named(KLM));
        let whole = run(&desk, setup.clone(), vec![sample()]).await.unwrap();
        let mut backwards = sample();
        backwards.reverse();
        let parts = backwards.chunks(7).map(<[_]>::to_vec).collect();
        assert_eq!(run(&desk, setup, parts).await.unwrap(), whole);
        let (report, references) = read(whole);
        let comparison = report.comparison.unwrap();
        // Delays of 124 to 180 minutes.
        assert_eq!(comparison.gain.unwrap().events, 15);
        assert_eq!(minor(comparison.shifts[0].gained.as_ref().unwrap()), 15 * 1_500);
        assert_eq!((references.len(), references[0].as_str(), references[14].as_str()), (15, "UA 6", "UA 20"));
        assert_eq!(report.candidate.unwrap().pack, "packs/care-klm@2.0.0");
    }

    async fn differing_events_are_bounded_and_progress_is_told(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let stricter = KLM_YAML.replace("> 180", "> 120");
        let setup = wire::BacktestSetup { max_differences: 3, ..setup(written(stricter), named(KLM)) };
        let batch: Vec<_> = (0..500).map(|i| delay(i % 300, 150)).collect();
        let told = run(&desk, setup, vec![batch; 120]).await.unwrap();
        assert!(told.iter().any(|message| matches!(message, Told::Progress(progress) if progress.events >= 20_000)));
        let (report, references) = read(told);
        assert_eq!((report.comparison.unwrap().gain.unwrap().events, references), (60_000, vec!["UA 0".to_owned(); 3]));
    }

    async fn dates_of_a_version_can_be_ignored(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let later = KLM_YAML.replace("2013-01-01", "2014-01-01").replace("status: ACTIVE", "status: DRAFT");
        let mut setup = setup(written(later), None);
        let judged = |told| read(told).0.candidate.unwrap().owed;
        assert_eq!(judged(run(&desk, setup.clone(), vec![sample()]).await.unwrap()), 0);
        setup.ignore_dates = true;
        assert_eq!(judged(run(&desk, setup, vec![sample()]).await.unwrap()), 41);
    }

    async fn everything_that_is_wrong_is_named(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let large = format!("{KLM_YAML}\n#{}", "x".repeat(262_144));
        let wrong = wire::BacktestSetup { max_differences: 1_001, ..setup(written(large.clone()), written(large)) };
        assert_eq!(
            violations(run(&desk, wrong, vec![sample()]).await),
            pairs(&[
                ("setup.max_differences", "OUT_OF_RANGE"),
                ("setup.candidate.document", "LENGTH"),
                ("setup.baseline.document", "LENGTH"),
            ])
        );
        let documents = setup(written("id: bad\ncolour: red\n"), Some(wire::BacktestVersion { version: None }));
        assert_eq!(
            violations(run(&desk, documents, vec![sample()]).await),
            pairs(&[("setup.candidate.document", "PACK_DOCUMENT"), ("setup.baseline.version", "REQUIRED")])
        );
        let names = setup(named("care-klm"), None);
        assert_eq!(violations(run(&desk, names, vec![]).await), pairs(&[("setup.candidate.name", "RESOURCE_NAME")]));
        let unknown = run(&desk, setup(named("packs/care-klm@9"), None), vec![sample()]).await.unwrap_err();
        assert_eq!((unknown.reason.as_str(), unknown.metadata["resource"].as_str()), ("RESOURCE_NOT_FOUND", "packs/care-klm@9"));

        let good = || setup(named(KLM), None);
        let many = run(&desk, good(), vec![vec![delay(1, 1)], vec![delay(1, 1); 501]]).await;
        assert_eq!(many.as_ref().unwrap_err().metadata["batch"], "2");
        assert_eq!(violations(many), pairs(&[("batch.events", "TOO_MANY_ITEMS")]));
        assert_eq!(violations(run(&desk, good(), vec![vec![]]).await), pairs(&[("batch.events", "REQUIRED")]));
        assert_eq!(violations(run(&desk, good(), vec![]).await), pairs(&[("batch", "REQUIRED")]));
        let bad = vec![
            delay(1, 1),
            happened(1, "Flight", &[("Bad Key", integer(1))], -1),
            wire::HistoricEvent::default(),
        ];
        assert_eq!(
            violations(run(&desk, good(), vec![bad]).await),
            pairs(&[
                ("batch.events[1].event.kind", "EVENT_KIND"),
                ("batch.events[1].event.facts[Bad Key]", "FACT_KEY"),
                ("batch.events[1].customers", "OUT_OF_RANGE"),
                ("batch.events[2].event", "REQUIRED"),
            ])
        );
        let twice = vec![Asked::Setup(good()), Asked::Setup(good())];
        assert_eq!(violations(stream(&desk, twice).await), pairs(&[("setup", "NOT_ALLOWED")]));
        let without = vec![Asked::Batch(wire::BacktestBatch { events: sample() })];
        assert_eq!(violations(stream(&desk, without).await), pairs(&[("setup", "REQUIRED")]));
        assert_eq!(violations(stream(&desk, vec![]).await), pairs(&[("setup", "REQUIRED")]));
    }

    /// A client that goes away gives its place free; until then others are told to come again.
    async fn places_are_bounded_and_come_free(database: testkit::TestDatabase) {
        let mut config = config(&database);
        config.backtest = compensation::BacktestConfig { workers: 1, at_once: 1 };
        let desk = Desk::with(config).await;
        let (sender, receiver) = mpsc::channel(4);
        let begin = Asked::Setup(setup(named(KLM), None));
        sender.send(wire::BacktestPackRequest { message: Some(begin) }).await.unwrap();
        let batch = Asked::Batch(wire::BacktestBatch { events: vec![delay(1, 200); 500] });
        let first = desk.packs.clone().backtest_pack(as_client(ReceiverStream::new(receiver))).await.unwrap();
        let mut first = Box::pin(async move { first.into_inner().message().await });
        // As much as the first one takes without an end of its stream.
        for _ in 0..6 {
            tokio::select! {
                sent = sender.send(wire::BacktestPackRequest { message: Some(batch.clone()) }) => sent.unwrap(),
                ended = &mut first => panic!("{ended:?}"),
            }
        }
        let refused = run(&desk, setup(named(KLM), None), vec![sample()]).await.unwrap_err();
        assert_eq!((refused.reason.as_str(), refused.retry_after.is_some()), ("TOO_MANY_BACKTESTS", true));
        drop(first);
        let (report, _) = read(run(&desk, setup(named(KLM), None), vec![sample()]).await.unwrap());
        assert_eq!(report.events, 62);
    }
}
