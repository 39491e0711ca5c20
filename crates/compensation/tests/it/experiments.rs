//! Experiments: started and stopped on record, and what their arms do with remedies.

use std::time::Duration;

use api::compensation as wire;
use api::compensation::experiment::{State, StopReason};
use api::compensation::remedy::State as RemedyState;
use api::reason::compensation::{EXPERIMENT_EXISTS, EXPERIMENT_KIND_TAKEN, TOO_EARLY};
use kernel::{ErrorCode, ServiceError};
use tonic::Response;

use crate::harness::{DAY, Desk, TEMPLATE, as_client, by, error, event, of_tenant, remedy_of};

pub const ALONE: &str = include_str!("../../experiments/apology-alone.yaml");
const TIMING: &str = include_str!("../../experiments/offer-next-day.yaml");

/// A choice of nothing but time, which an offer may be put off for.
const PACK: &str = r#"
id: rude-care
display_name: Care after rudeness
version: "1"
status: ACTIVE
effective_from: "2013-01-01"
event_kinds: [service.rude]
sources: [our own promise]
rules:
  - id: rude
    description: A choice for the time.
    choice_of:
      - id: voucher
        description: A voucher
        lines: [{ id: v, basis: TIME, kind: VOUCHER, description: Voucher, amount: { fixed: EUR 20.00 } }]
      - id: money
        description: Money
        lines: [{ id: m, basis: TIME, kind: MONEY, description: Money, amount: { fixed: EUR 10.00 } }]
"#;

pub fn request(desk: &Desk, document: &str, dry_run: bool) -> wire::ApplyExperimentRequest {
    wire::ApplyExperimentRequest {
        request_id: desk.fresh(),
        document: document.to_owned(),
        applied_by: "Cleo".to_owned(),
        dry_run,
    }
}

pub async fn apply(desk: &Desk, document: &str) -> Result<wire::ApplyExperimentResponse, ServiceError> {
    let request = request(desk, document, false);
    desk.experiments.clone().apply_experiment(as_client(request)).await.map(Response::into_inner).map_err(error)
}

pub async fn get(desk: &Desk, id: &str) -> wire::Experiment {
    let request = wire::GetExperimentRequest { name: format!("experiments/{id}") };
    desk.experiments.clone().get_experiment(as_client(request)).await.unwrap().into_inner()
}

fn stop_request(desk: &Desk) -> wire::StopExperimentRequest {
    wire::StopExperimentRequest {
        request_id: desk.fresh(),
        name: "experiments/apology-alone".to_owned(),
        reason: "The strike is over".to_owned(),
        stopped_by: "Lee".to_owned(),
    }
}

/// A cancelled flight of a customer, with the reference that decides the arm.
pub fn cancelled(desk: &Desk, number: u128, reference: &str) -> wire::Remedy {
    let failure = api::common::FailureEvent { reference: reference.to_owned(), ..event(desk, "flight.cancelled", &[]) };
    remedy_of(number, failure)
}

