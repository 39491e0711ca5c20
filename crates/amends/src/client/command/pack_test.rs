//! `amends pack test`: the test vectors of packs.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use compensation::domain::pack::set::{PackSet, SHIPPED};
use compensation::domain::pack::vectors;

use super::pack_document::{PACK, VECTORS, label};
use crate::client::call::Caller;
use crate::client::output::Table;

/// Which packs.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  amends pack test my-packs")]
pub struct Options {
    /// A directory with a pack.yaml and its vectors.yaml, or with such directories; the shipped packs when none is given.
    directory: Option<PathBuf>,
}

/// A pack and its vectors, as written.
struct Written {
    name: String,
    pack: String,
    vectors: Option<String>,
}

/// What came of the vectors of a pack.
struct Ran {
    pack: String,
    vectors: usize,
    failures: Vec<String>,
}

/// Runs `pack test`.
///
/// # Errors
/// When a directory cannot be read, or something does not come out as its vector says.
pub fn run(options: &Options, caller: &mut Caller) -> anyhow::Result<()> {
    let written = match &options.directory {
        Some(directory) => read(directory).with_context(|| format!("{} cannot be read", directory.display()))?,
        None => shipped(),
    };
    if written.is_empty() {
        bail!("there is no {PACK} in this directory, nor in one below it");
    }
    let ran: Vec<Ran> = written.iter().map(judge).collect();
    show(&ran, caller)?;
    let failed = ran.iter().filter(|ran| !ran.failures.is_empty()).count();
    if failed > 0 {
        let problems: usize = ran.iter().map(|ran| ran.failures.len()).sum();
        bail!("{failed} of {} packs failed, with {problems} problems", ran.len());
    }
    Ok(())
}

fn judge(written: &Written) -> Ran {
    let pack = match label(&written.pack).as_str() {
        "?" => written.name.clone(),
        label => label.to_owned(),
    };
    let packs = match PackSet::from_documents([(written.name.as_str(), written.pack.as_str())]) {
        Ok(packs) => packs,
        Err(failures) => return Ran { pack, vectors: 0, failures },
    };
    let Some(text) = &written.vectors else {
        return Ran { pack, vectors: 0, failures: vec![format!("{}: has no {VECTORS}", written.name)] };
    };
    match vectors::run(&packs, text) {
        Ok((0, _)) => Ran { pack, vectors: 0, failures: vec![format!("{}: {VECTORS} has no vector", written.name)] },
        Ok((vectors, failures)) => Ran { pack, vectors, failures },
        Err(problem) => Ran { pack, vectors: 0, failures: vec![format!("{}: {VECTORS}: {problem}", written.name)] },
    }
}

fn show(ran: &[Ran], caller: &mut Caller) -> anyhow::Result<()> {
    if caller.prints_json() {
        let pack =
            |ran: &Ran| serde_json::json!({ "pack": ran.pack, "vectors": ran.vectors, "failures": ran.failures });
        return caller.screen().json(&serde_json::json!({ "packs": ran.iter().map(pack).collect::<Vec<_>>() }));
    }
    caller.screen().text(|page| {
        let mut table = Table::new(["PACK", "VECTORS", "PROBLEMS"]);
        for ran in ran {
            table.row([ran.pack.clone(), ran.vectors.to_string(), ran.failures.len().to_string()]);
        }
        page.table(&table, "no packs");
        for ran in ran.iter().filter(|ran| !ran.failures.is_empty()) {
            page.heading(&format!("{}:", ran.pack));
            for failure in &ran.failures {
                page.block(failure);
            }
        }
    })
}

fn shipped() -> Vec<Written> {
    let written = |(id, pack, vectors): &(&str, &str, &str)| Written {
        name: (*id).to_owned(),
        pack: (*pack).to_owned(),
        vectors: Some((*vectors).to_owned()),
    };
    SHIPPED.iter().map(written).collect()
}

/// The pack of a directory, or those of the directories in it, by name.
fn read(directory: &Path) -> anyhow::Result<Vec<Written>> {
    if let Some(written) = one(directory)? {
        return Ok(vec![written]);
    }
    let mut below: Vec<PathBuf> =
        fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    below.sort();
    below.iter().filter(|path| path.is_dir()).filter_map(|path| one(path).transpose()).collect()
}

fn one(directory: &Path) -> anyhow::Result<Option<Written>> {
    let (pack, vectors) = (directory.join(PACK), directory.join(VECTORS));
    if !pack.exists() {
        return Ok(None);
    }
    let vectors = if vectors.exists() { Some(fs::read_to_string(&vectors)?) } else { None };
    Ok(Some(Written { name: directory.display().to_string(), pack: fs::read_to_string(&pack)?, vectors }))
}
