//! The shape of the tree: what is at its top, how long a file is, how it begins, what it must not leave behind.

use std::collections::BTreeSet;

use crate::source::{Source, assert_none, root, rust_files, tokens};

/// What is at the top, besides dotfiles and what builds leave.
const TOP: [&str; 8] = ["Cargo.lock", "Cargo.toml", "Makefile", "README.md", "crates", "helm", "proto", "tests"];

/// The most lines that a file may have. A longer one answers more than one question.
const LINES: usize = 500;

/// Marks of unfinished work. Written apart, so that this file has none.
const UNFINISHED: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("#[ign", "ore")];

fn top_problems(entries: &[&str]) -> Vec<String> {
    let found: BTreeSet<&str> =
        entries.iter().copied().filter(|name| !name.starts_with('.') && *name != "target").collect();
    let expected = BTreeSet::from(TOP);
    let missing = expected.difference(&found).map(|name| format!("{name} is missing"));
    let extra = found.difference(&expected).map(|name| format!("{name} does not belong there"));
    missing.chain(extra).collect()
}

fn too_long(source: &Source) -> Option<String> {
    let lines = source.text.lines().count();
    (lines > LINES).then(|| format!("{}: {lines} lines", source.path))
}

/// The file does not begin by saying, in a few words at least, what it owns.
fn says_nothing(source: &Source) -> Option<String> {
    let first = source.text.lines().next().unwrap_or_default();
    let says = first.strip_prefix("//! ").is_some_and(|text| text.split_whitespace().count() >= 3);
    (!says).then(|| format!("{}: {first}", source.path))
}

/// Not run with the others, and why.
const RUN_BY_OTHERS: (&str, &str) =
    ("crates/chassis/tests/it/child.rs", "other tests start it as a process of its own");

fn unfinished(source: &Source) -> Vec<String> {
    if source.path == RUN_BY_OTHERS.0 {
        return Vec::new();
    }
    let is_whole = |line: &str, mark: &str| {
        line.match_indices(mark).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            let after = line[at + mark.len()..].chars().next();
            let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
            !is_part(before) && !is_part(after)
        })
    };
    let lines = source.text.lines().enumerate();
    let marked = lines.filter(|(_, line)| UNFINISHED.iter().any(|mark| is_whole(line, mark)));
    marked.map(|(number, line)| format!("{}:{}: {}", source.path, number + 1, line.trim())).collect()
}

/// A test that sleeps is slow when all is well and fails when the machine is busy.
fn sleeps(source: &Source) -> Vec<String> {
    if !source.path.contains("/tests/") && !source.path.starts_with("tests/tests/") {
        return Vec::new();
    }
    let tokens = tokens(source);
    let calls = tokens.windows(2).filter(|pair| pair[0].text == "sleep" && pair[1].text == "(");
    calls.map(|pair| format!("{}:{}: sleep", source.path, pair[0].line)).collect()
}

#[test]
fn the_top_of_the_tree_holds_what_it_should() {
    let entries = std::fs::read_dir(root()).expect("the workspace can be read");
    let names: Vec<String> =
        entries.map(|entry| entry.expect("it can be read").file_name().to_string_lossy().into_owned()).collect();
    assert_none("The top of the tree:", &top_problems(&names.iter().map(String::as_str).collect::<Vec<_>>()));
}

#[test]
fn no_file_is_too_long() {
    let problems: Vec<_> = rust_files().iter().filter_map(too_long).collect();
    assert_none(&format!("A file has at most {LINES} lines:"), &problems);
}

#[test]
fn every_file_begins_by_saying_what_it_owns() {
    let problems: Vec<_> = rust_files().iter().filter_map(says_nothing).collect();
    assert_none("The first line of a file is `//! ` and what it owns:", &problems);
}

#[test]
fn nothing_is_left_unfinished() {
    let problems: Vec<_> = rust_files().iter().flat_map(unfinished).collect();
    assert_none("Finish it or open an issue:", &problems);
}

#[test]
fn no_test_sleeps() {
    let problems: Vec<_> = rust_files().iter().flat_map(sleeps).collect();
    assert_none("Wait for the condition with testkit::eventually:", &problems);
}

#[test]
fn each_rule_finds_its_bad_sample() {
    let good_top =
        [".git", "target", "Cargo.lock", "Cargo.toml", "Makefile", "README.md", "crates", "helm", "proto", "tests"];
    assert_eq!(top_problems(&good_top), Vec::<String>::new());
    assert_eq!(top_problems(&good_top[..9]), ["tests is missing"]);
    assert_eq!(top_problems(&[&good_top[..], &["docs"]].concat()), ["docs does not belong there"]);

    assert!(too_long(&Source::sample("a.rs", &"\n".repeat(LINES))).is_none());
    assert!(too_long(&Source::sample("a.rs", &"\n".repeat(LINES + 1))).is_some());

    assert!(says_nothing(&Source::sample("a.rs", "//! Owns the cases.\n")).is_none());
    for bad in ["", "use std::fmt;", "// Owns the cases.", "//! stub", "\n//! Owns the cases."] {
        assert!(says_nothing(&Source::sample("a.rs", bad)).is_some(), "{bad}");
    }

    for mark in UNFINISHED {
        assert_eq!(unfinished(&Source::sample("a.rs", &format!("fn f() {{}} // {mark} later"))).len(), 1, "{mark}");
        assert!(
            unfinished(&Source::sample("a.rs", &format!("const A{mark}S: u8 = 1;"))).is_empty()
                || mark.starts_with('#')
        );
    }

    let sleep = "async fn f() { tokio::time::sleep(D).await; }";
    assert_eq!(sleeps(&Source::sample("crates/durable/tests/it/relay.rs", sleep)).len(), 1);
    assert_eq!(sleeps(&Source::sample("tests/tests/it/flow.rs", sleep)).len(), 1);
    assert!(sleeps(&Source::sample("crates/durable/src/relay.rs", sleep)).is_empty());
}
