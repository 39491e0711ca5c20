//! The options of every command that puts a document from a file into force.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use crate::client::values::Repeatable;

/// Which document, and by whom.
#[derive(Debug, Args)]
pub struct ApplyOptions {
    /// The document (YAML).
    #[arg(long, short, value_name = "FILE")]
    file: PathBuf,
    /// Who applies it: agents/UUID, or a name.
    #[arg(long, value_name = "AGENT")]
    pub applied_by: String,
    /// Only say what would come of it.
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub repeatable: Repeatable,
}

impl ApplyOptions {
    /// The document's text.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn document(&self) -> anyhow::Result<String> {
        document(&self.file)
    }
}

/// The text of a document.
///
/// # Errors
/// When the file cannot be read.
pub fn document(file: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| file.display().to_string())
}
