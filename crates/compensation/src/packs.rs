//! Reads the packs that the configuration names. The only place of this crate that touches the file system.

use std::path::Path;

use crate::config::{CanaryConfig, PacksConfig};
use crate::domain::pack::set::{PackSet, SHIPPED};

/// The packs of a configuration.
///
/// # Errors
/// Everything that is wrong with any of them: the key below `packs` (empty for a document), and the problem with its file.
pub fn load(config: &PacksConfig) -> Result<PackSet, Vec<(String, String)>> {
    let mut documents: Vec<(String, String)> = Vec::new();
    if config.shipped {
        documents.extend(SHIPPED.iter().map(|(id, pack, _)| (format!("shipped {id}"), (*pack).to_owned())));
    }
    if let Some(directory) = &config.directory {
        documents.extend(read(directory).map_err(|problem| vec![(String::new(), problem)])?);
    }
    let documents = documents.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    let canaries: Vec<_> = config.canary.iter().map(CanaryConfig::rule).collect();
    PackSet::with_canaries(documents, &canaries)
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

#[cfg(test)]
mod tests {
    use crate::domain::pack::expression::{Expression, Names};
    use crate::domain::pack::input::{Input, Type};

    fn input(name: &str) -> Input {
        let description = String::new();
        Input { name: name.to_owned(), kind: Type::Integer, description, default: None, derived: None }
    }

    /// The parser recurses, in itself and over what it has built. What a thread's stack does not hold ends the process.
    #[test]
    fn nothing_that_is_written_overflows_a_small_stack() {
        let nested = |open: &str, close: &str| format!("{}a{}", open.repeat(12), close.repeat(12));
        let sources = [
            format!("a{}", "+a".repeat(1_999)),
            format!("a{}", ".a".repeat(1_999)),
            format!("a{}", "[1]".repeat(1_333)),
            format!("a{}", "==a".repeat(1_333)),
            format!("{}a", "a?a:".repeat(999)),
            format!("{}a", "!-".repeat(1_999)),
            nested("(", ")"),
            nested("[", "]"),
            nested("!-a.map(x, ", ")"),
            nested("a||a&&a==a+a*-[1].all(x, ", ")"),
            nested("a{a:", "}"),
            nested("{1:", "}"),
            nested("((([1].all(x, (-a.map(x, ", ")))]"),
        ];
        let smallest = std::thread::Builder::new().stack_size(128 << 10);
        let compiled = smallest.spawn(move || {
            let inputs = [input("a")];
            sources.map(|source| Expression::compile(&source, Names { inputs: &inputs, terms: &[] }).is_ok())
        });
        let compiled = compiled.expect("a thread").join().expect("no panic");
        assert_eq!(
            compiled.iter().filter(|ok| **ok).count(),
            1,
            "only the brackets around one number are an expression"
        );
    }
}
