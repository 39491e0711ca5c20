//! Every mutation sent again: the same answer, one effect. And a request id that comes with another request.

use api::common::Severity;
use api::routing as wire;
use api::routing::agent::Presence;
use api::routing::progress::Kind as ProgressKind;
use api::routing::work_clock::Kind as ClockKind;
use chassis::wire::to_timestamp;
use futures::future::join_all;
use prost::Message;
use testkit::{TestDatabase, on_both_databases};

use crate::harness::{Desk, HOUR, TEMPLATE, as_client, error, item, until_answered};

/// Sends `$first` twice and `$other` (the same request id, another content) once.
macro_rules! check {
    ($desk:ident, $method:ident, $first:expr, $other:expr) => {{
        let (first, other) = ($first, $other);
        let mut api = $desk.api.clone();
        let answer = api.$method(as_client(first.clone())).await.unwrap();
        assert!(answer.metadata().get("idempotent-replayed").is_none(), stringify!($method));
        let before = $desk.effects().await;
        // Time goes on: the answer is the stored one, not a new one.
        $desk.clock.advance(HOUR / 3600);
        let again = api.$method(as_client(first.clone())).await.unwrap();
        assert_eq!(again.metadata().get("idempotent-replayed").unwrap(), "true", stringify!($method));
        assert_eq!(again.get_ref().encode_to_vec(), answer.get_ref().encode_to_vec(), stringify!($method));
        let reused = error(api.$method(as_client(other)).await.unwrap_err());
        assert_eq!(reused.reason, "IDEMPOTENCY_KEY_REUSED", stringify!($method));
        assert_eq!($desk.effects().await, before, stringify!($method));
        answer.into_inner()
    }};
}

impl Desk {
    /// Everything that a mutation can leave behind.
    async fn effects(&self) -> Vec<i64> {
        let mut effects = vec![self.sum("work_items", "version").await];
        let tables =
            ["queues", "agents", "work_items", "work_clocks", "progress_entries", "outbound_calls", "inbound_requests"];
        for table in tables {
            effects.push(self.count(table).await);
        }
        effects.push(self.count("outbound_calls WHERE state = 'cancelled'").await);
        effects
    }
}

