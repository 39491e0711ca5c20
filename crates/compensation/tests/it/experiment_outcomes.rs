//! Outcomes are counted where they belong, the last one counts, and the looks that they complete decide.

use std::collections::BTreeMap;

use api::compensation as wire;
use api::compensation::experiment::{State, StopReason};
use api::compensation::record_outcome_request::Result as Outcome;

use crate::experiments::{ALONE, apply, cancelled, get};
use crate::harness::{Desk, TEMPLATE, as_client, case, error, of_tenant};

/// The example with an effect that shows in small samples.
fn small() -> String {
    let changes = [("minimum_effect: 0.1", "minimum_effect: 0.3"), ("sample_per_arm: 400", "sample_per_arm: 100")];
    changes.iter().fold(ALONE.to_owned(), |document, (from, to)| document.replace(from, to))
}

fn outcome(desk: &Desk, number: u128, result: Outcome, score: Option<i32>) -> wire::RecordOutcomeRequest {
    wire::RecordOutcomeRequest {
        request_id: desk.fresh(),
        case: case(number),
        result: result.into(),
        score,
        score_delta: score.map(|score| score - 5),
    }
}

async fn record(desk: &Desk, number: u128, result: Outcome, score: Option<i32>) -> Vec<String> {
    let request = outcome(desk, number, result, score);
    desk.experiments.clone().record_outcome(as_client(request)).await.unwrap().into_inner().experiments
}

async fn report(desk: &Desk) -> wire::ExperimentReport {
    let request = wire::GetExperimentReportRequest { name: "experiments/apology-alone".to_owned() };
    desk.experiments.clone().get_experiment_report(as_client(request)).await.unwrap().into_inner()
}

