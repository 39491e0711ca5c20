//! Executing and looking up, well-behaved or not.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use api::extension::look_up_payout_response::Result as Known;
use api::extension::{ExecutePayoutRequest, ExecutePayoutResponse, LookUpPayoutRequest, LookUpPayoutResponse};
use api::reason::extension::{PAYOUT_DECLINED, PAYOUT_IN_PROGRESS, PAYOUT_KEY_REUSED};
use chassis::wire::{positive_money, to_money};
use durable::{Engine, Tx, TxError};
use kernel::{ErrorCode, Money, ServiceError, Violations, reason};
use prost::Message as _;

use super::webhook::{self, WebhookEndpoint};
use super::{Behaviour, SandboxConfig, log};

/// The sandbox. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Sandbox {
    engine: Engine,
    config: Arc<SandboxConfig>,
    webhooks: Option<Webhooks>,
}

/// Who hears of executions, and the secret that the webhooks are signed with.
#[derive(Clone)]
struct Webhooks {
    endpoint: Arc<dyn WebhookEndpoint>,
    secret: Arc<[u8]>,
}

impl fmt::Debug for Webhooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhooks").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

impl Sandbox {
    /// On the database of `engine`, whose clock it follows. Its tables are among the service's migrations.
    pub fn new(engine: &Engine, config: SandboxConfig) -> Self {
        Self { engine: engine.clone(), config: Arc::new(config), webhooks: None }
    }

    /// The same sandbox, which sends the webhooks that payees ask for.
    #[must_use]
    pub fn with_webhooks(self, endpoint: Arc<dyn WebhookEndpoint>, secret: &[u8]) -> Self {
        Self { webhooks: Some(Webhooks { endpoint, secret: secret.into() }), ..self }
    }

    /// Executes a payout, or gives the first answer again.
    ///
    /// # Errors
    /// As the interface says, and whatever the payee asks for.
    pub async fn execute(&self, request: ExecutePayoutRequest) -> Result<ExecutePayoutResponse, ServiceError> {
        let mut wanted = self.parse(&request)?;
        let asked = wanted.amount;
        let sequence = Behaviour::of_payee(&request.payee).unwrap_or_else(|| vec![self.config.behaviour]);
        let number = match sequence.as_slice() {
            [_] => None,
            _ => {
                let key = &wanted.key;
                let count = |tx: Tx| async move { log::next_request_in_tx(&tx, key).await };
                Some(self.engine.run_tx("sandbox.request", count).await?)
            }
        };
        let behaviour = Behaviour::at(&sequence, number.unwrap_or_default());
        if behaviour.never_arrives() {
            self.tell(behaviour, &wanted.key).await;
            return Err(no_answer());
        }
        if matches!(behaviour, Behaviour::WrongAmount | Behaviour::HiddenWrongAmount) {
            wanted.amount.minor = wanted.amount.minor.saturating_add(1);
        }
        let entry = self.take(&wanted, behaviour).await?;
        let earlier = usize::try_from(entry.requests - 1).unwrap_or_default();
        let behaviour = number.map_or_else(|| Behaviour::at(&sequence, earlier), |_| behaviour);
        if entry.executed {
            self.tell(behaviour, &wanted.key).await;
        }
        let mut reference = entry.reference.clone();
        match behaviour {
            Behaviour::ErrorAfterExecute | Behaviour::LookupLag => {
                return Err(ServiceError::internal("the sandbox was asked to fail after executing"));
            }
            Behaviour::TimeoutAfterExecute
            | Behaviour::ForgetsKeys
            | Behaviour::DuplicateWebhook
            | Behaviour::StaleWebhook => return Err(no_answer()),
            Behaviour::InProgress => return Err(in_progress()),
            Behaviour::Unreadable => reference.clear(),
            Behaviour::Slow => tokio::time::sleep(self.config.slow_by).await,
            Behaviour::Honest
            | Behaviour::TimeoutBeforeExecute
            | Behaviour::Decline
            | Behaviour::WrongAmount
            | Behaviour::HiddenWrongAmount
            | Behaviour::EarlyWebhook
            | Behaviour::ForgedWebhook
            | Behaviour::LyingWebhook => {}
        }
        if entry.executed {
            let told = if behaviour == Behaviour::HiddenWrongAmount { asked } else { entry.amount };
            Ok(ExecutePayoutResponse { provider_reference: reference, amount: Some(to_money(told)) })
        } else {
            Err(ServiceError::precondition(PAYOUT_DECLINED, "the sandbox declines this payee"))
        }
    }

