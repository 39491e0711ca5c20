//! A case shows that a timer of one of its services is parked, until an operator has dealt with it.

use std::time::Duration;

use api::intake::intake_service_client::IntakeServiceClient;
use api::intake::{Case, GetCaseRequest};
use api::method::routing_service::CHECK_CLOCK;
use testkit::Backend;

use crate::operations::{Stage, discard, retry};

async fn case_of(stage: &Stage, name: &str) -> Case {
    let request = GetCaseRequest { name: name.to_owned() };
    IntakeServiceClient::new(stage.suite.channel()).get_case(request).await.expect("a case").into_inner()
}

mod a_case_shows_that_a_clock_of_its_work_is_not_watched {
    use testkit::Backend;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn sqlite() {
        super::clock_that_is_not_watched(Backend::Sqlite).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn postgres() {
        super::clock_that_is_not_watched(Backend::Postgres).await;
    }
}

/// The timer of a clock is parked: the case needs a person until an operator has it sent, or gives it up.
async fn clock_that_is_not_watched(backend: Backend) {
    let mut stage = Stage::start(backend, "operations_timer", "routing").await;
    let month = Duration::from_secs(30 * 86_400);
    let why = |work: &str, reason: &str| format!("The timer of {work} does not go through: {reason}");
    for (id, gives_up) in [("a", false), ("b", true)] {
        stage.detour.close("routing", CHECK_CLOCK);
        let case = stage.open_case(id).await;
        stage.suite.pass(month).await;
        let parked = stage.parked().await;
        assert_eq!((parked.method.as_str(), parked.lane.as_str()), (CHECK_CLOCK, ""));
        let told = case_of(&stage, &case.name).await;
        assert!(told.needs_attention);
        assert_eq!(told.attention_reason, why(&told.work_item, "CALL_PARKED"));
        assert!(!stage.story(&case).await.contains("CLOCK_BREACHED"), "nobody has looked at the clock");

        stage.detour.open();
        for _ in 0..2 {
            if gives_up {
                stage.operations.discard_call(discard(id, &parked.name, "too late")).await.expect("it is discarded");
            } else {
                stage.operations.retry_call(retry(id, &parked.name, "mended")).await.expect("it is retried");
            }
            stage.suite.quiet().await;
        }
        let told = case_of(&stage, &case.name).await;
        assert_eq!((told.needs_attention, told.attention_reason.as_str()), (false, ""));
        let story = stage.story(&case).await;
        assert!(story.contains("WORK_NEEDS_ATTENTION"), "{story:?}");
        assert_eq!(story.contains("CLOCK_BREACHED"), !gives_up, "{story:?}");
    }
    stage.suite.stop().await;
}
