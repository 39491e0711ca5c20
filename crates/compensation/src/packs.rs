//! Reads the packs that the configuration names. The only place of this crate that touches the file system.

use std::path::Path;

use crate::config::PacksConfig;
use crate::domain::pack::set::{PackSet, SHIPPED};

/// The packs of a configuration.
///
/// # Errors
/// Everything that is wrong with any of them, each problem with its file.
pub fn load(config: &PacksConfig) -> Result<PackSet, Vec<String>> {
    let mut documents: Vec<(String, String)> = Vec::new();
    if config.shipped {
        documents.extend(SHIPPED.iter().map(|(id, pack, _)| (format!("shipped {id}"), (*pack).to_owned())));
    }
    if let Some(directory) = &config.directory {
        documents.extend(read(directory).map_err(|problem| vec![problem])?);
    }
    PackSet::from_documents(documents.iter().map(|(name, text)| (name.as_str(), text.as_str())))
}

fn read(directory: &Path) -> Result<Vec<(String, String)>, String> {
    let told = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(|error| told(directory, error))? {
        let file = entry.map_err(|error| told(directory, error))?.path().join("pack.yaml");
        if file.is_file() {
            files.push(file);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(format!("{}: has no <pack>/pack.yaml", directory.display()));
    }
    let texts = files.into_iter().map(|file| {
        let text = std::fs::read_to_string(&file).map_err(|error| told(&file, error))?;
        Ok((file.display().to_string(), text))
    });
    texts.collect()
}
