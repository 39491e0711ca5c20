//! The sandbox in this process tells of its executions: straight to the use case that takes webhooks, under the tenant
//! whose payout it is. A real provider's webhooks come through a gateway, which knows the tenant by their address.

use std::fmt;
use std::sync::{Arc, OnceLock, Weak};

use async_trait::async_trait;
use kernel::RequestContext;

use crate::app::{Parts, RecordProviderEvent};
use crate::sandbox::{Webhook, WebhookEndpoint};
use crate::store::payouts;

/// Who the webhooks are from, as the use case sees it.
const CLIENT: &str = "sandbox";

/// The endpoint; it does not keep the use cases alive.
#[derive(Default)]
pub struct LoopBack {
    parts: OnceLock<Weak<Parts>>,
}

impl fmt::Debug for LoopBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoopBack").finish_non_exhaustive()
    }
}

impl LoopBack {
    /// Delivers to these use cases from now on.
    pub(crate) fn connect(&self, parts: &Arc<Parts>) {
        // Connected once; another time changes nothing.
        let _ = self.parts.set(Arc::downgrade(parts));
    }
}

#[async_trait]
impl WebhookEndpoint for LoopBack {
    async fn deliver(&self, webhook: Webhook) {
        let Some(parts) = self.parts.get().and_then(Weak::upgrade) else { return };
        let engine = parts.engine();
        let tenant = match payouts::tenant_of_key(engine.read(), &webhook.payout_key).await {
            Ok(Some(tenant)) => tenant,
            Ok(None) => return,
            Err(error) => return tracing::warn!(%error, "a webhook of the sandbox is lost"),
        };
        let context = RequestContext::for_client(tenant, CLIENT);
        let Webhook { event, timestamp, signature, body, .. } = webhook;
        let command = RecordProviderEvent { event, timestamp, signature, body };
        let request_id = engine.new_id().to_string();
        if let Err(error) = parts.record_provider_event(context, &request_id, command).await {
            tracing::info!(%error, "a webhook of the sandbox was not taken");
        }
    }
}
