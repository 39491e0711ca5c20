//! Webhooks of the provider: whether one of our secrets signed them, and not long ago.
//!
//! As https://www.standardwebhooks.com says: HMAC-SHA-256 over `id.timestamp.body`, any of several signatures by any of
//! several secrets, so that secrets can be replaced.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chassis::config::Secret;
use hmac::{Hmac, Mac as _};
use kernel::{ErrorCode, ServiceError, Timestamp};
use serde::Deserialize;
use sha2::Sha256;

/// The secrets, and how old a webhook may be.
#[derive(Clone)]
pub struct WebhookRules {
    secrets: Vec<Vec<u8>>,
    tolerance: Duration,
}

impl fmt::Debug for WebhookRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookRules").field("secrets", &self.secrets.len()).finish_non_exhaustive()
    }
}

/// What a webhook says; nothing of it is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The event's type.
    pub kind: String,
    /// The key of the payout that it is about.
    pub payout_key: String,
}

#[derive(Deserialize)]
struct Body {
    #[serde(rename = "type")]
    kind: String,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    payout_key: String,
}

impl WebhookRules {
    /// With the secrets of the configuration.
    pub fn new(secrets: &[Secret], tolerance: Duration) -> Self {
        Self { secrets: secrets.iter().map(secret_bytes).collect(), tolerance }
    }

    /// The secret that new webhooks are signed with: the first one.
    pub fn signing_secret(&self) -> Option<&[u8]> {
        self.secrets.first().map(Vec::as_slice)
    }

    /// Checks signature and time.
    ///
    /// # Errors
    /// FAILED_PRECONDITION `WEBHOOKS_NOT_CONFIGURED`, UNAUTHENTICATED `BAD_SIGNATURE`, INVALID_ARGUMENT
    /// `WEBHOOK_TOO_OLD`; none is ever stored as an answer.
    pub fn verify(
        &self,
        event: &str,
        timestamp: &str,
        signature: &str,
        body: &[u8],
        now: Timestamp,
    ) -> Result<(), ServiceError> {
        use api::reason::compensation::{BAD_SIGNATURE, WEBHOOK_TOO_OLD, WEBHOOKS_NOT_CONFIGURED};
        if self.secrets.is_empty() {
            let text = "no secret is configured: set compensation.provider.webhook_secrets";
            return Err(ServiceError::precondition(WEBHOOKS_NOT_CONFIGURED, text).transient());
        }
        let signed = format!("{event}.{timestamp}.");
        let given: Vec<_> = signature
            .split(' ')
            .filter_map(|one| one.strip_prefix("v1,"))
            .filter_map(|text| STANDARD.decode(text).ok())
            .collect();
        let by = |secret: &[u8], given: &[u8]| {
            Hmac::<Sha256>::new_from_slice(secret).is_ok_and(|mut mac| {
                mac.update(signed.as_bytes());
                mac.update(body);
                mac.verify_slice(given).is_ok()
            })
        };
        if !self.secrets.iter().any(|secret| given.iter().any(|given| by(secret, given))) {
            let text = "no secret of ours made this signature over webhook-id.webhook-timestamp.body";
            return Err(ServiceError::new(ErrorCode::Unauthenticated, BAD_SIGNATURE, text));
        }
        let sent = timestamp.parse::<i64>().ok().and_then(|seconds| Timestamp::from_seconds_nanos(seconds, 0));
        let is_near = sent.is_some_and(|at| at.since(now).max(now.since(at)) <= self.tolerance);
        if is_near {
            return Ok(());
        }
        let text = format!("its time {timestamp} is more than {} s from now, {now}", self.tolerance.as_secs());
        Err(ServiceError::new(ErrorCode::InvalidArgument, WEBHOOK_TOO_OLD, text).transient())
    }
}

/// Reads a webhook's body.
///
/// # Errors
/// In words, when it is not what it should be.
pub fn read(body: &[u8]) -> Result<Told, String> {
    let body: Body = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    Ok(Told { kind: body.kind.chars().take(64).collect(), payout_key: body.data.payout_key })
}

fn secret_bytes(secret: &Secret) -> Vec<u8> {
    let encoded = secret.expose().strip_prefix("whsec_");
    let decoded = encoded.and_then(|text| STANDARD.decode(text).ok());
    decoded.unwrap_or_else(|| secret.expose().as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::sign;

    fn rules() -> WebhookRules {
        // The secret and the message of the specification's own examples.
        let secrets = [Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), Secret::new("the old one")];
        WebhookRules::new(&secrets, Duration::from_secs(300))
    }

    const EVENT: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const AT: &str = "1614265330";
    const BODY: &[u8] = b"{\"test\": 2432232314}";

    fn reason(result: Result<(), ServiceError>) -> String {
        result.map_or_else(|error| error.reason, |()| String::new())
    }

    #[test]
    fn the_example_of_the_specification_is_taken_and_nothing_near_it() {
        let now = Timestamp::from_seconds(1_614_265_330);
        let good = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        let verify =
            |signature: &str, at: &str, body: &[u8], now| reason(rules().verify(EVENT, at, signature, body, now));
        assert_eq!(verify(good, AT, BODY, now), "");
        assert_eq!(verify(&format!("v1,AAAA v2,x {good}"), AT, BODY, now), "", "one of several is enough");
        let old = sign(b"the old one", EVENT, AT, BODY);
        assert_eq!(verify(&old, AT, BODY, now), "", "secrets can be replaced");
        let forged = sign(b"another", EVENT, AT, BODY);
        for (signature, at, body) in [
            (forged.as_str(), AT, BODY),
            (good, "1614265331", BODY),
            (good, AT, b"{}".as_slice()),
            ("", AT, BODY),
            ("v1,", AT, BODY),
            ("v1a,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", AT, BODY),
            ("v1,not base64", AT, BODY),
        ] {
            assert_eq!(verify(signature, at, body, now), "BAD_SIGNATURE", "{signature}");
        }
        for (seconds, taken) in [(300, true), (-300, true), (301, false), (-301, false)] {
            let now = Timestamp::from_seconds(1_614_265_330 + seconds);
            let expected = if taken { "" } else { "WEBHOOK_TOO_OLD" };
            assert_eq!(verify(good, AT, BODY, now), expected, "{seconds} s later");
        }
        let nonsense = sign(b"the old one", EVENT, "soon", BODY);
        assert_eq!(verify(&nonsense, "soon", BODY, now), "WEBHOOK_TOO_OLD");
        let none = WebhookRules::new(&[], Duration::from_secs(300));
        assert_eq!(reason(none.verify(EVENT, AT, good, BODY, now)), "WEBHOOKS_NOT_CONFIGURED");
    }

    #[test]
    fn a_body_names_a_payout_or_says_what_is_wrong() {
        let told = read(br#"{"type": "payout.executed", "data": {"payout_key": "k", "more": 1}, "timestamp": "x"}"#);
        assert_eq!(told, Ok(Told { kind: "payout.executed".to_owned(), payout_key: "k".to_owned() }));
        for (body, lacks) in [("{}", "type"), (r#"{"type": "x", "data": {}}"#, "payout_key"), ("x", "expected value")] {
            assert!(read(body.as_bytes()).is_err_and(|why| why.contains(lacks)), "{body}");
        }
    }
}