testkit::on_both_databases! {
    template: TEMPLATE;

    async fn the_last_outcome_counts_once(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        assert!(record(&desk, 1, Outcome::Recovered, Some(9)).await.is_empty(), "nobody knows the case, and that is fine");
        apply(&desk, ALONE).await.unwrap();
        desk.remedy(cancelled(&desk, 1, "UA 1")).await;
        let request = outcome(&desk, 1, Outcome::Lapsed, None);
        let mut api = desk.experiments.clone();
        let first = api.record_outcome(as_client(request.clone())).await.unwrap();
        assert_eq!(first.get_ref().experiments, ["experiments/apology-alone"]);
        let again = api.record_outcome(as_client(request.clone())).await.unwrap();
        assert_eq!(again.metadata().get("idempotent-replayed").unwrap(), "true");
        assert_eq!(first.into_inner(), again.into_inner());
        let other = wire::RecordOutcomeRequest { result: Outcome::Recovered.into(), ..request };
        let reused = error(api.record_outcome(as_client(other)).await.unwrap_err());
        assert_eq!(reused.reason, api::reason::IDEMPOTENCY_KEY_REUSED);
        let foreign = api.record_outcome(of_tenant("other", "desk", outcome(&desk, 1, Outcome::Reopened, None))).await;
        assert!(foreign.unwrap().into_inner().experiments.is_empty());

        let figures = |report: &wire::ExperimentReport| {
            let arm = report.arms.iter().find(|arm| arm.assigned == 1).unwrap();
            (arm.answered, arm.lapsed, arm.sample, arm.value_millionths)
        };
        assert_eq!(figures(&report(&desk).await), (0, 1, 1, 0));
        assert_eq!(record(&desk, 1, Outcome::Recovered, Some(9)).await.len(), 1, "an answer after the last check-in");
        assert_eq!(figures(&report(&desk).await), (1, 0, 1, 1_000_000));
        assert!(record(&desk, 1, Outcome::Recovered, Some(9)).await.is_empty(), "no news");
        record(&desk, 1, Outcome::Reopened, None).await;
        assert_eq!(figures(&report(&desk).await), (1, 0, 1, 0));
        assert!(record(&desk, 1, Outcome::Recovered, Some(10)).await.is_empty(), "the second round is another recovery");
        let sums = "SELECT score_sum AS n FROM experiment_arms WHERE assigned = 1";
        assert_eq!(desk.count(sums).await, 9);
    }

    async fn a_look_that_is_due_decides(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        apply(&desk, &small()).await.unwrap();
        let mut arms: BTreeMap<String, Vec<u128>> = BTreeMap::new();
        for number in 1..=130_u128 {
            let remedy = desk.remedy(cancelled(&desk, number, &format!("UA {number}"))).await;
            arms.entry(remedy.experiment.unwrap().arm).or_default().push(number);
        }
        assert!(arms.values().all(|cases| cases.len() >= 50), "{arms:?}");
        let (control, other) = (&arms["with-gesture"][..50], &arms["apology-alone"][..50]);
        for (place, number) in control.iter().enumerate() {
            record(&desk, *number, if place % 2 == 0 { Outcome::Recovered } else { Outcome::Lapsed }, None).await;
        }
        for number in &other[..49] {
            record(&desk, *number, Outcome::Recovered, Some(9)).await;
        }
        let before = report(&desk).await;
        assert_eq!((before.looks.len(), before.next_look_sample, before.decision.as_str()), (0, 50, "Runs; no look was due yet."));
        record(&desk, other[49], Outcome::Recovered, Some(9)).await;
        let stopped = get(&desk, "apology-alone").await;
        assert_eq!((stopped.state(), stopped.stop_reason()), (State::Stopped, StopReason::Benefit));
        let after = report(&desk).await;
        assert_eq!((after.looks.len(), after.next_look_sample), (1, 0));
        let look = &after.looks[0];
        // 25 of 50 against 50 of 50: z is 5.77 by the pooled share of three quarters.
        assert_eq!(look.better_thousandths, [0, 5_774]);
        assert!((2_960..2_966).contains(&look.benefit_thousandths), "{look:?}");
        assert!(after.decision.starts_with("Stopped, BENEFIT: better than the control: apology-alone by 5.77"), "{}", after.decision);
        let shares: Vec<_> = after.arms.iter().map(|arm| (arm.sample, arm.value_millionths)).collect();
        assert_eq!(shares, [(50, 500_000), (50, 1_000_000)]);
        assert!(after.arms[0].low_millionths < 500_000 && after.arms[0].high_millionths > 500_000);
        assert!(after.equal_treatment, "{:?}", after.strata);
        assert_eq!(desk.remedy(cancelled(&desk, 999, "UA 999")).await.experiment, None, "no more are assigned");
        // What comes later is counted, and decides nothing.
        record(&desk, arms["with-gesture"][50], Outcome::NotRecovered, None).await;
        assert_eq!(report(&desk).await.looks.len(), 1);
    }

    async fn harm_stops_it(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        apply(&desk, &small()).await.unwrap();
        let mut arms: BTreeMap<String, Vec<u128>> = BTreeMap::new();
        for number in 1..=130_u128 {
            let remedy = desk.remedy(cancelled(&desk, number, &format!("UA {number}"))).await;
            arms.entry(remedy.experiment.unwrap().arm).or_default().push(number);
        }
        for (arm, cases) in &arms {
            let recovered = if arm == "with-gesture" { 30 } else { 15 };
            for (place, number) in cases[..50].iter().enumerate() {
                record(&desk, *number, if place < recovered { Outcome::Recovered } else { Outcome::Reopened }, None).await;
            }
        }
        let stopped = get(&desk, "apology-alone").await;
        assert_eq!((stopped.state(), stopped.stop_reason()), (State::Stopped, StopReason::Harm), "{stopped:?}");
    }

    async fn all_problems_of_an_outcome_are_listed(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let wrong = wire::RecordOutcomeRequest { case: "cases/7".to_owned(), result: 9, score: Some(11), score_delta: Some(-11), ..Default::default() };
        let wrong = error(desk.experiments.clone().record_outcome(as_client(wrong)).await.unwrap_err());
        let fields: Vec<_> = wrong.violations.iter().map(|violation| violation.field.as_str()).collect();
        assert_eq!(fields, ["request_id", "case", "result", "score", "score_delta"]);
    }
}
