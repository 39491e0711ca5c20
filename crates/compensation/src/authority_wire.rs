//! Policies, approvals, decisions and signals as the contract shows them.

use std::time::Duration;

use api::compensation as wire;
use chassis::wire::{to_money, to_timestamp};
use kernel::{RemedyId, ResourceId};

use crate::app::PolicyShown;
use crate::domain::approval::{Approval, ApprovalState, Asked};
use crate::domain::decision_value::DecisionValue;
use crate::domain::line::CatalogueItem;
use crate::domain::offer::OfferState;
use crate::domain::policy::abuse::Dimension;
use crate::domain::policy::catalogue::Item;
use crate::domain::records::Offer;
use crate::store::decisions::AutonomousDecision;
use crate::store::goodwill::StoredSignal;
use crate::wire::{catalogue_item_name, line, option};

/// A version of a policy.
pub(crate) fn policy(shown: &PolicyShown) -> wire::Policy {
    let read = shown.read();
    let (version, effective_from) = read.map(|policy| (policy.version, policy.effective_from)).unwrap_or_default();
    let base = wire::Policy { version, effective_from, ..wire::Policy::default() };
    match shown {
        PolicyShown::Shipped(kind) => {
            wire::Policy { name: format!("policies/{}", kind.id()), document: kind.shipped().to_owned(), ..base }
        }
        PolicyShown::Applied(stored) => wire::Policy {
            name: format!("policies/{}", stored.kind.id()),
            document: stored.document.clone(),
            in_force_time: Some(to_timestamp(stored.in_force_from)),
            applied_by: stored.applied_by.clone(),
            create_time: Some(to_timestamp(stored.created_at)),
            ..base
        },
    }
}

/// An extra of the catalogue, priced for one remedy.
pub(crate) fn catalogue_item(item: &Item, priced: &CatalogueItem) -> wire::CatalogueItem {
    wire::CatalogueItem {
        name: catalogue_item_name(&item.id),
        description: item.description.clone(),
        cost: priced.cost.map(to_money),
        perceived_value: priced.perceived_value.map(to_money),
        leverage_percent: priced.leverage_percent().unwrap_or_default(),
    }
}

/// An approval.
pub(crate) fn approval(approval: &Approval) -> wire::Approval {
    use wire::approval::State;
    let state = match approval.state {
        ApprovalState::Pending => State::Pending,
        ApprovalState::Approved => State::Approved,
        ApprovalState::Rejected => State::Rejected,
        ApprovalState::Expired => State::Expired,
    };
    let (options, plus, lines) = match &approval.asked {
        Asked::Offer { options, plus, .. } => (options.as_slice(), plus.as_slice(), [].as_slice()),
        Asked::Grant { lines } => ([].as_slice(), [].as_slice(), lines.as_slice()),
    };
    let is_offer = matches!(approval.asked, Asked::Offer { .. });
    let is_given = !is_offer && approval.state == ApprovalState::Approved;
    wire::Approval {
        name: approval.id.to_string(),
        remedy: approval.remedy.to_string(),
        case: approval.case.to_string(),
        customer: approval.customer.to_string(),
        state: state.into(),
        options: options.iter().map(option).collect(),
        plus: plus.iter().map(line).collect(),
        lines: lines.iter().map(line).collect(),
        requested_by: approval.requested_by.clone(),
        role: approval.role.clone(),
        reasons: approval.reasons.clone(),
        policies: approval.policies.clone(),
        decided_by: approval.decided_by.clone(),
        rejection_reason: approval.rejection.clone(),
        alternative: approval.alternative.clone(),
        offer: if is_offer { approval.offer().to_string() } else { String::new() },
        granted_remedy: if is_given { RemedyId::from(approval.id.uuid()).to_string() } else { String::new() },
        expire_time: Some(to_timestamp(approval.expires_at)),
        create_time: Some(to_timestamp(approval.created_at)),
        update_time: Some(to_timestamp(approval.updated_at)),
    }
}

/// An offer that waits for approval, or was not approved. `None` for what is, or became, another thing.
pub(crate) fn unapproved_offer(approval: &Approval) -> Option<wire::Offer> {
    let Asked::Offer { options, plus, offer_expires_at, counter } = &approval.asked else { return None };
    let state = match approval.state {
        ApprovalState::Pending => OfferState::PendingApproval,
        ApprovalState::Rejected | ApprovalState::Expired => OfferState::Rejected,
        ApprovalState::Approved => return None,
    };
    let offer = Offer {
        id: approval.offer(),
        remedy: approval.remedy,
        case: approval.case,
        state,
        options: options.clone(),
        plus: plus.clone(),
        accepted_option: String::new(),
        decline_reason: String::new(),
        fair_ask: String::new(),
        fair_amount: None,
        counter_to: counter.as_ref().map(|counter| counter.declined),
        counter_offer: None,
        explanation: counter.as_ref().map(|counter| counter.reason.clone()).unwrap_or_default(),
        given: None,
        made_by: approval.requested_by.clone(),
        expires_at: offer_expires_at.unwrap_or(approval.expires_at),
        created_at: approval.created_at,
        updated_at: approval.updated_at,
        ended_at: None,
    };
    Some(crate::wire::offer(&offer))
}

/// What an agent decided alone.
pub(crate) fn decision(decision: &AutonomousDecision) -> wire::AutonomousDecision {
    let value = DecisionValue { costs: decision.costs.clone(), lifetime_value: decision.lifetime_value };
    wire::AutonomousDecision {
        offer: decision.offer.to_string(),
        remedy: decision.remedy.to_string(),
        case: decision.case.to_string(),
        customer: decision.customer.to_string(),
        agent: decision.agent.clone(),
        role: decision.role.clone(),
        policy_version: decision.policy_version.clone(),
        summary: decision.summary.clone(),
        costs: decision.costs.iter().copied().map(to_money).collect(),
        lifetime_value: decision.lifetime_value.map(to_money),
        retained_value: value.retained().map(to_money),
        create_time: Some(to_timestamp(decision.created_at)),
    }
}

/// A signal of repetition.
pub(crate) fn signal(signal: &StoredSignal) -> wire::AbuseSignal {
    use wire::abuse_signal::Dimension as Wire;
    let dimension = match signal.dimension {
        Dimension::Customer => Wire::Customer,
        Dimension::Payee => Wire::Payee,
        Dimension::Reference => Wire::Reference,
    };
    let small = |value: u32| i32::try_from(value).unwrap_or(i32::MAX);
    let window = Duration::from_secs(u64::from(signal.window_days) * 86_400);
    wire::AbuseSignal {
        dimension: dimension.into(),
        remedy: signal.remedy.to_string(),
        case: signal.case.to_string(),
        customer: signal.customer.to_string(),
        reason: signal.reason.clone(),
        count: small(signal.count),
        threshold: small(signal.threshold),
        window: Some(chassis::wire::to_duration(window)),
        policy_version: signal.policy_version.clone(),
        evidence: signal.evidence.iter().map(ToString::to_string).collect(),
        create_time: Some(to_timestamp(signal.created_at)),
    }
}
