//! `amends audit`: who changed what by hand.

use api::operations::{ListAuditRecordsRequest, ListAuditRecordsResponse};
use clap::{Args, Subcommand};

use crate::client::call::Caller;
use crate::client::rpc::Pages as _;
use crate::client::values::{Paging, service};

/// Verbs of `audit`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List audit records of a service, newest first, and say whether their chain is intact.
    List(ListOptions),
    /// Go through all records of a service and verify their chain of hashes.
    Verify(VerifyOptions),
}

/// Which records.
#[derive(Debug, Args)]
pub struct ListOptions {
    /// The service: intake, routing, compensation or followup.
    #[arg(long, value_parser = service)]
    service: String,
    #[command(flatten)]
    paging: Paging,
}

/// Which chain.
#[derive(Debug, Args)]
pub struct VerifyOptions {
    /// The service: intake, routing, compensation or followup.
    #[arg(long, value_parser = service)]
    service: String,
}

/// Runs a verb of `audit`.
///
/// # Errors
/// When the call fails; when a chain that is to be verified is broken.
pub async fn run(command: &Command, caller: &mut Caller) -> anyhow::Result<()> {
    match command {
        Command::List(ListOptions { service, paging }) => {
            let request = ListAuditRecordsRequest { parent: service.clone(), ..Default::default() };
            let all = Paging { all: false, ..paging.clone() };
            if !paging.all {
                return caller.show_page(request, &all).await;
            }
            let mut records = Vec::new();
            let intact = each_page(request, all, caller, |page| records.extend(page.audit_records)).await?;
            let everything = ListAuditRecordsResponse {
                audit_records: records,
                next_page_token: String::new(),
                chain_intact: intact,
            };
            caller.print::<ListAuditRecordsRequest>(&everything)
        }
        Command::Verify(VerifyOptions { service }) => {
            let request = ListAuditRecordsRequest { parent: service.clone(), ..Default::default() };
            let mut count = 0;
            let intact =
                each_page(request, Paging::everything(), caller, |page| count += page.audit_records.len()).await?;
            anyhow::ensure!(intact, "the chain of {service} is broken: a record was changed, removed or added");
            caller.screen().note(&format!("the chain of {service} is intact: {count} records"))
        }
    }
}

/// Takes every page; true when the chain is intact on each of them.
async fn each_page(
    mut request: ListAuditRecordsRequest,
    paging: Paging,
    caller: &mut Caller,
    mut take: impl FnMut(ListAuditRecordsResponse),
) -> anyhow::Result<bool> {
    request.set_page(paging.page_size, paging.page_token);
    let mut intact = true;
    loop {
        let page = caller.call(request.clone()).await?;
        intact &= page.chain_intact;
        let next = page.next_page_token.clone();
        take(page);
        if next.is_empty() {
            return Ok(intact);
        }
        request.set_page(paging.page_size, next);
    }
}
