//! `amends voucher`: vouchers that were issued.

use api::compensation::{GetVoucherRequest, ListVouchersRequest};
use clap::{Args, Subcommand};
use kernel::VoucherId;

use super::remedy::OfCase;
use crate::client::call::Caller;
use crate::client::values::name;

/// Verbs of `voucher`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the vouchers of a case, oldest first.
    List(OfCase),
    /// Show a voucher.
    Get(One),
}

/// One voucher.
#[derive(Debug, Args)]
pub struct One {
    /// The voucher: vouchers/UUID, or the UUID alone.
    #[arg(value_parser = name::<VoucherId>)]
    voucher: String,
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
    }
}
