//! An experiment over the whole suite: two arms, outcomes from follow-up, and a report that is right.

use std::collections::BTreeMap;

use amends_tests::checker::Checker;
use amends_tests::in_process::InProcess;
use api::compensation::compensation_service_client::CompensationServiceClient;
use api::compensation::experiment_service_client::ExperimentServiceClient;
use api::compensation::{
    ApplyExperimentRequest, GetExperimentReportRequest, ListOffersRequest, ListRemediesRequest, RespondToOfferRequest,
    respond_to_offer_request,
};
use api::followup::follow_up_service_client::FollowUpServiceClient;
use api::followup::{ListSurveysRequest, SubmitSurveyRequest, survey};
use api::intake::intake_service_client::IntakeServiceClient;
use api::intake::{AddAffectedRequest, ReportDisruptionRequest};
use testkit::Backend;

use crate::support::{affected, days, disruption, event};

const DOCUMENT: &str = include_str!("../../../crates/compensation/experiments/apology-alone.yaml");

/// What came of a case, by its place.
#[derive(Clone, Copy, PartialEq)]
enum Story {
    Recovers,
    ComesBack,
    IsSilent,
}

const STORIES: [Story; 3] = [Story::Recovers, Story::ComesBack, Story::IsSilent];

async fn two_arms_and_their_outcomes(backend: Backend) {
    let suite = InProcess::start(backend, "experiment").await;
    let mut experiments = ExperimentServiceClient::new(suite.channel());
    let mut intake = IntakeServiceClient::new(suite.channel());
    let mut compensation = CompensationServiceClient::new(suite.channel());
    let mut followup = FollowUpServiceClient::new(suite.channel());
    let apply = ApplyExperimentRequest {
        request_id: "apply".to_owned(),
        document: DOCUMENT.to_owned(),
        applied_by: "Cleo".to_owned(),
        dry_run: false,
    };
    assert!(experiments.apply_experiment(apply).await.expect("it is right").into_inner().applied);

    // Twelve flights, each with three customers: one recovers, one comes back, one says nothing.
    let mut cases: Vec<(String, Story)> = Vec::new();
    for flight in 0..12 {
        let mut failure = event("flight.cancelled", kernel::Clock::now(&suite.clock), []);
        failure.reference = format!("UA {flight}");
        let report = ReportDisruptionRequest {
            request_id: format!("report-{flight}"),
            disruption: Some(disruption(&format!("F{flight}"), failure)),
        };
        let reported = intake.report_disruption(report).await.expect("the disruption is taken").into_inner();
        let emails = ["ann", "bob", "cat"].map(|name| format!("{name}-{flight}@example.com"));
        let batch = AddAffectedRequest {
            request_id: format!("batch-{flight}"),
            disruption: reported.name,
            affected: emails.iter().map(|email| affected(email, [])).collect(),
        };
        let added = intake.add_affected(futures::stream::iter([batch])).await.expect("they are added").into_inner();
        cases.extend(added.results.into_iter().map(|result| result.case).zip(STORIES));
    }
    suite.quiet().await;

    let mut expected: BTreeMap<String, [i64; 4]> = BTreeMap::new();
    for (case, story) in &cases {
        let remedies = ListRemediesRequest { case: case.clone(), ..Default::default() };
        let remedies = compensation.list_remedies(remedies).await.expect("a list").into_inner().remedies;
        let treatment = remedies[0].experiment.clone().expect("every cancelled flight is in the experiment");
        let assessment = remedies[0].assessment.clone().expect("assessed");
        assert_eq!(assessment.plus.is_empty(), treatment.arm == "apology-alone");
        let counts = expected.entry(treatment.arm).or_default();
        counts[0] += 1;
        counts[match story {
            Story::Recovers => 1,
            Story::ComesBack => 2,
            Story::IsSilent => 3,
        }] += 1;
        let offers = ListOffersRequest { case: case.clone(), ..Default::default() };
        let offer = compensation.list_offers(offers).await.expect("a list").into_inner().offers.remove(0);
        let accept = RespondToOfferRequest {
            request_id: format!("accept-{case}"),
            name: offer.name,
            response: Some(respond_to_offer_request::Response::AcceptOption("rebook".to_owned())),
            consent: String::new(),
        };
        compensation.respond_to_offer(accept).await.expect("it is accepted");
    }
    assert_eq!(expected.len(), 2, "both arms are there: {expected:?}");
    suite.quiet().await;
    suite.pass(days(4)).await;
    for (case, story) in &cases {
        let score = match story {
            Story::Recovers => 9,
            Story::ComesBack => 2,
            Story::IsSilent => continue,
        };
        let surveys = ListSurveysRequest { case: case.clone(), ..Default::default() };
        let surveys = followup.list_surveys(surveys).await.expect("a list").into_inner().surveys;
        let open = surveys.into_iter().find(|survey| survey.state() == survey::State::Open).expect("an open survey");
        let request_id = format!("answer-{}", open.name);
        let answer = SubmitSurveyRequest { request_id, name: open.name, score, comment: String::new() };
        followup.submit_survey(answer).await.expect("the answer is taken");
    }
    suite.quiet().await;
    suite.pass(days(30)).await;

    let name = "experiments/apology-alone".to_owned();
    let report = experiments.get_experiment_report(GetExperimentReportRequest { name }).await;
    let report = report.expect("a report").into_inner();
    assert_eq!(report.decision, "Runs; no look was due yet.");
    assert!(report.equal_treatment);
    for arm in &report.arms {
        let [assigned, recovered, back, silent] = expected[&arm.arm];
        let ended = recovered + back + silent;
        assert_eq!((arm.assigned, arm.answered, arm.lapsed), (assigned, recovered + back, silent), "{arm:?}");
        assert_eq!((arm.sample, arm.value_millionths), (ended, 333_333), "one of three recovers: {arm:?}");
    }
    let (findings, counted) = Checker::of_engines(&suite.engines).check().await;
    findings.assert_none();
    assert!(counted.delivered > 0);
    suite.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_arms_and_their_outcomes_on_sqlite() {
    two_arms_and_their_outcomes(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_arms_and_their_outcomes_on_postgres() {
    two_arms_and_their_outcomes(Backend::Postgres).await;
}
