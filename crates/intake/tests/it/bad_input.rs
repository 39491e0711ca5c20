//! Bad requests: every violation is listed, and nothing is written.

use api::common::{self, ContactPoint, FailureEvent};
use api::extension::{Milestone, ReportMilestonesRequest};
use api::google::r#type::Money;
use api::intake as pb;
use kernel::ServiceError;
use prost_types::Timestamp;
use testkit::{TestDatabase, on_both_databases};
use tonic::Response;

use crate::harness::{
    Intake, SCHEMA, as_backend, batch, complaint, customer, disruption, error, facts, identity, integer, violations,
};

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(field, reason)| ((*field).to_owned(), (*reason).to_owned())).collect()
}

fn fact(value: common::fact::Value) -> common::Fact {
    common::Fact { value: Some(value) }
}

on_both_databases! {
    template: SCHEMA;

    async fn a_thoroughly_bad_complaint(database: TestDatabase) {
        let intake = Intake::start(database).await;
        let before = intake.written().await;
        let money = Money { currency_code: "eur".to_owned(), units: 1, nanos: 0 };
        let request = pb::OpenCaseRequest {
            request_id: "two words".to_owned(),
            customer: Some(pb::Customer {
                display_name: "x".repeat(201),
                identities: vec![identity("Email", "ada"), identity("email", "ada"), identity("", "\u{200b}")],
                contact_points: vec![
                    ContactPoint { kind: 99, address: "x".to_owned() },
                    ContactPoint { kind: 1, address: "nobody".to_owned() },
                    ContactPoint { kind: 2, address: "12345".to_owned() },
                ],
                tier: "x".repeat(33),
                language: "de_DE".to_owned(),
                ..Default::default()
            }),
            case: Some(pb::Case {
                expected: "x".repeat(2_001),
                delivered: "a\0b".to_owned(),
                event: Some(FailureEvent {
                    kind: "Parcel".to_owned(),
                    occurred_at: Some(Timestamp { seconds: 0, nanos: 0 }),
                    reference: "x".repeat(129),
                    facts: facts([
                        ("Bad", integer(1)),
                        ("empty", common::Fact { value: None }),
                        ("long", fact(common::fact::Value::Text("x".repeat(513)))),
                        ("price", fact(common::fact::Value::Money(money))),
                        ("when", fact(common::fact::Value::Time(Timestamp { seconds: i64::MAX, nanos: -1 }))),
                    ]),
                }),
                severity: 99,
                requested_remedy: "x".repeat(2_001),
                ..Default::default()
            }),
        };
        let refused = intake.open(request).await.unwrap_err();
        assert_eq!(refused.reason, "INVALID_FIELDS");
        assert_eq!(violations(&refused), pairs(&[
            ("request_id", "REQUEST_ID"),
            ("customer.display_name", "LENGTH"),
            ("customer.identities[0].source", "PATTERN"),
            ("customer.identities[1].value", "ADDRESS"),
            ("customer.identities[2].source", "REQUIRED"),
            ("customer.identities[2].value", "REQUIRED"),
            ("customer.contact_points[0].kind", "UNKNOWN_ENUM_VALUE"),
            ("customer.contact_points[1].address", "ADDRESS"),
            ("customer.contact_points[2].address", "ADDRESS"),
            ("customer.tier", "LENGTH"),
            ("customer.language", "LANGUAGE_TAG"),
            ("case.expected", "LENGTH"),
            ("case.delivered", "NUL_CHARACTER"),
            ("case.event.kind", "PATTERN"),
            ("case.event.occurred_at", "CLOCK_SKEW"),
            ("case.event.reference", "LENGTH"),
            ("case.event.facts", "PATTERN"),
            ("case.event.facts[empty]", "REQUIRED"),
            ("case.event.facts[long].text", "LENGTH"),
            ("case.event.facts[price].money", "UNKNOWN_CURRENCY"),
            ("case.event.facts[when].time", "TIMESTAMP_RANGE"),
            ("case.severity", "UNKNOWN_ENUM_VALUE"),
            ("case.requested_remedy", "LENGTH"),
        ]));
        let empty = intake.open(pb::OpenCaseRequest::default()).await.unwrap_err();
        assert_eq!(violations(&empty), pairs(&[("request_id", "REQUIRED"), ("customer", "REQUIRED"), ("case", "REQUIRED")]));
        assert_eq!(intake.written().await, before);
    }

    async fn too_many_and_too_few(database: TestDatabase) {
        let intake = Intake::start(database).await;
        let before = intake.written().await;
        let mut request = complaint(&intake, "1", "ada");
        let crowd = pb::Customer {
            identities: (0..17).map(|n| identity("crm", &n.to_string())).collect(),
            contact_points: (0..9).map(|n| ContactPoint { kind: 3, address: n.to_string() }).collect(),
            ..customer("ada")
        };
        request.customer = Some(crowd);
        let event = request.case.as_mut().unwrap().event.as_mut().unwrap();
        event.facts = (0..65).map(|n| (format!("fact_{n}"), integer(n))).collect();
        event.occurred_at = None;
        event.kind = String::new();
        assert_eq!(violations(&intake.open(request).await.unwrap_err()), pairs(&[
            ("customer.identities", "TOO_MANY_ITEMS"),
            ("customer.contact_points", "TOO_MANY_ITEMS"),
            ("case.event.kind", "REQUIRED"),
            ("case.event.occurred_at", "REQUIRED"),
            ("case.event.facts", "TOO_MANY_ITEMS"),
        ]));
        let resolve = pb::ResolveCustomerRequest { request_id: String::new(), customer: Some(pb::Customer::default()) };
        let refused = intake.client.clone().resolve_customer(as_backend(resolve)).await.unwrap_err();
        assert_eq!(violations(&error(refused)), pairs(&[("request_id", "REQUIRED"), ("customer.identities", "REQUIRED")]));
        let mut report = disruption(&intake, "", "");
        report.disruption.as_mut().unwrap().severity = 0;
        report.disruption.as_mut().unwrap().event = None;
        assert_eq!(violations(&intake.report_disruption(report).await.unwrap_err()), pairs(&[
            ("request_id", "REQUIRED"),
            ("disruption.external_id", "REQUIRED"),
            ("disruption.event", "REQUIRED"),
            ("disruption.severity", "UNKNOWN_ENUM_VALUE"),
        ]));
        let ids: Vec<String> = (0..501).map(|n| n.to_string()).collect();
        let many = batch("1", "disruptions/x", &ids.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(violations(&intake.add(vec![many]).await.unwrap_err()), pairs(&[
            ("disruption", "RESOURCE_NAME"),
            ("affected", "TOO_MANY_ITEMS"),
        ]));
        assert_eq!(intake.written().await, before);
    }

    async fn bad_names_texts_and_pages(database: TestDatabase) {
        let intake = Intake::start(database).await;
        let mut client = intake.client.clone();
        let before = intake.written().await;
        for name in ["", "cases/", "cases/7", "customers/00000000-0000-0000-0000-000000000007", "cases/00000000-0000-0000-0000-000000000000"] {
            let refused = client.get_case(as_backend(pb::GetCaseRequest { name: name.to_owned() })).await.unwrap_err();
            let reason = if name.is_empty() { "REQUIRED" } else { "RESOURCE_NAME" };
            assert_eq!(violations(&error(refused)), pairs(&[("name", reason)]), "{name}");
        }
        let expected = |field| pairs(&[("request_id", "REQUIRED"), ("name", "REQUIRED"), (field, "REQUIRED"), ("etag", "LENGTH")]);
        let etag = "x".repeat(64);
        let ask = pb::AskQuestionRequest { etag: etag.clone(), ..Default::default() };
        assert_eq!(violations(&error(client.ask_question(as_backend(ask)).await.unwrap_err())), expected("question"));
        let found = pb::RecordFindingRequest { etag: etag.clone(), ..Default::default() };
        assert_eq!(violations(&error(client.record_finding(as_backend(found)).await.unwrap_err())), expected("finding"));
        let wish = pb::SetRequestedRemedyRequest { etag: etag.clone(), ..Default::default() };
        assert_eq!(violations(&error(client.set_requested_remedy(as_backend(wish)).await.unwrap_err())), expected("requested_remedy"));
        let reopen = pb::ReopenCaseRequest { etag, ..Default::default() };
        assert_eq!(violations(&error(client.reopen_case(as_backend(reopen)).await.unwrap_err())), expected("reason"));
        let list = pb::ListCasesRequest {
            page_size: -1,
            state: 99,
            customer: "x".to_owned(),
            disruption: "y".to_owned(),
            ..Default::default()
        };
        assert_eq!(violations(&error(client.list_cases(as_backend(list)).await.unwrap_err())), pairs(&[
            ("page_size", "NEGATIVE"),
            ("state", "UNKNOWN_ENUM_VALUE"),
            ("customer", "RESOURCE_NAME"),
            ("disruption", "RESOURCE_NAME"),
        ]));
        let timeline = pb::GetCustomerTimelineRequest { page_size: -1, case: "x".to_owned(), ..Default::default() };
        assert_eq!(violations(&error(client.get_customer_timeline(as_backend(timeline)).await.unwrap_err())), pairs(&[
            ("customer", "REQUIRED"),
            ("case", "RESOURCE_NAME"),
            ("page_size", "NEGATIVE"),
        ]));
        assert_eq!(intake.written().await, before);
    }

    async fn bad_milestones(database: TestDatabase) {
        let intake = Intake::start(database).await;
        let before = intake.written().await;
        let report = |request: ReportMilestonesRequest| {
            let mut sink = intake.sink.clone();
            async move {
                let answer: Result<_, ServiceError> = sink.report_milestones(as_backend(request)).await.map(Response::into_inner).map_err(error);
                violations(&answer.unwrap_err())
            }
        };
        assert_eq!(report(ReportMilestonesRequest::default()).await, pairs(&[("request_id", "REQUIRED"), ("milestones", "REQUIRED")]));
        let bad = Milestone {
            kind: 19,
            case: "cases/x".to_owned(),
            subject: String::new(),
            happened_at: None,
            summary: "x".repeat(513),
            attributes: [("k".repeat(64), "v".to_owned()), ("long".to_owned(), "v".repeat(513))].into(),
        };
        let crowded = Milestone { attributes: (0..17).map(|n| (n.to_string(), String::new())).collect(), ..bad.clone() };
        let found = report(ReportMilestonesRequest { request_id: "1".to_owned(), milestones: vec![bad, crowded] }).await;
        let one = |index: usize, last: &[(&str, &str)]| {
            let mut all = vec![("kind", "UNKNOWN_ENUM_VALUE"), ("case", "RESOURCE_NAME"), ("subject", "REQUIRED"), ("happened_at", "REQUIRED"), ("summary", "LENGTH")];
            all.extend_from_slice(last);
            all.into_iter().map(move |(field, reason)| (format!("milestones[{index}].{field}"), reason.to_owned())).collect::<Vec<_>>()
        };
        let expected = [
            one(0, &[("attributes", "PATTERN"), ("attributes[long]", "LENGTH")]),
            one(1, &[("attributes", "TOO_MANY_ITEMS")]),
        ];
        assert_eq!(found, expected.concat());
        assert_eq!(intake.written().await, before);
    }
}
