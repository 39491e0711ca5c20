//! Executing and looking up, well-behaved or not.

use std::sync::Arc;
use std::time::Duration;

use api::extension::look_up_payout_response::Result as Known;
use api::extension::{ExecutePayoutRequest, ExecutePayoutResponse, LookUpPayoutRequest, LookUpPayoutResponse};
use api::reason::extension::{PAYOUT_DECLINED, PAYOUT_KEY_REUSED};
use chassis::wire::{positive_money, to_money};
use durable::{Engine, TxError};
use kernel::{ErrorCode, ServiceError, Violations, reason};
use prost::Message as _;

use super::{Behaviour, SandboxConfig, log};

/// The sandbox. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Sandbox {
    engine: Engine,
    config: Arc<SandboxConfig>,
}

impl Sandbox {
    /// On the database of `engine`, whose clock it follows. Its table is among the service's migrations.
    pub fn new(engine: &Engine, config: SandboxConfig) -> Self {
        Self { engine: engine.clone(), config: Arc::new(config) }
    }

    /// Executes a payout, or gives the first answer again.
    ///
    /// # Errors
    /// As the interface says, and whatever the payee asks for.
    pub async fn execute(&self, request: ExecutePayoutRequest) -> Result<ExecutePayoutResponse, ServiceError> {
        let wanted = self.parse(&request)?;
        let behaviour = Behaviour::of_payee(&request.payee).unwrap_or(self.config.behaviour);
        if behaviour == Behaviour::TimeoutBeforeExecute {
            return Err(no_answer());
        }
        let declines = behaviour == Behaviour::Decline;
        let lag = if behaviour == Behaviour::LookupLag { self.config.lookup_lag } else { Duration::ZERO };
        let key_ttl = self.config.key_ttl;
        let entry = self
            .engine
            .run_tx("sandbox.execute", |tx| {
                let wanted = wanted.clone();
                async move {
                    let entry = log::take_in_tx(&tx, &wanted, declines, key_ttl, lag).await?;
                    // Undone: a foreign request leaves no trace.
                    if entry.request != wanted.request { Err(TxError::Rejected(key_reused())) } else { Ok(entry) }
                }
            })
            .await?;
        let first = entry.requests == 1;
        match behaviour {
            Behaviour::ErrorAfterExecute | Behaviour::LookupLag => {
                return Err(ServiceError::internal("the sandbox was asked to fail after executing"));
            }
            Behaviour::TimeoutAfterExecute if first => return Err(no_answer()),
            Behaviour::Slow if first => tokio::time::sleep(self.config.slow_by).await,
            Behaviour::Honest
            | Behaviour::TimeoutBeforeExecute
            | Behaviour::TimeoutAfterExecute
            | Behaviour::Decline
            | Behaviour::Slow => {}
        }
        if entry.executed {
            Ok(ExecutePayoutResponse { provider_reference: entry.reference })
        } else {
            Err(ServiceError::precondition(PAYOUT_DECLINED, "the sandbox declines this payee"))
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
            provider_reference: if entry.executed { entry.reference } else { String::new() },
            amount: entry.executed.then(|| to_money(entry.amount)),
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
