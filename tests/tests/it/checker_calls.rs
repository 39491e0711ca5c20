//! The checker of calls, payouts, decisions, tenants, acknowledgements and endings finds nothing in a sound suite, and each
//! tampering.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use amends::role::Role::{self, Compensation, Followup, Intake, Routing};
use amends_tests::checker::{Acknowledged, Checker, Findings, Said};
use amends_tests::in_process::InProcess;
use api::compensation::compensation_service_client::CompensationServiceClient;
use api::compensation::ledger_service_client::LedgerServiceClient;
use api::compensation::respond_to_offer_request::Response as OfferResponse;
use api::compensation::{
    FreezePayoutsRequest, ListOffersRequest, RespondToOfferRequest, UnfreezePayoutsRequest, remedy_line,
};
use api::intake::intake_service_client::IntakeServiceClient;
use api::intake::{AddAffectedRequest, Case, OpenCaseRequest, ReportDisruptionRequest};
use testkit::Backend;

use crate::support::{affected, customer, disruption, event, integer, money, tamper};

/// A refund that was paid, an offer that waits for its answer, and a complaint that waits for a person.
async fn fill(suite: &InProcess) -> Vec<Acknowledged> {
    let mut ledger = LedgerServiceClient::new(suite.channel());
    let (reason, by) = ("a test".to_owned(), "Ada".to_owned());
    let freeze = FreezePayoutsRequest { request_id: "f".to_owned(), reason: reason.clone(), changed_by: by.clone() };
    ledger.freeze_payouts(freeze).await.unwrap();
    let unfreeze = UnfreezePayoutsRequest { request_id: "u".to_owned(), reason, changed_by: by };
    ledger.unfreeze_payouts(unfreeze).await.unwrap();
    let mut intake = IntakeServiceClient::new(suite.channel());
    let mut compensation = CompensationServiceClient::new(suite.channel());
    let now = kernel::Clock::now(&suite.clock);
    let cancelled = disruption("F1", event("flight.cancelled", now, [("seats", integer(90))]));
    let report = ReportDisruptionRequest { request_id: "r".to_owned(), disruption: Some(cancelled.clone()) };
    let name = intake.report_disruption(report).await.unwrap().into_inner().name;
    let customers =
        ["ann@example.com", "bob@example.com"].map(|email| affected(email, [("ticket_price", money("USD", 9_900))]));
    let batch = AddAffectedRequest { request_id: "b".to_owned(), disruption: name, affected: customers.to_vec() };
    let added = intake.add_affected(futures::stream::iter([batch])).await.unwrap().into_inner().results;
    let mut acknowledged = Vec::new();
    for (result, customer) in added.iter().zip(&customers) {
        let identity = &customer.customer.as_ref().unwrap().identities[0];
        let said = Said {
            identity: (&identity.source, &identity.value),
            expected: &cancelled.expected,
            delivered: &cancelled.delivered,
        };
        acknowledged.push(Acknowledged::new(&result.case, said, cancelled.event.as_ref().unwrap(), &customer.facts));
    }
    let lost = event("parcel.lost", now, [("declared_value", money("EUR", 4_990))]);
    let open = OpenCaseRequest {
        request_id: "c".to_owned(),
        customer: Some(customer("cat@example.com")),
        case: Some(Case { event: Some(lost.clone()), expected: "my parcel".to_owned(), ..Case::default() }),
    };
    let opened = intake.open_case(open).await.unwrap().into_inner().case.unwrap();
    let said = Said { identity: ("email", "cat@example.com"), expected: "my parcel", delivered: "" };
    acknowledged.push(Acknowledged::new(&opened.name, said, &lost, []));
    suite.pass(Duration::from_secs(60)).await;

    let offers = ListOffersRequest { case: added[0].case.clone(), ..Default::default() };
    let offer = compensation.list_offers(offers).await.unwrap().into_inner().offers.remove(0);
    let gives_money = |line: &api::compensation::RemedyLine| line.kind() == remedy_line::Kind::Money;
    let refund = offer.options.iter().find(|option| option.lines.iter().any(gives_money)).unwrap().id.clone();
    let accept = RespondToOfferRequest {
        request_id: "a".to_owned(),
        name: offer.name,
        response: Some(OfferResponse::AcceptOption(refund)),
        consent: String::new(),
    };
    compensation.respond_to_offer(accept).await.unwrap();
    suite.pass(Duration::from_secs(3_600)).await;
    acknowledged
}

