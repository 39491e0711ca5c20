//! The sandbox's webhooks: signed as https://www.standardwebhooks.com says, or wrongly on request.

use std::fmt;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use kernel::Timestamp;
use sha2::Sha256;

/// A webhook as it goes out: headers and body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Header `webhook-id`.
    pub event: String,
    /// Header `webhook-timestamp`.
    pub timestamp: String,
    /// Header `webhook-signature`.
    pub signature: String,
    /// The body.
    pub body: Vec<u8>,
    /// The key of the payout that it speaks of.
    pub payout_key: String,
}

/// Where webhooks go.
#[async_trait]
pub trait WebhookEndpoint: fmt::Debug + Send + Sync + 'static {
    /// Delivers one. Whoever sends it does not learn what came of it.
    async fn deliver(&self, webhook: Webhook);
}

/// What is signed with a secret: the bytes behind `whsec_`, or the text itself.
pub fn sign(secret: &[u8], event: &str, timestamp: &str, body: &[u8]) -> String {
    // Any length is a key to HMAC.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { return String::new() };
    mac.update(format!("{event}.{timestamp}.").as_bytes());
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// A webhook that says that a payout was executed.
pub(super) fn executed(secret: &[u8], event: String, payout_key: &str, at: Timestamp) -> Webhook {
    let body = serde_json::json!({ "type": "payout.executed", "data": { "payout_key": payout_key } });
    let body = body.to_string().into_bytes();
    let (seconds, _) = at.to_seconds_nanos();
    let timestamp = seconds.to_string();
    let signature = sign(secret, &event, &timestamp, &body);
    Webhook { event, timestamp, signature, body, payout_key: payout_key.to_owned() }
}
