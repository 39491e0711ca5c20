//! The sandbox's settlement of a day, of one tenant's payouts, page by page.

use std::collections::BTreeSet;

use api::compensation::SettlementLine;
use api::reason::compensation::SANDBOX_NOT_IN_USE;
use durable::TxError;
use kernel::{RequestContext, ServiceError};

use super::App;
use crate::domain::settlement::Day;
use crate::sandbox::{Payment, payments};
use crate::store::payouts;
use crate::wire::settlement::settlement_line;

/// Executions that are read at once.
const PAGE: u32 = 200;

/// Where reading goes on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    after: Option<Payment>,
    lines: i64,
}

impl App {
    /// The next lines of a day's settlement, none when there are no more.
    ///
    /// # Errors
    /// FAILED_PRECONDITION `SANDBOX_NOT_IN_USE`.
    pub(crate) async fn sandbox_settlement(
        &self,
        context: &RequestContext,
        day: &Day,
        place: &mut Place,
    ) -> Result<Vec<SettlementLine>, ServiceError> {
        if !self.uses_sandbox {
            let text = "payouts go to another provider; ask that one for its settlement";
            return Err(ServiceError::precondition(SANDBOX_NOT_IN_USE, text));
        }
        loop {
            let read = self.engine.read();
            let page =
                payments(read, (day.from, day.until), place.after.as_ref(), PAGE).await.map_err(TxError::from)?;
            let Some(last) = page.last() else { return Ok(Vec::new()) };
            place.after = Some(last.clone());
            // The sandbox knows no tenants, and is asked by one of them.
            let keys: BTreeSet<&str> = page.iter().map(|payment| payment.payout_key.as_str()).collect();
            let own = payouts::own_keys(read, &context.tenant, &keys).await.map_err(TxError::from)?;
            let lines: Vec<_> = page.iter().filter(|payment| own.contains(&payment.payout_key)).collect();
            if !lines.is_empty() {
                let numbered = (place.lines + 1..).zip(lines);
                let lines: Vec<_> = numbered.map(|(number, payment)| settlement_line(number, payment)).collect();
                place.lines += i64::try_from(lines.len()).unwrap_or(i64::MAX);
                return Ok(lines);
            }
        }
    }
}
