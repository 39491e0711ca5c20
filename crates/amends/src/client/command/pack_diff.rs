//! `amends pack diff`: what changed between two documents, in words.

use anyhow::anyhow;
use clap::Args;
use compensation::domain::pack::diff::{Change, diff};
use compensation::domain::pack::document;

use super::pack_document::{Document, label, load};
use crate::client::call::Caller;
use crate::client::output::Sheet;

/// Two documents.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  amends pack diff care-klm@1.1.0 my-packs/care-klm/pack.yaml")]
pub struct Options {
    /// The first one: a file, a directory with a pack.yaml, or a shipped pack as ID or ID@VERSION.
    old: String,
    /// The second one.
    new: String,
}

/// Runs `pack diff`.
///
/// # Errors
/// When a document cannot be read.
pub fn run(options: &Options, caller: &mut Caller) -> anyhow::Result<()> {
    let (old, new) = (load(&options.old)?, load(&options.new)?);
    for document in [&old, &new] {
        for problem in document::parse(&document.text).err().unwrap_or_default() {
            caller.screen().note(&format!("{} is not a valid pack: {problem}", document.name))?;
        }
    }
    let changes = diff(&old.text, &new.text).map_err(|problem| anyhow!("a document cannot be read: {problem}"))?;
    if caller.prints_json() {
        return caller.screen().json(&json(&changes));
    }
    caller.screen().text(|page| {
        let count = match changes.len() {
            0 => "no changes".to_owned(),
            1 => "1 change".to_owned(),
            more => format!("{more} changes"),
        };
        page.line(&format!("{} to {}: {count}", shown(&old), shown(&new)));
        let mut sheet = Sheet::default();
        for change in &changes {
            sheet.add(&change.kind.to_string(), format!("{}\n  {}", change.what, change.words));
        }
        page.sheet(&sheet);
    })
}

fn shown(document: &Document) -> String {
    match label(&document.text).as_str() {
        "?" => document.name.clone(),
        label => label.to_owned(),
    }
}

fn json(changes: &[Change]) -> serde_json::Value {
    let change = |change: &Change| serde_json::json!({ "kind": change.kind.to_string(), "what": change.what, "words": change.words });
    serde_json::json!({ "changes": changes.iter().map(change).collect::<Vec<_>>() })
}
