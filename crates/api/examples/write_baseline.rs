//! Writes the baseline that the breaking-change test compares with: the contract as callers know it.
//!
//! Run it at a release, or to promise an addition before one. Comments and `buf.validate` options are left out, so that
//! the file changes only when a name, a number, a type or a shape does.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::Path;

use prost::Message as _;
use prost_types::FileDescriptorSet;

fn main() -> Result<(), Box<dyn Error>> {
    // prost knows no extensions: decoding drops the options of `buf.validate`.
    let mut descriptors = FileDescriptorSet::decode(amends_api::FILE_DESCRIPTOR_SET)?;
    let is_ours = |package: &str| package.starts_with("amends.");
    let ours = descriptors.file.iter().filter(|file| is_ours(file.package()));
    let imported: BTreeSet<_> = ours.flat_map(|file| file.dependency.iter().cloned()).collect();
    descriptors.file.retain(|f| f.package() != "buf.validate" && (is_ours(f.package()) || imported.contains(f.name())));
    for file in &mut descriptors.file {
        file.dependency.retain(|import| import != "buf/validate/validate.proto");
        file.source_code_info = None;
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("baseline/v1.binpb");
    let encoded = descriptors.encode_to_vec();
    fs::write(&path, &encoded)?;
    println!("baseline/v1.binpb: {} files, {} bytes", descriptors.file.len(), encoded.len());
    Ok(())
}
