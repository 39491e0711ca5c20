//! Requests about offers.

use std::time::Duration;

use api::compensation as wire;
use api::compensation::respond_to_offer_request::Response as WireResponse;
use chassis::wire::{optional_timestamp, positive_money};
use kernel::{ServiceError, Timestamp, Violations};

use super::line::choice;
use super::names::{agent, done, name};
use crate::app::{MakeOffer, RespondToOffer, Response};

/// Shortest and longest time that an offer may wait.
const TERM: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(366 * 86_400));

/// MakeOffer: request id and command.
pub(super) fn make(request: wire::MakeOfferRequest, now: Timestamp) -> Result<(String, MakeOffer), ServiceError> {
    let mut violations = Violations::new();
    let request_id = violations.request_id(&request.request_id);
    let made_by = agent(&request.made_by, &mut violations);
    let role = violations.text("role", &request.role, 0, 60);
    let Some(offer) = request.offer else {
        violations.add("offer", "REQUIRED", "is required");
        return done(violations, None);
    };
    let command = violations.within("offer", |violations| {
        let remedy = name("remedy", &offer.remedy, violations);
        let (options, plus) = choice(offer.options, offer.plus, violations);
        let expires_at = expire_time(offer.expire_time.as_ref(), now, violations);
        Some(MakeOffer { remedy: remedy?, options, plus, expires_at, made_by, role })
    });
    done(violations, command).map(|command| (request_id, command))
}

/// When an offer is to expire.
pub(super) fn expire_time(
    given: Option<&prost_types::Timestamp>,
    now: Timestamp,
    violations: &mut Violations,
) -> Option<Timestamp> {
    let at = optional_timestamp("expire_time", given, violations);
    if at.is_some_and(|at| !(now.plus(TERM.0)..=now.plus(TERM.1)).contains(&at)) {
        violations.add("expire_time", "TIMESTAMP_RANGE", "must be 1 minute to 366 days from now, or absent");
    }
    at
}

/// RespondToOffer: request id and command.
pub(super) fn respond(request: wire::RespondToOfferRequest) -> Result<(String, RespondToOffer), ServiceError> {
    let mut violations = Violations::new();
    let request_id = violations.request_id(&request.request_id);
    let offer = name("name", &request.name, &mut violations);
    let consent = violations.text("consent", &request.consent, 0, 512);
    let response = match request.response {
        Some(WireResponse::AcceptOption(option)) => {
            Some(Response::Accept { option: violations.text("accept_option", &option, 1, 128), consent })
        }
        Some(WireResponse::Decline(decline)) => violations.within("decline", |violations| {
            let reason = violations.text("reason", &decline.reason, 0, 2_000);
            let fair_ask = violations.text("fair_ask", &decline.fair_ask, 0, 2_000);
            let fair_amount = decline
                .fair_ask_amount
                .as_ref()
                .and_then(|amount| positive_money("fair_ask_amount", Some(amount), violations));
            Some(Response::Decline { reason, fair_ask, fair_amount })
        }),
        None => {
            violations.add("response", "REQUIRED", "give accept_option or decline");
            None
        }
    };
    let command = offer.zip(response).map(|(offer, response)| RespondToOffer { offer, response });
    done(violations, command).map(|command| (request_id, command))
}
