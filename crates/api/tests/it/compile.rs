//! Compiles a proto that a test wrote, with our protos and the vendored ones to import.

use std::collections::BTreeMap;
use std::path::PathBuf;

use protox::Compiler;
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver, IncludeFileResolver};

/// The protos of a test, by name.
struct Written(BTreeMap<String, String>);

impl FileResolver for Written {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        let source = self.0.get(name).ok_or_else(|| protox::Error::file_not_found(name))?;
        File::from_source(name, source)
    }
}

/// The encoded descriptors of these files, with what they import and with comments.
pub fn compile(files: &[(&str, &str)]) -> Vec<u8> {
    let protos = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../proto");
    let mut resolver = ChainFileResolver::new();
    resolver.add(Written(files.iter().map(|(name, source)| ((*name).to_owned(), (*source).to_owned())).collect()));
    resolver.add(IncludeFileResolver::new(protos.clone()));
    resolver.add(IncludeFileResolver::new(protos.join("vendor")));
    resolver.add(GoogleFileResolver::new());
    let mut compiler = Compiler::with_file_resolver(resolver);
    compiler.include_imports(true).include_source_info(true);
    for (name, _) in files {
        if let Err(error) = compiler.open_file(name) {
            panic!("{name} does not compile: {error}");
        }
    }
    compiler.encode_file_descriptor_set()
}
