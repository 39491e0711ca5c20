//! Who gets which work: order, fit, capacity, and many agents at once.

use std::collections::BTreeSet;
use std::time::Duration;

use api::common::Severity;
use api::routing::work_item::State;
use api::routing::{self as wire, agent::Presence};
use futures::future::join_all;
use kernel::{ErrorCode, ServiceError};
use testkit::{TestDatabase, on_both_databases};

use crate::harness::{Desk, HOUR, TEMPLATE, as_client, item, texts};

fn refusal(result: Result<wire::WorkItem, ServiceError>) -> (ErrorCode, String) {
    let error = result.unwrap_err();
    (error.code, error.reason)
}

fn precondition(reason: &str) -> (ErrorCode, String) {
    (ErrorCode::FailedPrecondition, reason.to_owned())
}

on_both_databases! {
    template: TEMPLATE;

    async fn the_escalated_go_first_then_the_severe_then_the_old(database: TestDatabase) {
        let desk = Desk::open(&database).await;
        let chief = desk.agent_with(&["default", "upset", "escalated"], 10, &[], 3).await;
        let mut names = Vec::new();
        for severity in [Severity::Low, Severity::Low, Severity::Critical, Severity::High, Severity::Low] {
            names.push(desk.work(item(severity), false).await.name);
            desk.clock.advance(Duration::from_secs(1));
        }
        desk.work(item(Severity::Critical), true).await;
        desk.escalate(&names[4]).await.unwrap();
        let mut claimed = Vec::new();
        for _ in 0..5 {
            claimed.push(desk.claim(&chief, "").await.unwrap().name);
        }
        assert_eq!(claimed, [4, 2, 3, 0, 1].map(|index: usize| names[index].clone()));
        assert_eq!(refusal(desk.claim(&chief, "").await), (ErrorCode::NotFound, "NO_WORK".to_owned()));
    }

    async fn work_goes_only_to_agents_whom_it_fits(database: TestDatabase) {
        let desk = Desk::open(&database).await;
        let queue = wire::Queue { required_skills: texts(&["baggage"]), ..wire::Queue::default() };
        let queue =
            wire::CreateQueueRequest { request_id: desk.fresh(), queue_id: "lost".to_owned(), queue: Some(queue) };
        desk.api.clone().create_queue(as_client(queue)).await.unwrap();
        let work = wire::WorkItem {
            queue: "queues/lost".to_owned(),
            skills: texts(&["de", "fr"]),
            ..item(Severity::Low)
        };
        let work = desk.work(work, false).await.name;

        let elsewhere = desk.agent_with(&["default"], 1, &["de", "fr", "baggage"], 1).await;
        let no_fr = desk.agent_with(&["lost"], 1, &["de", "baggage"], 1).await;
        let no_baggage = desk.agent_with(&["lost"], 1, &["de", "fr"], 1).await;
        let unskilled = desk.agent_with(&["lost"], 1, &[], 1).await;
        for agent in [&elsewhere, &no_fr, &no_baggage, &unskilled] {
            assert_eq!(refusal(desk.claim(agent, "").await), (ErrorCode::NotFound, "NO_WORK".to_owned()));
        }
        let missing = desk.claim(&unskilled, &work).await.unwrap_err();
        assert_eq!((missing.reason.as_str(), missing.metadata["missing"].as_str()), ("SKILLS_MISSING", "baggage,de,fr"));
        let fits = desk.agent_with(&["lost", "default"], 1, &["baggage", "de", "en", "fr"], 1).await;
        assert_eq!(desk.claim(&fits, "").await.unwrap().name, work);
    }

    async fn escalated_work_needs_a_higher_level(database: TestDatabase) {
        let desk = Desk::open(&database).await;
        let work = desk.work(item(Severity::Low), false).await.name;
        desk.escalate(&work).await.unwrap();
        desk.escalate(&work).await.unwrap();
        let second = desk.agent_with(&["escalated"], 1, &[], 2).await;
        assert_eq!(refusal(desk.claim(&second, "").await), (ErrorCode::NotFound, "NO_WORK".to_owned()));
        let low = desk.claim(&second, &work).await.unwrap_err();
        assert_eq!((low.reason.as_str(), low.metadata["required_level"].as_str()), ("SKILLS_MISSING", "3"));
        let third = desk.agent_with(&["escalated"], 1, &[], 3).await;
        assert_eq!(desk.claim(&third, "").await.unwrap().name, work);
    }

    async fn presence_capacity_and_other_agents_are_respected(database: TestDatabase) {
        let desk = Desk::open(&database).await;
        let (ada, bob) = (desk.agent(&["default"], 1).await, desk.agent(&["default"], 1).await);
        let mut names = Vec::new();
        for _ in 0..2 {
            names.push(desk.work(item(Severity::Low), false).await.name);
        }
        desk.presence(&ada, Presence::Offline).await;
        assert_eq!(refusal(desk.claim(&ada, "").await), precondition("AGENT_OFFLINE"));
        desk.presence(&ada, Presence::Busy).await;
        assert_eq!(refusal(desk.claim(&ada, &names[0]).await), precondition("NO_CAPACITY"));
        desk.presence(&ada, Presence::Available).await;
        assert_eq!(desk.claim(&ada, &names[1]).await.unwrap().state(), State::Claimed);
        assert_eq!(refusal(desk.claim(&ada, "").await), precondition("NO_CAPACITY"));
        assert_eq!(refusal(desk.claim(&bob, &names[1]).await), precondition("INVALID_TRANSITION"));
        assert_eq!(desk.get(&names[1]).await.agent, ada);
        let nobody = "agents/0198a000-0000-7000-8000-000000000001";
        let unknown = (ErrorCode::NotFound, "RESOURCE_NOT_FOUND".to_owned());
        assert_eq!(refusal(desk.claim(nobody, "").await), unknown);
        assert_eq!(refusal(desk.claim(&bob, "workItems/0198a000-0000-7000-8000-000000000001").await), unknown);
        // Done, there is room again.
        desk.complete_as("desk", &names[1]).await.unwrap();
        assert_eq!(desk.claim(&ada, "").await.unwrap().name, names[0]);
    }

    async fn twenty_agents_share_a_hundred_items_without_sharing_one(database: TestDatabase) {
        let desk = Desk::open(&database).await;
        let mut agents = Vec::new();
        for _ in 0..20 {
            agents.push(desk.agent(&["default"], 4).await);
        }
        let mut names = BTreeSet::new();
        for _ in 0..100 {
            names.insert(desk.work(item(Severity::Low), false).await.name);
        }
        // Every agent asks eight times at once for at most four items, while half of the work is being noted upon.
        let ask = |agent: &String| {
            let agent = agent.clone();
            let desk = &desk;
            async move { join_all((0..8).map(|_| desk.claim(&agent, ""))).await }
        };
        let noted = names.iter().take(50).map(|name| desk.post(name, wire::progress::Kind::InternalNote));
        let (claims, notes) = futures::join!(join_all(agents.iter().map(ask)), join_all(noted));
        assert!(notes.iter().all(Result::is_ok), "{notes:?}");

        let mut taken = BTreeSet::new();
        for (agent, answers) in agents.iter().zip(claims) {
            let mut own = 0;
            for answer in answers {
                match answer {
                    Ok(work) => {
                        own += 1;
                        assert_eq!(work.agent, *agent);
                        assert!(taken.insert(work.name.clone()), "{} was given twice", work.name);
                    }
                    Err(error) => assert!(["NO_CAPACITY", "NO_WORK"].contains(&error.reason.as_str()), "{error}"),
                }
            }
            // Somebody else may have held a lock on all that was looked at: then the agent asks again.
            while own < 4 {
                let work = desk.claim(agent, "").await.unwrap();
                assert!(taken.insert(work.name.clone()), "{} was given twice", work.name);
                own += 1;
            }
            assert_eq!((own, desk.get_agent(agent).await.held), (4, 4));
            assert_eq!(refusal(desk.claim(agent, "").await), precondition("NO_CAPACITY"));
        }
        assert!(taken.is_subset(&names));
        assert_eq!(taken.len(), 80);
        assert_eq!(desk.count("work_items WHERE state = 'WAITING'").await, 20);
        // Every note and every claim counts: no change was lost.
        assert_eq!(desk.count("work_items WHERE version = 1 AND state = 'CLAIMED'").await, 0);
        let versions = desk.sum("work_items", "version").await;
        assert_eq!(versions, 100 + 50 + 80);
    }

    async fn an_item_that_all_want_goes_to_one(database: TestDatabase) {
        let desk = Desk::open(&database).await;
        let mut agents = Vec::new();
        for _ in 0..10 {
            agents.push(desk.agent(&["default"], 1).await);
        }
        let work = desk.work(item(Severity::Low), false).await.name;
        desk.clock.advance(HOUR);
        let answers = join_all(agents.iter().map(|agent| desk.claim(agent, &work))).await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
        for answer in answers.into_iter().filter(Result::is_err) {
            assert_eq!(refusal(answer), precondition("INVALID_TRANSITION"));
        }
    }
}
