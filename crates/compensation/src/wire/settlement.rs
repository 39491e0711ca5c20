//! Settlements, discrepancies and people's decisions as the contract shows them.

use api::compensation as wire;
use chassis::wire::{to_money, to_timestamp};

use crate::domain::payout_settlement::{Outcome, PayoutSettlement, SettlementState};
use crate::domain::settlement::{Discrepancy, DiscrepancyKind};
use crate::sandbox::Payment;

/// A discrepancy.
pub(crate) fn discrepancy(found: &Discrepancy) -> wire::SettlementDiscrepancy {
    use wire::settlement_discrepancy::{Kind, State};
    let kind = match found.kind {
        DiscrepancyKind::UnknownPayout => Kind::UnknownPayout,
        DiscrepancyKind::Duplicate => Kind::Duplicate,
        DiscrepancyKind::WrongAmount => Kind::WrongAmount,
        DiscrepancyKind::WrongReference => Kind::WrongReference,
        DiscrepancyKind::NotExpected => Kind::NotExpected,
        DiscrepancyKind::NotInSettlement => Kind::NotInSettlement,
    };
    let state = if found.resolved_at.is_some() { State::Resolved } else { State::Open };
    wire::SettlementDiscrepancy {
        name: found.id.to_string(),
        kind: kind.into(),
        state: state.into(),
        payout: found.payout.map(|id| id.to_string()).unwrap_or_default(),
        file: found.file.clone(),
        line: found.line,
        payout_key: found.key.clone(),
        amount: found.amount.map(to_money),
        explanation: found.explanation.clone(),
        resolution: found.resolution.clone(),
        resolved_by: found.resolved_by.clone(),
        create_time: Some(to_timestamp(found.created_at)),
        resolve_time: found.resolved_at.map(to_timestamp),
    }
}

/// A person's decision.
pub(crate) fn payout_settlement(settlement: &PayoutSettlement) -> wire::PayoutSettlement {
    use wire::payout_settlement::{Outcome as WireOutcome, State};
    let state = match settlement.state {
        SettlementState::Proposed => State::Proposed,
        SettlementState::Approved => State::Approved,
        SettlementState::Rejected => State::Rejected,
    };
    let outcome = match settlement.outcome {
        Outcome::Executed => WireOutcome::Executed,
        Outcome::NotExecuted => WireOutcome::NotExecuted,
    };
    wire::PayoutSettlement {
        name: settlement.id.to_string(),
        payout: settlement.payout.to_string(),
        state: state.into(),
        outcome: outcome.into(),
        provider_reference: settlement.reference.clone(),
        evidence: settlement.evidence.clone(),
        proposed_by: settlement.proposed_by.clone(),
        decided_by: settlement.decided_by.clone(),
        decision_reason: settlement.decision_reason.clone(),
        create_time: Some(to_timestamp(settlement.created_at)),
        decide_time: settlement.decided_at.map(to_timestamp),
    }
}

/// A line of the sandbox's settlement.
pub(crate) fn settlement_line(number: i64, payment: &Payment) -> wire::SettlementLine {
    wire::SettlementLine {
        number,
        payout_key: payment.payout_key.clone(),
        provider_reference: payment.reference.clone(),
        amount: Some(to_money(payment.amount)),
        execute_time: Some(to_timestamp(payment.executed_at)),
    }
}
