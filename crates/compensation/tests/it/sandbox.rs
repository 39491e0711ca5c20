//! The sandbox on its own: what it promises, and that its misbehaviour is real.

use std::time::Duration;

use api::extension::{ExecutePayoutRequest, LookUpPayoutRequest, look_up_payout_response};
use api::reason::extension::{PAYOUT_DECLINED, PAYOUT_KEY_REUSED};
use compensation::sandbox::{Sandbox, SandboxConfig};
use kernel::ErrorCode;

use crate::harness::{Desk, TEMPLATE, money};

fn request(key: &str, payee: &str) -> ExecutePayoutRequest {
    ExecutePayoutRequest {
        payout_key: key.to_owned(),
        amount: Some(money("EUR", 500)),
        payee: payee.to_owned(),
        statement_text: "Sorry".to_owned(),
    }
}

fn look_up(key: &str) -> LookUpPayoutRequest {
    LookUpPayoutRequest { payout_key: key.to_owned() }
}

testkit::on_both_databases! {
    template: TEMPLATE;

    async fn a_key_is_executed_once_until_it_is_forgotten(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let config = SandboxConfig { key_ttl: Duration::from_secs(60), ..SandboxConfig::default() };
        let sandbox = Sandbox::new(&desk.engine, config);
        assert_eq!(sandbox.look_up(look_up("k")).await.unwrap_err().code, ErrorCode::NotFound);
        let at_once = futures::future::join_all((0..20).map(|_| sandbox.execute(request("k", "ada")))).await;
        let first = at_once[0].clone().unwrap();
        assert!(at_once.into_iter().all(|answer| answer.unwrap() == first));
        assert_eq!((desk.executed().await["k"].executions, desk.executed().await["k"].requests), (1, 20));
        let other = sandbox.execute(request("k", "bob")).await.unwrap_err();
        assert_eq!((other.code, other.reason.as_str()), (ErrorCode::InvalidArgument, PAYOUT_KEY_REUSED));
        let known = sandbox.look_up(look_up("k")).await.unwrap();
        assert_eq!(known.result(), look_up_payout_response::Result::Executed);
        assert_eq!((known.provider_reference, known.amount), (first.provider_reference, Some(money("EUR", 500))));

        desk.clock.advance(Duration::from_secs(60));
        sandbox.execute(request("k", "ada")).await.unwrap();
        assert_eq!(desk.executed().await["k"].executions, 2, "a forgotten key pays again: the log tells");
    }

    async fn it_misbehaves_as_it_is_asked_to(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let sandbox = Sandbox::new(&desk.engine, SandboxConfig::default());
        let code = |answer: Result<api::extension::ExecutePayoutResponse, kernel::ServiceError>| answer.map_err(|e| e.code);

        let declined = sandbox.execute(request("d", "decline:ada")).await.unwrap_err();
        assert_eq!((declined.code, declined.reason.as_str()), (ErrorCode::FailedPrecondition, PAYOUT_DECLINED));
        let known = sandbox.look_up(look_up("d")).await.unwrap();
        assert_eq!((known.result(), known.amount), (look_up_payout_response::Result::Declined, None));

        let never = code(sandbox.execute(request("n", "timeout-before-execute:ada")).await);
        assert_eq!(never, Err(ErrorCode::DeadlineExceeded));
        assert!(!desk.executed().await.contains_key("n"));

        let lost = code(sandbox.execute(request("l", "timeout-after-execute:ada")).await);
        assert_eq!(lost, Err(ErrorCode::DeadlineExceeded));
        assert!(code(sandbox.execute(request("l", "timeout-after-execute:ada")).await).is_ok());

        for _ in 0..3 {
            assert_eq!(code(sandbox.execute(request("e", "error-after-execute:ada")).await), Err(ErrorCode::Internal));
        }
        assert!(sandbox.look_up(look_up("e")).await.is_ok());

        assert_eq!(code(sandbox.execute(request("g", "lookup-lag:ada")).await), Err(ErrorCode::Internal));
        assert!(sandbox.look_up(look_up("g")).await.is_err());
        desk.clock.advance(Duration::from_secs(3_600));
        assert!(sandbox.look_up(look_up("g")).await.is_ok());

        let executions: Vec<_> = desk.executed().await.into_values().map(|entry| entry.executions).collect();
        assert_eq!(executions, [0, 1, 1, 1]);
    }

    async fn a_malformed_payout_lists_everything(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let sandbox = Sandbox::new(&desk.engine, SandboxConfig::default());
        let bad = ExecutePayoutRequest {
            payout_key: "has blanks".to_owned(),
            amount: Some(money("EUR", 0)),
            payee: String::new(),
            statement_text: "x".repeat(141),
        };
        let refused = sandbox.execute(bad).await.unwrap_err();
        let fields: Vec<_> = refused.violations.iter().map(|v| v.field.as_str()).collect();
        assert_eq!(fields, ["payout_key", "amount", "payee", "statement_text"]);
        assert!(desk.executed().await.is_empty());
    }
}
