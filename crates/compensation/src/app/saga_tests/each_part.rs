//! For every transaction and every call to the provider of the saga in turn: the process dies before it, the process dies
//! after it, and it is carried out twice. Each time the payout comes to its end, and the provider's log agrees.

use std::time::Duration;

use super::world::{Fault, HOUR, Plan, World};
use crate::domain::safeguards::Safeguards;
use crate::testing::TEMPLATE;

/// What the provider does, and how the payout ends.
const SAGAS: [(&str, &str); 12] = [
    ("honest", "CONFIRMED"),
    ("timeout-after-execute", "CONFIRMED"),
    ("timeout-before-execute+timeout-after-execute", "CONFIRMED"),
    ("in-progress+unreadable", "CONFIRMED"),
    ("decline", "DECLINED"),
    ("error-after-execute", "CONFIRMED"),
    ("lookup-lag", "CONFIRMED"),
    ("timeout-before-execute", "DECLINED"),
    ("early-webhook", "CONFIRMED"),
    ("duplicate-webhook", "CONFIRMED"),
    ("forged-webhook", "DECLINED"),
    ("lying-webhook", "DECLINED"),
];

/// The parts that are tried of a long saga: all of the first ones, and all of the last ones.
const FIRST: usize = 10;
const LAST: usize = 8;

testkit::on_both_databases! {
    template: TEMPLATE;

    async fn every_part_fails_and_is_repeated(database: testkit::TestDatabase) {
        let world = World::new(&database, Safeguards::ALL).await;
        let (mut sagas, mut faults) = (0, 0);
        for (behaviour, end) in SAGAS {
            let payee = format!("{behaviour}:ada");
            let (id, parts) = world.saga(&payee, Plan::NOTHING).await;
            assert_eq!(world.read(id).await.state.as_str(), end, "{behaviour}");
            sagas += 1;
            for part in (0..parts).filter(|part| *part < FIRST || part + LAST >= parts) {
                for fault in [Fault::CrashBefore(Duration::ZERO), Fault::CrashAfter(20 * HOUR), Fault::Repeat] {
                    let (id, _) = world.saga(&payee, Plan { part, fault: Some(fault) }).await;
                    let state = world.read(id).await.state.as_str();
                    // A process that is away until the key's time has passed leaves a payout that was never sent, or
                    // that the provider refuses, to people.
                    let late = matches!(fault, Fault::CrashAfter(_)) && (state == "DECLINED");
                    assert!(state == end || late, "{behaviour}, {fault:?} at part {part}: {state}");
                    faults += 1;
                }
            }
        }
        let findings = world.check().await;
        assert!(findings.0.is_empty(), "{:#?}", findings.0);
        println!("{sagas} sagas, {faults} faults, nothing found wrong");
    }
}
