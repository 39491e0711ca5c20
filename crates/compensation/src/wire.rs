//! The domain's values as the contract shows them.

pub(crate) mod settlement;

use api::common as common_wire;
use api::compensation as wire;
use chassis::wire::{to_duration, to_money, to_timestamp};
use kernel::{PayoutId, VoucherId};

use crate::domain::assessment::{Assessment, Change, Decision, Shadow};
use crate::domain::decision_value::DecisionValue;
use crate::domain::event::{Fact, FailureEvent, Severity};
use crate::domain::grant::{Voucher, Worth};
use crate::domain::line::{Basis, Benefit, Consent, OfferOption, RemedyLine};
use crate::domain::offer::OfferState;
use crate::domain::pack::canary::Canary;
use crate::domain::pack::{Pack, PackStatus, Source};
use crate::domain::payout::PayoutState;
use crate::domain::payout_step::Payout;
use crate::domain::records::{Offer, Remedy};
use crate::domain::remedy::RemedyState;
use crate::domain::voucher::VoucherState;
use crate::store::ledger::{Balance, StoredTransaction};
use crate::wire_gate;

/// A remedy with what it has given.
pub(crate) fn remedy(remedy: &Remedy, vouchers: &[VoucherId], payouts: &[PayoutId]) -> wire::Remedy {
    use wire::remedy::State;
    let state = match remedy.state {
        RemedyState::Offered => State::Offered,
        RemedyState::Granting => State::Granting,
        RemedyState::Settled => State::Settled,
        RemedyState::NothingOwed => State::NothingOwed,
        RemedyState::Declined => State::Declined,
        RemedyState::Unanswered => State::Unanswered,
        RemedyState::NeedsAttention => State::NeedsAttention,
        RemedyState::AwaitingApology => State::AwaitingApology,
        RemedyState::AwaitingTime => State::AwaitingTime,
    };
    wire::Remedy {
        name: remedy.id.to_string(),
        case: remedy.case.to_string(),
        customer: remedy.customer.to_string(),
        state: state.into(),
        event: Some(event(&remedy.event)),
        severity: severity(remedy.severity).into(),
        payee: remedy.payee.clone(),
        assessment: Some(assessment(&remedy.assessment)),
        offer: remedy.offer.map(|id| id.to_string()).unwrap_or_default(),
        vouchers: vouchers.iter().map(ToString::to_string).collect(),
        payouts: payouts.iter().map(ToString::to_string).collect(),
        create_time: Some(to_timestamp(remedy.created_at)),
        update_time: Some(to_timestamp(remedy.updated_at)),
        etag: remedy.version.to_string(),
        recovery: remedy.gate.as_ref().map(|_| wire_gate::context(&remedy.recovery)),
        gate_decision: remedy.gate.as_ref().map(|gate| wire_gate::decision(remedy.id, gate, &[])),
        apology_time: remedy.apology_at.map(to_timestamp),
        experiment: crate::experiment_wire::treatment(remedy),
    }
}

/// An assessment.
pub(crate) fn assessment(assessment: &Assessment) -> wire::Assessment {
    wire::Assessment {
        automatic: assessment.automatic.iter().map(line).collect(),
        choice_of: assessment.choice_of.iter().map(option).collect(),
        plus: assessment.plus.iter().map(line).collect(),
        decisions: assessment.decisions.iter().map(decision).collect(),
        summary: assessment.summary.clone(),
        shadow: assessment.shadow.iter().map(shadow).collect(),
        value: assessment.value.as_ref().map(decision_value),
    }
}

fn decision_value(value: &DecisionValue) -> wire::DecisionValue {
    wire::DecisionValue {
        costs: value.costs.iter().copied().map(to_money).collect(),
        lifetime_value: value.lifetime_value.map(to_money),
        retained_value: value.retained().map(to_money),
    }
}

fn shadow(shadow: &Shadow) -> wire::assessment::Shadow {
    wire::assessment::Shadow {
        pack: pack_name(&shadow.pack),
        version: shadow.version.clone(),
        automatic: shadow.automatic.iter().map(line).collect(),
        choice_of: shadow.choice_of.iter().map(option).collect(),
        plus: shadow.plus.iter().map(line).collect(),
    }
}

fn decision(decision: &Decision) -> wire::assessment::Decision {
    wire::assessment::Decision {
        pack: pack_name(&decision.pack),
        version: decision.version.clone(),
        rule: decision.rule.clone(),
        applies: decision.applies,
        explanation: decision.explanation.clone(),
        inputs: decision.inputs.clone(),
        article: decision.article.clone(),
        source: decision.source.clone(),
        missing: decision.missing.clone(),
        set_off_by: decision.set_off_by.clone(),
        would_change: decision.would_change.iter().map(change).collect(),
        canary: decision.canary,
    }
}

fn change(change: &Change) -> wire::assessment::Change {
    wire::assessment::Change {
        input: change.input.clone(),
        current: change.current.clone(),
        other: change.other.clone(),
        gives: change.gives.clone(),
    }
}

