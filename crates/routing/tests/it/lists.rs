//! Work items in the order of urgency, over pages, with filters.

use std::time::Duration;

use api::common::Severity;
use api::routing as wire;
use api::routing::work_item::State;
use kernel::{ErrorCode, message_id_for_step};
use testkit::{TestDatabase, on_both_databases};
use uuid::Uuid;

use crate::harness::{Desk, TEMPLATE, as_client, error, item};

async fn all(desk: &Desk, asked: wire::ListWorkItemsRequest) -> Vec<String> {
    let (mut names, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = wire::ListWorkItemsRequest { page_token, ..asked.clone() };
        let page = desk.api.clone().list_work_items(as_client(request)).await.unwrap().into_inner();
        for work in page.work_items {
            assert_eq!(desk.get(&work.name).await, work);
            names.push(work.name);
        }
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return names;
        }
    }
}

/// Opens work under an id that sorts by `number`.
async fn numbered(desk: &Desk, item: wire::WorkItem, unattended: bool, number: usize) -> String {
    let work_item_id = format!("0198a000-0000-7000-8000-{number:012}");
    let request = wire::OpenWorkRequest { work_item_id, ..desk.open_request(item, unattended) };
    desk.api.clone().open_work(as_client(request)).await.unwrap().into_inner().name
}

on_both_databases! {
    template: TEMPLATE;

    async fn the_most_urgent_come_first_whatever_the_page_and_the_filter(database: TestDatabase) {
        let desk = Desk::open(&database).await;
        let case = format!("cases/{}", message_id_for_step(Uuid::from_u128(1), "other case", 1));
        let mut names = Vec::new();
        // Two at the same time, and one a second later, for each severity.
        for severity in [Severity::Low, Severity::Critical, Severity::Medium] {
            names.push(numbered(&desk, item(severity), false, names.len()).await);
            names.push(numbered(&desk, item(severity), true, names.len()).await);
            desk.clock.advance(Duration::from_secs(1));
            let other = wire::WorkItem { case: case.clone(), ..item(severity) };
            names.push(numbered(&desk, other, false, names.len()).await);
        }
        desk.escalate(&names[2]).await.unwrap();
        desk.complete_as("desk", &names[4]).await.unwrap();
        let expected = [2, 3, 4, 5, 6, 7, 8, 0, 1].map(|index: usize| names[index].clone());
        for page_size in [1, 2, 4, 9, 0] {
            let request = wire::ListWorkItemsRequest { page_size, ..Default::default() };
            assert_eq!(all(&desk, request).await, expected, "pages of {page_size}");
        }
        let filtered = |state: State, queue: &str, case: &str| wire::ListWorkItemsRequest {
            page_size: 2,
            state: state.into(),
            queue: queue.to_owned(),
            case: case.to_owned(),
            ..Default::default()
        };
        let pick = |indices: &[usize]| indices.iter().map(|index| names[*index].clone()).collect::<Vec<_>>();
        let none = State::Unspecified;
        assert_eq!(all(&desk, filtered(State::Waiting, "", "")).await, pick(&[2, 3, 5, 6, 8, 0]));
        assert_eq!(all(&desk, filtered(State::Unattended, "", "")).await, pick(&[7, 1]));
        assert_eq!(all(&desk, filtered(State::Completed, "", "")).await, pick(&[4]));
        assert_eq!(all(&desk, filtered(State::Claimed, "", "")).await, pick(&[]));
        assert_eq!(all(&desk, filtered(none, "queues/upset", "")).await, pick(&[3, 4, 5]));
        assert_eq!(all(&desk, filtered(none, "", &case)).await, pick(&[2, 5, 8]));
        assert_eq!(all(&desk, filtered(State::Waiting, "queues/default", &case)).await, pick(&[8]));
    }

    async fn a_page_token_is_bound_to_its_query(database: TestDatabase) {
        let desk = Desk::open(&database).await;
        for _ in 0..3 {
            desk.work(item(Severity::Low), false).await;
        }
        let request = wire::ListWorkItemsRequest { page_size: 1, ..Default::default() };
        let page = desk.api.clone().list_work_items(as_client(request.clone())).await.unwrap().into_inner();
        let token = page.next_page_token;
        assert!(!token.is_empty());
        let forged = format!("{}A", &token[..token.len() - 1]);
        let others = [
            wire::ListWorkItemsRequest { page_token: forged, ..request.clone() },
            wire::ListWorkItemsRequest { page_token: "?".to_owned(), ..request.clone() },
            wire::ListWorkItemsRequest { page_token: token.clone(), state: State::Waiting.into(), ..request.clone() },
            wire::ListWorkItemsRequest { page_token: token.clone(), queue: "queues/default".to_owned(), ..request },
        ];
        for other in others {
            let bad = error(desk.api.clone().list_work_items(as_client(other)).await.unwrap_err());
            assert_eq!((bad.code, bad.reason.as_str()), (ErrorCode::InvalidArgument, "BAD_PAGE_TOKEN"));
        }
        let queues = wire::ListQueuesRequest { page_size: 1, page_token: token.clone() };
        let bad = error(desk.api.clone().list_queues(as_client(queues)).await.unwrap_err());
        assert_eq!(bad.reason, "BAD_PAGE_TOKEN");
        let agents = wire::ListAgentsRequest { page_size: 1, page_token: token };
        let bad = error(desk.api.clone().list_agents(as_client(agents)).await.unwrap_err());
        assert_eq!(bad.reason, "BAD_PAGE_TOKEN");
    }
}
