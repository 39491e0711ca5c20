//! Opening, escalating, completing: states, answers and reasons.

use api::common::Severity;
use api::routing::progress::Kind as ProgressKind;
use api::routing::work_item::State;
use api::routing::{self as wire, agent::Presence};
use futures::future::join_all;
use kernel::ErrorCode;
use testkit::{TestDatabase, on_both_databases};

use crate::harness::{Desk, TEMPLATE, as_client, error, item, texts};

on_both_databases! {
    template: TEMPLATE;

    async fn work_is_opened_as_asked(database: TestDatabase) {
        let desk = Desk::open(&database).await;
        let asked = wire::WorkItem { skills: texts(&["fr", "de", "fr"]), ..item(Severity::High) };
        let id = "0198a000-0000-7000-8000-000000000001";
        let request = wire::OpenWorkRequest { work_item_id: id.to_owned(), ..desk.open_request(asked.clone(), false) };
        let work = desk.api.clone().open_work(as_client(request.clone())).await.unwrap().into_inner();
        assert_eq!(work.name, format!("workItems/{id}"));
        assert_eq!((work.case.as_str(), work.title.as_str()), (asked.case.as_str(), asked.title.as_str()));
        assert_eq!((work.handover.as_str(), work.severity()), (asked.handover.as_str(), Severity::High));
        assert_eq!((work.state(), work.queue.as_str(), work.etag.as_str()), (State::Waiting, "queues/upset", "1"));
        assert_eq!(work.skills, ["de", "fr"]);
        assert_eq!(work.create_time, Some(chassis::wire::to_timestamp(desk.now())));
        assert_eq!(desk.get(&work.name).await, work);

        let taken = wire::OpenWorkRequest { request_id: desk.fresh(), ..request };
        let taken = error(desk.api.clone().open_work(as_client(taken)).await.unwrap_err());
        assert_eq!((taken.code, taken.reason.as_str()), (ErrorCode::AlreadyExists, "WORK_ITEM_EXISTS"));
        assert_eq!((desk.count("work_items").await, desk.count("work_clocks").await), (1, 2));
    }

    async fn the_severity_picks_the_queue_unless_one_is_given(database: TestDatabase) {
        let desk = Desk::open(&database).await;
        for (severity, queue) in [(Severity::Low, "default"), (Severity::Critical, "upset")] {
            assert_eq!(desk.work(item(severity), false).await.queue, format!("queues/{queue}"));
        }
        let given = wire::WorkItem { queue: "queues/escalated".to_owned(), ..item(Severity::Low) };
        assert_eq!(desk.work(given, true).await.queue, "queues/escalated");
        let unknown = wire::WorkItem { queue: "queues/nowhere".to_owned(), ..item(Severity::Low) };
        let request = desk.open_request(unknown, false);
        let unknown = error(desk.api.clone().open_work(as_client(request)).await.unwrap_err());
        assert_eq!((unknown.code, unknown.metadata["resource"].as_str()), (ErrorCode::NotFound, "queues/nowhere"));
    }

    async fn an_agent_hands_work_up_and_final_work_takes_nothing(database: TestDatabase) {
        let desk = Desk::open(&database).await;
        let agent = desk.agent(&["default"], 3).await;
        let work = desk.work(item(Severity::Low), false).await;
        assert_eq!(desk.claim(&agent, "").await.unwrap().agent, agent);
        let up = desk.escalate(&work.name).await.unwrap();
        assert_eq!((up.state(), up.queue.as_str(), up.agent.as_str()), (State::Waiting, "queues/escalated", ""));
        assert_eq!((up.escalation_level, desk.get_agent(&agent).await.held), (1, 0));
        desk.escalate(&work.name).await.unwrap();
        desk.escalate(&work.name).await.unwrap();
        let top = desk.escalate(&work.name).await.unwrap_err();
        assert_eq!((top.code, top.reason.as_str()), (ErrorCode::FailedPrecondition, "INVALID_TRANSITION"));
        assert_eq!(top.metadata["escalation_level"], "3");

        let done = desk.complete_as("desk", &work.name).await.unwrap();
        assert_eq!((done.state(), done.resolution.as_str()), (State::Completed, "Rebooked."));
        let refused = [
            desk.escalate(&work.name).await.unwrap_err(),
            desk.claim(&agent, &work.name).await.unwrap_err(),
            desk.post("workItems/none", ProgressKind::InternalNote).await.unwrap_err(),
            desk.post(&work.name, ProgressKind::InternalNote).await.unwrap_err(),
        ];
        let reasons = refused.each_ref().map(|error| error.reason.as_str());
        assert_eq!(reasons, ["INVALID_TRANSITION", "INVALID_TRANSITION", "INVALID_FIELDS", "INVALID_TRANSITION"]);
        assert_eq!(refused[0].metadata["state"], "COMPLETED");
        assert_eq!(desk.get(&work.name).await, done);
    }

    async fn completing_again_changes_nothing_and_services_may_be_late(database: TestDatabase) {
        let desk = Desk::open(&database).await;
        let work = desk.work(item(Severity::Low), true).await;
        assert_eq!(work.state(), State::Unattended);
        let done = desk.complete_as("service:intake", &work.name).await.unwrap();
        let calls = desk.calls().await.len();
        assert_eq!(desk.complete_as("desk", &work.name).await.unwrap(), done);
        for kind in [ProgressKind::Acknowledgement, ProgressKind::WaitingForCustomer, ProgressKind::CustomerAnswered] {
            assert_eq!(desk.post_as("service:intake", &work.name, kind, None).await.unwrap(), done);
        }
        assert_eq!(desk.get(&work.name).await, done);
        assert_eq!((desk.calls().await.len(), desk.count("progress_entries").await), (calls, 0));
    }

    async fn going_offline_gives_claimed_work_back(database: TestDatabase) {
        let desk = Desk::open(&database).await;
        let agent = desk.agent(&["default"], 5).await;
        let mut names = Vec::new();
        for _ in 0..3 {
            names.push(desk.work(item(Severity::Low), false).await.name);
            desk.claim(&agent, "").await.unwrap();
        }
        desk.complete_as("desk", &names[0]).await.unwrap();
        let busy = desk.presence(&agent, Presence::Busy).await;
        assert_eq!((busy.presence(), busy.held), (Presence::Busy, 2));
        let gone = desk.presence(&agent, Presence::Offline).await;
        assert_eq!((gone.presence(), gone.held), (Presence::Offline, 0));
        let mut states = Vec::new();
        for name in &names {
            let work = desk.get(name).await;
            states.push((work.state(), work.queue, work.agent));
        }
        let waiting = || (State::Waiting, "queues/default".to_owned(), String::new());
        assert_eq!(states, [(State::Completed, "queues/default".to_owned(), String::new()), waiting(), waiting()]);
    }

    async fn changes_of_the_same_work_at_the_same_time_all_count(database: TestDatabase) {
        let desk = Desk::open(&database).await;
        for _ in 0..8 {
            let work = desk.work(item(Severity::Low), false).await.name;
            let before = desk.milestones("intake").await.len();
            let ups = join_all((0..3).map(|_| desk.escalate(&work)));
            let notes = join_all((0..3).map(|_| desk.post(&work, ProgressKind::InternalNote)));
            let (ups, notes) = futures::join!(ups, notes);
            assert!(notes.iter().all(Result::is_ok), "{notes:?}");
            let mut levels: Vec<i32> = ups.into_iter().map(|up| up.unwrap().escalation_level).collect();
            levels.sort_unstable();
            assert_eq!(levels, [1, 2, 3]);
            assert_eq!(desk.get(&work).await.etag, "7");
            assert_eq!(desk.milestones("intake").await.len(), before + 3);
        }
    }
}