/// An event.
pub(crate) fn event(event: &FailureEvent) -> common_wire::FailureEvent {
    common_wire::FailureEvent {
        kind: event.kind.clone(),
        occurred_at: Some(to_timestamp(event.occurred_at)),
        reference: event.reference.clone(),
        facts: event.facts.iter().map(|(key, value)| (key.clone(), fact(value))).collect(),
    }
}

fn fact(fact: &Fact) -> common_wire::Fact {
    use common_wire::fact::Value;
    let value = match fact {
        Fact::Integer(value) => Value::Integer(*value),
        Fact::Boolean(value) => Value::Boolean(*value),
        Fact::Text(value) => Value::Text(value.clone()),
        Fact::Money(value) => Value::Money(to_money(*value)),
        Fact::Time(value) => Value::Time(to_timestamp(*value)),
    };
    common_wire::Fact { value: Some(value) }
}

/// A severity.
pub(crate) fn severity(severity: Severity) -> common_wire::Severity {
    match severity {
        Severity::Unspecified => common_wire::Severity::Unspecified,
        Severity::Low => common_wire::Severity::Low,
        Severity::Medium => common_wire::Severity::Medium,
        Severity::High => common_wire::Severity::High,
        Severity::Critical => common_wire::Severity::Critical,
    }
}

/// A line.
pub(crate) fn line(line: &RemedyLine) -> wire::RemedyLine {
    use wire::remedy_line::{Basis as WireBasis, Kind};
    let basis = match line.basis {
        Basis::Restitution => WireBasis::Restitution,
        Basis::Time => WireBasis::Time,
        Basis::Gesture => WireBasis::Gesture,
        Basis::Statutory => WireBasis::Statutory,
        Basis::NoFaultGoodwill => WireBasis::NoFaultGoodwill,
    };
    let (kind, amount, percent) = match line.benefit {
        Benefit::Money(amount) => (Kind::Money, Some(to_money(amount)), 0),
        Benefit::Voucher(amount) => (Kind::Voucher, Some(to_money(amount)), 0),
        Benefit::Discount(percent) => (Kind::Discount, None, small(percent)),
        Benefit::Service => (Kind::Service, None, 0),
    };
    let item = line.origin.item.as_ref();
    wire::RemedyLine {
        id: line.id.clone(),
        basis: basis.into(),
        kind: kind.into(),
        description: line.description.clone(),
        amount,
        percent,
        arithmetic: line.arithmetic.clone(),
        rule: line.origin.rule.clone(),
        article: line.origin.article.clone(),
        source: line.origin.source.clone(),
        inputs: line.origin.inputs.clone(),
        refund: line.refund,
        never_expires: line.origin.never_expires,
        catalogue_item: item.map(|item| catalogue_item_name(&item.id)).unwrap_or_default(),
        cost: item.and_then(|item| item.cost).map(to_money),
        perceived_value: item.and_then(|item| item.perceived_value).map(to_money),
        catalogue_version: item.map(|item| item.catalogue.clone()).unwrap_or_default(),
    }
}

/// An option of an offer.
pub(crate) fn option(option: &OfferOption) -> wire::Option {
    wire::Option {
        id: option.id.clone(),
        description: option.description.clone(),
        lines: option.lines.iter().map(line).collect(),
        consent: match option.consent {
            Consent::None => wire::option::Consent::Unspecified,
            Consent::Signed => wire::option::Consent::Signed,
        }
        .into(),
        holds_after: option.holds_after.map(to_duration),
    }
}

/// An offer.
pub(crate) fn offer(offer: &Offer) -> wire::Offer {
    use wire::offer::State;
    let state = match offer.state {
        OfferState::Open => State::Open,
        OfferState::Accepted => State::Accepted,
        OfferState::Declined => State::Declined,
        OfferState::Expired => State::Expired,
        OfferState::PendingApproval => State::PendingApproval,
        OfferState::Rejected => State::Rejected,
    };
    wire::Offer {
        name: offer.id.to_string(),
        remedy: offer.remedy.to_string(),
        case: offer.case.to_string(),
        state: state.into(),
        options: offer.options.iter().map(option).collect(),
        plus: offer.plus.iter().map(line).collect(),
        accepted_option: offer.accepted_option.clone(),
        decline_reason: offer.decline_reason.clone(),
        fair_ask: offer.fair_ask.clone(),
        expire_time: Some(to_timestamp(offer.expires_at)),
        create_time: Some(to_timestamp(offer.created_at)),
        fair_ask_amount: offer.fair_amount.map(to_money),
        counter_to: offer.counter_to.map(|id| id.to_string()).unwrap_or_default(),
        counter_offer: offer.counter_offer.map(|id| id.to_string()).unwrap_or_default(),
        explanation: offer.explanation.clone(),
        made_by: offer.made_by.clone(),
    }
}

