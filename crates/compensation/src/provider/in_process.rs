//! The sandbox in this process, reached as if it were somewhere else: it goes on when its caller stops waiting.

use std::time::Duration;

use api::extension::{ExecutePayoutRequest, LookUpPayoutRequest};
use async_trait::async_trait;
use durable::Engine;
use kernel::{ErrorCode, ServiceError, reason};
use prost::Message as _;

use super::{executed, looked_up, refused_or_lost, unknown_or_lost};
use crate::app::ports::PayoutProvider;
use crate::domain::payout_step::Finding;
use crate::sandbox::Sandbox;

/// The sandbox as a provider.
#[derive(Debug)]
pub struct InProcessSandbox {
    engine: Engine,
    sandbox: Sandbox,
    timeout: Duration,
}

impl InProcessSandbox {
    /// On a sandbox, with the time that a call may take.
    pub fn new(engine: &Engine, sandbox: Sandbox, timeout: Duration) -> Self {
        Self { engine: engine.clone(), sandbox, timeout }
    }

    async fn within_time<T: Send + 'static>(
        &self,
        call: impl Future<Output = Result<T, ServiceError>> + Send + 'static,
    ) -> Result<T, ServiceError> {
        match tokio::time::timeout(self.timeout, self.engine.spawn(call)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(panic)) => Err(ServiceError::internal(panic)),
            Err(_) => {
                Err(ServiceError::new(ErrorCode::DeadlineExceeded, reason::DEADLINE_EXCEEDED, "no answer in time"))
            }
        }
    }
}

#[async_trait]
impl PayoutProvider for InProcessSandbox {
    async fn execute(&self, request: Vec<u8>) -> Finding {
        let request = match ExecutePayoutRequest::decode(request.as_slice()) {
            Ok(request) => request,
            Err(error) => return Finding::Lost { why: format!("the stored request cannot be read: {error}") },
        };
        let sandbox = self.sandbox.clone();
        match self.within_time(async move { sandbox.execute(request).await }).await {
            Ok(response) => executed(response),
            Err(error) => refused_or_lost(&chassis::to_status(error)),
        }
    }

    async fn look_up(&self, payout_key: String) -> Finding {
        let sandbox = self.sandbox.clone();
        let asked = async move { sandbox.look_up(LookUpPayoutRequest { payout_key }).await };
        match self.within_time(asked).await {
            Ok(response) => looked_up(response),
            Err(error) => unknown_or_lost(&chassis::to_status(error)),
        }
    }
}
