//! Watching a case.

use std::time::Duration;

use api::extension::milestone::Kind;
use api::intake as pb;
use api::intake::case::State;
use futures::StreamExt as _;
use kernel::ErrorCode;
use testkit::{TestDatabase, on_both_databases};
use tonic::Streaming;

use crate::harness::{Intake, SCHEMA, as_backend, error};

async fn watch(intake: &Intake, name: &str) -> Streaming<pb::WatchCaseResponse> {
    let request = pb::WatchCaseRequest { name: name.to_owned() };
    intake.client.clone().watch_case(as_backend(request)).await.unwrap().into_inner()
}

/// The next change; must come within a minute.
async fn next(changes: &mut Streaming<pb::WatchCaseResponse>) -> Option<(State, Vec<String>)> {
    let change = tokio::time::timeout(Duration::from_secs(60), changes.next()).await.unwrap()?.unwrap();
    Some((change.case.unwrap().state(), change.entries.into_iter().map(|entry| entry.kind).collect()))
}

on_both_databases! {
    template: SCHEMA;

    async fn a_watch_shows_every_change_until_the_end(database: TestDatabase) {
        let intake = Intake::start(database).await;
        let case = intake.case_of("1", "ada").await.name;
        let mut changes = watch(&intake, &case).await;
        assert_eq!(next(&mut changes).await, Some((State::Received, vec!["CASE_OPENED".to_owned()])));
        intake.tell(&case, Kind::MessageSent, "m", &[("template", "apology")]).await;
        assert_eq!(next(&mut changes).await, Some((State::Acknowledged, vec!["MESSAGE_SENT".to_owned()])));
        let found = pb::RecordFindingRequest { request_id: "2".to_owned(), name: case.clone(), finding: "x".to_owned(), ..Default::default() };
        intake.client.clone().record_finding(as_backend(found)).await.unwrap();
        assert_eq!(next(&mut changes).await, Some((State::Understood, vec!["FINDING_RECORDED".to_owned()])));
        let rest = [Kind::NothingOwed, Kind::PlanStarted, Kind::Recovered];
        let rest = rest.map(|kind| intake.milestone(&case, kind, "x", &[])).to_vec();
        intake.report("3", rest).await.unwrap();
        let kinds = ["NOTHING_OWED", "PLAN_STARTED", "RECOVERED"].map(str::to_owned).to_vec();
        assert_eq!(next(&mut changes).await, Some((State::Recovered, kinds)));
        assert_eq!(next(&mut changes).await, None, "the case is final");
        let mut late = watch(&intake, &case).await;
        let (state, story) = next(&mut late).await.unwrap();
        assert_eq!((state, story.len()), (State::Recovered, 6));
        assert_eq!(next(&mut late).await, None);
    }

    async fn a_long_story_comes_in_several_responses(database: TestDatabase) {
        let intake = Intake::start(database).await;
        let case = intake.case_of("1", "ada").await.name;
        for request_id in ["2", "3"] {
            let many = (0..400).map(|n| intake.milestone(&case, Kind::WorkClaimed, &format!("w/{n}"), &[])).collect();
            intake.report(request_id, many).await.unwrap();
        }
        let mut changes = watch(&intake, &case).await;
        let lengths = [next(&mut changes).await.unwrap().1.len(), next(&mut changes).await.unwrap().1.len()];
        assert_eq!(lengths, [500, 301]);
    }

    async fn watches_are_bounded_and_a_change_in_another_process_is_seen(database: TestDatabase) {
        let intake = Intake::start_with(database, |config| {
            config.watch.max = 1;
            config.watch.poll = Duration::from_millis(10);
        }).await;
        let case = intake.case_of("1", "ada").await.name;
        let mut first = watch(&intake, &case).await;
        let refused = intake.client.clone().watch_case(as_backend(pb::WatchCaseRequest { name: case.clone() })).await.err().unwrap();
        let refused = error(refused);
        assert_eq!((refused.code, refused.reason.as_str()), (ErrorCode::ResourceExhausted, "OVERLOADED"));
        assert!(next(&mut first).await.is_some());
        if intake.is_postgres() {
            intake.another().await.tell(&case, Kind::MessageSent, "m", &[("template", "apology")]).await;
            assert_eq!(next(&mut first).await, Some((State::Acknowledged, vec!["MESSAGE_SENT".to_owned()])));
        }
        drop(first);
        assert!(next(&mut watch(&intake, &case).await).await.is_some(), "a place is free again");
    }
}
