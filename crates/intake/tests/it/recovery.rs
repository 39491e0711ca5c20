//! The recovery from its beginning to its end, as the commands that leave show it.

use api::compensation::RecordOutcomeRequest;
use api::compensation::record_outcome_request::Result as Outcome;
use api::extension::milestone::Kind;
use api::followup::{SendMessageRequest, StartPlanRequest};
use api::intake::case::State;
use api::routing::{CompleteWorkRequest, PostProgressRequest};
use kernel::ErrorCode;
use prost::Message as _;
use testkit::{TestDatabase, on_both_databases};
use uuid::Uuid;

use crate::harness::{Intake, SCHEMA, as_service, batch, disruption};

on_both_databases! {
    template: SCHEMA;

    async fn a_disruption_is_recovered_without_a_complaint(database: TestDatabase) {
        let intake = Intake::start(database).await;
        let reported = intake.report_disruption(disruption(&intake, "1", "UA1545")).await.unwrap();
        let case = intake.add(vec![batch("2", &reported.name, &["ada"])]).await.unwrap().remove(0).case;
        let tell = |kind, subject, attributes| intake.tell(&case, kind, subject, attributes);

        let told = tell(Kind::MessageSent, "messages/1", &[("template", "apology")]).await;
        assert_eq!((told.state(), told.finding.is_empty()), (State::Understood, false));
        let voucher = [("voucher", "vouchers/1"), ("code", "FOOD-1"), ("description", "Food"), ("amount", "EUR 15.00")];
        tell(Kind::VoucherIssued, "vouchers/1", &voucher).await;
        tell(Kind::VoucherIssued, "vouchers/1", &voucher).await;
        let remedied = tell(Kind::RemedySettled, &told.remedy, &[("summary", "a voucher was given")]).await;
        assert_eq!(remedied.state(), State::Remedied);
        assert_eq!(tell(Kind::PlanStarted, &remedied.plan, &[]).await.state(), State::FollowingUp);
        tell(Kind::MessageSent, "messages/2", &[("template", "check_in")]).await;
        let lapsed = tell(Kind::Lapsed, &remedied.plan, &[("check_ins", "2")]).await;
        assert_eq!((lapsed.state(), lapsed.needs_attention), (State::Lapsed, false));

        assert_eq!(intake.commanded("routing").await, ["OpenWork", "PostProgress", "CompleteWork"]);
        assert_eq!(intake.commanded("compensation").await, ["OpenRemedy", "RecordOutcome"]);
        let outcome: RecordOutcomeRequest = intake.requests("RecordOutcome").await.remove(0);
        assert_eq!((outcome.case.as_str(), outcome.result(), outcome.score), (case.as_str(), Outcome::Lapsed, None));
        assert_eq!(intake.commanded("followup").await, ["SendMessage", "SendMessage", "StartPlan"]);
        let sent: Vec<SendMessageRequest> = intake.requests("SendMessage").await;
        let message = sent[1].message.clone().unwrap();
        assert_eq!((message.template.as_str(), message.values["code"].as_str()), ("voucher", "FOOD-1"));
        let progress: PostProgressRequest = intake.requests("PostProgress").await.remove(0);
        assert_eq!((progress.name, progress.progress.unwrap().kind), (lapsed.work_item.clone(), 1));
        let done: CompleteWorkRequest = intake.requests("CompleteWork").await.remove(0);
        assert_eq!((done.name, done.resolution.as_str()), (lapsed.work_item, "a voucher was given"));
        let plan: StartPlanRequest = intake.requests("StartPlan").await.remove(0);
        assert_eq!(plan.plan.unwrap().topic, "your flight UA1545");
        for call in intake.calls().await {
            let request_id = call.message_id.to_string();
            assert!(call.body.windows(36).any(|part| part == request_id.as_bytes()), "the message id is the request id");
        }
        let story: Vec<String> = intake.timeline(&lapsed.customer).await.into_iter().rev().map(|entry| entry.kind).collect();
        assert_eq!(story, [
            "CASE_OPENED", "MESSAGE_SENT", "FINDING_RECORDED", "VOUCHER_ISSUED", "VOUCHER_ISSUED", "REMEDY_SETTLED",
            "PLAN_STARTED", "MESSAGE_SENT", "LAPSED",
        ]);
    }

    async fn a_low_score_starts_the_story_over_and_a_second_one_ends_it(database: TestDatabase) {
        let intake = Intake::start(database).await;
        let reported = intake.report_disruption(disruption(&intake, "1", "UA1545")).await.unwrap();
        let case = intake.add(vec![batch("2", &reported.name, &["ada"])]).await.unwrap().remove(0).case;
        let tell = |kind, attributes| intake.tell(&case, kind, "subject", attributes);
        tell(Kind::MessageSent, &[("template", "apology")]).await;
        tell(Kind::NothingOwed, &[]).await;
        tell(Kind::PlanStarted, &[]).await;
        let again = tell(Kind::StillWrong, &[("score", "2"), ("comment", "no")]).await;
        assert_eq!((again.state(), again.reopen_count, again.last_score), (State::Reopened, 1, Some(2)));
        let second = tell(Kind::MessageSent, &[("template", "apology")]).await;
        assert_eq!(second.state(), State::Acknowledged, "a person finds out what went wrong now");
        let work: Vec<api::routing::OpenWorkRequest> = intake.requests("OpenWork").await;
        assert_eq!(work.iter().map(|work| work.unattended).collect::<Vec<_>>(), [true, false]);
        assert!(work[1].work_item.clone().unwrap().handover.starts_with("Double deviation"));
        let found = api::intake::RecordFindingRequest {
            request_id: "found".to_owned(),
            name: case.clone(),
            finding: "the wrong flight".to_owned(),
            ..Default::default()
        };
        intake.client.clone().record_finding(crate::harness::as_backend(found)).await.unwrap();
        tell(Kind::NothingOwed, &[]).await;
        tell(Kind::PlanStarted, &[]).await;
        let ended = tell(Kind::StillWrong, &[("score", "1")]).await;
        assert_eq!((ended.state(), ended.needs_attention), (State::NotRecovered, true));
        let outcomes: Vec<RecordOutcomeRequest> = intake.requests("RecordOutcome").await;
        let told: Vec<_> = outcomes.iter().map(|outcome| (outcome.result(), outcome.score)).collect();
        assert_eq!(told, [(Outcome::Reopened, Some(2)), (Outcome::NotRecovered, Some(1))]);
    }

    async fn a_batch_is_taken_as_a_whole_and_once(database: TestDatabase) {
        let intake = Intake::start(database).await;
        let case = intake.case_of("1", "ada").await;
        let unknown = format!("cases/{}", Uuid::from_u128(1));
        let apology = intake.milestone(&case.name, Kind::MessageSent, "messages/1", &[("template", "apology")]);
        let stray = intake.milestone(&unknown, Kind::WorkOpened, "workItems/1", &[]);
        let refused = intake.report("2", vec![apology.clone(), stray]).await.unwrap_err();
        assert_eq!((refused.code, refused.metadata["resource"].as_str()), (ErrorCode::NotFound, unknown.as_str()));
        assert_eq!(intake.case(&case.name).await, case, "nothing of it was taken");
        let claimed = intake.milestone(&case.name, Kind::WorkClaimed, &case.work_item, &[("agent", "agents/1")]);
        let both = vec![apology, claimed];
        assert_eq!(intake.report("3", both.clone()).await, Ok(2));
        let request = || api::extension::ReportMilestonesRequest { request_id: "3".to_owned(), milestones: both.clone() };
        let again = intake.sink.clone().report_milestones(as_service("followup", request())).await.unwrap();
        assert_eq!(again.metadata().get("idempotent-replayed").unwrap(), "true");
        assert_eq!(again.into_inner().encode_to_vec(), api::extension::ReportMilestonesResponse { taken: 2 }.encode_to_vec());
        assert_eq!(intake.count("timeline_entries").await, 3);
        let reused = intake.report("3", both[..1].to_vec()).await.unwrap_err();
        assert_eq!(reused.reason, "IDEMPOTENCY_KEY_REUSED");
        let entry = intake.timeline(&case.customer).await.into_iter().find(|entry| entry.kind == "WORK_CLAIMED").unwrap();
        assert_eq!((entry.source.as_str(), entry.attributes["agent"].as_str()), ("routing", "agents/1"));
        assert_eq!((entry.trace_id.as_str(), entry.summary.as_str()), ("0af7651916cd43dd8448eb211c80319c", "An agent took the work."));
    }
}
