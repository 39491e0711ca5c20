//! A voucher is used, wholly or in part: by its code, once for each request, never beyond its amount.
//!
//! The row is locked and its constraint holds the sum, so that any number at once use no more than there is. A code that
//! does not exist is counted for whoever showed it; who shows too many has to wait. The count is written after the
//! refusal, so that those that are under way together are looked at together: the bound is the limit and those.

use api::method::ledger_service::REDEEM_VOUCHER;
use api::reason::compensation::{
    TOO_MANY_UNKNOWN_CODES, UNKNOWN_VOUCHER_CODE, VOUCHER_CURRENCY, VOUCHER_INSUFFICIENT, VOUCHER_NOT_USABLE,
};
use durable::Tx;
use kernel::{Answer, ErrorCode, Money, RequestContext, RequestKey, ServiceError, Violations};
use serde::Serialize;

use super::{App, own_calls};
use crate::domain::grant::{Voucher, Worth};
use crate::domain::ledger::Transaction;
use crate::domain::redemption::Refusal;
use crate::domain::voucher::VoucherState;
use crate::ledger_wire;
use crate::store::redemptions::{self, Presenter, Redemption};
use crate::store::{ledger, vouchers};

/// What is asked for.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RedeemVoucher {
    pub(crate) code: String,
    pub(crate) amount: Option<Money>,
    pub(crate) order: String,
    pub(crate) presented_by: String,
}

impl App {
    /// Uses a voucher.
    ///
    /// # Errors
    /// NOT_FOUND `UNKNOWN_VOUCHER_CODE`; FAILED_PRECONDITION `VOUCHER_NOT_USABLE`, `VOUCHER_CURRENCY`,
    /// `VOUCHER_INSUFFICIENT`; INVALID_ARGUMENT when the amount is missing or out of place; RESOURCE_EXHAUSTED
    /// `TOO_MANY_UNKNOWN_CODES`.
    #[tracing::instrument(skip_all, name = "compensation.redeem_voucher")]
    pub(crate) async fn redeem_voucher(
        &self,
        context: RequestContext,
        request_id: &str,
        command: RedeemVoucher,
    ) -> Result<Answer<api::compensation::VoucherRedemption>, ServiceError> {
        let key = context.key(REDEEM_VOUCHER, request_id, RequestKey::hash_of(&command));
        // Whoever asks again gets the answer of the first time, whatever was guessed since.
        if let Some(answer) = self.engine.answered(&key).await? {
            return Ok(answer);
        }
        let presented_by = command.presented_by.clone();
        self.refuse_guessers(&context, &presented_by).await?;
        let (redemption, booking) = (self.engine.new_id().into(), self.engine.new_id().into());
        let of = context.clone();
        let work = move |tx: Tx| {
            let (context, command) = (of.clone(), command.clone());
            async move {
                let tenant = &context.tenant;
                let found = vouchers::lock_by_code_in_tx(&tx, tenant, &command.code).await?;
                let mut voucher = found.ok_or_else(unknown)?;
                let used = voucher.redeem(command.amount, tx.now()).map_err(|why| refused(&voucher, why))?;
                // The conditional update decides; the entries follow it.
                vouchers::update_in_tx(&tx, tenant, &voucher).await?;
                let amount = if let Worth::Amount(amount) = used { Some(amount) } else { None };
                let redemption = Redemption {
                    id: redemption,
                    voucher: voucher.id,
                    amount,
                    order: command.order,
                    redeemed_by: context.client.clone(),
                };
                redemptions::insert_in_tx(&tx, tenant, &redemption).await?;
                if let Some(amount) = amount {
                    let redeemed = Transaction::voucher_redeemed(booking, redemption.id, voucher.case, amount);
                    ledger::append_in_tx(&tx, &[(tenant, &redeemed)]).await?;
                }
                if voucher.state == VoucherState::Redeemed {
                    own_calls::cancel_voucher_timer(&tx, tenant, voucher.id);
                }
                Ok(ledger_wire::redemption(&redemption, &voucher, tx.now()))
            }
        };
        let answer = self.engine.mutate("compensation.redeem_voucher", key, work).await;
        if answer.as_ref().is_err_and(|error| error.reason == UNKNOWN_VOUCHER_CODE) {
            self.count_miss(&context, &presented_by, request_id).await?;
        }
        answer
    }

    async fn refuse_guessers(&self, context: &RequestContext, presented_by: &str) -> Result<(), ServiceError> {
        let presenter = Presenter { tenant: &context.tenant, client: &context.client, presented_by };
        let since = self.engine.now().minus(self.guesses.window);
        let misses = redemptions::misses_since(self.engine.read(), presenter, since).await;
        if misses.map_err(durable::TxError::from)? < i64::from(self.guesses.limit) {
            return Ok(());
        }
        tracing::warn!(tenant = %context.tenant, client = %context.client, "too many voucher codes that do not exist");
        let message = "too many codes that do not exist; wait, or say by presented_by whose codes these are";
        let mut error = ServiceError::new(ErrorCode::ResourceExhausted, TOO_MANY_UNKNOWN_CODES, message);
        error.retry_after = Some(self.guesses.window);
        Err(error)
    }

    async fn count_miss(
        &self,
        context: &RequestContext,
        presented_by: &str,
        request_id: &str,
    ) -> Result<(), ServiceError> {
        let since = self.engine.now().minus(self.guesses.window);
        let work = |tx: Tx| async move {
            let presenter = Presenter { tenant: &context.tenant, client: &context.client, presented_by };
            Ok(redemptions::miss_in_tx(&tx, presenter, request_id, since).await?)
        };
        self.engine.run_tx("compensation.redeem_voucher.miss", work).await
    }
}

/// The code is not repeated: logs are read by more people than vouchers.
fn unknown() -> ServiceError {
    ServiceError::new(ErrorCode::NotFound, UNKNOWN_VOUCHER_CODE, "no voucher has this code; see that it is typed right")
}

fn refused(voucher: &Voucher, why: Refusal) -> ServiceError {
    let id = voucher.id;
    let field = |reason: &str, description: String| {
        let mut violations = Violations::new();
        violations.add("amount", reason, description);
        violations.finish().err().unwrap_or_else(|| ServiceError::internal("a violation was lost"))
    };
    match why {
        Refusal::NotUsable(state) => {
            let message = format!("{id} is {} and cannot be used any more", state.as_str());
            ServiceError::precondition(VOUCHER_NOT_USABLE, message).with("state", state.as_str())
        }
        Refusal::AmountMissing { left } => field("REQUIRED", format!("is required; {left} is left of {id}")),
        Refusal::AmountOnDiscount => field("NOT_ALLOWED", format!("{id} is a discount and is used without an amount")),
        Refusal::Currency { left } => {
            let message = format!("{id} is in {}; {left} is left", left.currency.code());
            ServiceError::precondition(VOUCHER_CURRENCY, message).with("currency", left.currency.code())
        }
        Refusal::Insufficient { left } => {
            let message = format!("{left} is left of {id}; use at most that");
            ServiceError::precondition(VOUCHER_INSUFFICIENT, message).with("remaining", left)
        }
    }
}
