//! Answers of customers, at every point of a plan's life.

use api::followup as pb;
use api::followup::plan::State;
use api::followup::survey::State as SurveyState;
use api::reason;
use futures::future::join_all;
use kernel::ErrorCode;
use testkit::TestDatabase;

use crate::harness::{DAY, FollowUp, SCHEMA, as_client, case, error, new_plan};

/// A plan after this many check-ins, and its surveys, oldest first.
async fn checked_in(follow_up: &FollowUp, check_ins: usize) -> (String, Vec<String>) {
    let plan = follow_up.start_plan(new_plan("p1")).await.unwrap().name;
    for _ in 0..check_ins {
        follow_up.after(7 * DAY).await;
    }
    let mut surveys: Vec<_> = follow_up.surveys().await.into_iter().map(|survey| survey.name).collect();
    surveys.reverse();
    (plan, surveys)
}

testkit::on_both_databases! {
    template: SCHEMA;

    async fn a_good_answer_ends_the_plan_as_recovered(database: TestDatabase) {
        let follow_up = FollowUp::start(database).await;
        let (plan, surveys) = checked_in(&follow_up, 1).await;
        let answered = follow_up.answer("a1", &surveys[0], 9).await.unwrap();
        assert_eq!((answered.state(), answered.score, answered.comment.as_str()), (SurveyState::Answered, Some(9), "my words"));
        assert_eq!(follow_up.survey(&surveys[0]).await, answered);
        let recovered = follow_up.plan(&plan).await;
        assert_eq!((recovered.state(), recovered.next_step_time), (State::Recovered, None));
        assert_eq!(follow_up.kinds().await, ["PLAN_STARTED", "MESSAGE_SENT", "SURVEY_ANSWERED", "RECOVERED"]);
        let told = follow_up.milestones("intake").await;
        assert_eq!((told[2].subject.as_str(), told[3].subject.as_str()), (surveys[0].as_str(), plan.as_str()));
        assert_eq!((told[2].attributes["score"].as_str(), told[2].attributes["delta"].as_str()), ("9", "1"));
        assert_eq!(told[2].attributes["survey"], surveys[0]);
        assert_eq!((told[3].attributes["score"].as_str(), told[3].attributes["delta"].as_str()), ("9", "1"));
        assert_eq!(follow_up.timers().await, 0);

        let outcome = follow_up.outcome().await.unwrap();
        assert_eq!(outcome.result(), pb::outcome::Result::Recovered);
        assert_eq!((outcome.score, outcome.delta, outcome.check_ins_sent), (Some(9), Some(1), 1));
        assert_eq!(outcome.decide_time, answered.answer_time);
        follow_up.after(100 * DAY).await;
        assert_eq!(follow_up.messages().await.len(), 1);
    }

    async fn a_bad_answer_ends_it_as_still_wrong(database: TestDatabase) {
        let follow_up = FollowUp::start(database).await;
        let (plan, surveys) = checked_in(&follow_up, 2).await;
        follow_up.answer("a1", &surveys[1], 6).await.unwrap();
        assert_eq!(follow_up.plan(&plan).await.state(), State::StillWrong);
        let told = follow_up.milestones("intake").await;
        assert_eq!(follow_up.kinds().await[3..], ["SURVEY_ANSWERED", "STILL_WRONG"]);
        assert_eq!(told[4].attributes["score"], "6");
        assert_eq!(told[4].attributes["comment"], "my words");
        assert_eq!(follow_up.timers().await, 0);
        let outcome = follow_up.outcome().await.unwrap();
        assert_eq!((outcome.result(), outcome.delta), (pb::outcome::Result::StillWrong, Some(-2)));
    }

    async fn an_answer_to_a_closed_survey_counts_while_the_plan_runs(database: TestDatabase) {
        let follow_up = FollowUp::start(database).await;
        let (plan, surveys) = checked_in(&follow_up, 2).await;
        assert_eq!(follow_up.survey(&surveys[0]).await.state(), SurveyState::Closed);
        follow_up.answer("a1", &surveys[0], 10).await.unwrap();
        assert_eq!(follow_up.survey(&surveys[0]).await.state(), SurveyState::Answered);
        assert_eq!(follow_up.survey(&surveys[1]).await.state(), SurveyState::Closed);
        assert_eq!(follow_up.plan(&plan).await.state(), State::Recovered);
    }

    async fn an_answer_after_the_end_is_kept_and_told_and_changes_nothing_else(database: TestDatabase) {
        let follow_up = FollowUp::start(database).await;
        let (plan, surveys) = checked_in(&follow_up, 3).await;
        assert_eq!(follow_up.plan(&plan).await.state(), State::Lapsed);
        let before = follow_up.plan(&plan).await;
        follow_up.after(30 * DAY).await;
        follow_up.answer("a1", &surveys[0], 2).await.unwrap();
        assert_eq!(follow_up.plan(&plan).await, before);
        assert_eq!(follow_up.kinds().await.last().unwrap(), "SURVEY_ANSWERED");
        let outcome = follow_up.outcome().await.unwrap();
        assert_eq!((outcome.result(), outcome.score), (pb::outcome::Result::Lapsed, Some(2)));
        // The other survey can still be answered too: the latest answer is the one that counts.
        follow_up.after(DAY).await;
        follow_up.answer("a2", &surveys[1], 8).await.unwrap();
        assert_eq!(follow_up.outcome().await.unwrap().score, Some(8));
    }

    async fn an_answer_after_a_stop_is_kept(database: TestDatabase) {
        let follow_up = FollowUp::start(database).await;
        let (plan, surveys) = checked_in(&follow_up, 1).await;
        follow_up.stop_plan("s1", &plan).await.unwrap();
        follow_up.answer("a1", &surveys[0], 2).await.unwrap();
        assert_eq!(follow_up.plan(&plan).await.state(), State::Stopped);
        assert_eq!(follow_up.kinds().await.last().unwrap(), "SURVEY_ANSWERED");
    }

    async fn an_answer_stands(database: TestDatabase) {
        let follow_up = FollowUp::start(database).await;
        let (_, surveys) = checked_in(&follow_up, 1).await;
        let keys: Vec<_> = (0..6).map(|n| format!("a{n}")).collect();
        let answers = join_all(keys.iter().zip(3..).map(|(key, score)| follow_up.answer(key, &surveys[0], score))).await;
        let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!((won.len(), lost.len()), (1, 5));
        for refused in lost.into_iter().map(Result::unwrap_err) {
            assert_eq!((refused.code, refused.reason.as_str()), (ErrorCode::FailedPrecondition, "SURVEY_ANSWERED"));
        }
        let kept = follow_up.survey(&surveys[0]).await;
        assert_eq!(kept, won[0].clone().unwrap());
        let kinds = follow_up.kinds().await;
        assert_eq!(kinds.iter().filter(|kind| *kind == "SURVEY_ANSWERED").count(), 1);
        assert_eq!(kinds.iter().filter(|kind| ["RECOVERED", "STILL_WRONG"].contains(&kind.as_str())).count(), 1);

        let winner = format!("a{}", kept.score.unwrap() - 3);
        assert_eq!(follow_up.answer(&winner, &surveys[0], kept.score.unwrap()).await.unwrap(), kept);
        let reused = follow_up.answer(&winner, &surveys[0], 10).await.unwrap_err();
        assert_eq!(reused.reason, reason::IDEMPOTENCY_KEY_REUSED);
    }

    async fn an_answer_and_the_last_step_at_once_end_the_plan_once(database: TestDatabase) {
        let follow_up = FollowUp::start(database).await;
        let (plan, surveys) = checked_in(&follow_up, 2).await;
        follow_up.clock.advance(7 * DAY);
        let (answer, step) =
            futures::join!(follow_up.answer("a1", &surveys[1], 9), follow_up.step("s3", &plan, 3));
        answer.unwrap();
        step.unwrap();
        let ended = follow_up.plan(&plan).await.state();
        let kinds = follow_up.kinds().await;
        let ends: Vec<_> = kinds.iter().filter(|kind| ["RECOVERED", "LAPSED"].contains(&kind.as_str())).collect();
        assert_eq!(ends, [if ended == State::Recovered { "RECOVERED" } else { "LAPSED" }]);
        assert_eq!(follow_up.timers().await, 0);
    }

    async fn an_unknown_or_foreign_survey_is_not_there(database: TestDatabase) {
        let follow_up = FollowUp::start(database).await;
        let (_, surveys) = checked_in(&follow_up, 1).await;
        let mut client = follow_up.client.clone();
        let request = |name: &str| pb::SubmitSurveyRequest {
            request_id: "x".to_owned(),
            name: name.to_owned(),
            score: 0,
            comment: String::new(),
        };
        let foreign = client.submit_survey(as_client("other", "backend", request(&surveys[0]))).await;
        let found = error(foreign.unwrap_err());
        assert_eq!((found.code, found.reason.as_str()), (ErrorCode::NotFound, reason::RESOURCE_NOT_FOUND));
        let get = pb::GetSurveyRequest { name: surveys[0].clone() };
        assert_eq!(error(client.get_survey(as_client("other", "backend", get)).await.unwrap_err()).code, ErrorCode::NotFound);
        let get = pb::GetOutcomeRequest { case: case(1) };
        assert_eq!(error(client.get_outcome(as_client("other", "backend", get)).await.unwrap_err()).code, ErrorCode::NotFound);
        assert_eq!(follow_up.survey(&surveys[0]).await.state(), SurveyState::Open);
    }

    async fn a_bad_answer_hears_of_all_that_is_wrong(database: TestDatabase) {
        let follow_up = FollowUp::start(database).await;
        let request = pb::SubmitSurveyRequest {
            request_id: "x".repeat(129),
            name: "plans/x".to_owned(),
            score: -1,
            comment: "x".repeat(2_001),
        };
        let refused = error(follow_up.client.clone().submit_survey(crate::harness::as_backend(request)).await.unwrap_err());
        let found: Vec<_> = refused.violations.iter().map(|v| (v.field.as_str(), v.reason.as_str())).collect();
        assert_eq!(
            found,
            [("request_id", "REQUEST_ID"), ("name", "RESOURCE_NAME"), ("score", "SCORE_RANGE"), ("comment", "LENGTH")]
        );
    }

    async fn the_outcome_adds_up_over_the_plans_of_a_case(database: TestDatabase) {
        let follow_up = FollowUp::start(database).await;
        assert_eq!(follow_up.outcome().await.unwrap_err().code, ErrorCode::NotFound);
        let (_, surveys) = checked_in(&follow_up, 1).await;
        follow_up.answer("a1", &surveys[0], 3).await.unwrap();
        let mut second = new_plan("p2");
        second.plan.as_mut().unwrap().baseline_score = None;
        follow_up.after(DAY).await;
        follow_up.start_plan(second).await.unwrap();
        let outcome = follow_up.outcome().await.unwrap();
        assert_eq!(outcome.result(), pb::outcome::Result::Unspecified, "the second plan runs");
        assert_eq!((outcome.score, outcome.delta), (Some(3), None), "the latest plan has no baseline");
        follow_up.after(7 * DAY).await;
        let latest = follow_up.surveys().await.remove(0);
        follow_up.answer("a2", &latest.name, 9).await.unwrap();
        let outcome = follow_up.outcome().await.unwrap();
        assert_eq!((outcome.result(), outcome.score), (pb::outcome::Result::Recovered, Some(9)));
        assert_eq!(outcome.check_ins_sent, 2);
    }
}
