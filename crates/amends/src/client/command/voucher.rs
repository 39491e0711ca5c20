//! `amends voucher`: vouchers that were issued.

use api::compensation::{
    GetVoucherLiabilityRequest, GetVoucherRequest, ListVouchersRequest, RedeemVoucherRequest, ReverseGrantRequest,
};
use api::google::r#type::Money;
use clap::{Args, Subcommand};
use kernel::VoucherId;

use super::remedy::OfCase;
use crate::client::call::Caller;
use crate::client::values::{Repeatable, amount, name};

/// Verbs of `voucher`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the vouchers of a case, oldest first.
    List(OfCase),
    /// Show a voucher.
    Get(One),
    /// Use a voucher, wholly or in part; without an amount for a discount.
    #[command(after_help = "Example:\n  amends voucher redeem 0A1B2C3-4D5E6F7 --amount \"EUR 12.50\" --order A-17")]
    Redeem(RedeemOptions),
    /// Take a voucher back: what is left of it cannot be used any more.
    #[command(after_help = "Example:\n  amends voucher reverse VOUCHER --by Kim --reason \"Given by mistake\"")]
    Reverse(ReverseOptions),
    /// Show what vouchers that are out may still cost, by currency and age.
    Liability,
}

/// One voucher.
#[derive(Debug, Args)]
pub struct One {
    /// The voucher: vouchers/UUID, or the UUID alone.
    #[arg(value_parser = name::<VoucherId>)]
    voucher: String,
}

/// The use of a voucher.
#[derive(Debug, Args)]
pub struct RedeemOptions {
    /// The code as the customer shows it.
    code: String,
    /// How much of it, e.g. "EUR 12.50".
    #[arg(long, value_parser = amount)]
    amount: Option<Money>,
    /// What it is used for.
    #[arg(long, default_value = "", hide_default_value = true)]
    order: String,
    /// Who shows it.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "WHO")]
    presented_by: String,
    #[command(flatten)]
    repeatable: Repeatable,
}

/// Who takes a voucher back, and why.
#[derive(Debug, Args)]
pub struct ReverseOptions {
    #[command(flatten)]
    one: One,
    /// Why.
    #[arg(long)]
    reason: String,
    /// Who decides.
    #[arg(long, value_name = "NAME")]
    by: String,
    #[command(flatten)]
    repeatable: Repeatable,
}

/// Runs a verb of `voucher`.
///
/// # Errors
/// When the call fails.
pub async fn run(command: &Command, caller: &mut Caller) -> anyhow::Result<()> {
    match command {
        Command::List(of) => {
            let request = ListVouchersRequest { case: of.case.clone(), ..Default::default() };
            caller.show_page(request, &of.paging).await
        }
        Command::Get(one) => caller.show(GetVoucherRequest { name: one.voucher.clone() }).await,
        Command::Redeem(RedeemOptions { code, amount, order, presented_by, repeatable }) => {
            let request = RedeemVoucherRequest {
                request_id: repeatable.id(),
                code: code.clone(),
                amount: amount.clone(),
                order: order.clone(),
                presented_by: presented_by.clone(),
            };
            caller.show(request).await
        }
        Command::Reverse(ReverseOptions { one, reason, by, repeatable }) => {
            let request = ReverseGrantRequest {
                request_id: repeatable.id(),
                grant: one.voucher.clone(),
                amount: None,
                reason: reason.clone(),
                reversed_by: by.clone(),
            };
            caller.show(request).await
        }
        Command::Liability => caller.show(GetVoucherLiabilityRequest {}).await,
    }
}
