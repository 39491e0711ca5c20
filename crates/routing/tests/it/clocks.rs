//! Clocks and their timers: started, stopped, paused, run out.

use api::common::Severity;
use api::routing::progress::Kind as ProgressKind;
use api::routing::work_clock::Kind::{Acknowledge, NextUpdate, Resolve};
use api::routing::work_clock::State::{Breached, Cancelled, Met, Paused, Running};
use api::routing::work_item::State;
use kernel::ErrorCode;
use testkit::{TestDatabase, on_both_databases};

use crate::harness::{Desk, HOUR, TEMPLATE, clocks, item};

on_both_databases! {
    template: TEMPLATE;

    async fn every_running_clock_has_its_timer_and_no_other_has_one(database: TestDatabase) {
        let desk = Desk::open(&database).await;
        let start = desk.now();
        let work = desk.work(item(Severity::High), true).await.name;
        assert_eq!(desk.timers().await, [(Acknowledge, start.plus(HOUR)), (Resolve, start.plus(24 * HOUR))]);

        let promise = start.plus(3 * HOUR);
        let post = |kind, by| desk.post_as("desk", &work, kind, by);
        let told = post(ProgressKind::Acknowledgement, Some(promise)).await.unwrap();
        assert_eq!(clocks(&told), [(Acknowledge, Met), (Resolve, Running), (NextUpdate, Running)]);
        assert_eq!(desk.timers().await, [(NextUpdate, promise), (Resolve, start.plus(24 * HOUR))]);

        desk.clock.advance(2 * HOUR);
        let paused = post(ProgressKind::WaitingForCustomer, None).await.unwrap();
        assert_eq!(clocks(&paused), [(Acknowledge, Met), (Resolve, Paused), (NextUpdate, Running)]);
        assert_eq!((paused.clocks[1].due_time, paused.clocks[1].end_time), (None, None));
        assert_eq!(desk.timers().await, [(NextUpdate, promise)]);

        desk.clock.advance(HOUR / 2);
        let answered = post(ProgressKind::CustomerAnswered, None).await.unwrap();
        let resolve_by = start.plus(24 * HOUR + HOUR / 2);
        assert_eq!(answered.clocks[1].due_time, Some(chassis::wire::to_timestamp(resolve_by)));
        assert_eq!(desk.timers().await, [(NextUpdate, promise), (Resolve, resolve_by)]);

        let again = start.plus(9 * HOUR);
        let told = post(ProgressKind::SubstantiveUpdate, Some(again)).await.unwrap();
        assert_eq!(clocks(&told), [(Acknowledge, Met), (Resolve, Running), (NextUpdate, Met), (NextUpdate, Running)]);
        assert_eq!(desk.timers().await, [(NextUpdate, again), (Resolve, resolve_by)]);

        let done = desk.complete_as("desk", &work).await.unwrap();
        assert_eq!(clocks(&done), [(Acknowledge, Met), (Resolve, Met), (NextUpdate, Met), (NextUpdate, Cancelled)]);
        assert_eq!(desk.timers().await, []);
        assert_eq!(desk.get(&work).await, done);
        assert_eq!(desk.count("progress_entries").await, 4);
    }

    async fn a_clock_runs_out_once_and_turns_unattended_work_into_escalated_work(database: TestDatabase) {
        let desk = Desk::open(&database).await;
        let work = desk.work(item(Severity::Low), true).await;
        desk.clock.advance(HOUR / 2);
        assert_eq!(desk.check(&work.name, Acknowledge).await, work, "it is early");
        desk.clock.advance(HOUR);
        let late = desk.check(&work.name, Acknowledge).await;
        assert_eq!((late.state(), late.queue.as_str(), late.escalation_level), (State::Waiting, "queues/escalated", 1));
        assert_eq!(clocks(&late), [(Acknowledge, Breached), (Resolve, Running)]);
        assert_eq!(late.clocks[0].end_time, work.clocks[0].due_time);
        assert_eq!(desk.check(&work.name, Acknowledge).await, late, "it fires once");
        assert_eq!(desk.timers().await.len(), 1);
        assert_eq!(desk.check(&work.name, NextUpdate).await, late, "there is no such clock");
    }

    async fn a_stopped_clock_ignores_its_timer(database: TestDatabase) {
        let desk = Desk::open(&database).await;
        let work = desk.work(item(Severity::Critical), false).await.name;
        desk.post(&work, ProgressKind::WaitingForCustomer).await.unwrap();
        desk.post(&work, ProgressKind::Acknowledgement).await.unwrap();
        desk.clock.advance(100 * HOUR);
        let before = desk.get(&work).await;
        assert_eq!(desk.check(&work, Resolve).await, before);
        assert_eq!(desk.check(&work, Acknowledge).await, before);
        let done = desk.complete_as("desk", &work).await.unwrap();
        assert_eq!(desk.check(&work, Resolve).await, done);
    }

    async fn work_in_hand_stays_there_when_time_runs_out(database: TestDatabase) {
        let desk = Desk::open(&database).await;
        let agent = desk.agent(&["default"], 1).await;
        let work = desk.work(item(Severity::Low), false).await.name;
        desk.claim(&agent, &work).await.unwrap();
        desk.clock.advance(HOUR);
        let late = desk.check(&work, Acknowledge).await;
        assert_eq!((late.state(), late.agent.as_str(), late.escalation_level), (State::Claimed, agent.as_str(), 1));
    }

    async fn a_timer_that_comes_early_is_set_again(database: TestDatabase) {
        let desk = Desk::open(&database).await;
        let start = desk.now();
        let work = desk.work(item(Severity::Low), true).await.name;
        let calls = desk.calls().await;
        let timer = calls.iter().find(|call| call.due_at == start.plus(HOUR)).unwrap();
        desk.clock.advance(HOUR - HOUR / 60);
        desk.check_by(&timer.message_id.to_string(), &work, Acknowledge).await;
        let again = start.plus(HOUR + HOUR / 60);
        assert!(desk.timers().await.contains(&(Acknowledge, again)), "{:?}", desk.timers().await);
    }

    async fn a_promise_in_the_past_is_refused_and_stays_refused(database: TestDatabase) {
        let desk = Desk::open(&database).await;
        let work = desk.work(item(Severity::Low), false).await;
        let past = desk.post_as("desk", &work.name, ProgressKind::SubstantiveUpdate, Some(desk.now())).await;
        let past = past.unwrap_err();
        assert_eq!((past.code, past.reason.as_str()), (ErrorCode::InvalidArgument, "INVALID_FIELDS"));
        assert_eq!(past.violations[0].field, "progress.next_update_by");
        assert_eq!(past.violations[0].reason, "NOT_IN_FUTURE");
        assert_eq!(desk.get(&work.name).await, work);
    }
}
