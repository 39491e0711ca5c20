//! A provider in another place: the sandbox served over a socket, and one that is not there.

use std::time::Duration;

use api::compensation::payout;
use chassis::ServeOptions;
use compensation::sandbox::{Sandbox, SandboxConfig, service};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::harness::{Desk, TEMPLATE, config};

/// Serves a sandbox that lives on the engine of `desk`; its address.
async fn serve(desk: &Desk, stop: &CancellationToken) -> String {
    let (bound, told) = oneshot::channel();
    let sandbox = service(Sandbox::new(&desk.engine, SandboxConfig::default()));
    let mut chassis = chassis::ChassisConfig::default();
    chassis.auth.mode = Some(chassis::config::AuthMode::Dev);
    chassis.server.listen = "127.0.0.1:0".parse().unwrap();
    chassis.server.drain.pre_stop = Duration::ZERO;
    let mut options = ServeOptions::new(chassis, vec![sandbox]);
    options.bound = Some(bound);
    let serving = chassis::serve(options, stop.clone());
    desk.engine.spawn(serving);
    format!("http://{}", told.await.unwrap().api)
}

testkit::on_both_databases! {
    template: TEMPLATE;

    /// The stored bytes leave as they are, and what comes back is read as in the same process.
    async fn payouts_go_over_the_wire(database: testkit::TestDatabase) {
        let elsewhere = Desk::open(&testkit::database_from(testkit::Backend::Sqlite, &TEMPLATE, "elsewhere").await).await;
        let stop = CancellationToken::new();
        let mut config = config(&database);
        config.provider.address = Some(serve(&elsewhere, &stop).await);
        let desk = Desk::with(config).await;
        let names = ["ada", "decline:ada", "timeout-after-execute:ada", "error-after-execute:ada"];
        let mut payouts = Vec::new();
        for (payee, amount) in names.into_iter().zip(1_001..) {
            payouts.push(desk.refund(payee, ("EUR", amount)).await.1);
        }
        desk.run_due().await;
        let mut states = Vec::new();
        for payout in &payouts {
            states.push(desk.get_payout(&payout.name).await.state());
        }
        use payout::State::{Confirmed, Declined, Unknown};
        assert_eq!(states, [Confirmed, Declined, Unknown, Unknown]);
        for _ in 0..200 {
            if !desk.run_next().await {
                break;
            }
            elsewhere.clock.advance_to(desk.engine.now());
        }
        let log = elsewhere.executed().await;
        for (payout, executed) in payouts.iter().zip([1, 0, 1, 1]) {
            let entry = &log[&payout.payout_key];
            assert_eq!((entry.executions, &entry.payee), (executed, &payout.payee));
            let end = desk.get_payout(&payout.name).await.state();
            assert_eq!(end, if executed == 1 { Confirmed } else { Declined });
        }
        assert!(desk.executed().await.is_empty(), "the own sandbox is not used");
        desk.assert_ledger_balances().await;
        stop.cancel();
    }

    /// A provider that cannot be reached has not said no.
    async fn a_provider_that_is_not_there_is_asked_again(database: testkit::TestDatabase) {
        let mut config = config(&database);
        config.provider.address = Some(format!("http://127.0.0.1:{}", testkit::free_port()));
        let desk = Desk::with(config).await;
        let (_, payout) = desk.refund("ada", ("EUR", 1_000)).await;
        desk.run_due().await;
        desk.run_next().await;
        let unknown = desk.get_payout(&payout.name).await;
        assert_eq!((unknown.state(), unknown.attempts), (payout::State::Unknown, 2));
        assert!(unknown.reason.contains("Unavailable"), "{}", unknown.reason);
        desk.assert_ledger_balances().await;
    }
}
