//! The gate's values as the contract shows them.

use api::compensation as wire;
use chassis::wire::{to_money, to_timestamp};
use kernel::RemedyId;

use crate::domain::fair_amount::Guidance;
use crate::domain::gate::{ApologyAdvice, ApologyKind, GateDecision, Outcome, RecoveryContext};
use crate::store::gate::GateOverride;
use crate::wire::small;

/// A decision with what people decided against it.
pub(crate) fn decision(remedy: RemedyId, gate: &GateDecision, overrides: &[GateOverride]) -> wire::GateDecision {
    let reasons = gate.reasons.iter().map(|reason| wire::gate_decision::Reason {
        condition: reason.condition.clone(),
        allows: outcome(reason.allows).into(),
        text: reason.text.clone(),
        source: reason.source.clone(),
    });
    let prior_failures = gate.priors.iter().map(|prior| wire::gate_decision::PriorFailure {
        remedy: prior.remedy.to_string(),
        kind: prior.kind.clone(),
        occurred_time: Some(to_timestamp(prior.occurred_at)),
        weight: i32::try_from(prior.weight).unwrap_or(i32::MAX),
    });
    let overrides = overrides.iter().map(|decided| wire::gate_decision::Override {
        from: outcome(decided.from).into(),
        to: outcome(decided.to).into(),
        reason: decided.reason.clone(),
        decided_by: decided.decided_by.clone(),
        decide_time: Some(to_timestamp(decided.created_at)),
    });
    wire::GateDecision {
        name: remedy.to_string(),
        outcome: outcome(gate.outcome).into(),
        decided: outcome(gate.decided).into(),
        reasons: reasons.collect(),
        inputs: gate.inputs.clone(),
        prior_failures: prior_failures.collect(),
        evidence: gate.evidence.clone(),
        senior_owner: gate.senior_owner,
        apology: Some(apology(&gate.apology)),
        guidance: gate.guidance.as_ref().map(guidance),
        matching: gate.matching.clone(),
        withheld: gate.withheld.clone(),
        decide_time: Some(to_timestamp(gate.decided_at)),
        overrides: overrides.collect(),
    }
}

/// What the caller said about the recovery.
pub(crate) fn context(context: &RecoveryContext) -> wire::RecoveryContext {
    wire::RecoveryContext {
        apologised: context.apologised,
        reopened: context.reopened,
        abuse_evidence: context.abuse.clone().unwrap_or_default(),
    }
}

fn outcome(outcome: Outcome) -> wire::GateOutcome {
    match outcome {
        Outcome::Delight => wire::GateOutcome::Delight,
        Outcome::Restore => wire::GateOutcome::Restore,
        Outcome::Save => wire::GateOutcome::Save,
        Outcome::StatutoryOnly => wire::GateOutcome::StatutoryOnly,
    }
}

fn apology(advice: &ApologyAdvice) -> wire::gate_decision::Apology {
    use wire::gate_decision::apology::Kind;
    let kind = match advice.kind {
        ApologyKind::Usual => Kind::Usual,
        ApologyKind::AnotherKind => Kind::AnotherKind,
        ApologyKind::Explanation => Kind::Explanation,
    };
    wire::gate_decision::Apology { kind: kind.into(), before: small(advice.before), text: advice.text.clone() }
}

fn guidance(guidance: &Guidance) -> wire::gate_decision::Guidance {
    wire::gate_decision::Guidance {
        price: Some(to_money(guidance.price)),
        from: Some(to_money(guidance.from)),
        suggested: Some(to_money(guidance.suggested)),
        to: Some(to_money(guidance.to)),
        ceiling: Some(to_money(guidance.ceiling)),
        text: guidance.text.clone(),
    }
}
