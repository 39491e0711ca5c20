//! Thoroughly bad requests: every violation is listed, and nothing is written.

use api::routing as wire;
use kernel::ErrorCode;
use prost_types::{Duration, Timestamp};
use testkit::{TestDatabase, on_both_databases};

use crate::harness::{Desk, TEMPLATE, as_client, error, texts};

const NIL: &str = "00000000-0000-0000-0000-000000000000";

/// Sends a request and compares its violations: `field REASON` each.
macro_rules! refused {
    ($desk:ident, $method:ident, $message:expr, [$($violation:literal),+ $(,)?]) => {{
        let refused = error($desk.api.clone().$method(as_client($message)).await.map(drop).unwrap_err());
        assert_eq!((refused.code, refused.reason.as_str()), (ErrorCode::InvalidArgument, "INVALID_FIELDS"));
        let found: Vec<_> = refused.violations.iter().map(|v| format!("{} {}", v.field, v.reason)).collect();
        assert_eq!(found, [$($violation),+], stringify!($method));
        assert!(refused.violations.iter().all(|violation| !violation.description.is_empty()));
    }};
}

on_both_databases! {
    template: TEMPLATE;

    async fn all_violations_are_listed_and_nothing_is_written(database: TestDatabase) {
        let desk = Desk::open(&database).await;

        let queue = wire::Queue {
            display_name: "x".repeat(201),
            required_skills: texts(&["UP", "ok", ""]),
            acknowledge_within: Some(Duration { seconds: -1, nanos: 0 }),
            resolve_within: Some(Duration { seconds: 400 * 86_400 * 365, nanos: 0 }),
            ..wire::Queue::default()
        };
        let request = wire::CreateQueueRequest {
            request_id: "x".repeat(129),
            queue_id: "Default".to_owned(),
            queue: Some(queue),
        };
        refused!(desk, create_queue, request, [
            "request_id REQUEST_ID",
            "queue_id QUEUE_ID",
            "queue.display_name LENGTH",
            "queue.required_skills[0] SKILL",
            "queue.required_skills[2] SKILL",
            "queue.acknowledge_within DURATION_RANGE",
            "queue.resolve_within DURATION_RANGE",
        ]);
        refused!(desk, create_queue, wire::CreateQueueRequest::default(), [
            "request_id REQUIRED",
            "queue_id REQUIRED",
            "queue REQUIRED",
        ]);

        let agent = wire::Agent {
            display_name: "\u{200b}".to_owned(),
            skills: vec!["s".to_owned(); 33],
            queues: texts(&["default", "queues/Ü", ""]),
            capacity: 101,
            level: -1,
            ..wire::Agent::default()
        };
        refused!(desk, create_agent, wire::CreateAgentRequest { request_id: "a b".to_owned(), agent: Some(agent) }, [
            "request_id REQUEST_ID",
            "agent.display_name REQUIRED",
            "agent.skills TOO_MANY_ITEMS",
            "agent.queues[0] RESOURCE_NAME",
            "agent.queues[1] RESOURCE_NAME",
            "agent.queues[2] REQUIRED",
            "agent.capacity RANGE",
            "agent.level RANGE",
        ]);
        let nobody = wire::Agent { queues: vec!["queues/q".to_owned(); 33], level: 4, ..wire::Agent::default() };
        refused!(desk, create_agent, wire::CreateAgentRequest { request_id: "1".to_owned(), agent: Some(nobody) }, [
            "agent.display_name REQUIRED",
            "agent.queues TOO_MANY_ITEMS",
            "agent.level RANGE",
        ]);
        refused!(desk, create_agent, wire::CreateAgentRequest::default(), [
            "request_id REQUIRED",
            "agent REQUIRED",
            "agent.display_name REQUIRED",
            "agent.queues REQUIRED",
        ]);

        let presence = wire::SetPresenceRequest { name: format!("agents/{NIL}"), presence: 99, ..Default::default() };
        refused!(desk, set_presence, presence, [
            "request_id REQUIRED",
            "name RESOURCE_NAME",
            "presence UNKNOWN_ENUM_VALUE",
        ]);

        let item = wire::WorkItem {
            case: "cases/0198A000-0000-7000-8000-000000000001".to_owned(),
            title: "nul \0".to_owned(),
            handover: "x".repeat(4_001),
            severity: -1,
            queue: "default".to_owned(),
            skills: texts(&["a", "b", "c", "d", "e", "f", "g", "H", "i"]),
            ..wire::WorkItem::default()
        };
        let request = wire::OpenWorkRequest {
            request_id: "a\nb".to_owned(),
            work_item_id: "{0198a000-0000-7000-8000-000000000001}".to_owned(),
            work_item: Some(item),
            unattended: false,
        };
        refused!(desk, open_work, request, [
            "request_id REQUEST_ID",
            "work_item_id UUID",
            "work_item.case RESOURCE_NAME",
            "work_item.title NUL_CHARACTER",
            "work_item.handover LENGTH",
            "work_item.severity UNKNOWN_ENUM_VALUE",
            "work_item.queue RESOURCE_NAME",
            "work_item.skills TOO_MANY_ITEMS",
            "work_item.skills[7] SKILL",
        ]);
        refused!(desk, open_work, wire::OpenWorkRequest { work_item_id: NIL.to_owned(), ..Default::default() }, [
            "request_id REQUIRED",
            "work_item_id UUID",
            "work_item REQUIRED",
            "work_item.case REQUIRED",
            "work_item.title REQUIRED",
            "work_item.severity UNKNOWN_ENUM_VALUE",
        ]);

        let claim = wire::ClaimWorkRequest { work_item: "cases/x".to_owned(), ..Default::default() };
        refused!(desk, claim_work, claim, [
            "request_id REQUIRED",
            "agent REQUIRED",
            "work_item RESOURCE_NAME",
        ]);
        refused!(desk, stream_assignments, wire::StreamAssignmentsRequest { agent: "me".to_owned() }, [
            "agent RESOURCE_NAME",
        ]);

        let progress = wire::Progress {
            kind: 0,
            text: String::new(),
            next_update_by: Some(Timestamp { seconds: 0, nanos: 0 }),
            post_time: None,
        };
        let post = wire::PostProgressRequest { progress: Some(progress.clone()), ..Default::default() };
        refused!(desk, post_progress, post.clone(), [
            "request_id REQUIRED",
            "name REQUIRED",
            "progress.kind UNKNOWN_ENUM_VALUE",
            "progress.text REQUIRED",
            "progress.next_update_by NOT_IN_FUTURE",
        ]);
        let year_0 = Some(Timestamp { seconds: -62_200_000_000, nanos: 0 });
        let note = wire::Progress {
            kind: wire::progress::Kind::InternalNote.into(),
            text: "x".repeat(2_001),
            next_update_by: year_0,
            ..progress
        };
        refused!(desk, post_progress, wire::PostProgressRequest { progress: Some(note), ..post }, [
            "request_id REQUIRED",
            "name REQUIRED",
            "progress.text LENGTH",
            "progress.next_update_by TIMESTAMP_RANGE",
            "progress.next_update_by NOT_ON_NOTE",
        ]);

        let escalate = wire::EscalateWorkRequest { reason: " ".to_owned(), ..Default::default() };
        refused!(desk, escalate_work, escalate, ["request_id REQUIRED", "name REQUIRED", "reason REQUIRED"]);
        let complete = wire::CompleteWorkRequest { resolution: "x".repeat(2_001), ..Default::default() };
        refused!(desk, complete_work, complete, ["request_id REQUIRED", "name REQUIRED", "resolution LENGTH"]);
        let check = wire::CheckClockRequest { clock: 4, ..Default::default() };
        refused!(desk, check_clock, check, ["request_id REQUIRED", "name REQUIRED", "clock UNKNOWN_ENUM_VALUE"]);

        refused!(desk, get_queue, wire::GetQueueRequest { name: "queues/".to_owned() }, ["name RESOURCE_NAME"]);
        refused!(desk, get_agent, wire::GetAgentRequest::default(), ["name REQUIRED"]);
        refused!(desk, get_work_item, wire::GetWorkItemRequest { name: "x".repeat(100_000) }, ["name RESOURCE_NAME"]);
        refused!(desk, list_queues, wire::ListQueuesRequest { page_size: -1, ..Default::default() }, [
            "page_size NEGATIVE",
        ]);
        refused!(desk, list_agents, wire::ListAgentsRequest { page_size: i32::MIN, ..Default::default() }, [
            "page_size NEGATIVE",
        ]);
        let list = wire::ListWorkItemsRequest {
            page_size: -1,
            state: 6,
            queue: "q".to_owned(),
            case: "c".to_owned(),
            ..Default::default()
        };
        refused!(desk, list_work_items, list, [
            "page_size NEGATIVE",
            "state UNKNOWN_ENUM_VALUE",
            "queue RESOURCE_NAME",
            "case RESOURCE_NAME",
        ]);

        for table in ["queues", "agents", "work_items", "work_clocks", "outbound_calls", "inbound_requests"] {
            assert_eq!(desk.count(table).await, 0, "{table}");
        }
    }
}
