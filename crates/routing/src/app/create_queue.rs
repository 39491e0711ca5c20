//! Makes a queue.

use std::collections::BTreeSet;
use std::time::Duration;

use api::method::routing_service::CREATE_QUEUE;
use api::reason;
use kernel::{Answer, ErrorCode, RequestContext, RequestKey, ServiceError};
use serde::Serialize;

use super::App;
use crate::domain::{Queue, QueueId};
use crate::store;
use crate::view;

/// The validated request.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct CreateQueue {
    /// Its id.
    pub(crate) id: QueueId,
    /// For people.
    pub(crate) display_name: String,
    /// Skills that every agent of the queue must have.
    pub(crate) required_skills: BTreeSet<String>,
    /// Time to acknowledge.
    pub(crate) acknowledge_within: Option<Duration>,
    /// Time to resolve.
    pub(crate) resolve_within: Option<Duration>,
}

impl App {
    /// Makes a queue.
    ///
    /// # Errors
    /// ALREADY_EXISTS `QUEUE_EXISTS`, also for the queues that every tenant has.
    #[tracing::instrument(skip_all, name = "routing.create_queue")]
    pub(crate) async fn create_queue(
        &self,
        context: RequestContext,
        request_id: &str,
        request: CreateQueue,
    ) -> Result<Answer<api::routing::Queue>, ServiceError> {
        let key = context.key(CREATE_QUEUE, request_id, RequestKey::hash_of(&request));
        let body = move |tx: durable::Tx| {
            let (tenant, request) = (context.tenant.clone(), request.clone());
            async move {
                let queue = Queue {
                    id: request.id,
                    display_name: request.display_name,
                    required_skills: request.required_skills,
                    acknowledge_within: request.acknowledge_within,
                    resolve_within: request.resolve_within,
                    created_at: Some(tx.now()),
                };
                if queue.id.is_built_in() || !store::insert_queue(&tx, &tenant, &queue).await? {
                    let text = format!("{} exists already", queue.id);
                    let exists = ServiceError::new(ErrorCode::AlreadyExists, reason::routing::QUEUE_EXISTS, text);
                    return Err(exists.with("resource", &queue.id).into());
                }
                Ok(view::queue(&queue))
            }
        };
        self.engine.mutate("routing.create_queue", key, body).await
    }
}
