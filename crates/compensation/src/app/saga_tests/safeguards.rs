//! The checker is checked: with every safeguard it finds nothing, and with each one taken away it finds what that one
//! protects from.

use std::time::Duration;

use durable::Backend;
use kernel::ResourceId as _;
use testkit::TestDatabase;

use super::world::{Fault, HOUR, Plan, World};
use crate::app::{DecideSettlement, SettlePayout};
use crate::domain::payout::PayoutState;
use crate::domain::payout_settlement::Outcome;
use crate::domain::payout_step::{Finding, Step};
use crate::domain::safeguards::{Safeguard, Safeguards};
use crate::testing::TEMPLATE;

/// What the checker must find without a safeguard.
const fn found_without(safeguard: Safeguard) -> &'static str {
    match safeguard {
        Safeguard::IntentFirst | Safeguard::WindowBeforeEverySend => "I2",
        Safeguard::ConstantKey => "I3",
        Safeguard::Fence | Safeguard::UnknownIsNoRefusal | Safeguard::NotFoundIsNoProof => "I5",
        Safeguard::AmountsCompared | Safeguard::EventsAreHints => "I4",
        Safeguard::EventsOnce => "EVENTS",
        Safeguard::FourEyes => "FOUR_EYES",
    }
}

/// What shows the safeguard at work.
async fn scenario(world: &World, safeguard: Safeguard) {
    match safeguard {
        Safeguard::IntentFirst => {
            // The process dies between the send and its result, and comes back when the provider has forgotten the key.
            let fault = Some(Fault::CrashAfter(30 * HOUR));
            world.saga("honest:ada", Plan { part: 2, fault }).await;
        }
        Safeguard::ConstantKey | Safeguard::UnknownIsNoRefusal => {
            world.saga("timeout-after-execute:ada", Plan::NOTHING).await;
        }
        Safeguard::WindowBeforeEverySend => sleeping_send(world).await,
        Safeguard::Fence => sleeping_look_up(world).await,
        Safeguard::NotFoundIsNoProof => {
            world.saga("lookup-lag:ada", Plan::NOTHING).await;
        }
        Safeguard::AmountsCompared => {
            world.saga("wrong-amount:ada", Plan::NOTHING).await;
        }
        Safeguard::EventsOnce => {
            world.saga("duplicate-webhook:ada", Plan::NOTHING).await;
        }
        Safeguard::EventsAreHints => {
            world.saga("lying-webhook:ada", Plan::NOTHING).await;
        }
        Safeguard::FourEyes => alone(world).await,
    }
}

/// A process sleeps between its look at the clock and the send, until the provider has forgotten the key; meanwhile
/// another process has sent, and its answer was lost.
async fn sleeping_send(world: &World) {
    let payout = world.reserved("error-after-execute:ada").await;
    let own = world.context("service:compensation");
    let (first, _) = world.pending(payout.id).await.remove(0);
    let (slept, step) = world.app.begin(&own, &first.request_id, payout.id, false).await.unwrap().unwrap();
    assert_eq!(step, Step::Send);
    world.clock.advance(HOUR);
    let (second, _) = world.pending(payout.id).await.remove(0);
    let (sent, step) = world.app.begin(&own, &second.request_id, payout.id, false).await.unwrap().unwrap();
    let finding = world.app.carry_out(&sent, step).await;
    world.app.record(&own, &sent, finding).await.unwrap();
    world.clock.advance(30 * HOUR);
    let finding = world.app.carry_out(&slept, Step::Send).await;
    world.app.record(&own, &slept, finding).await.unwrap();
    world.finish(payout.id).await;
}

/// The answer of a look-up that was asked too early is kept by a process that sleeps, and comes when another look-up
/// has begun.
async fn sleeping_look_up(world: &World) {
    let payout = world.reserved("lookup-lag:ada").await;
    let own = world.context("service:compensation");
    let mut kept = None;
    for _ in 0..200 {
        let (call, due_at) = world.pending(payout.id).await.remove(0);
        world.clock.advance_to(due_at.max(world.engine.now()));
        let (begun, step) = world.app.begin(&own, &call.request_id, payout.id, false).await.unwrap().unwrap();
        let finding = world.app.carry_out(&begun, step).await;
        if begun.not_found_at.is_some() && finding == Finding::NotFound {
            kept = Some((begun, finding));
            break;
        }
        world.app.record(&own, &begun, finding).await.unwrap();
    }
    let (old, not_found) = kept.unwrap();
    world.clock.advance(Duration::from_secs(3 * 86_400));
    let (call, _) = world.pending(payout.id).await.remove(0);
    let (new, step) = world.app.begin(&own, &call.request_id, payout.id, false).await.unwrap().unwrap();
    world.app.record(&own, &old, not_found).await.unwrap();
    if world.read(payout.id).await.state != PayoutState::Manual {
        let finding = world.app.carry_out(&new, step).await;
        world.app.record(&own, &new, finding).await.unwrap();
    }
    world.finish(payout.id).await;
}

