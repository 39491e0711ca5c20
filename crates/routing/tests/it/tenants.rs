//! Another tenant sees nothing, whatever it asks for, and gets the answer that nothing gives.

use api::common::Severity;
use api::routing as wire;
use api::routing::agent::Presence;
use api::routing::progress::Kind as ProgressKind;
use api::routing::work_clock::Kind as ClockKind;
use kernel::{ErrorCode, TenantId};
use testkit::{TestDatabase, on_both_databases};

use crate::harness::{Desk, TEMPLATE, as_client, error, item, of};

on_both_databases! {
    template: TEMPLATE;

    async fn another_tenants_resources_do_not_exist(database: TestDatabase) {
        let desk = Desk::open(&database).await;
        let other = TenantId::parse("other").unwrap();
        let queue = wire::CreateQueueRequest {
            request_id: desk.fresh(),
            queue_id: "own".to_owned(),
            queue: Some(wire::Queue::default()),
        };
        desk.api.clone().create_queue(as_client(queue)).await.unwrap();
        let agent = desk.agent(&["own", "default"], 1).await;
        let work = desk.work(item(Severity::Low), false).await.name;
        let (before, calls) = (desk.get(&work).await, desk.calls().await.len());

        let mut api = desk.api.clone();
        macro_rules! foreign {
            ($method:ident, $message:expr) => {{
                let refused = error(api.$method(of(other.clone(), "desk", $message)).await.map(drop).unwrap_err());
                let expected = (ErrorCode::NotFound, "RESOURCE_NOT_FOUND");
                assert_eq!((refused.code, refused.reason.as_str()), expected, stringify!($method));
                refused
            }};
        }
        let id = || desk.fresh();
        let unknown = "workItems/0198a000-0000-7000-8000-000000000009".to_owned();
        let foreign_work = foreign!(get_work_item, wire::GetWorkItemRequest { name: work.clone() });
        let no_work = foreign!(get_work_item, wire::GetWorkItemRequest { name: unknown.clone() });
        assert_eq!(foreign_work.message.replace(&work, "x"), no_work.message.replace(&unknown, "x"));
        foreign!(get_queue, wire::GetQueueRequest { name: "queues/own".to_owned() });
        foreign!(get_agent, wire::GetAgentRequest { name: agent.clone() });
        let presence = Presence::Offline.into();
        foreign!(set_presence, wire::SetPresenceRequest { request_id: id(), name: agent.clone(), presence });
        let claim = wire::ClaimWorkRequest { request_id: id(), agent: agent.clone(), work_item: work.clone() };
        foreign!(claim_work, claim);
        foreign!(stream_assignments, wire::StreamAssignmentsRequest { agent: agent.clone() });
        let progress =
            Some(wire::Progress { kind: ProgressKind::InternalNote.into(), text: "x".to_owned(), ..Default::default() });
        foreign!(post_progress, wire::PostProgressRequest { request_id: id(), name: work.clone(), progress });
        let reason = "x".to_owned();
        foreign!(escalate_work, wire::EscalateWorkRequest { request_id: id(), name: work.clone(), reason });
        let resolution = "x".to_owned();
        foreign!(complete_work, wire::CompleteWorkRequest { request_id: id(), name: work.clone(), resolution });
        let clock = ClockKind::Resolve.into();
        foreign!(check_clock, wire::CheckClockRequest { request_id: id(), name: work.clone(), clock });
        let elsewhere = wire::WorkItem { queue: "queues/own".to_owned(), ..item(Severity::Low) };
        foreign!(open_work, desk.open_request(elsewhere, false));

        // Its own agent is not given this tenant's work, and its lists are empty.
        let theirs = wire::Agent {
            display_name: "Eve".to_owned(),
            queues: vec!["queues/default".to_owned()],
            ..wire::Agent::default()
        };
        let theirs = wire::CreateAgentRequest { request_id: id(), agent: Some(theirs) };
        let eve = api.create_agent(of(other.clone(), "desk", theirs)).await.unwrap().into_inner().name;
        let presence = Presence::Available.into();
        let available = wire::SetPresenceRequest { request_id: id(), name: eve.clone(), presence };
        api.set_presence(of(other.clone(), "desk", available)).await.unwrap();
        let claim = wire::ClaimWorkRequest { request_id: id(), agent: eve.clone(), work_item: String::new() };
        let none = error(api.claim_work(of(other.clone(), "desk", claim)).await.unwrap_err());
        assert_eq!(none.reason, "NO_WORK");
        foreign!(claim_work, wire::ClaimWorkRequest { request_id: id(), agent: eve, work_item: work.clone() });
        let list = of(other.clone(), "desk", wire::ListWorkItemsRequest::default());
        assert_eq!(api.list_work_items(list).await.unwrap().into_inner().work_items, []);
        let list = of(other.clone(), "desk", wire::ListQueuesRequest::default());
        assert_eq!(api.list_queues(list).await.unwrap().into_inner().queues.len(), 3);

        // A page token of this tenant opens nothing there.
        let page = wire::ListQueuesRequest { page_size: 1, page_token: String::new() };
        let token = api.list_queues(as_client(page)).await.unwrap().into_inner().next_page_token;
        let page = wire::ListQueuesRequest { page_size: 1, page_token: token };
        let bad = error(api.list_queues(of(other, "desk", page)).await.unwrap_err());
        assert_eq!(bad.reason, "BAD_PAGE_TOKEN");
        assert_eq!((desk.get(&work).await, desk.calls().await.len()), (before, calls));
    }

    async fn the_same_id_and_the_same_request_id_are_free_for_another_tenant(database: TestDatabase) {
        let desk = Desk::open(&database).await;
        let request = wire::OpenWorkRequest {
            work_item_id: "0198a000-0000-7000-8000-000000000001".to_owned(),
            ..desk.open_request(item(Severity::Low), false)
        };
        let other = TenantId::parse("other").unwrap();
        let ours = desk.api.clone().open_work(as_client(request.clone())).await.unwrap();
        let theirs = desk.api.clone().open_work(of(other, "desk", request)).await.unwrap();
        assert!(theirs.metadata().get("idempotent-replayed").is_none());
        assert_eq!(ours.get_ref().name, theirs.get_ref().name);
        assert_eq!((desk.count("work_items").await, desk.timers().await.len()), (2, 4));
    }
}