    async fn take(&self, wanted: &log::Wanted, behaviour: Behaviour) -> Result<log::Execution, ServiceError> {
        let declines = behaviour == Behaviour::Decline;
        let lag = if behaviour == Behaviour::LookupLag { self.config.lookup_lag } else { Duration::ZERO };
        let key_ttl = if behaviour == Behaviour::ForgetsKeys { Duration::ZERO } else { self.config.key_ttl };
        let take = |tx: Tx| async move {
            let entry = log::take_in_tx(&tx, wanted, declines, key_ttl, lag).await?;
            // Undone: a foreign request leaves no trace.
            if entry.request != wanted.request { Err(TxError::Rejected(key_reused())) } else { Ok(entry) }
        };
        self.engine.run_tx("sandbox.execute", take).await
    }

    /// Sends the webhooks that the payee asked for.
    async fn tell(&self, behaviour: Behaviour, key: &str) {
        let (times, late, is_forged) = match behaviour {
            Behaviour::EarlyWebhook | Behaviour::LyingWebhook => (1, Duration::ZERO, false),
            Behaviour::DuplicateWebhook => (3, Duration::ZERO, false),
            Behaviour::ForgedWebhook => (1, Duration::ZERO, true),
            Behaviour::StaleWebhook => (1, Duration::from_secs(3_600), false),
            _ => return,
        };
        let Some(Webhooks { endpoint, secret }) = &self.webhooks else { return };
        let secret: &[u8] = if is_forged { b"somebody else's" } else { secret };
        let event = format!("evt_{}", self.engine.new_id());
        let webhook = webhook::executed(secret, event, key, self.engine.now().minus(late));
        for _ in 0..times {
            endpoint.deliver(webhook.clone()).await;
        }
    }

    /// Says what the log knows of a payout.
    ///
    /// # Errors
    /// NOT_FOUND when it knows nothing, or not yet.
    pub async fn look_up(&self, request: LookUpPayoutRequest) -> Result<LookUpPayoutResponse, ServiceError> {
        let mut violations = Violations::new();
        let key = payout_key(&request.payout_key, &mut violations);
        violations.finish()?;
        let found = log::find(self.engine.read(), &key).await.map_err(TxError::from)?;
        let entry = found.filter(|entry| entry.visible_at <= self.engine.now());
        let entry = entry.ok_or_else(|| ServiceError::not_found(format!("payout key {key}")))?;
        Ok(LookUpPayoutResponse {
            result: i32::from(if entry.executed { Known::Executed } else { Known::Declined }),
            provider_reference: if entry.executed { entry.reference.clone() } else { String::new() },
            amount: entry.executed.then(|| to_money(told_amount(&entry))),
        })
    }

    fn parse(&self, request: &ExecutePayoutRequest) -> Result<log::Wanted, ServiceError> {
        let mut violations = Violations::new();
        let key = payout_key(&request.payout_key, &mut violations);
        let amount = positive_money("amount", request.amount.as_ref(), &mut violations);
        let payee = violations.text("payee", &request.payee, 1, 254);
        violations.text("statement_text", &request.statement_text, 0, 140);
        violations.finish()?;
        let amount = amount.ok_or_else(|| ServiceError::internal("an amount without a violation"))?;
        let reference = format!("sandbox-{}", self.engine.new_id());
        Ok(log::Wanted { key, request: request.encode_to_vec(), amount, payee, reference })
    }
}

fn payout_key(value: &str, violations: &mut Violations) -> String {
    if !(1..=128).contains(&value.len()) || !value.bytes().all(|b| b.is_ascii_graphic()) {
        violations.add("payout_key", "PAYOUT_KEY", "must be 1 to 128 printable ASCII characters without blanks");
    }
    value.to_owned()
}

/// What a look-up tells: what was paid, unless the payee asked for a lie.
fn told_amount(entry: &log::Execution) -> Money {
    let asked = Behaviour::of_payee(&entry.payee).unwrap_or_default();
    let hides = i64::from(asked.contains(&Behaviour::HiddenWrongAmount));
    Money { minor: entry.amount.minor - hides, ..entry.amount }
}

fn in_progress() -> ServiceError {
    let message = "the sandbox was asked to say that a request with this key is in progress";
    ServiceError::new(ErrorCode::Aborted, PAYOUT_IN_PROGRESS, message)
}

fn no_answer() -> ServiceError {
    ServiceError::new(ErrorCode::DeadlineExceeded, reason::DEADLINE_EXCEEDED, "the sandbox was asked not to answer")
}

fn key_reused() -> ServiceError {
    ServiceError::new(
        ErrorCode::InvalidArgument,
        PAYOUT_KEY_REUSED,
        "this payout key came before with other content; nothing was executed",
    )
}
