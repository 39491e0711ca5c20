//! Lists page by page, and page tokens.

use api::followup as pb;
use api::reason;
use kernel::ErrorCode;
use testkit::TestDatabase;

use crate::harness::{DAY, FollowUp, SCHEMA, apology, as_backend, as_client, case, error, new_plan};

async fn page(follow_up: &FollowUp, page_size: i32, page_token: &str) -> pb::ListMessagesResponse {
    let request = pb::ListMessagesRequest { case: case(1), page_size, page_token: page_token.to_owned() };
    follow_up.client.clone().list_messages(as_backend(request)).await.unwrap().into_inner()
}

testkit::on_both_databases! {
    template: SCHEMA;

    async fn every_message_is_on_exactly_one_page(database: TestDatabase) {
        let follow_up = FollowUp::start(database).await;
        let mut names = Vec::new();
        for n in 0..7 {
            // Some at the same time, so that the order needs the id as well.
            if n % 3 == 0 {
                follow_up.after(DAY).await;
            }
            names.push(follow_up.send(apology(&format!("r{n}"))).await.unwrap().name);
        }
        for size in [1, 2, 3, 7, 8, 0, i32::MAX] {
            let (mut found, mut token) = (Vec::new(), String::new());
            loop {
                let answer = page(&follow_up, size, &token).await;
                found.extend(answer.messages.into_iter().map(|message| message.name));
                token = answer.next_page_token;
                if token.is_empty() {
                    break;
                }
            }
            assert_eq!(found.len(), 7, "{size}");
            let mut sorted = found.clone();
            sorted.sort();
            sorted.dedup();
            assert_eq!(sorted.len(), 7, "{size}");
            assert!(names.iter().all(|name| found.contains(name)));
        }
    }

    async fn a_page_token_fits_its_query_alone(database: TestDatabase) {
        let follow_up = FollowUp::start(database).await;
        for n in 0..2 {
            follow_up.send(apology(&format!("r{n}"))).await.unwrap();
            follow_up.start_plan(new_plan(&format!("p{n}"))).await.unwrap();
        }
        let token = page(&follow_up, 1, "").await.next_page_token;
        let mut client = follow_up.client.clone();
        let messages = |case: String| pb::ListMessagesRequest { case, page_size: 1, page_token: token.clone() };
        let plans = pb::ListPlansRequest { case: case(1), page_size: 1, page_token: token.clone() };
        let surveys = pb::ListSurveysRequest { case: case(1), page_size: 1, page_token: "forged".to_owned() };
        let refusals = [
            client.list_messages(as_client("other", "backend", messages(case(1)))).await.unwrap_err(),
            client.list_messages(as_backend(messages(case(2)))).await.unwrap_err(),
            client.list_plans(as_backend(plans)).await.unwrap_err(),
            client.list_surveys(as_backend(surveys)).await.unwrap_err(),
        ];
        for refused in refusals {
            let refused = error(refused);
            assert_eq!((refused.code, refused.reason.as_str()), (ErrorCode::InvalidArgument, reason::BAD_PAGE_TOKEN));
        }
        let negative = pb::ListPlansRequest { case: "x".to_owned(), page_size: -1, page_token: String::new() };
        let refused = error(client.list_plans(as_backend(negative)).await.unwrap_err());
        assert_eq!(refused.violations.iter().map(|v| v.field.as_str()).collect::<Vec<_>>(), ["case", "page_size"]);
    }

    async fn plans_and_surveys_are_listed_page_by_page(database: TestDatabase) {
        let follow_up = FollowUp::start(database).await;
        let mut plans = Vec::new();
        for n in 0..3 {
            plans.push(follow_up.start_plan(new_plan(&format!("p{n}"))).await.unwrap().name);
            follow_up.after(DAY).await;
        }
        follow_up.after(30 * DAY).await;
        let (mut found, mut token) = (Vec::new(), String::new());
        for _ in 0..3 {
            let request = pb::ListPlansRequest { case: case(1), page_size: 1, page_token: token };
            let answer = follow_up.client.clone().list_plans(as_backend(request)).await.unwrap().into_inner();
            found.extend(answer.plans.into_iter().map(|plan| plan.name));
            token = answer.next_page_token;
        }
        assert_eq!((found, token.as_str()), (plans, ""), "oldest first");

        let all = follow_up.surveys().await;
        assert!(all.is_sorted_by_key(|survey| std::cmp::Reverse(survey.create_time.map(|at| at.seconds))));
        let request = pb::ListSurveysRequest { case: case(1), page_size: 2, page_token: String::new() };
        let first = follow_up.client.clone().list_surveys(as_backend(request)).await.unwrap().into_inner();
        let request = pb::ListSurveysRequest { case: case(1), page_size: 2, page_token: first.next_page_token };
        let second = follow_up.client.clone().list_surveys(as_backend(request)).await.unwrap().into_inner();
        assert_eq!([first.surveys, second.surveys].concat(), all);
        assert_eq!(all.len(), 4);
    }
}
