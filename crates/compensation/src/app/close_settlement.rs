//! Once the provider had its time after a settled day: payouts of the day that no settlement has are listed.
//!
//! Evidence for people, never more: that a payout is in no file does not prove that it was not executed. Read page by
//! page; a page is all that is ever held.

use api::compensation::CloseSettlementResponse;
use api::method::settlement_service::CLOSE_SETTLEMENT;
use durable::{Tx, TxError};
use kernel::{Answer, RequestContext, RequestKey, ResourceId, ServiceError};

use super::App;
use super::own_calls::is_due;
use crate::domain::settlement::{Day, Discrepancy, DiscrepancyKind};
use crate::store::{Cursor, discrepancies, payouts, settlement_files};

/// Payouts that are looked at at once.
const PAGE: u64 = 200;

impl App {
    /// Lists what a complete file's day lacks; does nothing when that was done before, or too early.
    ///
    /// # Errors
    /// NOT_FOUND; UNAVAILABLE when the own timer comes early.
    #[tracing::instrument(skip_all, name = "compensation.close_settlement", fields(amends.file = %file))]
    pub(crate) async fn close_settlement(
        &self,
        context: RequestContext,
        request_id: &str,
        file: String,
    ) -> Result<Answer<CloseSettlementResponse>, ServiceError> {
        let key = context.key(CLOSE_SETTLEMENT, request_id, RequestKey::hash_of(&file));
        let app = self.clone();
        let work = move |tx: Tx| {
            let (app, context, file) = (app.clone(), context.clone(), file.clone());
            async move {
                let discrepancies = app.close(&tx, &context, &file).await?;
                Ok(CloseSettlementResponse { discrepancies })
            }
        };
        self.engine.mutate("compensation.close_settlement", key, work).await
    }

    async fn close(&self, tx: &Tx, context: &RequestContext, name: &str) -> Result<i64, TxError> {
        let tenant = &context.tenant;
        let found = settlement_files::lock_in_tx(tx, tenant, name).await?;
        let mut file = found.ok_or_else(|| ServiceError::not_found(format!("settlement file {name}")))?;
        let day = Day::parse(&file.day).ok_or_else(|| ServiceError::internal(format!("stored day {}", file.day)))?;
        if file.completed_at.is_none() || file.closed_at.is_some() {
            return Ok(0);
        }
        if !is_due(context, day.until.plus(self.rules.settlement_delay), tx.now())? {
            return Ok(0);
        }
        file.closed_at = Some(tx.now());
        settlement_files::update_in_tx(tx, tenant, &file).await?;
        let (mut after, mut listed) = (None, 0);
        loop {
            let page = payouts::unsettled_in_tx(tx, tenant, (day.from, day.until), after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(listed) };
            let at = last.first_attempt_at.unwrap_or(last.created_at);
            after = Some(Cursor { created_at: at.micros(), id: last.id.uuid() });
            let mut found = Vec::with_capacity(page.len());
            for payout in &page {
                let explanation = format!(
                    "{} of {}, {}, is in no settlement although the provider had its time, which proves nothing",
                    payout.id,
                    payout.amount,
                    payout.state.as_str()
                );
                let missing = Discrepancy {
                    id: self.engine.new_id().into(),
                    kind: DiscrepancyKind::NotInSettlement,
                    payout: Some(payout.id),
                    file: file.file.clone(),
                    line: 0,
                    key: payout.key.clone(),
                    amount: None,
                    explanation,
                    resolution: String::new(),
                    resolved_by: String::new(),
                    created_at: tx.now(),
                    resolved_at: None,
                };
                self.milestones.discrepancy(tx, context, payout, &missing);
                found.push(missing);
            }
            listed += i64::try_from(found.len()).unwrap_or(i64::MAX);
            discrepancies::insert_in_tx(tx, tenant, &found).await?;
        }
    }
}
