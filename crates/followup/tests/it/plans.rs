//! Plans and their timers, over weeks.

use api::followup as pb;
use api::followup::message::State as MessageState;
use api::followup::plan::State;
use api::followup::survey::State as SurveyState;
use api::reason;
use futures::future::join_all;
use kernel::ErrorCode;
use testkit::TestDatabase;
use uuid::Uuid;

use crate::harness::{DAY, FollowUp, SCHEMA, as_client, case, email, error, new_plan};

testkit::on_both_databases! {
    template: SCHEMA;

    async fn a_plan_that_nobody_answers_lapses(database: TestDatabase) {
        let follow_up = FollowUp::start(database).await;
        let plan = follow_up.start_plan(new_plan("p1")).await.unwrap();
        assert_eq!((plan.state(), plan.check_ins_sent), (State::Running, 0));
        assert_eq!(plan.cadence.iter().map(|pause| pause.seconds / 86_400).collect::<Vec<_>>(), [3, 7, 7]);
        assert_eq!(plan.next_step_time.unwrap().seconds, plan.create_time.unwrap().seconds + 3 * 86_400);
        assert_eq!(follow_up.kinds().await, ["PLAN_STARTED"]);

        follow_up.after(3 * DAY - std::time::Duration::from_micros(1)).await;
        assert_eq!(follow_up.messages().await.len(), 0);
        follow_up.after(std::time::Duration::from_micros(1)).await;
        assert_eq!(follow_up.plan(&plan.name).await.check_ins_sent, 1);
        let messages = follow_up.messages().await;
        let surveys = follow_up.surveys().await;
        assert_eq!((messages.len(), surveys.len()), (1, 1));
        assert_eq!((messages[0].state(), messages[0].template.as_str()), (MessageState::Sent, "check_in"));
        assert!(messages[0].body.contains(&surveys[0].name), "the customer must be able to answer");
        assert_eq!((surveys[0].state(), surveys[0].check_in), (SurveyState::Open, 1));

        follow_up.after(7 * DAY).await;
        let surveys = follow_up.surveys().await;
        let states: Vec<_> = surveys.iter().map(|survey| (survey.check_in, survey.state())).collect();
        assert_eq!(states, [(2, SurveyState::Open), (1, SurveyState::Closed)], "newest first");
        assert_eq!(follow_up.outcome().await.unwrap().result(), pb::outcome::Result::Unspecified);

        follow_up.after(7 * DAY).await;
        let lapsed = follow_up.plan(&plan.name).await;
        assert_eq!((lapsed.state(), lapsed.check_ins_sent, lapsed.next_step_time), (State::Lapsed, 2, None));
        assert!(follow_up.surveys().await.iter().all(|survey| survey.state() == SurveyState::Closed));
        assert_eq!(follow_up.kinds().await, ["PLAN_STARTED", "MESSAGE_SENT", "MESSAGE_SENT", "LAPSED"]);
        assert_eq!(follow_up.milestones("intake").await[3].attributes["check_ins"], "2");
        let outcome = follow_up.outcome().await.unwrap();
        assert_eq!((outcome.result(), outcome.check_ins_sent), (pb::outcome::Result::Lapsed, 2));
        assert_eq!((outcome.score, outcome.delta, outcome.decide_time), (None, None, lapsed.update_time));

        assert_eq!(follow_up.timers().await, 0);
        follow_up.after(400 * DAY).await;
        assert_eq!(follow_up.messages().await.len(), 2);
    }

    async fn a_timer_that_comes_twice_late_or_early_finds_nothing_to_do(database: TestDatabase) {
        let follow_up = FollowUp::start(database).await;
        let plan = follow_up.start_plan(new_plan("p1")).await.unwrap();
        let timer = follow_up.calls("followup").await[0].clone();

        // Early, by somebody who is not the timer; then a step that is not the next one.
        assert_eq!(follow_up.step("early", &plan.name, 1).await.unwrap(), plan);
        assert_eq!(follow_up.step("ahead", &plan.name, 2).await.unwrap(), plan);
        follow_up.clock.advance(3 * DAY);
        assert_eq!(follow_up.step("ahead-2", &plan.name, 3).await.unwrap(), plan);

        // Twice, at the same time and afterwards.
        let twice = join_all((0..4).map(|_| follow_up.send_call(&timer))).await;
        assert!(twice.iter().all(Result::is_ok), "{twice:?}");
        follow_up.pump().await;
        let stepped = follow_up.plan(&plan.name).await;
        assert_eq!(follow_up.step("again", &plan.name, 1).await.unwrap(), stepped);
        assert_eq!((stepped.check_ins_sent, follow_up.messages().await.len()), (1, 1));
        assert_eq!(follow_up.timers().await, 1);

        // Late: the next pause counts from when the step was taken.
        follow_up.after(30 * DAY).await;
        let late = follow_up.plan(&plan.name).await;
        assert_eq!(late.check_ins_sent, 2);
        assert_eq!(late.next_step_time.unwrap().seconds, late.update_time.unwrap().seconds + 7 * 86_400);
        follow_up.after(90 * DAY).await;
        assert_eq!(follow_up.plan(&plan.name).await.state(), State::Lapsed);
        follow_up.send_call(&timer).await.unwrap();
        assert_eq!(follow_up.plan(&plan.name).await.state(), State::Lapsed);
    }

    async fn the_plans_own_timer_is_believed_when_the_clocks_disagree(database: TestDatabase) {
        let follow_up = FollowUp::start(database).await;
        let plan = follow_up.start_plan(new_plan("p1")).await.unwrap();
        let timer = follow_up.calls("followup").await[0].clone();
        // The database's clock, which timers run by, is ahead of this one: the step must not be lost.
        follow_up.clock.advance(3 * DAY - std::time::Duration::from_secs(2));
        follow_up.send_call(&timer).await.unwrap();
        assert_eq!(follow_up.plan(&plan.name).await.check_ins_sent, 1);
    }

    async fn somebody_else_may_take_a_step_that_is_due(database: TestDatabase) {
        let follow_up = FollowUp::start(database).await;
        let plan = follow_up.start_plan(new_plan("p1")).await.unwrap();
        follow_up.clock.advance(3 * DAY);
        assert_eq!(follow_up.step("by-hand", &plan.name, 1).await.unwrap().check_ins_sent, 1);
        assert_eq!(follow_up.timers().await, 1, "the timer of the taken step is gone, that of the next is set");
        follow_up.pump().await;
        assert_eq!(follow_up.messages().await.len(), 1);
    }

    async fn several_steps_of_one_group_are_taken_in_order(database: TestDatabase) {
        let follow_up = FollowUp::start(database).await;
        let mut plans = Vec::new();
        for n in 0..6 {
            plans.push(follow_up.start_plan(new_plan(&format!("p{n}"))).await.unwrap().name);
        }
        follow_up.clock.advance(100 * DAY);
        let keys: Vec<_> = (1..=3).flat_map(|step| plans.iter().map(move |plan| (step, plan, format!("s{step}{plan}")))).collect();
        let answers = join_all(keys.iter().map(|(step, plan, key)| follow_up.step(key, plan, *step))).await;
        assert!(answers.iter().all(Result::is_ok), "{answers:?}");
        // Step 2 becomes due seven days after step 1 was taken: only the first of each plan was.
        for plan in &plans {
            assert_eq!(follow_up.plan(plan).await.check_ins_sent, 1);
        }
        assert_eq!(follow_up.surveys().await.len(), 6);
        assert_eq!(follow_up.timers().await, 6);
    }

    async fn a_plan_without_an_address_lapses_in_silence(database: TestDatabase) {
        let follow_up = FollowUp::start(database).await;
        let mut request = new_plan("p1");
        request.plan.as_mut().unwrap().to = None;
        let plan = follow_up.start_plan(request).await.unwrap();
        for _ in 0..3 {
            follow_up.after(7 * DAY).await;
        }
        let lapsed = follow_up.plan(&plan.name).await;
        assert_eq!((lapsed.state(), lapsed.check_ins_sent), (State::Lapsed, 0));
        assert_eq!((follow_up.count("messages").await, follow_up.count("surveys").await), (0, 0));
        assert_eq!(follow_up.kinds().await, ["PLAN_STARTED", "LAPSED"]);
        assert_eq!(follow_up.milestones("intake").await[1].attributes["check_ins"], "0");
    }

    async fn a_stopped_plan_is_silent(database: TestDatabase) {
        let follow_up = FollowUp::start(database).await;
        let plan = follow_up.start_plan(new_plan("p1")).await.unwrap();
        follow_up.after(3 * DAY).await;
        let stopped = follow_up.stop_plan("s1", &plan.name).await.unwrap();
        assert_eq!((stopped.state(), stopped.next_step_time), (State::Stopped, None));
        assert_eq!(follow_up.stop_plan("s1", &plan.name).await.unwrap(), stopped);
        assert_eq!(follow_up.stop_plan("s2", &plan.name).await.unwrap(), stopped, "nothing changes on a final plan");
        assert_eq!(follow_up.timers().await, 0);
        assert_eq!(follow_up.surveys().await[0].state(), SurveyState::Closed);
        follow_up.after(100 * DAY).await;
        assert_eq!(follow_up.messages().await.len(), 1);
        assert_eq!(follow_up.kinds().await, ["PLAN_STARTED", "MESSAGE_SENT"]);
        assert_eq!(follow_up.outcome().await.unwrap().result(), pb::outcome::Result::Unspecified);
    }

    async fn the_same_request_starts_one_plan(database: TestDatabase) {
        let follow_up = FollowUp::start(database).await;
        let id = Uuid::from_u128(7).to_string();
        let request = |request_id: &str| pb::StartPlanRequest { plan_id: id.clone(), ..new_plan(request_id) };
        let answers = join_all((0..6).map(|_| follow_up.start_plan(request("p1")))).await;
        let first = answers[0].clone().unwrap();
        assert_eq!(first.name, format!("plans/{id}"));
        assert!(answers.into_iter().all(|answer| answer.unwrap() == first));
        let taken = follow_up.start_plan(request("p2")).await.unwrap_err();
        assert_eq!((taken.code, taken.reason.as_str()), (ErrorCode::AlreadyExists, "PLAN_EXISTS"));
        let mut other = request("p1");
        other.plan.as_mut().unwrap().topic = "another".to_owned();
        assert_eq!(follow_up.start_plan(other).await.unwrap_err().reason, reason::IDEMPOTENCY_KEY_REUSED);
        assert_eq!((follow_up.count("plans").await, follow_up.timers().await), (1, 1));
        assert_eq!(follow_up.kinds().await, ["PLAN_STARTED"]);
    }

    async fn another_tenant_finds_no_plan(database: TestDatabase) {
        let follow_up = FollowUp::start(database).await;
        let name = follow_up.start_plan(new_plan("p1")).await.unwrap().name;
        let mut client = follow_up.client.clone();
        let (get, step, stop) = (
            pb::GetPlanRequest { name: name.clone() },
            pb::RunPlanStepRequest { request_id: "x".to_owned(), name: name.clone(), step: 1 },
            pb::StopPlanRequest { request_id: "x".to_owned(), name: name.clone(), reason: "x".to_owned() },
        );
        let answers = [
            client.get_plan(as_client("other", "backend", get)).await,
            client.run_plan_step(as_client("other", "service:followup", step)).await,
            client.stop_plan(as_client("other", "backend", stop)).await,
        ];
        for answer in answers {
            let found = error(answer.unwrap_err());
            assert_eq!((found.code, found.reason.as_str()), (ErrorCode::NotFound, reason::RESOURCE_NOT_FOUND));
        }
        assert_eq!(follow_up.plan(&name).await.state(), State::Running);
    }

    async fn a_plan_that_is_all_wrong_hears_of_all_of_it(database: TestDatabase) {
        let follow_up = FollowUp::start(database).await;
        let seconds = |seconds| prost_types::Duration { seconds, nanos: 0 };
        let request = pb::StartPlanRequest {
            request_id: "with blanks".to_owned(),
            plan_id: Uuid::nil().to_string(),
            plan: Some(pb::Plan {
                case: case(1).to_uppercase(),
                customer: "customers/x".to_owned(),
                to: email("nobody"),
                language: "x".repeat(36),
                cadence: vec![seconds(59)],
                baseline_score: Some(11),
                topic: "x".repeat(201),
                ..pb::Plan::default()
            }),
        };
        let refused = follow_up.start_plan(request).await.unwrap_err();
        let found: Vec<_> = refused.violations.iter().map(|v| (v.field.as_str(), v.reason.as_str())).collect();
        assert_eq!(
            found,
            [
                ("request_id", "REQUEST_ID"),
                ("plan_id", "UUID"),
                ("plan.case", "RESOURCE_NAME"),
                ("plan.customer", "RESOURCE_NAME"),
                ("plan.to.address", "ADDRESS"),
                ("plan.language", "LANGUAGE_TAG"),
                ("plan.cadence", "REQUIRED"),
                ("plan.cadence[0]", "DURATION_RANGE"),
                ("plan.baseline_score", "SCORE_RANGE"),
                ("plan.topic", "LENGTH"),
            ]
        );
        let empty = follow_up.start_plan(pb::StartPlanRequest::default()).await.unwrap_err();
        let fields: Vec<_> = empty.violations.iter().map(|v| v.field.as_str()).collect();
        assert_eq!(fields, ["request_id", "plan"]);
        let bad_step = follow_up.step("", "plans/7", 13).await.unwrap_err();
        let fields: Vec<_> = bad_step.violations.iter().map(|v| v.field.as_str()).collect();
        assert_eq!(fields, ["request_id", "name", "step"]);
        assert_eq!((follow_up.count("plans").await, follow_up.count("inbound_requests").await), (0, 0));
    }

    async fn a_cadence_of_the_callers_own_is_kept_to_the_microsecond(database: TestDatabase) {
        let follow_up = FollowUp::start(database).await;
        let pause = |seconds, nanos| prost_types::Duration { seconds, nanos };
        let mut request = new_plan("p1");
        request.plan.as_mut().unwrap().cadence = vec![pause(60, 1_500), pause(400 * 86_400, 0)];
        let plan = follow_up.start_plan(request).await.unwrap();
        assert_eq!(plan.cadence, [pause(60, 1_000), pause(400 * 86_400, 0)]);
        assert_eq!(follow_up.plan(&plan.name).await, plan);
        follow_up.after(DAY).await;
        follow_up.after(401 * DAY).await;
        assert_eq!(follow_up.plan(&plan.name).await.state(), State::Lapsed);
        assert_eq!(follow_up.plan(&plan.name).await.check_ins_sent, 1);
    }
}
