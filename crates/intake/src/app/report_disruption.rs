//! Reports a failure that hits many customers.

use api::method::intake_service::REPORT_DISRUPTION;
use api::reason::intake::DISRUPTION_EXISTS;
use durable::{Tx, TxError};
use kernel::{Answer, DisruptionId, ErrorCode, RequestContext, RequestKey, ServiceError};

use super::App;
use crate::domain::disruption::{Disruption, DisruptionContent};
use crate::store::disruptions;
use crate::view;

impl App {
    /// The same external id with the same content is the same disruption, whoever reports it again.
    #[tracing::instrument(skip_all, name = "intake.report_disruption")]
    pub(crate) async fn report_disruption(
        &self,
        context: RequestContext,
        request_id: &str,
        content: DisruptionContent,
    ) -> Result<Answer<api::intake::Disruption>, ServiceError> {
        let key = context.key(REPORT_DISRUPTION, request_id, RequestKey::hash_of(&content));
        let id: DisruptionId = self.engine.new_id().into();
        self.engine
            .mutate("intake.report_disruption", key, move |tx| {
                let (context, content) = (context.clone(), content.clone());
                async move { apply(&tx, &context, id, content).await }
            })
            .await
    }
}

async fn apply(
    tx: &Tx,
    context: &RequestContext,
    id: DisruptionId,
    content: DisruptionContent,
) -> Result<api::intake::Disruption, TxError> {
    let disruption = Disruption { id, content, affected_count: 0, created_at: tx.now() };
    if disruptions::disruption_insert(tx, &context.tenant, &disruption).await? {
        return Ok(view::disruption(&disruption));
    }
    let external_id = &disruption.content.external_id;
    let known = disruptions::disruption_get_by_external_id(tx.conn(), &context.tenant, external_id).await?;
    let known = known.ok_or_else(TxError::lost_race)?;
    if known.content == disruption.content {
        return Ok(view::disruption(&known));
    }
    let message = format!("the external id `{external_id}` is known with other content");
    Err(ServiceError::new(ErrorCode::AlreadyExists, DISRUPTION_EXISTS, message).with("disruption", known.id).into())
}
