//! Cases of complaints and their custom methods.

use std::time::Duration;

use api::extension::milestone::Kind;
use api::followup::SendMessageRequest;
use api::intake as pb;
use api::intake::case::State;
use api::routing::OpenWorkRequest;
use kernel::{ErrorCode, ServiceError};
use prost::Message as _;
use testkit::{TestDatabase, on_both_databases};
use tonic::Response;
use uuid::Uuid;

use crate::harness::{Intake, JOURNEY, SCHEMA, as_backend, complaint, error, facts, integer};

async fn finding(intake: &Intake, id: &str, name: &str, etag: &str) -> Result<pb::Case, ServiceError> {
    let request = pb::RecordFindingRequest {
        request_id: id.to_owned(),
        name: name.to_owned(),
        finding: "the belt broke".to_owned(),
        facts: facts([("bags", integer(2))]),
        etag: etag.to_owned(),
    };
    intake.client.clone().record_finding(as_backend(request)).await.map(Response::into_inner).map_err(error)
}

async fn question(intake: &Intake, id: &str, name: &str) -> Result<pb::Case, ServiceError> {
    let (request_id, name, question) = (id.to_owned(), name.to_owned(), "Which bag was it?".to_owned());
    let request = pb::AskQuestionRequest { request_id, name, question, etag: String::new() };
    intake.client.clone().ask_question(as_backend(request)).await.map(Response::into_inner).map_err(error)
}

async fn wish(intake: &Intake, id: &str, name: &str) -> Result<pb::Case, ServiceError> {
    let (request_id, name, requested_remedy) = (id.to_owned(), name.to_owned(), "my money back".to_owned());
    let request = pb::SetRequestedRemedyRequest { request_id, name, requested_remedy, etag: String::new() };
    intake.client.clone().set_requested_remedy(as_backend(request)).await.map(Response::into_inner).map_err(error)
}

async fn reopen(intake: &Intake, id: &str, name: &str) -> Result<pb::Case, ServiceError> {
    let (request_id, name, reason) = (id.to_owned(), name.to_owned(), "it broke again".to_owned());
    let request = pb::ReopenCaseRequest { request_id, name, reason, etag: String::new() };
    intake.client.clone().reopen_case(as_backend(request)).await.map(Response::into_inner).map_err(error)
}

/// A case with our acknowledgement.
async fn acknowledged(intake: &Intake) -> pb::Case {
    let case = intake.case_of("open", "ada").await;
    intake.tell(&case.name, Kind::MessageSent, "messages/1", &[("template", "apology")]).await
}

/// A case whose customer said that it is right again.
async fn recovered(intake: &Intake) -> pb::Case {
    let case = acknowledged(intake).await;
    finding(intake, "found", &case.name, "").await.unwrap();
    for kind in [Kind::NothingOwed, Kind::PlanStarted, Kind::Recovered] {
        intake.tell(&case.name, kind, "x", &[]).await;
    }
    intake.case(&case.name).await
}

