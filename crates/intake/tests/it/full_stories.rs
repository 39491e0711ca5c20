//! A case whose story is full: callers are told, services are heard, nothing else is written.

use api::extension::milestone::Kind;
use api::intake as pb;
use api::intake::case::State;
use kernel::{ErrorCode, ServiceError};
use testkit::{TestDatabase, on_both_databases};
use tonic::Response;

use crate::harness::{Intake, SCHEMA, as_backend, error};

const MOST: u32 = 100;

/// A case that was acknowledged, with as many entries as fit.
async fn full(database: TestDatabase) -> (Intake, pb::Case) {
    let intake = Intake::start_with(database, |config| config.story.max_entries = MOST).await;
    let case = intake.case_of("1", "ada").await;
    intake.tell(&case.name, Kind::MessageSent, "messages/1", &[("template", "apology")]).await;
    let echo = intake.milestone(&case.name, Kind::ProgressPosted, &case.work_item, &[]);
    assert_eq!(intake.report("fill", vec![echo; MOST as usize - 3]).await, Ok(MOST as i32 - 3));
    (intake, case)
}

async fn ask(intake: &Intake, request_id: &str, name: &str) -> Result<pb::Case, ServiceError> {
    let request = pb::AskQuestionRequest {
        request_id: request_id.to_owned(),
        name: name.to_owned(),
        question: "Which bag?".to_owned(),
        ..Default::default()
    };
    intake.client.clone().ask_question(as_backend(request)).await.map(Response::into_inner).map_err(error)
}

async fn wish(intake: &Intake, request_id: &str, name: &str) -> Result<pb::Case, ServiceError> {
    let request = pb::SetRequestedRemedyRequest {
        request_id: request_id.to_owned(),
        name: name.to_owned(),
        requested_remedy: "a refund".to_owned(),
        ..Default::default()
    };
    intake.client.clone().set_requested_remedy(as_backend(request)).await.map(Response::into_inner).map_err(error)
}

on_both_databases! {
    template: SCHEMA;

    async fn a_caller_adds_the_last_entry_and_no_more(database: TestDatabase) {
        let (intake, case) = full(database).await;
        let last = ask(&intake, "last", &case.name).await.unwrap();
        let before = intake.written().await;
        for repeat in 0..2 {
            for refused in [ask(&intake, "ask", &case.name).await, wish(&intake, "wish", &case.name).await] {
                let refused = refused.unwrap_err();
                assert_eq!((refused.code, refused.reason.as_str()), (ErrorCode::ResourceExhausted, "CASE_TOO_LARGE"), "{repeat}");
                assert_eq!((refused.metadata["case"].as_str(), refused.metadata["limit"].as_str()), (case.name.as_str(), "100"));
                assert_eq!(refused.retry_after, None, "sent again it gets the same answer");
            }
        }
        assert_eq!((intake.written().await, intake.case(&case.name).await), (before, last.clone()));
        assert_eq!(ask(&intake, "last", &case.name).await, Ok(last), "what was done before stands");
    }

    async fn a_service_is_heard_and_the_case_goes_on(database: TestDatabase) {
        let (intake, case) = full(database).await;
        let added = wish(&intake, "last", &case.name).await.unwrap();
        assert!(!added.needs_attention);
        let echo = intake.milestone(&case.name, Kind::ProgressPosted, &case.work_item, &[]);
        for (request_id, entries) in [("a", 101), ("b", 101), ("b", 101)] {
            assert_eq!(intake.report(request_id, vec![echo.clone(); 5]).await, Ok(5), "never refused");
            assert_eq!(intake.count("timeline_entries").await, entries, "the story says once that it is full");
        }
        let told = intake.case(&case.name).await;
        assert!(told.needs_attention && told.attention_reason.starts_with("The story has 100 entries"), "{told:?}");

        let found = pb::RecordFindingRequest {
            request_id: "found".to_owned(),
            name: case.name.clone(),
            finding: "the belt broke".to_owned(),
            ..Default::default()
        };
        intake.client.clone().record_finding(as_backend(found)).await.unwrap();
        assert_eq!(intake.tell(&case.name, Kind::NothingOwed, &case.name, &[]).await.state(), State::Remedied);
        let lapsed = intake.tell(&case.name, Kind::Lapsed, &case.name, &[]).await;
        assert_eq!(lapsed.state(), State::Lapsed);
        let story = intake.timeline(&case.customer).await;
        let newest: Vec<&str> = story.iter().take(4).map(|entry| entry.kind.as_str()).collect();
        assert_eq!((story.len(), newest), (104, vec!["LAPSED", "NOTHING_OWED", "FINDING_RECORDED", "STORY_FULL"]));
        let again = pb::ReopenCaseRequest {
            request_id: "again".to_owned(),
            name: case.name.clone(),
            reason: "it broke again".to_owned(),
            ..Default::default()
        };
        let refused = intake.client.clone().reopen_case(as_backend(again)).await.map_err(error).unwrap_err();
        assert_eq!(refused.reason, "CASE_TOO_LARGE");
    }
}
