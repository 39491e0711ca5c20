//! People's decisions about payouts through the SettlementService.

use api::compensation as wire;
use api::compensation::payout_settlement::{Outcome, State as Decision};
use api::compensation::{payout, remedy};
use kernel::{ErrorCode, ServiceError};
use tonic::Response;

use crate::harness::{Desk, TEMPLATE, as_client, by, error, of_tenant};
use crate::settlements::{desk, settlements, to_the_end};

async fn settle(
    desk: &Desk,
    client: &str,
    payout: &str,
    outcome: Outcome,
    reference: &str,
) -> Result<wire::PayoutSettlement, ServiceError> {
    let request = wire::SettlePayoutRequest {
        request_id: desk.fresh(),
        name: payout.to_owned(),
        outcome: outcome.into(),
        provider_reference: reference.to_owned(),
        evidence: "the bank's letter of 3 March".to_owned(),
    };
    settlements(desk).settle_payout(by(client, request)).await.map(Response::into_inner).map_err(error)
}

async fn approve(desk: &Desk, client: &str, name: &str) -> Result<wire::PayoutSettlement, ServiceError> {
    let (request_id, name, reason) = (desk.fresh(), name.to_owned(), "seen".to_owned());
    let request = wire::ApprovePayoutSettlementRequest { request_id, name, reason };
    settlements(desk).approve_payout_settlement(by(client, request)).await.map(Response::into_inner).map_err(error)
}

async fn reject(desk: &Desk, client: &str, name: &str) -> Result<wire::PayoutSettlement, ServiceError> {
    let (request_id, name, reason) = (desk.fresh(), name.to_owned(), "a mistake".to_owned());
    let request = wire::RejectPayoutSettlementRequest { request_id, name, reason };
    settlements(desk).reject_payout_settlement(by(client, request)).await.map(Response::into_inner).map_err(error)
}

testkit::on_both_databases! {
    template: TEMPLATE;

    /// Two people settle what the machine could not find out, and nobody alone.
    async fn two_people_settle_a_payout(database: testkit::TestDatabase) {
        let desk = desk(&database).await;
        let (first_remedy, first) = desk.refund("timeout-before-execute:ada", ("EUR", 1_001)).await;
        let (_, second) = desk.refund("timeout-before-execute:ada", ("EUR", 1_002)).await;
        desk.run_due().await;
        let early = settle(&desk, "ada", &first.name, Outcome::NotExecuted, "").await.unwrap_err();
        assert_eq!((early.reason.as_str(), early.metadata["state"].as_str()), ("INVALID_TRANSITION", "UNKNOWN"));
        to_the_end(&desk).await;

        let service = settle(&desk, "service:intake", &first.name, Outcome::NotExecuted, "").await.unwrap_err();
        assert_eq!((service.code, service.reason.as_str()), (ErrorCode::PermissionDenied, "PERSON_REQUIRED"));
        let proposed = settle(&desk, "ada", &first.name, Outcome::NotExecuted, "").await.unwrap();
        assert_eq!((proposed.state(), proposed.proposed_by.as_str()), (Decision::Proposed, "ada"));
        assert_eq!(desk.get_payout(&first.name).await.state(), payout::State::Manual, "nothing changes yet");
        let other = settle(&desk, "bob", &first.name, Outcome::Executed, "BANK-1").await.unwrap_err();
        assert_eq!(other.reason, "INVALID_TRANSITION", "one decision at a time");
        assert_eq!(approve(&desk, "ada", &proposed.name).await.unwrap_err().reason, "FOUR_EYES");
        assert_eq!(reject(&desk, "ada", &proposed.name).await.unwrap().state(), Decision::Rejected, "taken back");
        assert_eq!(approve(&desk, "bob", &proposed.name).await.unwrap_err().reason, "INVALID_TRANSITION");

        desk.clock.advance(std::time::Duration::from_secs(1));
        let proposed = settle(&desk, "ada", &first.name, Outcome::NotExecuted, "").await.unwrap();
        let approval = wire::ApprovePayoutSettlementRequest { request_id: desk.fresh(), name: proposed.name.clone(), reason: "seen".to_owned() };
        let approved = settlements(&desk).approve_payout_settlement(by("bob", approval.clone())).await.unwrap().into_inner();
        let again = settlements(&desk).approve_payout_settlement(by("bob", approval)).await.unwrap().into_inner();
        assert_eq!((approved.state(), &again), (Decision::Approved, &approved));
        assert_eq!(desk.get_payout(&first.name).await.state(), payout::State::Declined);
        assert_eq!(desk.get_remedy(&first_remedy.name).await.state(), remedy::State::NeedsAttention, "an agent can offer something else");

        let proposed = settle(&desk, "ada", &second.name, Outcome::Executed, "BANK-2").await.unwrap();
        approve(&desk, "bob", &proposed.name).await.unwrap();
        let confirmed = desk.get_payout(&second.name).await;
        assert_eq!((confirmed.state(), confirmed.provider_reference.as_str()), (payout::State::Confirmed, "BANK-2"));
        desk.assert_ledger_balances().await;
        let listed = settlements(&desk)
            .list_payout_settlements(as_client(wire::ListPayoutSettlementsRequest { payout: first.name.clone(), ..Default::default() }))
            .await.unwrap().into_inner().payout_settlements;
        assert_eq!(listed.iter().map(wire::PayoutSettlement::state).collect::<Vec<_>>(), [Decision::Rejected, Decision::Approved]);
        let got = settlements(&desk).get_payout_settlement(as_client(wire::GetPayoutSettlementRequest { name: proposed.name.clone() })).await.unwrap();
        assert_eq!(got.into_inner().state(), Decision::Approved);
        assert_eq!(desk.count("SELECT count(*) AS n FROM audit_records WHERE action LIKE 'PAYOUT_SETTLEMENT_%'").await, 6);
        // The database demands two people as well.
        let alone = "UPDATE payout_settlements SET decided_by = proposed_by WHERE state = 'APPROVED'";
        assert!(desk.sql(alone).await.is_err());
        let foreign = wire::GetPayoutSettlementRequest { name: proposed.name };
        assert_eq!(settlements(&desk).get_payout_settlement(of_tenant("other", "ada", foreign)).await.unwrap_err().code(), tonic::Code::NotFound);
    }

    /// What the provider has said that it executed cannot be ruled out.
    async fn what_was_executed_is_not_ruled_out(database: testkit::TestDatabase) {
        let desk = desk(&database).await;
        let (_, wrong) = desk.refund("wrong-amount:ada", ("EUR", 1_001)).await;
        desk.run_due().await;
        let stuck = desk.get_payout(&wrong.name).await;
        assert_eq!(stuck.state(), payout::State::Manual);
        assert!(stuck.reason.contains("instead of EUR 10.01"), "{}", stuck.reason);
        let refused = settle(&desk, "ada", &wrong.name, Outcome::NotExecuted, "").await.unwrap_err();
        assert_eq!(refused.reason, "PAYOUT_WAS_EXECUTED");
        settle(&desk, "ada", &wrong.name, Outcome::Executed, "BANK-1").await.unwrap();
    }
}
