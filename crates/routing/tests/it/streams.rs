//! Assignments as they come to a desk.

use std::time::Duration;

use api::common::Severity;
use api::routing::work_item::State;
use api::routing::{self as wire, agent::Presence};
use futures::StreamExt as _;
use kernel::ErrorCode;
use testkit::{TestDatabase, on_both_databases};
use tokio::time::timeout;
use tonic::Streaming;

use crate::harness::{Desk, TEMPLATE, as_client, config, error, item};

const SOON: Duration = Duration::from_secs(20);

async fn open(desk: &Desk, agent: &str) -> Streaming<wire::StreamAssignmentsResponse> {
    let request = wire::StreamAssignmentsRequest { agent: agent.to_owned() };
    desk.api.clone().stream_assignments(as_client(request)).await.unwrap().into_inner()
}

async fn next(stream: &mut Streaming<wire::StreamAssignmentsResponse>) -> wire::WorkItem {
    let item = timeout(SOON, stream.next()).await.expect("an assignment comes soon");
    item.expect("the stream goes on").unwrap().work_item.unwrap()
}

/// True when nothing is there to be sent now: a look was taken and found nothing new.
async fn is_quiet(stream: &mut Streaming<wire::StreamAssignmentsResponse>) -> bool {
    timeout(Duration::from_millis(150), stream.next()).await.is_err()
}

on_both_databases! {
    template: TEMPLATE;

    async fn held_work_comes_at_once_and_new_work_as_there_is_room(database: TestDatabase) {
        let desk = Desk::open(&database).await;
        let agent = desk.agent(&["default"], 2).await;
        let held = desk.work(item(Severity::Low), false).await.name;
        desk.claim(&agent, &held).await.unwrap();
        let mut stream = open(&desk, &agent).await;
        let first = next(&mut stream).await;
        assert_eq!((first.name.as_str(), first.state()), (held.as_str(), State::Claimed));

        let second = desk.work(item(Severity::Low), false).await.name;
        desk.clock.advance(Duration::from_secs(1));
        let third = desk.work(item(Severity::Low), false).await.name;
        let given = next(&mut stream).await;
        assert_eq!((given.name.as_str(), given.agent.as_str()), (second.as_str(), agent.as_str()));
        assert!(is_quiet(&mut stream).await, "there is no room for a third");
        assert_eq!(desk.get_agent(&agent).await.held, 2);
        desk.complete_as("desk", &held).await.unwrap();
        assert_eq!(next(&mut stream).await.name, third);
    }

    async fn only_an_available_agent_is_given_work(database: TestDatabase) {
        let desk = Desk::open(&database).await;
        let agent = desk.agent(&["default"], 2).await;
        desk.presence(&agent, Presence::Busy).await;
        let work = desk.work(item(Severity::Low), false).await.name;
        let mut stream = open(&desk, &agent).await;
        assert!(is_quiet(&mut stream).await);
        desk.presence(&agent, Presence::Available).await;
        assert_eq!(next(&mut stream).await.name, work);
        // Given back and taken again, it is sent again.
        desk.presence(&agent, Presence::Offline).await;
        assert!(is_quiet(&mut stream).await);
        assert_eq!(desk.get(&work).await.state(), State::Waiting);
        desk.presence(&agent, Presence::Available).await;
        assert_eq!(next(&mut stream).await.name, work);
    }

    async fn work_of_another_process_is_found_by_looking(database: TestDatabase) {
        let mut settings = config(&database);
        settings.assignment_poll = Duration::from_millis(20);
        let desk = Desk::with(settings).await;
        let agent = desk.agent(&["default"], 1).await;
        let mut stream = open(&desk, &agent).await;
        assert!(is_quiet(&mut stream).await);
        // Written behind the service's back, as another replica does: nothing wakes the stream.
        let work = desk.work(item(Severity::Low), true).await.name;
        desk.set_state(&work, "WAITING").await;
        assert_eq!(next(&mut stream).await.name, work);
    }

    async fn desks_share_the_work_and_leave_none_behind(database: TestDatabase) {
        let desk = Desk::open(&database).await;
        let mut streams = Vec::new();
        for _ in 0..4 {
            let agent = desk.agent(&["default"], 5).await;
            streams.push(open(&desk, &agent).await);
        }
        let mut names = Vec::new();
        for _ in 0..20 {
            names.push(desk.work(item(Severity::Low), false).await.name);
        }
        let each = streams.iter_mut().map(|stream| async move {
            let mut names = Vec::new();
            for _ in 0..5 {
                names.push(next(stream).await.name);
            }
            names
        });
        let mut given = futures::future::join_all(each).await.concat();
        given.sort();
        names.sort();
        assert_eq!(given, names);
    }

    async fn an_unknown_agent_has_no_stream(database: TestDatabase) {
        let desk = Desk::open(&database).await;
        let request =
            wire::StreamAssignmentsRequest { agent: "agents/0198a000-0000-7000-8000-000000000001".to_owned() };
        let unknown = desk.api.clone().stream_assignments(as_client(request)).await.unwrap_err();
        assert_eq!(error(unknown).code, ErrorCode::NotFound);
    }
}
