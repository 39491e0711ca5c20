//! The report of what vouchers may still cost, beside what the ledger says of it.

use api::compensation as wire;
use durable::TxError;
use kernel::{RequestContext, ServiceError};

use super::App;
use crate::domain::ledger::Account;
use crate::ledger_wire;
use crate::store::{ledger, liability};

impl App {
    /// Outstanding vouchers by currency and age, and the balances of the account that holds them.
    pub(crate) async fn get_voucher_liability(
        &self,
        context: &RequestContext,
    ) -> Result<wire::GetVoucherLiabilityResponse, ServiceError> {
        let (read, tenant, now) = (self.engine.read(), &context.tenant, self.engine.now());
        let lines = liability::by_age(read, tenant, now).await.map_err(TxError::from)?;
        let account = Account::VoucherLiability;
        let booked = ledger::balances_of(read, tenant, account).await.map_err(TxError::from)?;
        Ok(ledger_wire::liability(&lines, &booked, now))
    }
}