testkit::on_both_databases! {
    template: TEMPLATE;

    async fn an_experiment_starts_and_stops_once(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let mut api = desk.experiments.clone();
        let dry = api.apply_experiment(as_client(request(&desk, ALONE, true))).await.unwrap().into_inner();
        assert!(!dry.applied && dry.experiment.unwrap().create_time.is_none());
        assert_eq!(desk.count("SELECT count(*) AS n FROM experiments").await, 0, "a dry run changes nothing");

        let applied = apply(&desk, ALONE).await.unwrap();
        let experiment = applied.experiment.unwrap();
        assert!(applied.applied && experiment.state() == State::Running && experiment.arms.len() == 2);
        assert!(!apply(&desk, ALONE).await.unwrap().applied, "the same document changes nothing");
        let edited = apply(&desk, &ALONE.replace("weight: 1", "weight: 2")).await.unwrap_err();
        assert_eq!((edited.code, edited.reason.as_str()), (ErrorCode::AlreadyExists, EXPERIMENT_EXISTS));
        let second = apply(&desk, &ALONE.replace("id: apology-alone\nh", "id: second\nh")).await.unwrap_err();
        assert_eq!(second.reason, EXPERIMENT_KIND_TAKEN);
        assert!(desk.sql("UPDATE experiments SET document = ''").await.is_err());

        let list = wire::ListExperimentsRequest { page_size: 1, page_token: String::new() };
        let page = api.list_experiments(as_client(list.clone())).await.unwrap().into_inner();
        assert_eq!((page.experiments.as_slice(), page.next_page_token.as_str()), ([experiment].as_slice(), ""));
        let other = api.list_experiments(of_tenant("other", "desk", list)).await.unwrap().into_inner();
        assert!(other.experiments.is_empty());

        let stop = stop_request(&desk);
        let stopped = api.stop_experiment(as_client(stop.clone())).await.unwrap().into_inner();
        assert_eq!((stopped.state(), stopped.stop_reason()), (State::Stopped, StopReason::ByPerson));
        assert_eq!((stopped.stopped_by.as_str(), stopped.stop_text.as_str()), ("Lee", "The strike is over"));
        let again = api.stop_experiment(as_client(stop.clone())).await.unwrap();
        assert_eq!(again.metadata().get("idempotent-replayed").unwrap(), "true");
        assert_eq!(again.into_inner(), stopped);
        let twice = error(api.stop_experiment(as_client(stop_request(&desk))).await.unwrap_err());
        assert_eq!(twice.reason, kernel::reason::INVALID_TRANSITION);
        let reused = wire::StopExperimentRequest { reason: "Another".to_owned(), ..stop };
        assert_eq!(error(api.stop_experiment(as_client(reused)).await.unwrap_err()).reason, api::reason::IDEMPOTENCY_KEY_REUSED);
        assert!(desk.sql("UPDATE experiments SET state = 'RUNNING', stopped_at = NULL, stopped_by = ''").await.is_err());
        assert_eq!(desk.count("SELECT count(*) AS n FROM audit_records").await, 2, "applied, and stopped");
        // Its kinds are free again.
        assert!(apply(&desk, &ALONE.replace("id: apology-alone\nh", "id: second\nh")).await.unwrap().applied);
    }

    async fn starting_is_safe_to_repeat_and_lists_all_problems(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let mut api = desk.experiments.clone();
        let request = request(&desk, ALONE, false);
        let first = api.apply_experiment(as_client(request.clone())).await.unwrap();
        let again = api.apply_experiment(as_client(request.clone())).await.unwrap();
        assert_eq!(again.metadata().get("idempotent-replayed").unwrap(), "true");
        assert_eq!(first.into_inner(), again.into_inner());
        let other = wire::ApplyExperimentRequest { applied_by: "Lee".to_owned(), ..request };
        assert_eq!(error(api.apply_experiment(as_client(other)).await.unwrap_err()).reason, api::reason::IDEMPOTENCY_KEY_REUSED);

        let wrong = ALONE.replace("RECOVERED_SHARE", "REVIEWS").replace("unit: EVENT", "unit: CUSTOMER");
        let wrong = apply(&desk, &wrong).await.unwrap_err();
        let told: Vec<_> = wrong.violations.iter().map(|v| format!("{} {} {}", v.field, v.reason, v.description)).collect();
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].starts_with("document EXPERIMENT unit: must be EVENT"), "{told:?}");
        assert!(told[1].contains("about reviews or ratings"), "{told:?}");
        let past = ALONE.replace("2026-01-01", "2025-01-01").replace("2027-01-01", "2026-01-01").replace("id: apology-alone\nh", "id: past\nh");
        assert_eq!(apply(&desk, &past).await.unwrap_err().violations[0].description, "ends_on: has passed");
        // A line of a pack may not pay for reviews where an experiment looks.
        let pack = PACK.replace("description: Voucher", "description: Voucher for your review");
        let pack = wire::ApplyPackRequest { request_id: desk.fresh(), document: pack, dry_run: false, applied_by: "Ada".to_owned() };
        desk.packs.clone().apply_pack(as_client(pack)).await.unwrap();
        let refused = apply(&desk, TIMING).await.unwrap_err();
        assert!(refused.violations[0].description.starts_with("the line rude-care/rude.v says `review`"), "{refused:?}");
    }

    async fn gestures_are_left_out_and_nothing_else(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let plain = desk.remedy(cancelled(&desk, 1, "UA 0")).await;
        assert_eq!(plain.experiment, None);
        apply(&desk, ALONE).await.unwrap();
        let (mut with, mut without) = (0, 0);
        for flight in 1..=12_u128 {
            let reference = format!("UA {flight}");
            let mut arms = Vec::new();
            for customer in 0..2 {
                let remedy = desk.remedy(cancelled(&desk, flight * 10 + customer, &reference)).await;
                let treatment = remedy.experiment.clone().unwrap();
                let (assessment, before) = (remedy.assessment.unwrap(), plain.assessment.clone().unwrap());
                assert_eq!(assessment.choice_of, before.choice_of, "what gives back the loss is the same");
                assert_eq!(remedy.state, RemedyState::Offered as i32, "a choice that gives back never waits");
                if treatment.arm == "apology-alone" {
                    assert_eq!(treatment.withheld, ["Discount on a future flight (10 %)"]);
                    assert!(assessment.plus.is_empty() && assessment.summary.contains("Left out by experiments/apology-alone"));
                    assert!(desk.get_offer(&remedy.offer).await.plus.is_empty());
                    without += 1;
                } else {
                    assert!(treatment.withheld.is_empty() && assessment.plus == before.plus);
                    with += 1;
                }
                assert_eq!(desk.get_remedy(&remedy.name).await.experiment, Some(treatment.clone()));
                arms.push(treatment.arm);
            }
            assert_eq!(arms[0], arms[1], "whom one event hit is treated alike");
        }
        assert!(with > 0 && without > 0, "{with} {without}");
        // A second remedy of a case, and a case that came back, are in no experiment.
        assert_eq!(desk.remedy(cancelled(&desk, 10, "UA 1")).await.experiment, None);
        let mut back = cancelled(&desk, 500, "UA 1");
        back.recovery.as_mut().unwrap().reopened = true;
        assert_eq!(desk.remedy(back).await.experiment, None);
        assert_eq!(desk.count("SELECT CAST(sum(assigned) AS BIGINT) AS n FROM experiment_arms").await, 24);
        desk.experiments.clone().stop_experiment(as_client(stop_request(&desk))).await.unwrap();
        assert_eq!(desk.remedy(cancelled(&desk, 900, "UA 1")).await.experiment, None);
    }

    async fn an_offer_comes_some_time_after_the_apology(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let pack = wire::ApplyPackRequest { request_id: desk.fresh(), document: PACK.to_owned(), dry_run: false, applied_by: "Ada".to_owned() };
        desk.packs.clone().apply_pack(as_client(pack)).await.unwrap();
        apply(&desk, TIMING).await.unwrap();
        let mut later = Vec::new();
        for number in 1..=8 {
            let mut asked = remedy_of(number, event(&desk, "service.rude", &[]));
            asked.recovery.as_mut().unwrap().apologised = number % 2 == 0;
            let remedy = desk.remedy(asked).await;
            let apologised = number % 2 == 0;
            match remedy.experiment.as_ref().unwrap().arm.as_str() {
                "at-once" => assert_eq!(remedy.state(), if apologised { RemedyState::Offered } else { RemedyState::AwaitingApology }),
                _ => later.push((remedy, apologised)),
            }
        }
        assert!(later.iter().any(|(_, apologised)| *apologised) && later.iter().any(|(_, apologised)| !*apologised));
        let tomorrow = desk.engine.now().plus(DAY);
        for (remedy, apologised) in &later {
            if !apologised {
                assert_eq!(remedy.state(), RemedyState::AwaitingApology);
                assert_eq!(remedy.experiment.as_ref().unwrap().offer_time, None, "nobody knows yet");
                let apology = wire::RecordApologyRequest { request_id: desk.fresh(), name: remedy.name.clone() };
                desk.recovery.clone().record_apology(as_client(apology)).await.unwrap();
            }
            let waiting = desk.get_remedy(&remedy.name).await;
            assert_eq!((waiting.state(), waiting.offer.as_str()), (RemedyState::AwaitingTime, ""));
            assert_eq!(waiting.experiment.unwrap().offer_time, Some(chassis::wire::to_timestamp(tomorrow)));
            assert!(!desk.told(&remedy.case).await.contains(&"OFFER_MADE".to_owned()));
        }
        let name = later[0].0.name.clone();
        let early = wire::ReleaseOfferRequest { request_id: desk.fresh(), name: name.clone() };
        let told = desk.experiments.clone().release_offer(by("service:compensation", early)).await.unwrap_err();
        assert_eq!(error(told).reason, TOO_EARLY);
        // A person who looks early changes nothing.
        let looks = wire::ReleaseOfferRequest { request_id: desk.fresh(), name: name.clone() };
        let seen = desk.experiments.clone().release_offer(as_client(looks.clone())).await.unwrap().into_inner();
        assert_eq!(seen.state(), RemedyState::AwaitingTime);
        let again = desk.experiments.clone().release_offer(as_client(looks)).await.unwrap();
        assert_eq!(again.metadata().get("idempotent-replayed").unwrap(), "true");
        desk.clock.advance(DAY);
        desk.run_due().await;
        for (remedy, _) in &later {
            let offered = desk.get_remedy(&remedy.name).await;
            assert_eq!(offered.state(), RemedyState::Offered);
            let offer = desk.get_offer(&offered.offer).await;
            assert_eq!(offer.create_time, Some(chassis::wire::to_timestamp(tomorrow)), "its time begins when it is made");
            assert_eq!(desk.told(&remedy.case).await, ["OFFER_MADE"]);
        }
    }

    async fn an_experiment_ends_with_its_days(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        apply(&desk, ALONE).await.unwrap();
        let early = wire::ExpireExperimentRequest { request_id: desk.fresh(), name: "experiments/apology-alone".to_owned() };
        let told = desk.experiments.clone().expire_experiment(by("service:compensation", early.clone())).await.unwrap_err();
        assert_eq!(error(told).reason, TOO_EARLY);
        let looks = desk.experiments.clone().expire_experiment(as_client(early.clone())).await.unwrap().into_inner();
        assert_eq!(looks.state(), State::Running, "it is not over");
        let again = desk.experiments.clone().expire_experiment(as_client(early)).await.unwrap();
        assert_eq!(again.metadata().get("idempotent-replayed").unwrap(), "true");
        desk.clock.advance(Duration::from_secs(366 * 86_400));
        assert_eq!(desk.remedy(cancelled(&desk, 1, "UA 1")).await.experiment, None, "its days have passed");
        desk.run_due().await;
        let over = get(&desk, "apology-alone").await;
        assert_eq!((over.state(), over.stop_reason()), (State::Stopped, StopReason::Expired));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_at_once_are_assigned_once_each_on_postgres() {
    let database = testkit::database_from(testkit::Backend::Postgres, &TEMPLATE, "hundred_assigned").await;
    let desk = Desk::open(&database).await;
    apply(&desk, ALONE).await.unwrap();
    // Each case comes twice at the same time.
    let opened = futures::future::join_all((0..100_u128).map(|number| {
        let request = desk.open_request(cancelled(&desk, 1 + number / 2, &format!("UA {}", number / 2)));
        let desk = &desk;
        async move {
            let send = || {
                let (mut api, request) = (desk.api.clone(), request.clone());
                async move { api.open_remedy(as_client(request)).await }
            };
            crate::harness::again(send).await
        }
    }))
    .await;
    assert!(opened.iter().all(Result::is_ok), "{opened:?}");
    let counted = desk.count("SELECT count(*) AS n FROM experiment_assignments").await;
    let cases = desk.count("SELECT count(DISTINCT case_id) AS n FROM experiment_assignments").await;
    assert_eq!((counted, cases), (50, 50));
    for arm in ["with-gesture", "apology-alone"] {
        let kept = format!("SELECT assigned AS n FROM experiment_arms WHERE arm = '{arm}'");
        let written = format!("SELECT count(*) AS n FROM experiment_assignments WHERE arm = '{arm}'");
        assert_eq!(desk.count(&kept).await, desk.count(&written).await, "{arm}");
    }
    let strata = "SELECT CAST(sum(cases) AS BIGINT) AS n FROM experiment_strata WHERE currency = '-'";
    assert_eq!(desk.count(strata).await, 50);
}
