//! Customers and their identities.

use api::common::{ContactPoint, contact_point};
use api::intake as pb;
use kernel::ServiceError;
use testkit::{TestDatabase, on_both_databases};
use tonic::Response;

use crate::harness::{Intake, SCHEMA, as_backend, complaint, customer, error, identity};

async fn resolve(intake: &Intake, request_id: &str, customer: pb::Customer) -> Result<pb::Customer, ServiceError> {
    let request = pb::ResolveCustomerRequest { request_id: request_id.to_owned(), customer: Some(customer) };
    intake.client.clone().resolve_customer(as_backend(request)).await.map(Response::into_inner).map_err(error)
}

fn known_by(identities: &[(&str, &str)]) -> pb::Customer {
    pb::Customer {
        identities: identities.iter().map(|(source, value)| identity(source, value)).collect(),
        ..Default::default()
    }
}

on_both_databases! {
    template: SCHEMA;

    async fn a_customer_is_found_by_any_identity_and_learns_the_others(database: TestDatabase) {
        let intake = Intake::start(database).await;
        let first = resolve(&intake, "1", known_by(&[("email", "Ada@Example.com")])).await.unwrap();
        let again = resolve(&intake, "2", known_by(&[("crm", "7"), ("email", "ada@example.COM")])).await.unwrap();
        let by_crm = resolve(&intake, "3", known_by(&[("crm", "7")])).await.unwrap();
        assert_eq!((&again.name, &by_crm.name), (&first.name, &first.name));
        assert_eq!(by_crm.identities, [identity("crm", "7"), identity("email", "ada@example.com")]);
        let other = resolve(&intake, "4", known_by(&[("crm", "8"), ("app", "ADA")])).await.unwrap();
        let cased = resolve(&intake, "5", known_by(&[("app", "ada")])).await.unwrap();
        assert!(other.name != first.name && cased.name != other.name, "only e-mail is compared without case");
        let shown = pb::GetCustomerRequest { name: first.name.clone() };
        assert_eq!(intake.client.clone().get_customer(as_backend(shown)).await.unwrap().into_inner(), by_crm);
    }

    async fn identities_of_different_customers_are_a_conflict_and_change_nothing(database: TestDatabase) {
        let intake = Intake::start(database).await;
        let one = resolve(&intake, "1", known_by(&[("crm", "1")])).await.unwrap();
        let two = resolve(&intake, "2", known_by(&[("crm", "2")])).await.unwrap();
        let torn = known_by(&[("crm", "1"), ("crm", "2"), ("crm", "3")]);
        let refused = resolve(&intake, "3", torn.clone()).await.unwrap_err();
        assert_eq!(refused.reason, "IDENTITY_CONFLICT");
        assert!(refused.metadata["customers"].contains(&one.name) && refused.metadata["customers"].contains(&two.name));
        let mut request = complaint(&intake, "4", "unused");
        request.customer = Some(torn);
        assert_eq!(intake.open(request).await.unwrap_err().reason, "IDENTITY_CONFLICT");
        assert_eq!((intake.count("customer_identities").await, intake.count("cases").await), (2, 0));
    }

    async fn what_a_request_says_is_kept_and_the_same_request_says_it_once(database: TestDatabase) {
        let intake = Intake::start(database).await;
        let first = resolve(&intake, "1", customer("ada")).await.unwrap();
        assert_eq!(resolve(&intake, "1", customer("ada")).await.unwrap(), first);
        let reused = resolve(&intake, "1", customer("bob")).await.unwrap_err();
        assert_eq!(reused.reason, "IDEMPOTENCY_KEY_REUSED");
        let phone = ContactPoint { kind: contact_point::Kind::Phone.into(), address: "+491701234567".to_owned() };
        let more = pb::Customer {
            display_name: "Ada L.".to_owned(),
            contact_points: vec![phone.clone()],
            tier: "gold".to_owned(),
            language: "de-AT".to_owned(),
            ..customer("ada")
        };
        let updated = resolve(&intake, "2", more).await.unwrap();
        assert_eq!((updated.name, updated.display_name.as_str(), updated.tier.as_str()), (first.name, "Ada L.", "gold"));
        assert_eq!(updated.contact_points, [phone, first.contact_points[0].clone()]);
        assert_eq!(intake.count("customers").await, 1);
    }

    async fn one_customer_however_many_make_it_at_once(database: TestDatabase) {
        let intake = Intake::start(database).await;
        let mut processes = vec![];
        if intake.is_postgres() {
            processes.push(intake.another().await);
        }
        processes.push(intake);
        let mut calls = vec![];
        for (index, process) in processes.iter().enumerate() {
            for n in 0..30 {
                // Every call knows the e-mail address, and each one more of the others.
                let mut request = complaint(process, &format!("{index}-{n}"), "unused");
                let (email, crm) = ("ada@example.com", format!("{}", n % 5));
                request.customer = Some(known_by(&[("crm", &crm), ("email", email)]));
                calls.push(async move { process.open(request).await });
            }
        }
        let expected = calls.len();
        let answers = futures::future::join_all(calls).await;
        let mut owners: Vec<String> = answers.into_iter().map(|answer| answer.unwrap().case.unwrap().customer).collect();
        assert_eq!(owners.len(), expected);
        owners.dedup();
        assert_eq!(owners.len(), 1, "{owners:?}");
        let intake = &processes[0];
        assert_eq!((intake.count("customers").await, intake.count("customer_identities").await), (1, 6));
    }
}
