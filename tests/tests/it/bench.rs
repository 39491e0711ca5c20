//! The measuring tool itself: a quick run of every section prints figures. How large they are is not asserted.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

/// What each section is called in the output, and how many figures the rows of its tables have together.
const SECTIONS: [(&str, &str, usize); 8] = [
    ("open-case", "OpenCase on PostgreSQL", 28),
    ("add-affected", "AddAffected on PostgreSQL", 28),
    ("get-case", "GetCase on PostgreSQL", 12),
    ("relay", "Durable calls", 2),
    ("sqlite", "OpenCase on SQLite", 12),
    ("replay", "Replay of the flights of 2013", 6),
    ("backtest", "Backtest over the flights of 2013", 12),
    ("idle", "amends dev", 3),
];

/// Runs the tool; the figures of its tables by section.
fn figures(options: &[&str]) -> BTreeMap<String, Vec<f64>> {
    let output = Command::new(env!("CARGO_BIN_EXE_bench"))
        .args(options)
        .stdin(Stdio::null())
        .output()
        .expect("the tool can be started");
    let text = String::from_utf8(output.stdout).expect("the output is text");
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(!text.contains("calls failed"), "{text}");
    let mut section = String::new();
    let mut figures: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("### ") {
            title.clone_into(&mut section);
        } else if let Some(cells) = line.strip_prefix("| ") {
            let cells = cells.split('|').skip(1).map(|cell| cell.trim().replace([',', '×'], ""));
            figures.entry(section.clone()).or_default().extend(cells.filter_map(|cell| cell.parse::<f64>().ok()));
        }
    }
    figures
}

#[test]
fn a_quick_run_prints_a_figure_for_everything_that_it_measures() {
    let names: Vec<&str> = SECTIONS.iter().map(|(name, ..)| *name).collect();
    let figures = figures(&["--quick", "--only", &names.join(",")]);
    for (name, title, expected) in SECTIONS {
        let found = figures.get(title).unwrap_or_else(|| panic!("{name} printed no table"));
        assert_eq!(found.len(), expected, "{name}: {found:?}");
        assert!(found.iter().all(|figure| figure.is_finite() && *figure >= 0.0), "{name}: {found:?}");
        assert!(found.iter().any(|figure| *figure > 0.0), "{name}: {found:?}");
    }
}