on_both_databases! {
    template: SCHEMA;

    async fn opening_a_case_starts_its_recovery_once(database: TestDatabase) {
        let intake = Intake::start(database).await;
        let first = intake.client.clone().open_case(as_backend(complaint(&intake, "1", "ada"))).await.unwrap();
        let again = intake.client.clone().open_case(as_backend(complaint(&intake, "1", "ada"))).await.unwrap();
        assert_eq!(first.metadata().get("idempotent-replayed"), None);
        assert_eq!(again.metadata().get("idempotent-replayed").unwrap(), "true");
        assert_eq!(first.get_ref().encode_to_vec(), again.get_ref().encode_to_vec());
        let case = again.into_inner().case.unwrap();
        assert_eq!((case.state(), case.origin()), (State::Received, pb::case::Origin::Complaint));
        assert_eq!((case.trace_parent.as_str(), case.etag.as_str()), (JOURNEY, "1"));
        assert_eq!(intake.case(&case.name).await, case);
        let reused = intake.open(complaint(&intake, "1", "bob")).await.unwrap_err();
        assert_eq!(reused.reason, "IDEMPOTENCY_KEY_REUSED");
        assert_eq!((intake.count("cases").await, intake.count("timeline_entries").await), (1, 1));

        let apology: SendMessageRequest = intake.requests("SendMessage").await.remove(0);
        let message = apology.message.unwrap();
        assert_eq!((message.template.as_str(), &message.case), ("apology", &case.name));
        assert_eq!(message.to.unwrap().address, "ada@example.com");
        assert_eq!((message.values["name"].as_str(), message.values["topic"].as_str()), ("Customer ada", "your parcel P-17"));
        let work: OpenWorkRequest = intake.requests("OpenWork").await.remove(0);
        assert!(!work.unattended && case.work_item == format!("workItems/{}", work.work_item_id));
        let item = work.work_item.unwrap();
        assert_eq!((item.title.as_str(), item.severity), ("Recover: parcel.lost P-17", 3));
        assert!(item.handover.contains("Expected: my parcel on Monday") && item.handover.contains("days_late: 4"), "{}", item.handover);
        for call in intake.calls().await {
            assert_eq!((call.lane.as_str(), call.lane_seq, call.journey.as_str()), (case.name.as_str(), 1, JOURNEY));
        }
    }

    async fn the_answer_has_what_happened_in_the_last_three_days(database: TestDatabase) {
        let intake = Intake::start(database).await;
        let first = intake.open(complaint(&intake, "1", "ada")).await.unwrap();
        assert_eq!(first.recent, []);
        intake.clock.advance(Duration::from_secs(71 * 3_600));
        let second = intake.open(complaint(&intake, "2", "ada")).await.unwrap();
        let cases: Vec<&str> = second.recent.iter().map(|entry| entry.case.as_str()).collect();
        assert_eq!(cases, [first.case.unwrap().name.as_str()]);
        intake.clock.advance(Duration::from_secs(3_600 + 1));
        let third = intake.open(complaint(&intake, "3", "ada")).await.unwrap();
        assert_eq!(third.recent.len(), 1, "the first one was more than 72 hours ago");
        let name = second.case.unwrap().name;
        let progress: Vec<_> = (0..25).map(|n| intake.milestone(&name, Kind::WorkClaimed, &format!("w/{n}"), &[])).collect();
        intake.report("many", progress).await.unwrap();
        let fourth = intake.open(complaint(&intake, "4", "ada")).await.unwrap();
        assert_eq!(fourth.recent.len(), 20);
        assert_eq!(intake.open(complaint(&intake, "5", "bob")).await.unwrap().recent, []);
        let newest: Vec<_> = intake.timeline(&fourth.case.unwrap().customer).await;
        assert_eq!(newest.len(), 25 + 4);
    }

    async fn a_question_waits_for_the_acknowledgement(database: TestDatabase) {
        let intake = Intake::start(database).await;
        let case = intake.case_of("1", "ada").await;
        let early = question(&intake, "2", &case.name).await.unwrap_err();
        assert_eq!((early.code, early.reason.as_str()), (ErrorCode::FailedPrecondition, "ACKNOWLEDGE_FIRST"));
        assert_eq!(finding(&intake, "3", &case.name, "").await.unwrap_err().reason, "ACKNOWLEDGE_FIRST");
        let case = intake.tell(&case.name, Kind::MessageSent, "messages/1", &[("template", "apology")]).await;
        assert_eq!(question(&intake, "2", &case.name).await.unwrap_err().metadata, early.metadata, "the no is on record");
        let asked = question(&intake, "4", &case.name).await.unwrap();
        assert_eq!(question(&intake, "4", &case.name).await.unwrap(), asked);
        let sent: Vec<SendMessageRequest> = intake.requests("SendMessage").await;
        assert_eq!(sent.len(), 2);
        let message = sent[1].message.clone().unwrap();
        assert_eq!((message.template.as_str(), message.values["question"].as_str()), ("question", "Which bag was it?"));
        assert_eq!(intake.timeline(&case.customer).await[0].kind, "QUESTION_ASKED");
    }

    async fn a_finding_opens_the_remedy_with_its_facts(database: TestDatabase) {
        let intake = Intake::start(database).await;
        let case = acknowledged(&intake).await;
        let stale = finding(&intake, "2", &case.name, "1").await.unwrap_err();
        assert_eq!((stale.code, stale.reason.as_str()), (ErrorCode::Aborted, "VERSION_MISMATCH"));
        let found = finding(&intake, "2", &case.name, &case.etag).await.unwrap();
        assert_eq!((found.state(), found.finding.as_str()), (State::Understood, "the belt broke"));
        assert_eq!(finding(&intake, "2", &case.name, &case.etag).await.unwrap(), found);
        assert_eq!(intake.case(&case.name).await, found);
        let remedy: api::compensation::OpenRemedyRequest = intake.requests("OpenRemedy").await.remove(0);
        assert_eq!(found.remedy, format!("remedies/{}", remedy.remedy_id));
        let remedy = remedy.remedy.unwrap();
        assert_eq!(remedy.event.unwrap().facts, facts([("bags", integer(2)), ("days_late", integer(4))]));
        let twice = finding(&intake, "3", &case.name, "").await.unwrap_err();
        assert_eq!((twice.reason.as_str(), twice.metadata["state"].as_str()), ("INVALID_TRANSITION", "UNDERSTOOD"));
    }

    async fn a_wish_is_recorded_until_the_end_and_the_end_can_be_reopened(database: TestDatabase) {
        let intake = Intake::start(database).await;
        let case = recovered(&intake).await;
        assert_eq!(case.state(), State::Recovered);
        assert_eq!(wish(&intake, "w1", &case.name).await.unwrap_err().reason, "CASE_FINAL");
        assert_eq!(question(&intake, "q1", &case.name).await.unwrap_err().reason, "CASE_FINAL");
        let reopened = reopen(&intake, "r1", &case.name).await.unwrap();
        assert_eq!(reopen(&intake, "r1", &case.name).await.unwrap(), reopened);
        assert_eq!((reopened.state(), reopened.reopen_count), (State::Reopened, 1));
        assert!(reopened.work_item != case.work_item && reopened.remedy.is_empty() && reopened.plan.is_empty());
        let work: Vec<OpenWorkRequest> = intake.requests("OpenWork").await;
        assert_eq!(work.len(), 2);
        assert_eq!(work[1].work_item.clone().unwrap().title, "It went wrong again: parcel.lost P-17");
        assert_eq!(reopen(&intake, "r2", &case.name).await.unwrap_err().reason, "INVALID_TRANSITION");
        let wished = wish(&intake, "w2", &case.name).await.unwrap();
        assert_eq!(wished.requested_remedy, "my money back");
        assert_eq!(wish(&intake, "w2", &case.name).await.unwrap(), wished);
    }

    async fn concurrent_changes_of_a_case_all_count(database: TestDatabase) {
        let intake = Intake::start(database).await;
        let case = acknowledged(&intake).await;
        let (intake, name) = (&intake, case.name.as_str());
        let questions = (0..20).map(|n| async move { question(intake, &format!("q{n}"), name).await.unwrap() });
        let milestones = (0..20).map(|n| async move { intake.tell(name, Kind::WorkClaimed, &format!("w/{n}"), &[]).await });
        let (asked, _) = tokio::join!(futures::future::join_all(questions), futures::future::join_all(milestones));
        let mut etags: Vec<Uuid> = asked.iter().map(|case| Uuid::from_u128(case.etag.parse().unwrap())).collect();
        etags.sort();
        etags.dedup();
        assert_eq!(etags.len(), 20, "every change has an etag of its own");
        let after = intake.case(name).await;
        assert_eq!(after.etag, (2 + 40).to_string());
        assert_eq!(intake.count("timeline_entries").await, 2 + 40);
    }
}
