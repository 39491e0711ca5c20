//! Pages of cases and of a customer's history.

use std::time::Duration;

use api::extension::milestone::Kind;
use api::intake as pb;
use api::intake::case::State;
use kernel::ServiceError;
use testkit::{TestDatabase, on_both_databases};
use tonic::Response;

use crate::harness::{Intake, SCHEMA, as_backend, as_client, batch, disruption, error};

async fn list(intake: &Intake, request: pb::ListCasesRequest) -> Result<pb::ListCasesResponse, ServiceError> {
    intake.client.clone().list_cases(as_backend(request)).await.map(Response::into_inner).map_err(error)
}

/// Names of all pages, which must have `page_size` cases each but the last.
async fn all(intake: &Intake, filter: &pb::ListCasesRequest, page_size: i32) -> Vec<String> {
    let (mut names, mut page_token) = (Vec::new(), String::new());
    loop {
        let page = list(intake, pb::ListCasesRequest { page_size, page_token, ..filter.clone() }).await.unwrap();
        names.extend(page.cases.iter().map(|case| case.name.clone()));
        if page.next_page_token.is_empty() {
            return names;
        }
        assert_eq!(page.cases.len(), usize::try_from(page_size).unwrap());
        page_token = page.next_page_token;
    }
}

on_both_databases! {
    template: SCHEMA;

    async fn cases_are_listed_newest_first_under_every_filter(database: TestDatabase) {
        let intake = Intake::start(database).await;
        let name = intake.report_disruption(disruption(&intake, "1", "UA1545")).await.unwrap().name;
        let silent = intake.add(vec![batch("2", &name, &["ada", "bob"])]).await.unwrap();
        let mut complaints = vec![];
        for n in 0..5 {
            intake.clock.advance(Duration::from_secs(1));
            complaints.push(intake.case_of(&format!("c{n}"), "ada").await);
        }
        intake.tell(&complaints[1].name, Kind::MessageFailed, "m", &[("template", "apology")]).await;
        intake.tell(&complaints[2].name, Kind::MessageSent, "m", &[("template", "apology")]).await;

        let every = all(&intake, &pb::ListCasesRequest::default(), 2).await;
        assert_eq!(every, all(&intake, &pb::ListCasesRequest::default(), 500).await);
        let newest: Vec<_> = complaints.iter().rev().map(|case| case.name.clone()).collect();
        assert_eq!((every.len(), &every[..5]), (7, &newest[..]));
        let of_ada = pb::ListCasesRequest { customer: complaints[0].customer.clone(), ..Default::default() };
        assert_eq!(all(&intake, &of_ada, 4).await.len(), 6);
        let of_flight = pb::ListCasesRequest { disruption: name, ..Default::default() };
        let mut found = all(&intake, &of_flight, 1).await;
        found.sort();
        let mut expected: Vec<_> = silent.iter().map(|result| result.case.clone()).collect();
        expected.sort();
        assert_eq!(found, expected);
        let heard = pb::ListCasesRequest { state: State::Acknowledged.into(), ..Default::default() };
        assert_eq!(all(&intake, &heard, 3).await, [complaints[2].name.clone()]);
        let urgent = pb::ListCasesRequest { needs_attention: true, ..Default::default() };
        assert_eq!(all(&intake, &urgent, 3).await, [complaints[1].name.clone()]);
    }

    async fn a_page_token_opens_only_its_own_query(database: TestDatabase) {
        let intake = Intake::start(database).await;
        for n in 0..3 {
            intake.case_of(&format!("c{n}"), "ada").await;
        }
        let first = pb::ListCasesRequest { page_size: 1, ..Default::default() };
        let page_token = list(&intake, first.clone()).await.unwrap().next_page_token;
        let with_token = pb::ListCasesRequest { page_token: page_token.clone(), ..first };
        assert_eq!(list(&intake, with_token.clone()).await.unwrap().cases.len(), 1);
        let other_filter = pb::ListCasesRequest { needs_attention: true, ..with_token.clone() };
        assert_eq!(list(&intake, other_filter).await.unwrap_err().reason, "BAD_PAGE_TOKEN");
        let forged = pb::ListCasesRequest { page_token: format!("{page_token}x"), ..with_token.clone() };
        assert_eq!(list(&intake, forged).await.unwrap_err().reason, "BAD_PAGE_TOKEN");
        let foreign = intake.client.clone().list_cases(as_client("other", "backend", with_token)).await.unwrap_err();
        assert_eq!(error(foreign).reason, "BAD_PAGE_TOKEN");
    }

    async fn a_history_is_paged_newest_first_over_all_cases(database: TestDatabase) {
        let intake = Intake::start(database).await;
        let one = intake.case_of("1", "ada").await;
        intake.clock.advance(Duration::from_secs(60));
        let two = intake.case_of("2", "ada").await;
        intake.case_of("3", "bob").await;
        intake.clock.advance(Duration::from_secs(60));
        for n in 0..5 {
            intake.tell(&one.name, Kind::WorkClaimed, &format!("w/{n}"), &[]).await;
        }
        let ask = pb::GetCustomerTimelineRequest { customer: one.customer.clone(), page_size: 3, ..Default::default() };
        let (mut entries, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = pb::GetCustomerTimelineRequest { page_token, ..ask.clone() };
            let page = intake.client.clone().get_customer_timeline(as_backend(request)).await.unwrap().into_inner();
            entries.extend(page.entries);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        assert_eq!(entries, intake.timeline(&one.customer).await);
        let subjects: Vec<&str> = entries.iter().map(|entry| entry.subject.as_str()).collect();
        assert_eq!(subjects, ["w/4", "w/3", "w/2", "w/1", "w/0", &two.name, &one.name]);
        let mut names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert!(names.len() == 7 && names.iter().all(|name| name.starts_with("entries/")));
        let of_two = pb::GetCustomerTimelineRequest { case: two.name.clone(), page_size: 50, ..ask };
        let page = intake.client.clone().get_customer_timeline(as_backend(of_two)).await.unwrap().into_inner();
        assert_eq!(page.entries.iter().map(|entry| &entry.case).collect::<Vec<_>>(), [&two.name]);
    }
}
