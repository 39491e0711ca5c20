//! Disruptions and whom they hit.

use api::intake as pb;
use api::intake::case::Origin;
use api::routing::OpenWorkRequest;
use kernel::{ErrorCode, ServiceError};
use testkit::{TestDatabase, on_both_databases};
use tonic::Response;

use crate::harness::{Intake, SCHEMA, as_backend, batch, disruption, error, facts, integer, violations};

async fn shown(intake: &Intake, name: &str) -> Result<pb::Disruption, ServiceError> {
    let request = pb::GetDisruptionRequest { name: name.to_owned() };
    intake.client.clone().get_disruption(as_backend(request)).await.map(Response::into_inner).map_err(error)
}

on_both_databases! {
    template: SCHEMA;

    async fn a_disruption_is_known_by_the_company_s_own_id(database: TestDatabase) {
        let intake = Intake::start(database).await;
        let first = intake.report_disruption(disruption(&intake, "1", "UA1545")).await.unwrap();
        assert_eq!(intake.report_disruption(disruption(&intake, "1", "UA1545")).await.unwrap(), first);
        assert_eq!(intake.report_disruption(disruption(&intake, "2", "UA1545")).await.unwrap(), first);
        let mut other = disruption(&intake, "3", "UA1545");
        other.disruption.as_mut().unwrap().delivered = "a bus".to_owned();
        let refused = intake.report_disruption(other).await.unwrap_err();
        assert_eq!((refused.code, refused.reason.as_str()), (ErrorCode::AlreadyExists, "DISRUPTION_EXISTS"));
        assert_eq!(refused.metadata["disruption"], first.name);
        assert_eq!(shown(&intake, &first.name).await.unwrap(), first);
        assert_eq!(intake.count("disruptions").await, 1);
    }

    async fn every_affected_customer_gets_one_case(database: TestDatabase) {
        let intake = Intake::start(database).await;
        let name = intake.report_disruption(disruption(&intake, "1", "UA1545")).await.unwrap().name;
        let mut first = batch("2", &name, &["ada", "bob", "ada"]);
        first.affected[1].facts = facts([("delay_minutes", integer(240)), ("seat", integer(7))]);
        let batches = vec![first, batch("3", &name, &["bob", "eve"])];
        let results = intake.add(batches.clone()).await.unwrap();
        let added: Vec<bool> = results.iter().map(|result| result.already_added).collect();
        assert_eq!(added, [false, false, true, true, false]);
        assert_eq!((&results[2].case, &results[3].case), (&results[0].case, &results[1].case));
        assert_eq!(intake.add(batches).await.unwrap(), results, "each batch is safe to repeat");
        let with_new_id = intake.add(vec![batch("4", &name, &["eve"])]).await.unwrap();
        assert_eq!((&with_new_id[0].case, with_new_id[0].already_added), (&results[4].case, true));

        assert_eq!(shown(&intake, &name).await.unwrap().affected_count, 3);
        assert_eq!((intake.count("cases").await, intake.count("customers").await), (3, 3));
        let bob = intake.case(&results[1].case).await;
        assert_eq!((bob.origin(), &bob.disruption), (Origin::Disruption, &name));
        assert_eq!(bob.event.unwrap().facts, facts([("delay_minutes", integer(240)), ("seat", integer(7))]));
        let work: Vec<OpenWorkRequest> = intake.requests("OpenWork").await;
        assert!(work.len() == 3 && work.iter().all(|work| work.unattended));
        assert_eq!(intake.commanded("followup").await, ["SendMessage"; 3]);
    }

    async fn a_bad_batch_ends_the_stream_and_the_batches_before_it_stand(database: TestDatabase) {
        let intake = Intake::start(database).await;
        let name = intake.report_disruption(disruption(&intake, "1", "UA1545")).await.unwrap().name;
        let mut bad = batch("3", &name, &["eve", "mallory"]);
        bad.affected[1].customer = None;
        let refused = intake.add(vec![batch("2", &name, &["ada"]), bad.clone(), batch("4", &name, &["zoe"])]).await.unwrap_err();
        assert_eq!(violations(&refused), [("affected[1].customer".to_owned(), "REQUIRED".to_owned())]);
        assert_eq!(intake.count("cases").await, 1);
        let rest = intake.add(vec![batch("2", &name, &["ada"]), batch("4", &name, &["zoe"])]).await.unwrap();
        assert_eq!((rest.len(), intake.count("cases").await), (2, 2));

        let unknown = "disruptions/00000000-0000-0000-0000-000000000001";
        let refused = intake.add(vec![batch("5", unknown, &["ada"])]).await.unwrap_err();
        assert_eq!((refused.code, refused.metadata["resource"].as_str()), (ErrorCode::NotFound, unknown));
        let mixed = intake.add(vec![batch("2", &name, &["ada"]), batch("6", unknown, &["ada"])]).await.unwrap_err();
        assert_eq!(violations(&mixed), [("disruption".to_owned(), "DIFFERS".to_owned())]);
        assert_eq!(violations(&intake.add(vec![]).await.unwrap_err()), [(String::new(), "REQUIRED".to_owned())]);
    }

    async fn a_batch_with_a_torn_customer_adds_nobody(database: TestDatabase) {
        let intake = Intake::start(database).await;
        let name = intake.report_disruption(disruption(&intake, "1", "UA1545")).await.unwrap().name;
        intake.add(vec![batch("2", &name, &["ada", "bob"])]).await.unwrap();
        let mut torn = batch("3", &name, &["new", "ada"]);
        let identities = &mut torn.affected[1].customer.as_mut().unwrap().identities;
        identities.push(crate::harness::identity("crm", "bob"));
        let before = intake.count("customers").await;
        let refused = intake.add(vec![torn.clone()]).await.unwrap_err();
        assert_eq!((refused.reason.as_str(), refused.metadata["field"].as_str()), ("IDENTITY_CONFLICT", "affected[1].customer"));
        assert_eq!(intake.add(vec![torn]).await.unwrap_err().reason, "IDENTITY_CONFLICT", "the no is on record");
        assert_eq!(intake.count("customers").await, before);
        let many: Vec<(String, _)> = (0..32).map(|n| (format!("fact_{n}"), integer(n))).collect();
        let mut crowded = disruption(&intake, "4", "crowded");
        let event = crowded.disruption.as_mut().unwrap().event.as_mut().unwrap();
        event.facts = (0..40).map(|n| (format!("known_{n}"), integer(n))).collect();
        let crowded = intake.report_disruption(crowded).await.unwrap().name;
        let mut over = batch("5", &crowded, &["ada"]);
        over.affected[0].facts = many.into_iter().collect();
        let refused = intake.add(vec![over]).await.unwrap_err();
        assert_eq!(violations(&refused), [("affected[0].facts".to_owned(), "TOO_MANY_ITEMS".to_owned())]);
    }

    async fn batches_of_several_processes_add_each_customer_once(database: TestDatabase) {
        let intake = Intake::start(database).await;
        let name = intake.report_disruption(disruption(&intake, "1", "UA1545")).await.unwrap().name;
        let mut processes = vec![];
        if intake.is_postgres() {
            processes.push(intake.another().await);
        }
        processes.push(intake);
        let ids: Vec<String> = (0..40).map(|n| format!("c{n}")).collect();
        let mut calls = vec![];
        for (index, process) in processes.iter().enumerate() {
            for n in 0..8 {
                // Overlapping, and in both directions.
                let mut customers: Vec<&str> = ids.iter().cycle().skip(n * 5).take(20).map(String::as_str).collect();
                if n % 2 == 1 {
                    customers.reverse();
                }
                let add = batch(&format!("{index}-{n}"), &name, &customers);
                calls.push(async move { process.add(vec![add]).await });
            }
        }
        let answers = futures::future::join_all(calls).await;
        let fresh = answers.iter().flat_map(|answer| answer.as_ref().unwrap()).filter(|result| !result.already_added);
        assert_eq!(fresh.count(), 40);
        let intake = &processes[0];
        assert_eq!((intake.count("cases").await, intake.count("customers").await), (40, 40));
        assert_eq!(shown(intake, &name).await.unwrap().affected_count, 40);
    }
}
