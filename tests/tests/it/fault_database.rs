//! PostgreSQL itself is killed while four processes work on it: what was acknowledged is there, nothing is paid twice.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use amends::role::Role;
use amends_tests::checker::Checker;
use amends_tests::databases::Databases;
use amends_tests::processes::Processes;
use amends_tests::report;
use testkit::postgres::{Cluster, ClusterOptions};

use crate::fault_load::{CONFIG, Load};

/// Times that the server is killed, half of them with all its processes at once.
const KILLS: u32 = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_of_the_database_lose_nothing_and_pay_nothing_twice() {
    // Recovery begins with a sync of all files; one by one that takes longer than everything else.
    let settings = vec![("recovery_init_sync_method".to_owned(), "syncfs".to_owned())];
    let cluster = Cluster::start_new(ClusterOptions { settings, ..ClusterOptions::default() }).await;
    let databases = Databases::create_in(&cluster, "fault_database").await;
    let binary = Path::new(env!("CARGO_BIN_EXE_amends_node"));
    let processes = Processes::start_on(databases, binary, "fault_database", CONFIG, &[]).await;
    let load = Load::on(&processes);

    let answered = || load.felt().answered.load(Ordering::Relaxed);
    let repeated = || load.felt().repeated.load(Ordering::Relaxed);
    let kills = async {
        for number in 0..KILLS {
            // Only what works can be interrupted.
            let before = answered();
            testkit::eventually("work goes on", Duration::from_secs(30), || async {
                (answered() > before + 10).then_some(())
            })
            .await;
            let felt = repeated();
            if number % 2 == 0 {
                cluster.kill9().await;
            } else {
                cluster.stop_immediate().await;
            }
            testkit::eventually("clients feel that it is down", Duration::from_secs(30), || async {
                (repeated() > felt).then_some(())
            })
            .await;
            cluster.start().await;
        }
    };
    let ((), done) = load.until(kills).await;

    // The same processes, and none of them was restarted: they have found the server again by themselves.
    let checker = Checker::of_databases(&processes.databases).await;
    let counted = done.assert_whole(&load, &checker).await;
    let mut again = 0;
    for role in Role::ALL {
        again += checker.sent_again(role).await;
    }
    assert!(again > 0, "no durable call was interrupted");
    report(&format!(
        "{KILLS} kills of the database: {again} durable calls sent again; {} requests repeated by clients, {} answered a \
         second time; {} customers, {counted:?}",
        repeated(),
        load.felt().replayed.load(Ordering::Relaxed),
        done.len()
    ));
}
