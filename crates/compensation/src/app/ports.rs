//! What the use cases need from outside: somebody who moves money.

use std::fmt;

use async_trait::async_trait;

use crate::domain::payout_step::Finding;

/// Moves money to customers; see `amends.extension.v1.PayoutProvider` for the contract.
#[async_trait]
pub trait PayoutProvider: fmt::Debug + Send + Sync + 'static {
    /// Sends the request, byte by byte as it was stored. Whatever does not certainly say "paid" or "never" is
    /// [`Finding::Lost`].
    async fn execute(&self, request: Vec<u8>) -> Finding;

    /// Asks what became of a payout.
    async fn look_up(&self, payout_key: String) -> Finding;
}
