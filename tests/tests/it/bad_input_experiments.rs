//! Bad input of the ExperimentService, class by class; the caller sees that nothing is written.

use api::compensation::experiment_service_client::ExperimentServiceClient;
use api::compensation::{
    ApplyExperimentRequest, ExpireExperimentRequest, GetExperimentReportRequest, GetExperimentRequest,
    ListExperimentsRequest, RecordOutcomeRequest, ReleaseOfferRequest, StopExperimentRequest,
};
use tonic::Code;
use tonic::transport::Channel;

use crate::bad_input::{Expected, NOT_FOUND, assert_refused, invalid};

/// An experiment that is right but for its two dates, its second control and its condition.
const WRONG: &str = "
id: wrong
hypothesis: Nothing is learned here.
starts_on: 2027-01-01
ends_on: 2026-01-01
population: { event_kinds: [flight.cancelled], condition: 'unknown_fact < 14' }
unit: EVENT
arms:
  - { id: a, description: One way., weight: 1, control: true, apology: USUAL }
  - { id: b, description: The other way., weight: 1, control: true, apology: USUAL }
metric: RECOVERED_SHARE
minimum_effect: 0.1
expected: 0.6
sample_per_arm: 400
stop: { alpha: 0.05, power: 0.8, looks: [0.5, 1], harm_alpha: 0.05 }
";

fn apply(document: &str, applied_by: &str) -> ApplyExperimentRequest {
    ApplyExperimentRequest {
        request_id: "apply".to_owned(),
        document: document.to_owned(),
        applied_by: applied_by.to_owned(),
        dry_run: false,
    }
}

fn outcome(change: impl FnOnce(&mut RecordOutcomeRequest)) -> RecordOutcomeRequest {
    let mut request = RecordOutcomeRequest {
        request_id: "outcome".to_owned(),
        case: "cases/00000000-0000-7000-8000-000000000001".to_owned(),
        result: 1,
        score: None,
        score_delta: None,
    };
    change(&mut request);
    request
}

/// Everything is refused with all that is wrong with it.
pub async fn are_refused(mut experiments: ExperimentServiceClient<Channel>) {
    for (class, request, fields) in [
        ("no experiment at all", ApplyExperimentRequest::default(), &["request_id", "document", "applied_by"] as &[_]),
        ("a document of blanks", apply(" \n", "Ada"), &["document"]),
        ("a document with NUL", apply("id: a\0b", "Ada"), &["document"]),
        ("a document that is no YAML", apply("{", "Ada"), &["document"]),
        ("a document with a field that nobody knows", apply(&format!("{WRONG}extra: 1\n"), "Ada"), &["document"]),
        ("a document that contradicts itself", apply(WRONG, "Ada"), &["document"]),
        ("an experiment by a name of 129 characters", apply(WRONG, &"x".repeat(129)), &["applied_by"]),
    ] {
        assert_refused(class, experiments.apply_experiment(request).await, &invalid(fields));
    }
    for (class, name) in [
        ("no name", ""),
        ("another collection", "offers/apology-alone"),
        ("an id in capitals", "experiments/Apology"),
        ("an id of 61 characters", &format!("experiments/{}", "x".repeat(61)) as &str),
        ("a path behind the id", "experiments/a/b"),
    ] {
        let name = name.to_owned();
        let get = GetExperimentRequest { name: name.clone() };
        assert_refused(class, experiments.get_experiment(get).await, &invalid(&["name"]));
        let report = GetExperimentReportRequest { name: name.clone() };
        assert_refused(class, experiments.get_experiment_report(report).await, &invalid(&["name"]));
        let expire = ExpireExperimentRequest { request_id: "expire".to_owned(), name: name.clone() };
        assert_refused(class, experiments.expire_experiment(expire).await, &invalid(&["name"]));
        let stop = StopExperimentRequest { name, ..StopExperimentRequest::default() };
        let all = invalid(&["request_id", "name", "reason", "stopped_by"]);
        assert_refused(class, experiments.stop_experiment(stop).await, &all);
    }
    let unknown = GetExperimentRequest { name: "experiments/unknown".to_owned() };
    assert_refused("an unknown experiment", experiments.get_experiment(unknown).await, &NOT_FOUND);
    let pages = |page_size, page_token: &str| ListExperimentsRequest { page_size, page_token: page_token.to_owned() };
    assert_refused("a page of -1", experiments.list_experiments(pages(-1, "")).await, &invalid(&["page_size"]));
    let bad_token = Expected { code: Code::InvalidArgument, reason: "BAD_PAGE_TOKEN", fields: &[] };
    assert_refused("a forged token", experiments.list_experiments(pages(0, "AAAA")).await, &bad_token);
    for (class, request, fields) in [
        ("no outcome at all", RecordOutcomeRequest::default(), &["request_id", "case", "result"] as &[_]),
        ("an outcome that nobody knows", outcome(|request| request.result = 99), &["result"]),
        ("no result", outcome(|request| request.result = 0), &["result"]),
        ("a score of 11", outcome(|request| request.score = Some(11)), &["score"]),
        ("a score of -1", outcome(|request| request.score = Some(-1)), &["score"]),
        ("a change by 11", outcome(|request| request.score_delta = Some(11)), &["score_delta"]),
        ("a change by i32::MIN", outcome(|request| request.score_delta = Some(i32::MIN)), &["score_delta"]),
        ("a case that is none", outcome(|request| request.case = "cases/7".to_owned()), &["case"]),
        (
            "all of it wrong",
            outcome(|request| {
                (request.request_id, request.case) = (String::new(), String::new());
                (request.score, request.score_delta) = (Some(300), Some(-300));
            }),
            &["request_id", "case", "score", "score_delta"],
        ),
    ] {
        assert_refused(class, experiments.record_outcome(request).await, &invalid(fields));
    }
    let release = ReleaseOfferRequest { request_id: String::new(), name: "remedies/x".to_owned() };
    assert_refused("no remedy", experiments.release_offer(release).await, &invalid(&["request_id", "name"]));
}
