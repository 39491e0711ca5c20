//! What the gate decided about a remedy, with what people decided against it.

use api::compensation::GateDecision;
use durable::TxError;
use kernel::{RemedyId, RequestContext, ServiceError};

use super::App;
use crate::store::{gate, remedies};
use crate::wire_gate;

impl App {
    /// The gate's decision.
    pub(crate) async fn get_gate_decision(
        &self,
        context: &RequestContext,
        id: RemedyId,
    ) -> Result<GateDecision, ServiceError> {
        let (read, tenant) = (self.engine.read(), &context.tenant);
        let remedy = remedies::get(read, tenant, id).await.map_err(TxError::from)?;
        let decision = remedy.as_ref().and_then(|remedy| remedy.gate.as_ref());
        let decision = decision.ok_or_else(|| ServiceError::not_found(id))?;
        let overrides = gate::overrides(read, self.engine.db().backend(), tenant, id).await.map_err(TxError::from)?;
        Ok(wire_gate::decision(id, decision, &overrides))
    }
}
