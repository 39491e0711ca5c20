//! Documents of packs that are named on the command line: a file, a directory, or a pack that is shipped.

use std::path::Path;

use anyhow::{Context as _, bail};
use compensation::domain::pack::document;
use compensation::domain::pack::set::SHIPPED;

/// Its file in the directory of a pack.
pub const PACK: &str = "pack.yaml";
/// The file of its test vectors.
pub const VECTORS: &str = "vectors.yaml";

/// A document, and what it was called.
#[derive(Clone, Debug)]
pub struct Document {
    /// As given.
    pub name: String,
    /// YAML.
    pub text: String,
}

/// True when there is a file or a directory of this name; a version of a pack is named `packs/{id}@{version}`.
pub fn is_a_file(given: &str) -> bool {
    Path::new(given).exists()
}

/// The document: a file, the `pack.yaml` of a directory, or a shipped pack by its directory's name or as `{id}@{version}`.
///
/// # Errors
/// When there is none, or it cannot be read.
pub fn load(given: &str) -> anyhow::Result<Document> {
    let path = Path::new(given);
    let file = if path.is_dir() { path.join(PACK) } else { path.to_owned() };
    if file.exists() {
        let text = std::fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?;
        return Ok(Document { name: given.to_owned(), text });
    }
    let name = given.strip_prefix("packs/").unwrap_or(given);
    for (directory, text, _) in SHIPPED {
        // A draft has the pack's id and a directory of its own.
        if directory == name || name.contains('@') && label(text) == name {
            return Ok(Document { name: given.to_owned(), text: text.to_owned() });
        }
    }
    let all: Vec<_> = SHIPPED.iter().map(|(_, text, _)| label(text)).collect();
    bail!("{given} is neither a file, nor a directory with a {PACK}, nor a pack that is shipped: {}", all.join(", "))
}

/// `{id}@{version}` of a document that can be read; `?` of one that cannot.
pub fn label(text: &str) -> String {
    document::parse(text).map_or_else(|_| "?".to_owned(), |pack| format!("{}@{}", pack.id, pack.version))
}