/// Each tampering: the invariant that it breaks, whose database, what, and how it is undone.
const TAMPERINGS: &[(&str, Role, &str, &str)] = &[
    (
        "I1",
        Intake,
        "UPDATE cases SET reference = 'B9' WHERE reference = 'A1'",
        "UPDATE cases SET reference = 'A1' WHERE reference = 'B9'",
    ),
    (
        "I1",
        Intake,
        "UPDATE cases SET facts = replace(facts, '9900', '9901')",
        "UPDATE cases SET facts = replace(facts, '9901', '9900')",
    ),
    (
        "I1",
        Intake,
        "UPDATE customer_identities SET value = 'x' || value WHERE value = 'cat@example.com'",
        "UPDATE customer_identities SET value = substr(value, 2) WHERE value = 'xcat@example.com'",
    ),
    (
        "I2",
        Compensation,
        "UPDATE sandbox_executions SET executions = executions + 1",
        "UPDATE sandbox_executions SET executions = executions - 1",
    ),
    (
        "I3",
        Compensation,
        "UPDATE sandbox_executions SET payout_key = 'x' || payout_key",
        "UPDATE sandbox_executions SET payout_key = substr(payout_key, 2)",
    ),
    (
        "I3",
        Compensation,
        "UPDATE payouts SET state = 'SUBMITTING' WHERE state = 'CONFIRMED'",
        "UPDATE payouts SET state = 'CONFIRMED' WHERE state = 'SUBMITTING'",
    ),
    (
        "I3",
        Compensation,
        "UPDATE payouts SET state = 'UNKNOWN' WHERE state = 'CONFIRMED'",
        "UPDATE payouts SET state = 'CONFIRMED' WHERE state = 'UNKNOWN'",
    ),
    (
        "I3",
        Compensation,
        "UPDATE sandbox_executions SET amount_minor = amount_minor + 1",
        "UPDATE sandbox_executions SET amount_minor = amount_minor - 1",
    ),
    (
        "I4",
        Compensation,
        "UPDATE sandbox_executions SET currency = 'EUR'",
        "UPDATE sandbox_executions SET currency = 'USD'",
    ),
    (
        "I4",
        Compensation,
        "UPDATE sandbox_executions SET outcome = 'DECLINED'",
        "UPDATE sandbox_executions SET outcome = 'EXECUTED'",
    ),
    (
        "I5",
        Compensation,
        "UPDATE payouts SET state = 'DECLINED' WHERE state = 'CONFIRMED'",
        "UPDATE payouts SET state = 'CONFIRMED' WHERE state = 'DECLINED'",
    ),
    // What was paid was refused by the customer, or is another case's.
    (
        "I6",
        Compensation,
        "UPDATE offers SET state = 'DECLINED', decline_reason = accepted_option, accepted_option = '' WHERE state = 'ACCEPTED'",
        "UPDATE offers SET state = 'ACCEPTED', accepted_option = decline_reason, decline_reason = '' WHERE state = 'DECLINED'",
    ),
    (
        "I6",
        Compensation,
        "UPDATE payouts SET case_id = id",
        "UPDATE payouts SET case_id = (SELECT r.case_id FROM remedies r WHERE r.id = payouts.remedy_id)",
    ),
    (
        "I7",
        Compensation,
        "UPDATE ledger_entries SET amount_minor = amount_minor + 1 WHERE side = 'DEBIT'",
        "UPDATE ledger_entries SET amount_minor = amount_minor - 1 WHERE side = 'DEBIT'",
    ),
    // The sender was told no, and the receiver has said yes.
    (
        "I11",
        Intake,
        "UPDATE outbound_calls SET state = 'rejected' WHERE state = 'done' AND lane_seq = 1",
        "UPDATE outbound_calls SET state = 'done' WHERE state = 'rejected'",
    ),
    // A second effect of a request, a second request of an effect, an answer without an effect.
    (
        "I12",
        Compensation,
        "INSERT INTO remedies (tenant_id, id, case_id, customer_id, state, event, severity, payee, assessment, version, created_at, updated_at) SELECT tenant_id, case_id, case_id, customer_id, 'SETTLED', event, severity, payee, assessment, 1, created_at, updated_at FROM remedies LIMIT 1",
        "DELETE FROM remedies WHERE id = case_id",
    ),
    (
        "I12",
        Compensation,
        "INSERT INTO inbound_requests (tenant_id, client, method, request_id, request_hash, response, created_at) SELECT tenant_id, 'other', method, request_id, request_hash, response, created_at FROM inbound_requests WHERE method LIKE '%/OpenRemedy' LIMIT 1",
        "DELETE FROM inbound_requests WHERE client = 'other'",
    ),
    (
        "I12",
        Compensation,
        "INSERT INTO inbound_requests (tenant_id, client, method, request_id, request_hash, response, created_at) SELECT 'gone', 'other', method, request_id, request_hash, response, created_at FROM inbound_requests WHERE method LIKE '%/OpenRemedy' LIMIT 1",
        "DELETE FROM inbound_requests WHERE client = 'other'",
    ),
    // Lost on the way: what is done was never received.
    (
        "I13",
        Routing,
        "UPDATE inbound_requests SET client = 'gone:intake' WHERE client = 'service:intake' AND lane IS NULL OR client = 'service:intake' AND lane_seq = 1",
        "UPDATE inbound_requests SET client = 'service:intake' WHERE client = 'gone:intake'",
    ),
    // Invented on the way: what was received was never sent.
    (
        "I13",
        Followup,
        "INSERT INTO inbound_requests (tenant_id, client, method, request_id, request_hash, response, created_at) SELECT tenant_id, 'service:routing', method, request_id, request_hash, x'00', created_at FROM inbound_requests WHERE client = 'service:intake' LIMIT 1",
        "DELETE FROM inbound_requests WHERE client = 'service:routing'",
    ),
    (
        "I14",
        Intake,
        "UPDATE inbound_requests SET lane_seq = lane_seq + 1 WHERE lane_seq >= 2",
        "UPDATE inbound_requests SET lane_seq = lane_seq - 1 WHERE lane_seq >= 2",
    ),
    (
        "I14",
        Intake,
        "UPDATE inbound_requests SET created_at = created_at + 86400000000 WHERE lane_seq = 1",
        "UPDATE inbound_requests SET created_at = created_at - 86400000000 WHERE lane_seq = 1",
    ),
    (
        "I14",
        Followup,
        "UPDATE inbound_lanes SET last_seq = last_seq + 1",
        "UPDATE inbound_lanes SET last_seq = last_seq - 1",
    ),
    (
        "I15",
        Intake,
        "UPDATE outbound_calls SET state = 'leased' WHERE state = 'done' AND lane_seq = 1",
        "UPDATE outbound_calls SET state = 'done' WHERE state = 'leased'",
    ),
    (
        "I15",
        Routing,
        "UPDATE outbound_calls SET state = 'pending' WHERE state = 'done' AND lane_seq = 1",
        "UPDATE outbound_calls SET state = 'done' WHERE state = 'pending' AND lane_seq = 1",
    ),
    // The paid one is not final any more, and has no step before it.
    (
        "I16",
        Compensation,
        "UPDATE payouts SET state = 'RESERVED', first_attempt_at = NULL, key_valid_until = NULL, reason = first_attempt_at || ',' || key_valid_until WHERE state = 'CONFIRMED'",
        "UPDATE payouts SET state = 'CONFIRMED', first_attempt_at = CAST(substr(reason, 1, instr(reason, ',') - 1) AS INTEGER), key_valid_until = CAST(substr(reason, instr(reason, ',') + 1) AS INTEGER), reason = '' WHERE state = 'RESERVED'",
    ),
    // The offer will never run out.
    (
        "I16",
        Compensation,
        "UPDATE outbound_calls SET state = 'cancelled' WHERE state = 'pending' AND method LIKE '%/ExpireOffer'",
        "UPDATE outbound_calls SET state = 'pending' WHERE state = 'cancelled' AND method LIKE '%/ExpireOffer' AND finished_at IS NULL",
    ),
    // Nobody will ever be asked again.
    (
        "I16",
        Followup,
        "UPDATE outbound_calls SET state = 'cancelled' WHERE state = 'pending' AND method LIKE '%/RunPlanStep'",
        "UPDATE outbound_calls SET state = 'pending' WHERE state = 'cancelled' AND method LIKE '%/RunPlanStep' AND finished_at IS NULL",
    ),
    // The remedy waits for what has long been given.
    (
        "I16",
        Compensation,
        "UPDATE remedies SET state = 'GRANTING' WHERE state = 'SETTLED'",
        "UPDATE remedies SET state = 'SETTLED' WHERE state = 'GRANTING'",
    ),
    // A case that nobody works on.
    (
        "I16",
        Routing,
        "UPDATE work_items SET state = 'CANCELLED', skills = state || skills WHERE state IN ('WAITING', 'UNATTENDED')",
        "UPDATE work_items SET state = CASE WHEN skills LIKE 'WAITING%' THEN 'WAITING' ELSE 'UNATTENDED' END, skills = substr(skills, instr(skills, '[')) WHERE state = 'CANCELLED'",
    ),
    // A record that was changed, and an act that nobody wrote down.
    (
        "I19",
        Compensation,
        "UPDATE audit_records SET reason = reason || 'x' WHERE seq = 1",
        "UPDATE audit_records SET reason = substr(reason, 1, length(reason) - 1) WHERE seq = 1",
    ),
    (
        "I19",
        Compensation,
        "INSERT INTO grant_reversals VALUES ('default', 'vouchers/x', NULL, NULL, NULL, 'because', 'ada', 1)",
        "DELETE FROM grant_reversals",
    ),
    // One tenant's case, call and booking, at another one's.
    (
        "I20",
        Compensation,
        "INSERT INTO remedies (tenant_id, id, case_id, customer_id, state, event, severity, payee, assessment, version, created_at, updated_at) SELECT 'other', id, case_id, customer_id, 'SETTLED', event, severity, payee, assessment, 1, created_at, updated_at FROM remedies LIMIT 1",
        "DELETE FROM remedies WHERE tenant_id = 'other'",
    ),
    (
        "I20",
        Routing,
        "UPDATE inbound_requests SET tenant_id = 'other' WHERE client = 'service:intake' AND lane_seq = 1",
        "UPDATE inbound_requests SET tenant_id = 'default' WHERE tenant_id = 'other'",
    ),
    (
        "I20",
        Compensation,
        "UPDATE ledger_transactions SET subject = 'x' || subject",
        "UPDATE ledger_transactions SET subject = substr(subject, 2)",
    ),
    (
        "I22",
        Followup,
        "UPDATE outbound_calls SET state = 'parked' WHERE state = 'pending'",
        "UPDATE outbound_calls SET state = 'pending' WHERE state = 'parked'",
    ),
];

