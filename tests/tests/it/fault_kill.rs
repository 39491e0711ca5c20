//! Four processes on PostgreSQL, killed a hundred times while they work: nothing lost, nothing paid twice.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use amends::role::Role;
use amends_tests::checker::Checker;
use amends_tests::processes::Processes;
use amends_tests::report;
use tokio::time::Instant;
use uuid::Uuid;

use crate::fault_load::{CONFIG, Load};

/// Processes killed in a run.
const KILLS: u32 = 100;
/// Who has its work from intake is not killed just after intake.
const ORDER: [Role; 4] = [Role::Intake, Role::Followup, Role::Routing, Role::Compensation];
/// How long the killer waits for a process to be in the middle of something.
const AIM: Duration = Duration::from_millis(600);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_kills_lose_nothing_and_pay_nothing_twice() {
    let binary = Path::new(env!("CARGO_BIN_EXE_amends_node"));
    let mut processes = Processes::start(binary, "fault_kill", CONFIG).await;
    let load = Load::on(&processes);
    let checker = Checker::of_databases(&processes.databases).await;

    let mut interrupted: BTreeMap<Role, usize> = BTreeMap::new();
    let mut hit = 0;
    let kills = async {
        let mut known: BTreeMap<Role, BTreeSet<(Uuid, i64)>> = BTreeMap::new();
        for number in 0..KILLS {
            let role = ORDER[(number as usize) % ORDER.len()];
            let known = known.entry(role).or_default();
            // Best of all while it sends something.
            let aim = Instant::now() + AIM;
            while checker.leases(role).await.is_subset(known) && Instant::now() < aim {}
            processes.kill(role);
            // Leases that were there at the last kill are not this one's doing.
            let leases = checker.leases(role).await;
            let cut_off = leases.difference(known).count();
            *interrupted.entry(role).or_default() += cut_off;
            hit += u32::from(cut_off > 0);
            known.extend(leases);
            processes.spawn(role);
        }
    };
    let ((), done) = load.until(kills).await;

    assert_eq!(processes.kills, KILLS);
    for role in Role::ALL {
        processes.serving(role).await;
    }
    let counted = done.assert_whole(&load, &checker).await;
    let mut again = BTreeMap::new();
    for role in Role::ALL {
        again.insert(role, checker.sent_again(role).await);
        assert!(interrupted[&role] > 0, "no kill of {role} interrupted a call: {interrupted:?}");
        assert!(again[&role] > 0, "no call of {role} was sent again: {again:?}");
    }
    let (repeated, replayed) =
        (load.felt().repeated.load(Ordering::Relaxed), load.felt().replayed.load(Ordering::Relaxed));
    assert!(repeated > 0, "no client felt a kill");
    report(&format!(
        "{KILLS} kills of processes, {hit} of them with durable calls under way: {interrupted:?} interrupted, {again:?} \
         sent again; {repeated} requests repeated by clients, {replayed} answered a second time; {} customers, {counted:?}",
        done.len()
    ));
}
