//! The READMEs name every metric that their crate measures, and none that it does not.

use std::collections::BTreeSet;
use std::path::Path;

use crate::source::{assert_none, root, rust_files};

/// How an instrument is made: a counter, a histogram or a gauge, observable or not.
const MAKERS: [&str; 3] = ["_counter(\"", "_histogram(\"", "_gauge(\""];

/// Names of the instruments that a source makes.
fn made(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for maker in MAKERS {
        for (at, _) in text.match_indices(maker) {
            names.extend(text[at + maker.len()..].split('"').next().map(str::to_owned));
        }
    }
    names
}

/// Names that a README tells: the first column of its tables, or in its text, where they have a service's prefix.
fn told(readme: &str) -> BTreeSet<String> {
    let is_metric = |name: &str| {
        let prefixes = ["amends.", "rpc.", "db."];
        prefixes.iter().any(|prefix| name.starts_with(prefix))
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'.' || byte == b'_')
    };
    let section = readme.split("\n## ").find(|section| section.starts_with("Metrics"));
    let rows = section.into_iter().flat_map(str::lines).filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| row.split('`').next()).filter(|name| is_metric(name)).map(str::to_owned).collect()
}

fn problems(of: &str, made: &BTreeSet<String>, told: &BTreeSet<String>) -> Vec<String> {
    let silent = made.difference(told).map(|name| format!("{of}: {name} is measured and not in the README's table"));
    let empty = told.difference(made).map(|name| format!("{of}: {name} is in the README's table and not measured"));
    silent.chain(empty).collect()
}

#[test]
fn the_tables_of_metrics_are_what_is_measured() {
    let files = rust_files();
    let mut found = Vec::new();
    let mut total = 0;
    for name in ["amends", "chassis", "compensation", "durable", "followup", "intake", "routing"] {
        let directory = format!("crates/{name}/src/");
        let made: BTreeSet<String> =
            files.iter().filter(|file| file.path.starts_with(&directory)).flat_map(|file| made(&file.text)).collect();
        let readme = std::fs::read_to_string(root().join(Path::new("crates")).join(name).join("README.md"));
        let told = told(&readme.expect("every crate has a README"));
        total += made.len();
        found.extend(problems(name, &made, &told));
    }
    assert!(total > 20, "only {total} metrics were found");
    assert_none("metrics", &found);
}

#[test]
fn a_table_that_differs_is_found() {
    let source = "meter.u64_counter(\"amends.new\").build(); meter.f64_observable_gauge(\"amends.both\")";
    let readme =
        "# x\n\n## Metrics\n\n| `amends.both` | gauge |\n| `amends.old` | counter |\n\n## Other\n| `amends.no` | |\n";
    let (made, told) = (made(source), told(readme));
    let expected = ["amends.new is measured", "amends.old is in the README"];
    let found = problems("x", &made, &told);
    assert!(found.len() == 2 && expected.iter().all(|text| found.iter().any(|f| f.contains(text))), "{found:?}");
}