on_both_databases! {
    template: TEMPLATE;

    async fn every_mutation_has_one_effect_and_one_answer(database: TestDatabase) {
        let desk = Desk::open(&database).await;
        let seed = desk.work(item(Severity::Low), false).await.name;
        let id = || desk.fresh();

        let queue = wire::CreateQueueRequest {
            request_id: id(),
            queue_id: "q".to_owned(),
            queue: Some(wire::Queue::default()),
        };
        check!(desk, create_queue, queue.clone(), wire::CreateQueueRequest { queue_id: "r".to_owned(), ..queue });

        let ada = wire::Agent {
            display_name: "Ada".to_owned(),
            queues: vec!["queues/default".to_owned()],
            ..wire::Agent::default()
        };
        let agent = wire::CreateAgentRequest { request_id: id(), agent: Some(ada.clone()) };
        let other = wire::Agent { level: 2, ..ada };
        let agent = check!(desk, create_agent, agent.clone(), wire::CreateAgentRequest { agent: Some(other), ..agent });

        let available = wire::SetPresenceRequest {
            request_id: id(),
            name: agent.name.clone(),
            presence: Presence::Available.into(),
        };
        let busy = wire::SetPresenceRequest { presence: Presence::Busy.into(), ..available.clone() };
        check!(desk, set_presence, available, busy);

        let open = desk.open_request(item(Severity::Low), true);
        let attended = wire::OpenWorkRequest { unattended: false, ..open.clone() };
        let work = check!(desk, open_work, open, attended).name;

        let claim =
            wire::ClaimWorkRequest { request_id: id(), agent: agent.name.clone(), work_item: String::new() };
        let claimed = check!(desk, claim_work, claim.clone(), wire::ClaimWorkRequest { work_item: work.clone(), ..claim });
        assert_eq!(claimed.name, seed);

        let soon = Some(to_timestamp(desk.now().plus(HOUR / 1800)));
        let progress = wire::Progress {
            kind: ProgressKind::SubstantiveUpdate.into(),
            text: "news".to_owned(),
            next_update_by: soon,
            post_time: None,
        };
        let post = wire::PostProgressRequest { request_id: id(), name: work.clone(), progress: Some(progress.clone()) };
        let other = wire::Progress { text: "other news".to_owned(), ..progress };
        check!(desk, post_progress, post.clone(), wire::PostProgressRequest { progress: Some(other), ..post.clone() });
        // The promise has passed by now; the request still gets its first answer.
        desk.clock.advance(HOUR);
        let late = desk.api.clone().post_progress(as_client(post)).await.unwrap();
        assert_eq!(late.metadata().get("idempotent-replayed").unwrap(), "true");

        let check =
            wire::CheckClockRequest { request_id: id(), name: work.clone(), clock: ClockKind::Acknowledge.into() };
        let other = wire::CheckClockRequest { clock: ClockKind::Resolve.into(), ..check.clone() };
        check!(desk, check_clock, check, other);

        let escalate =
            wire::EscalateWorkRequest { request_id: id(), name: work.clone(), reason: "why".to_owned() };
        let other = wire::EscalateWorkRequest { reason: "why not".to_owned(), ..escalate.clone() };
        check!(desk, escalate_work, escalate, other);

        let complete =
            wire::CompleteWorkRequest { request_id: id(), name: work.clone(), resolution: "done".to_owned() };
        let other = wire::CompleteWorkRequest { resolution: "undone".to_owned(), ..complete.clone() };
        check!(desk, complete_work, complete, other);
    }

    async fn a_refusal_is_the_answer_for_good(database: TestDatabase) {
        let desk = Desk::open(&database).await;
        let agent = desk.agent(&["default"], 1).await;
        let claim = wire::ClaimWorkRequest { request_id: desk.fresh(), agent, work_item: String::new() };
        let first = error(desk.api.clone().claim_work(as_client(claim.clone())).await.unwrap_err());
        assert_eq!(first.reason, "NO_WORK");
        desk.work(item(Severity::Low), false).await;
        let again = error(desk.api.clone().claim_work(as_client(claim)).await.unwrap_err());
        assert_eq!(again, first);
    }

    async fn the_same_request_a_hundred_times_at_once_has_one_effect(database: TestDatabase) {
        let desk = Desk::open(&database).await;
        let work = desk.work(item(Severity::Low), true).await.name;
        let progress = wire::Progress {
            kind: ProgressKind::Acknowledgement.into(),
            text: "We are sorry.".to_owned(),
            ..wire::Progress::default()
        };
        let post = wire::PostProgressRequest { request_id: desk.fresh(), name: work, progress: Some(progress) };
        let open = desk.open_request(item(Severity::High), false);
        let answers = join_all((0..100).map(|_| {
            let (desk, post, open) = (&desk, &post, &open);
            async move {
                let posted = || async { desk.api.clone().post_progress(as_client(post.clone())).await };
                let opened = || async { desk.api.clone().open_work(as_client(open.clone())).await };
                futures::join!(until_answered(posted), until_answered(opened))
            }
        }))
        .await;
        assert!(answers[0].0.is_ok() && answers[0].1.is_ok(), "{:?}", answers[0]);
        assert!(answers.iter().all(|answer| *answer == answers[0]));
        assert_eq!((desk.count("progress_entries").await, desk.count("work_items").await), (1, 2));
        assert_eq!(desk.milestones("intake").await.len(), 2);
    }

    async fn many_commands_on_the_same_work_at_once_all_count(database: TestDatabase) {
        let desk = Desk::open(&database).await;
        let (one, two) = (desk.work(item(Severity::Low), false).await.name, desk.work(item(Severity::Low), true).await.name);
        let posts = (0..60).map(|index| {
            let (desk, work) = (&desk, if index % 3 == 0 { &two } else { &one });
            async move { desk.post(work, ProgressKind::SubstantiveUpdate).await }
        });
        let opens = (0..40).map(|_| desk.work(item(Severity::Low), true));
        let (posted, opened) = futures::join!(join_all(posts), join_all(opens));
        assert!(posted.iter().all(Result::is_ok));
        assert_eq!(opened.len(), 40);
        assert_eq!((desk.get(&one).await.etag, desk.get(&two).await.etag), ("41".to_owned(), "21".to_owned()));
        assert_eq!(desk.count("progress_entries").await, 60);
        assert_eq!(desk.timers().await.len(), 84);
    }
}