/// One person proposes and approves.
async fn alone(world: &World) {
    let payout = world.reserved("timeout-before-execute:ada").await;
    world.machine(payout.id).await;
    let (ada, bob) = (world.context("ada"), world.context("bob"));
    let evidence = "the bank's letter".to_owned();
    let command = SettlePayout { payout: payout.id, outcome: Outcome::NotExecuted, reference: String::new(), evidence };
    let proposed = world.app.settle_payout(ada.clone(), "p", command).await.unwrap().message;
    let settlement = kernel::PayoutSettlementId::parse_name(&proposed.name).unwrap();
    let decide = || DecideSettlement { settlement, reason: "seen".to_owned() };
    if let Err(refused) = world.app.approve_payout_settlement(ada, "a", decide()).await {
        assert_eq!(refused.reason, api::reason::compensation::FOUR_EYES);
        world.app.approve_payout_settlement(bob, "b", decide()).await.unwrap();
    }
}

/// Without the database's own constraint about two people, so that only the code is left.
async fn without_constraint(world: &World) {
    let text = match world.engine.db().backend() {
        Backend::Postgres => "ALTER TABLE payout_settlements DROP CONSTRAINT payout_settlements_four_eyes",
        Backend::Sqlite => "PRAGMA ignore_check_constraints = ON",
    };
    let work = |tx: durable::Tx| async move { Ok(tx.execute(durable::sql::statement(tx.backend(), text, [])).await?) };
    world.engine.run_tx("test", work).await.unwrap();
}

async fn world(like: &TestDatabase, name: &str, safeguards: Safeguards) -> (World, TestDatabase) {
    let database = testkit::database_from(like.backend(), &TEMPLATE, name).await;
    (World::new(&database, safeguards).await, database)
}

testkit::on_both_databases! {
    template: TEMPLATE;

    async fn each_safeguard_is_missed_by_the_checker(database: TestDatabase) {
        let mut proven = 0;
        for safeguard in Safeguard::ALL {
            for safeguards in [Safeguards::ALL, Safeguards::without(safeguard)] {
                let (mut world, _kept) = world(&database, "safeguard", safeguards).await;
                // A wrong amount stays with people: there is no decision about it that the books could show.
                world.people_decide = safeguard != Safeguard::AmountsCompared;
                if safeguard == Safeguard::FourEyes {
                    without_constraint(&world).await;
                }
                scenario(&world, safeguard).await;
                let findings = world.check().await;
                if safeguards == Safeguards::ALL {
                    assert!(findings.0.is_empty(), "with {safeguard:?}: {:#?}", findings.0);
                } else {
                    let expected = found_without(safeguard);
                    assert!(findings.has(expected), "without {safeguard:?} no {expected}: {:#?}", findings.0);
                    println!("without {safeguard:?}: {:?}", findings.0);
                    proven += 1;
                }
            }
        }
        println!("{proven}/{} safeguards are missed when they are not there", Safeguard::ALL.len());
        assert_eq!(proven, Safeguard::ALL.len());
    }

    /// The database demands two people even when the code does not ask.
    async fn four_eyes_are_the_databases_as_well(database: TestDatabase) {
        let world = World::new(&database, Safeguards::without(Safeguard::FourEyes)).await;
        let payout = world.reserved("timeout-before-execute:ada").await;
        world.machine(payout.id).await;
        let ada = world.context("ada");
        let (outcome, reference, evidence) = (Outcome::NotExecuted, String::new(), "a letter".to_owned());
        let command = SettlePayout { payout: payout.id, outcome, reference, evidence };
        let proposed = world.app.settle_payout(ada.clone(), "p", command).await.unwrap().message;
        let settlement = kernel::PayoutSettlementId::parse_name(&proposed.name).unwrap();
        let decide = DecideSettlement { settlement, reason: "seen".to_owned() };
        assert!(world.app.approve_payout_settlement(ada, "a", decide).await.is_err());
        assert_eq!(world.read(payout.id).await.state, PayoutState::Manual, "nothing was changed");
        assert!(world.check().await.0.is_empty());
    }
}
