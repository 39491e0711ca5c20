//! A single mutation: detached from its caller, one transaction, one stored answer.

use std::sync::Arc;

use kernel::{Answer, RequestKey, ServiceError};
use prost::Message;
use tokio::sync::oneshot;

use crate::error::TxError;
use crate::group::{Answered, Mutation, replay, run_mutations};
use crate::inbound::{find, log_key};
use crate::{Engine, Tx};

impl Engine {
    /// Carries out a mutation once, however often it is asked for: `body` does the work in one transaction (and may be
    /// run several times), its response is stored under `key` in the same transaction, and the same key gets the
    /// stored response from then on. Goes on when the caller leaves or its deadline passes.
    ///
    /// # Errors
    /// What `body` rejects with (stored as the answer when definitive); INVALID_ARGUMENT `IDEMPOTENCY_KEY_REUSED`;
    /// FAILED_PRECONDITION `SEQUENCE_GAP` for a durable call out of order; RESOURCE_EXHAUSTED `OVERLOADED`;
    /// UNAVAILABLE `STORAGE_UNAVAILABLE` when the outcome is unknown.
    pub async fn mutate<M, F, Fut>(
        &self,
        name: &'static str,
        key: RequestKey,
        body: F,
    ) -> Result<Answer<M>, ServiceError>
    where
        M: Message + Default + 'static,
        F: Fn(Tx) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<M, TxError>> + Send + 'static,
    {
        let body = Arc::new(move |tx: Tx| -> futures::future::BoxFuture<'static, Result<Vec<u8>, TxError>> {
            let work = body(tx);
            Box::pin(async move { work.await.map(|response| response.encode_to_vec()) })
        });
        let (answer, answered) = oneshot::channel();
        let mutation = Mutation { name, key, body, answer, slot: self.take_slot()? };
        match self.mutations() {
            Some(queue) => queue.submit(mutation)?,
            None => {
                let engine = self.clone();
                self.spawn(async move { run_mutations(&engine, vec![mutation]).await });
            }
        }
        decode(answered.await.map_err(|_| ServiceError::internal(format!("{name} ended without an answer")))?)
    }

    /// What this request was answered before; `None` when it is new. For a use case that acts on the outside before it
    /// can answer: a request that comes again must not act again.
    ///
    /// # Errors
    /// The stored refusal; INVALID_ARGUMENT `IDEMPOTENCY_KEY_REUSED`; UNAVAILABLE when the database fails.
    pub async fn answered<M: Message + Default>(&self, key: &RequestKey) -> Result<Option<Answer<M>>, ServiceError> {
        let found = self
            .run_tx("durable.answered", |tx| async move { Ok(find(&tx, std::slice::from_ref(key)).await?) })
            .await?;
        match found.get(&log_key(key)) {
            Some(logged) => decode(replay(key, &logged.request_hash, &logged.outcome)).map(Some),
            None => Ok(None),
        }
    }
}

/// The typed answer of a stored outcome.
pub(crate) fn decode<M: Message + Default>(answered: Answered) -> Result<Answer<M>, ServiceError> {
    let message = M::decode(answered.outcome?.as_slice())
        .map_err(|error| ServiceError::internal(format!("stored response cannot be decoded: {error}")))?;
    Ok(Answer { message, replayed: answered.replayed })
}
