//! What sinks are told: kinds, attributes, order, limits, and no echo.

use std::collections::BTreeMap;

use api::common::Severity;
use api::extension::Milestone;
use api::extension::milestone::Kind;
use api::routing as wire;
use api::routing::progress::Kind as ProgressKind;
use api::routing::work_clock::Kind::Acknowledge;
use kernel::{RequestContext, TenantId};
use testkit::{TestDatabase, on_both_databases};

use crate::harness::{Desk, HOUR, TEMPLATE, as_client, by, config, item};

fn kinds(milestones: &[Milestone]) -> Vec<Kind> {
    milestones.iter().map(Milestone::kind).collect()
}

fn attributes(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

on_both_databases! {
    template: TEMPLATE;

    async fn the_story_of_attended_work_is_told_in_order(database: TestDatabase) {
        let desk = Desk::open(&database).await;
        let agent = desk.agent(&["default"], 1).await;
        let start = desk.now();
        let work = desk.work(item(Severity::Low), false).await;
        desk.claim(&agent, "").await.unwrap();
        desk.post(&work.name, ProgressKind::InternalNote).await.unwrap();
        desk.post(&work.name, ProgressKind::SubstantiveUpdate).await.unwrap();
        desk.clock.advance(2 * HOUR);
        desk.check(&work.name, Acknowledge).await;
        desk.escalate(&work.name).await.unwrap();
        desk.complete_as("desk", &work.name).await.unwrap();

        let told = desk.milestones("intake").await;
        let due = start.plus(HOUR).to_string();
        let ran_out = format!("the ACKNOWLEDGE clock ran out at {due}");
        let expected = [
            (Kind::WorkOpened, attributes(&[])),
            (Kind::WorkClaimed, attributes(&[("agent", &agent)])),
            (Kind::ProgressPosted, attributes(&[("kind", "SUBSTANTIVE_UPDATE"), ("text", "We are sorry.")])),
            (Kind::ClockBreached, attributes(&[("clock", "ACKNOWLEDGE"), ("due_at", &due)])),
            (Kind::WorkEscalated, attributes(&[("level", "1"), ("reason", &ran_out)])),
            (Kind::WorkEscalated, attributes(&[("level", "2"), ("reason", "Needs a supervisor.")])),
            (Kind::WorkCompleted, attributes(&[("resolution", "Rebooked.")])),
        ];
        let seen: Vec<_> = told.iter().map(|m| (m.kind(), m.attributes.clone())).collect();
        assert_eq!(seen, expected);
        for milestone in &told {
            assert_eq!((milestone.case.as_str(), milestone.subject.as_str()), (work.case.as_str(), work.name.as_str()));
            assert!(!milestone.summary.is_empty());
        }
        assert_eq!(told[0].happened_at, Some(chassis::wire::to_timestamp(start)));
        assert_eq!(told[6].happened_at, Some(chassis::wire::to_timestamp(desk.now())));
    }

    async fn unattended_work_is_no_news_until_its_time_runs_out(database: TestDatabase) {
        let desk = Desk::open(&database).await;
        let work = desk.work(item(Severity::Low), true).await.name;
        assert_eq!(kinds(&desk.milestones("intake").await), []);
        desk.clock.advance(HOUR);
        desk.check(&work, Acknowledge).await;
        assert_eq!(kinds(&desk.milestones("intake").await), [Kind::ClockBreached, Kind::WorkEscalated]);
    }

    async fn a_sink_is_not_told_what_it_asked_for_and_others_are(database: TestDatabase) {
        let mut config = config(&database);
        config.sinks = vec!["intake".to_owned(), "backend".to_owned()];
        let desk = Desk::with(config).await;
        let work = desk.work(item(Severity::Low), true).await.name;
        desk.post_as("service:intake", &work, ProgressKind::Acknowledgement, None).await.unwrap();
        desk.complete_as("service:intake", &work).await.unwrap();
        assert_eq!(kinds(&desk.milestones("intake").await), []);
        assert_eq!(kinds(&desk.milestones("backend").await), [Kind::ProgressPosted, Kind::WorkCompleted]);

        let work = desk.work(item(Severity::Low), true).await.name;
        desk.complete_as("desk", &work).await.unwrap();
        let (intake, backend) = (desk.milestones("intake").await, desk.milestones("backend").await);
        assert_eq!(kinds(&intake), [Kind::WorkCompleted]);
        assert_eq!(backend.last(), intake.last());
    }

    async fn what_is_told_keeps_within_the_limits_of_a_milestone(database: TestDatabase) {
        let desk = Desk::open(&database).await;
        let work = desk.work(item(Severity::Low), true).await.name;
        let text = "é".repeat(2_000);
        let progress =
            wire::Progress { kind: ProgressKind::SubstantiveUpdate.into(), text: text.clone(), ..Default::default() };
        let post =
            wire::PostProgressRequest { request_id: desk.fresh(), name: work.clone(), progress: Some(progress) };
        desk.api.clone().post_progress(as_client(post)).await.unwrap();
        let complete = wire::CompleteWorkRequest { request_id: desk.fresh(), name: work, resolution: text };
        desk.api.clone().complete_work(as_client(complete)).await.unwrap();
        let told = desk.milestones("intake").await;
        assert_eq!(told.len(), 2);
        for milestone in told {
            assert_eq!(milestone.summary, "é".repeat(512));
            assert!(milestone.attributes.values().all(|value| value.chars().count() <= 512), "{milestone:?}");
        }
    }

    async fn every_call_carries_the_journey_of_the_first_request(database: TestDatabase) {
        let desk = Desk::open(&database).await;
        let journey = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let mut request = by("service:intake", desk.open_request(item(Severity::Low), false));
        let context = RequestContext {
            journey: journey.to_owned(),
            ..RequestContext::for_client(TenantId::default_tenant(), "service:intake")
        };
        request.extensions_mut().insert(context);
        let work = desk.api.clone().open_work(request).await.unwrap().into_inner().name;
        desk.post_as("desk", &work, ProgressKind::SubstantiveUpdate, Some(desk.now().plus(HOUR))).await.unwrap();
        let calls = desk.calls().await;
        assert_eq!(calls.len(), 5);
        assert!(calls.iter().all(|call| call.journey == journey), "{calls:?}");
    }
}
