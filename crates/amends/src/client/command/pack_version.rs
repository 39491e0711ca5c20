//! `amends pack get` and `amends pack apply`: versions of packs in the service.

use api::compensation::{ApplyPackRequest, GetPackRequest};
use clap::Args;

use super::pack_document::load;
use crate::client::call::Caller;
use crate::client::values::Repeatable;

/// Which version.
#[derive(Debug, Args)]
pub struct Get {
    /// The pack, as ID or ID@VERSION; without a version the one that judges what happens now.
    pack: String,
    /// Print the document alone, as it was written.
    #[arg(long)]
    document: bool,
}

/// What is put into force.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  amends pack apply my-packs/care-klm --applied-by Kim --dry-run")]
pub struct Apply {
    /// A file, or a directory with a pack.yaml.
    document: String,
    /// Who applies it; goes on record.
    #[arg(long, value_name = "NAME")]
    applied_by: String,
    /// Say what would change, and change nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    repeatable: Repeatable,
}

/// Runs `pack get`.
///
/// # Errors
/// When the call fails.
pub async fn get(options: &Get, caller: &mut Caller) -> anyhow::Result<()> {
    let name = options.pack.strip_prefix("packs/").unwrap_or(&options.pack);
    let (id, version) = name.split_once('@').unwrap_or((name, ""));
    let request = GetPackRequest { name: format!("packs/{id}"), version: version.to_owned() };
    if !options.document {
        return caller.show(request).await;
    }
    let pack = caller.call(request).await?;
    caller.screen().text(|page| pack.document.lines().for_each(|line| page.line(line)))
}

/// Runs `pack apply`.
///
/// # Errors
/// When the document cannot be read, or the call fails.
pub async fn apply(options: &Apply, caller: &mut Caller) -> anyhow::Result<()> {
    let request = ApplyPackRequest {
        request_id: options.repeatable.id(),
        document: load(&options.document)?.text,
        dry_run: options.dry_run,
        applied_by: options.applied_by.clone(),
    };
    caller.show(request).await
}
