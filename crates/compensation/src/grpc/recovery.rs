//! Requests about the gate, apologies and counter-offers.

use api::compensation as wire;
use kernel::{ServiceError, Timestamp, Violations};

use super::line::choice;
use super::names::{agent, done, name};
use super::offer::expire_time;
use crate::app::{CounterOffer, OverrideGate};
use crate::domain::gate::{Outcome, RecoveryContext};

/// What the caller says about the recovery; nothing is required.
pub(super) fn recovery(given: wire::RecoveryContext, violations: &mut Violations) -> RecoveryContext {
    let abuse =
        violations.within("recovery", |violations| violations.text("abuse_evidence", &given.abuse_evidence, 0, 512));
    RecoveryContext {
        apologised: given.apologised,
        reopened: given.reopened,
        abuse: (!abuse.is_empty()).then_some(abuse),
    }
}

/// OverrideGate: request id and command.
pub(super) fn override_gate(request: wire::OverrideGateRequest) -> Result<(String, OverrideGate), ServiceError> {
    let mut violations = Violations::new();
    let request_id = violations.request_id(&request.request_id);
    let remedy = name("name", &request.name, &mut violations);
    let choices = "DELIGHT, RESTORE, SAVE, STATUTORY_ONLY";
    let outcome = violations.known_enum("outcome", request.outcome, choices).and_then(outcome);
    let reason = violations.text("reason", &request.reason, 1, 512);
    let decided_by = violations.text("decided_by", &request.decided_by, 1, 128);
    let role = violations.text("role", &request.role, 0, 64);
    let command =
        remedy.zip(outcome).map(|(remedy, outcome)| OverrideGate { remedy, outcome, reason, decided_by, role });
    done(violations, command).map(|command| (request_id, command))
}

/// CounterOffer: request id and command. A bare no lacks both the alternative and the reason, and is told so at once.
pub(super) fn counter(
    request: wire::CounterOfferRequest,
    now: Timestamp,
) -> Result<(String, CounterOffer), ServiceError> {
    let mut violations = Violations::new();
    let request_id = violations.request_id(&request.request_id);
    let declined = name("name", &request.name, &mut violations);
    let (options, plus) = choice(request.options, request.plus, &mut violations);
    let reason = violations.text("reason", &request.reason, 1, 512);
    let made_by = agent(&request.made_by, &mut violations);
    let role = violations.text("role", &request.role, 0, 60);
    let expires_at = expire_time(request.expire_time.as_ref(), now, &mut violations);
    let command = declined.map(|declined| CounterOffer { declined, options, plus, reason, made_by, role, expires_at });
    done(violations, command).map(|command| (request_id, command))
}

fn outcome(outcome: wire::GateOutcome) -> Option<Outcome> {
    match outcome {
        wire::GateOutcome::Delight => Some(Outcome::Delight),
        wire::GateOutcome::Restore => Some(Outcome::Restore),
        wire::GateOutcome::Save => Some(Outcome::Save),
        wire::GateOutcome::StatutoryOnly => Some(Outcome::StatutoryOnly),
        wire::GateOutcome::Unspecified => None,
    }
}
