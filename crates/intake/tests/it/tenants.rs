//! Nothing of a tenant is there for another one.

use api::extension::milestone::Kind;
use api::intake as pb;
use kernel::ErrorCode;
use testkit::{TestDatabase, on_both_databases};
use tonic::{Request, Status};

use crate::harness::{Intake, SCHEMA, as_client, batch, complaint, disruption, error};

fn foreign<T>(message: T) -> Request<T> {
    as_client("other", "backend", message)
}

fn is_not_found(what: &str, status: Status) {
    let error = error(status);
    assert_eq!((error.code, error.reason.as_str()), (ErrorCode::NotFound, "RESOURCE_NOT_FOUND"), "{what}");
}

on_both_databases! {
    template: SCHEMA;

    async fn another_tenant_s_names_do_not_exist(database: TestDatabase) {
        let intake = Intake::start(database).await;
        let flight = intake.report_disruption(disruption(&intake, "1", "UA1545")).await.unwrap().name;
        let case = intake.case_of("2", "ada").await;
        let (before, name, request_id, text) = (intake.written().await, case.name.clone(), "3".to_owned(), "text".to_owned());
        let mut client = intake.client.clone();

        is_not_found("GetCase", client.get_case(foreign(pb::GetCaseRequest { name: name.clone() })).await.unwrap_err());
        is_not_found("WatchCase", client.watch_case(foreign(pb::WatchCaseRequest { name: name.clone() })).await.err().unwrap());
        let get = pb::GetCustomerRequest { name: case.customer.clone() };
        is_not_found("GetCustomer", client.get_customer(foreign(get)).await.unwrap_err());
        let get = pb::GetDisruptionRequest { name: flight.clone() };
        is_not_found("GetDisruption", client.get_disruption(foreign(get)).await.unwrap_err());
        let timeline = pb::GetCustomerTimelineRequest { customer: case.customer.clone(), ..Default::default() };
        is_not_found("GetCustomerTimeline", client.get_customer_timeline(foreign(timeline)).await.unwrap_err());
        let cases = client.list_cases(foreign(pb::ListCasesRequest::default())).await.unwrap();
        assert_eq!(cases.into_inner().cases, []);
        assert_eq!(intake.written().await, before);

        let ask = pb::AskQuestionRequest { request_id: request_id.clone(), name: name.clone(), question: text.clone(), ..Default::default() };
        is_not_found("AskQuestion", client.ask_question(foreign(ask)).await.unwrap_err());
        let found = pb::RecordFindingRequest { request_id: request_id.clone(), name: name.clone(), finding: text.clone(), ..Default::default() };
        is_not_found("RecordFinding", client.record_finding(foreign(found)).await.unwrap_err());
        let reopen = pb::ReopenCaseRequest { request_id: request_id.clone(), name: name.clone(), reason: text.clone(), ..Default::default() };
        is_not_found("ReopenCase", client.reopen_case(foreign(reopen)).await.unwrap_err());
        let wish = pb::SetRequestedRemedyRequest { request_id: request_id.clone(), name: name.clone(), requested_remedy: text, ..Default::default() };
        is_not_found("SetRequestedRemedy", client.set_requested_remedy(foreign(wish)).await.unwrap_err());
        let add = futures::stream::iter(vec![batch("4", &flight, &["ada"])]);
        is_not_found("AddAffected", client.add_affected(foreign(add)).await.unwrap_err());
        let milestones = vec![intake.milestone(&name, Kind::WorkOpened, "w", &[])];
        let report = api::extension::ReportMilestonesRequest { request_id, milestones };
        is_not_found("ReportMilestones", intake.sink.clone().report_milestones(foreign(report)).await.unwrap_err());
        assert_eq!(intake.case(&name).await, case);
    }

    async fn the_same_identities_request_ids_and_external_ids_are_independent(database: TestDatabase) {
        let intake = Intake::start(database).await;
        let ours = intake.case_of("1", "ada").await;
        let theirs = intake.client.clone().open_case(foreign(complaint(&intake, "1", "ada"))).await.unwrap().into_inner();
        let theirs = theirs.case.unwrap();
        assert!(theirs.name != ours.name && theirs.customer != ours.customer);
        let flight = intake.report_disruption(disruption(&intake, "2", "UA1545")).await.unwrap();
        let their_flight = intake.client.clone().report_disruption(foreign(disruption(&intake, "2", "UA1545"))).await.unwrap();
        assert_ne!(their_flight.into_inner().name, flight.name);
        assert_eq!(intake.count("customers").await, 2);
    }
}