/// A voucher.
pub(crate) fn voucher(voucher: &Voucher) -> wire::Voucher {
    use wire::voucher::State;
    let state = match voucher.state {
        VoucherState::Issued => State::Issued,
        VoucherState::Redeemed => State::Redeemed,
        VoucherState::Expired => State::Expired,
        VoucherState::Voided => State::Voided,
    };
    let (amount, percent) = match voucher.worth {
        Worth::Amount(amount) => (Some(to_money(amount)), 0),
        Worth::Percent(percent) => (None, small(percent)),
    };
    wire::Voucher {
        name: voucher.id.to_string(),
        remedy: voucher.remedy.to_string(),
        case: voucher.case.to_string(),
        customer: voucher.customer.to_string(),
        state: state.into(),
        description: voucher.description.clone(),
        amount,
        percent,
        code: voucher.code.clone(),
        expire_time: voucher.expiry().map(to_timestamp),
        create_time: Some(to_timestamp(voucher.created_at)),
        remaining: voucher.remaining().map(to_money),
    }
}

/// A payout.
pub(crate) fn payout(payout: &Payout) -> wire::Payout {
    use wire::payout::State;
    let state = match payout.state {
        PayoutState::Reserved => State::Reserved,
        PayoutState::Submitting => State::Submitting,
        PayoutState::Unknown => State::Unknown,
        PayoutState::Confirmed => State::Confirmed,
        PayoutState::Declined => State::Declined,
        PayoutState::Manual => State::Manual,
        PayoutState::Voided => State::Voided,
    };
    wire::Payout {
        name: payout.id.to_string(),
        remedy: payout.remedy.to_string(),
        case: payout.case.to_string(),
        state: state.into(),
        amount: Some(to_money(payout.amount)),
        payee: payout.payee.clone(),
        payout_key: payout.key.clone(),
        attempts: small(payout.attempts),
        key_valid_until: payout.key_valid_until.map(to_timestamp),
        provider_reference: payout.reference.clone(),
        reason: payout.reason.clone(),
        create_time: Some(to_timestamp(payout.created_at)),
        update_time: Some(to_timestamp(payout.updated_at)),
    }
}

/// A transaction of the ledger.
pub(crate) fn ledger_transaction(transaction: &StoredTransaction) -> wire::LedgerTransaction {
    let entries = transaction.entries.iter().map(|entry| {
        let amount = Some(to_money(entry.amount));
        let (debit, credit) = if entry.is_debit { (amount, None) } else { (None, amount) };
        wire::ledger_transaction::Entry { account: entry.account.clone(), debit, credit }
    });
    wire::LedgerTransaction {
        name: transaction.id.to_string(),
        kind: transaction.kind.clone(),
        subject: transaction.subject.clone(),
        case: transaction.case.to_string(),
        entries: entries.collect(),
        reverses: transaction.reverses.map(|id| id.to_string()).unwrap_or_default(),
        create_time: Some(to_timestamp(transaction.created_at)),
    }
}

/// Sums of an account.
pub(crate) fn balance(balance: &Balance) -> wire::AccountBalance {
    wire::AccountBalance {
        account: balance.account.clone(),
        debits: Some(to_money(balance.debits)),
        credits: Some(to_money(balance.credits)),
    }
}

/// A pack.
pub(crate) fn pack(pack: &Pack, canary: Option<&Canary>) -> wire::Pack {
    use wire::pack::Status;
    let status = match pack.status {
        PackStatus::Active => Status::Active,
        PackStatus::Draft => Status::Draft,
        PackStatus::Withdrawn => Status::Withdrawn,
    };
    let rules = pack.rules.iter().map(|rule| wire::PackRule {
        id: rule.id.clone(),
        description: rule.description.clone(),
        condition: rule.condition.source().to_owned(),
        article: rule.article.clone(),
        source: pack.sources.get(rule.source).map(Source::in_words).unwrap_or_default(),
        set_off_group: rule.set_off.clone(),
    });
    wire::Pack {
        name: pack_name(&pack.id),
        display_name: pack.display_name.clone(),
        version: pack.version.clone(),
        status: status.into(),
        effective_from: pack.effective_from.clone(),
        effective_to: pack.effective_to.clone(),
        sources: pack.sources.iter().map(Source::in_words).collect(),
        rules: rules.collect(),
        jurisdiction: pack.jurisdiction.clone(),
        reviewed: pack.reviewed.clone(),
        proactive: pack.proactive,
        event_kinds: pack.event_kinds.clone(),
        document: String::new(),
        apply_time: None,
        applied_by: String::new(),
        canary: canary
            .map(|canary| wire::pack::Canary { share_per_mille: small(canary.per_mille), in_force: canary.in_force }),
    }
}

/// Resource name of an item of the catalogue.
pub(crate) fn catalogue_item_name(id: &str) -> String {
    format!("catalogueItems/{id}")
}

/// Resource name of a pack.
pub(crate) fn pack_name(id: &str) -> String {
    format!("packs/{id}")
}

pub(crate) fn small(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}
