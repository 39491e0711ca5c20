//! Generates the messages, clients and servers from `/proto`, without `protoc`.
//!
//! Two encodings of the descriptors leave this script: the raw one, which keeps the `buf.validate` options and the
//! comments, for reflection and for the contract tests; and the typed one, which drops them, for the code generator.

#![expect(clippy::disallowed_methods, reason = "cargo tells a build script by the environment where things are")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    let vendor = root.join("vendor");
    println!("cargo:rerun-if-changed={}", root.display());

    let mut files = Vec::new();
    collect(&root.join("amends"), &mut files)?;
    files.sort();

    let mut compiler = protox::Compiler::new([root.as_path(), vendor.as_path()])?;
    compiler.include_imports(true).include_source_info(true).open_files(&files)?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), compiler.encode_file_descriptor_set())?;

    let mut descriptors = compiler.file_descriptor_set();
    descriptors.file.retain(|file| file.package() != "buf.validate");
    for file in &mut descriptors.file {
        file.dependency.retain(|import| import != "buf/validate/validate.proto");
    }
    fs::write(out.join("methods.rs"), method_constants(&descriptors))?;

    let mut config = prost_build::Config::new();
    config.btree_map(["."]).bytes(["."]);
    tonic_prost_build::configure().include_file("mod.rs").compile_fds_with_config(descriptors, config)?;
    Ok(())
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            files.push(path);
        }
    }
    Ok(())
}

/// One constant for each method, `<package>::<SERVICE>_<METHOD>` style modules, so that a durable call never spells a path.
fn method_constants(descriptors: &prost_types::FileDescriptorSet) -> String {
    let mut out = String::new();
    for file in &descriptors.file {
        for service in &file.service {
            let full = format!("{}.{}", file.package(), service.name());
            let module = snake(service.name());
            let _ = writeln!(out, "/// Full names of the methods of `{full}`.\npub mod {module} {{");
            for method in &service.method {
                let path = format!("{full}/{}", method.name());
                let _ = writeln!(
                    out,
                    "    /// `{path}`\n    pub const {}: &str = \"{path}\";",
                    snake(method.name()).to_uppercase()
                );
            }
            out.push_str("}\n");
        }
    }
    out
}

fn snake(name: &str) -> String {
    let mut out = String::new();
    for (i, c) in name.char_indices() {
        if c.is_ascii_uppercase() && i > 0 {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}