async fn look(checker: &Checker, acknowledged: &[Acknowledged]) -> Vec<String> {
    let (findings, _) = checker.check().await;
    let of_clients: Findings = checker.check_acknowledged(acknowledged).await;
    findings.lines().iter().chain(of_clients.lines()).cloned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_tampering_is_found() {
    let suite = InProcess::start(Backend::Sqlite, "checker-calls").await;
    let acknowledged = fill(&suite).await;
    // Stopped, or its relay would set right what was tampered with.
    let databases = suite.stop().await;
    let checker = Checker::of_databases(&databases).await;
    assert_eq!(look(&checker, &acknowledged).await, [] as [&str; 0]);
    let (_, counted) = checker.check().await;
    assert_eq!((counted.payouts, counted.cases), (1, 3));
    assert!(counted.lanes >= 6 && counted.delivered > 0, "{counted:?}");
    // Its own guards stand in the way.
    for guard in ["ledger_entries_no_UPDATE", "ledger_transactions_no_UPDATE", "grant_reversals_no_DELETE"] {
        tamper(&databases.connect(Compensation).await, &format!("DROP TRIGGER {guard}")).await;
    }
    for (invariant, role, change, undo) in TAMPERINGS {
        let database = databases.connect(*role).await;
        tamper(&database, change).await;
        let found = look(&checker, &acknowledged).await;
        let told = found.iter().any(|line| line.starts_with(&format!("{invariant}:")));
        assert!(told, "{invariant} by {change}: {found:?}");
        tamper(&database, undo).await;
        assert_eq!(look(&checker, &acknowledged).await, [] as [&str; 0], "after {undo}");
    }
    // What follows nothing can undo. A payout that the remedy gave, and that somebody was still to approve.
    let compensation = databases.connect(Compensation).await;
    tamper(&compensation, "UPDATE payouts SET grant_id = remedy_id").await;
    let waits = "INSERT INTO approval_requests SELECT tenant_id, id, remedy_id, case_id, id, 'GRANT', 'PENDING', 'a', '', '[]', \
                 '[{\"id\":\"' || line || '\"}]', NULL, NULL, '', '', '', '', '', '', 1, 1, 1, '', '' FROM payouts";
    tamper(&compensation, waits).await;
    let found = look(&checker, &acknowledged).await;
    assert!(found.iter().any(|line| line.starts_with("I6:") && line.ends_with("PENDING")), "{found:?}");
    // A case that was acknowledged and is gone.
    let intake = databases.connect(Intake).await;
    tamper(&intake, "DELETE FROM timeline_entries").await;
    tamper(&intake, "DELETE FROM cases WHERE event_kind = 'parcel.lost'").await;
    let found = look(&checker, &acknowledged).await;
    assert!(found.iter().any(|line| line.starts_with("I1:") && line.ends_with("does not exist")), "{found:?}");
}
