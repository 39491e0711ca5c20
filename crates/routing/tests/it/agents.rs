//! Queues and agents: made, got, listed.

use std::time::Duration;

use api::common::Severity;
use api::routing::{self as wire, agent::Presence};
use chassis::wire::to_duration;
use kernel::ErrorCode;
use testkit::{TestDatabase, on_both_databases};

use crate::harness::{Desk, HOUR, TEMPLATE, as_client, error, item, texts};

fn queue(desk: &Desk, id: &str, queue: wire::Queue) -> wire::CreateQueueRequest {
    wire::CreateQueueRequest { request_id: desk.fresh(), queue_id: id.to_owned(), queue: Some(queue) }
}

on_both_databases! {
    template: TEMPLATE;

    async fn a_queue_is_made_once_and_the_built_in_ones_are_always_there(database: TestDatabase) {
        let desk = Desk::open(&database).await;
        let mut api = desk.api.clone();
        let asked = wire::Queue {
            display_name: "Baggage".to_owned(),
            required_skills: texts(&["baggage"]),
            acknowledge_within: Some(to_duration(HOUR / 4)),
            resolve_within: Some(to_duration(Duration::ZERO)),
            ..wire::Queue::default()
        };
        let made = api.create_queue(as_client(queue(&desk, "baggage", asked))).await.unwrap().into_inner();
        assert_eq!((made.name.as_str(), made.resolve_within), ("queues/baggage", None));
        assert_eq!(made.create_time, Some(chassis::wire::to_timestamp(desk.now())));
        let get = |name: &str| wire::GetQueueRequest { name: name.to_owned() };
        assert_eq!(api.get_queue(as_client(get("queues/baggage"))).await.unwrap().into_inner(), made);
        for taken in ["baggage", "default", "upset", "escalated"] {
            let taken = queue(&desk, taken, wire::Queue::default());
            let taken = error(api.create_queue(as_client(taken)).await.unwrap_err());
            assert_eq!((taken.code, taken.reason.as_str()), (ErrorCode::AlreadyExists, "QUEUE_EXISTS"));
        }
        let upset = api.get_queue(as_client(get("queues/upset"))).await.unwrap().into_inner();
        assert_eq!((upset.name.as_str(), upset.create_time), ("queues/upset", None));
        let none = error(api.get_queue(as_client(get("queues/none"))).await.unwrap_err());
        assert_eq!((none.code, none.reason.as_str()), (ErrorCode::NotFound, "RESOURCE_NOT_FOUND"));
    }

    async fn a_queues_own_times_go_before_the_defaults(database: TestDatabase) {
        let desk = Desk::open(&database).await;
        let times = wire::Queue {
            acknowledge_within: Some(to_duration(HOUR / 4)),
            resolve_within: Some(to_duration(2 * HOUR)),
            ..wire::Queue::default()
        };
        desk.api.clone().create_queue(as_client(queue(&desk, "fast", times))).await.unwrap();
        let hours = |work: wire::WorkItem| -> Vec<f64> {
            let start = desk.now().micros() / 1_000_000;
            let due = work.clocks.iter().map(|clock| clock.due_time.as_ref().unwrap().seconds);
            due.map(|due| (due - start) as f64 / 3_600.0).collect()
        };
        let fast = wire::WorkItem { queue: "queues/fast".to_owned(), ..item(Severity::Critical) };
        assert_eq!(hours(desk.work(fast, false).await), [0.25, 2.0]);
        for (severity, resolve) in
            [(Severity::Low, 72.0), (Severity::Medium, 48.0), (Severity::High, 24.0), (Severity::Critical, 8.0)]
        {
            assert_eq!(hours(desk.work(item(severity), true).await), [1.0, resolve]);
        }
    }

    async fn queues_are_listed_by_name_over_pages(database: TestDatabase) {
        let desk = Desk::open(&database).await;
        for id in ["zeta", "alpha", "feed"] {
            desk.api.clone().create_queue(as_client(queue(&desk, id, wire::Queue::default()))).await.unwrap();
        }
        for page_size in [1, 2, 5, 6, 500] {
            let (mut names, mut token) = (Vec::new(), String::new());
            loop {
                let request = wire::ListQueuesRequest { page_size, page_token: token };
                let page = desk.api.clone().list_queues(as_client(request)).await.unwrap().into_inner();
                assert!(page.queues.len() <= page_size as usize);
                names.extend(page.queues.into_iter().map(|queue| queue.name));
                token = page.next_page_token;
                if token.is_empty() {
                    break;
                }
            }
            let ids = ["alpha", "default", "escalated", "feed", "upset", "zeta"];
            assert_eq!(names, ids.map(|id| format!("queues/{id}")), "pages of {page_size}");
        }
    }

    async fn an_agent_is_made_offline_with_the_defaults(database: TestDatabase) {
        let desk = Desk::open(&database).await;
        let asked = wire::Agent {
            display_name: "Grace".to_owned(),
            skills: texts(&["fr", "de"]),
            queues: texts(&["queues/upset", "queues/default"]),
            presence: Presence::Available.into(),
            ..wire::Agent::default()
        };
        let request = wire::CreateAgentRequest { request_id: desk.fresh(), agent: Some(asked.clone()) };
        let made = desk.api.clone().create_agent(as_client(request)).await.unwrap().into_inner();
        let expected = wire::Agent {
            name: made.name.clone(),
            display_name: "Grace".to_owned(),
            skills: texts(&["de", "fr"]),
            queues: texts(&["queues/default", "queues/upset"]),
            capacity: 3,
            presence: Presence::Offline.into(),
            held: 0,
            level: 1,
        };
        assert_eq!(made, expected);
        assert_eq!(desk.get_agent(&made.name).await, expected);

        let unknown = wire::Agent { queues: texts(&["queues/default", "queues/none"]), ..asked };
        let request = wire::CreateAgentRequest { request_id: desk.fresh(), agent: Some(unknown) };
        let unknown = error(desk.api.clone().create_agent(as_client(request)).await.unwrap_err());
        assert_eq!((unknown.code, unknown.metadata["resource"].as_str()), (ErrorCode::NotFound, "queues/none"));
        assert_eq!(desk.count("agents").await, 1);
    }

    async fn agents_are_listed_the_oldest_first_with_what_they_hold(database: TestDatabase) {
        let desk = Desk::open(&database).await;
        let mut made = Vec::new();
        for _ in 0..5 {
            made.push(desk.agent(&["default"], 2).await);
            desk.clock.advance(Duration::from_secs(1));
        }
        desk.work(item(Severity::Low), false).await;
        desk.claim(&made[3], "").await.unwrap();
        let (mut listed, mut token) = (Vec::new(), String::new());
        loop {
            let request = wire::ListAgentsRequest { page_size: 2, page_token: token };
            let page = desk.api.clone().list_agents(as_client(request)).await.unwrap().into_inner();
            listed.extend(page.agents);
            token = page.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(listed.iter().map(|agent| agent.name.clone()).collect::<Vec<_>>(), made);
        assert_eq!(listed.iter().map(|agent| agent.held).collect::<Vec<_>>(), [0, 0, 0, 1, 0]);
    }
}
