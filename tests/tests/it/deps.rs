//! Who may depend on whom: kernel ← api ← chassis ← service, kernel ← durable ← service, service ← amends.

use std::collections::BTreeSet;

use cargo_metadata::{DependencyKind, MetadataCommand};

use crate::source::{assert_none, root};

/// A crate of the workspace and the crates of the workspace that its product code may use.
const ALLOWED: [(&str, &[&str]); 10] = [
    ("amends-kernel", &[]),
    ("amends-api", &["amends-kernel"]),
    ("amends-chassis", &["amends-kernel", "amends-api"]),
    ("amends-durable", &["amends-kernel"]),
    ("amends-intake", SERVICE),
    ("amends-routing", SERVICE),
    ("amends-compensation", SERVICE),
    ("amends-followup", SERVICE),
    (
        "amends",
        &[
            "amends-kernel",
            "amends-api",
            "amends-chassis",
            "amends-durable",
            "amends-intake",
            "amends-routing",
            "amends-compensation",
            "amends-followup",
        ],
    ),
    ("amends-testkit", &["amends-kernel"]),
];

/// A service knows no other service.
const SERVICE: &[&str] = &["amends-kernel", "amends-api", "amends-chassis", "amends-durable"];

/// May use everything; nothing may use it.
const TESTS: &str = "amends-tests";

/// May be used in tests only.
const TESTKIT: &str = "amends-testkit";

/// Crates from outside that a crate of the workspace must not bring in, with the reason.
const FORBIDDEN: [(&str, &[&str], &str); 3] = [
    (
        "amends-kernel",
        &["tokio", "tonic", "prost", "sqlx", "sea-orm", "futures", "rand"],
        "the kernel holds values only",
    ),
    ("amends-api", &["tokio", "sqlx", "sea-orm"], "the contract knows neither a runtime nor a database"),
    ("amends-chassis", &["sqlx", "sea-orm", "sea-orm-migration"], "the chassis knows no SQL"),
];

/// Crates of which there is one version: two do not understand each other's types, or double what has to be patched.
const SINGLE: [&str; 6] = ["tonic", "prost", "sqlx-core", "sea-orm", "rustls", "h2"];

/// Crates that must not be in the tree: TLS is rustls with ring.
const ABSENT: [&str; 5] = ["openssl", "openssl-sys", "native-tls", "aws-lc-rs", "aws-lc-sys"];

/// `from` names `to` in its manifest.
struct Edge {
    from: String,
    to: String,
    kind: DependencyKind,
}

fn direction_problems(members: &BTreeSet<String>, edges: &[Edge]) -> Vec<String> {
    let unknown = members.iter().filter(|name| *name != TESTS && allowed(name).is_none());
    let unknown = unknown.map(|name| format!("{name} is new: say in this test what it may use"));
    let wrong = edges.iter().filter_map(|edge| {
        let forbidden = FORBIDDEN.iter().find(|(from, to, _)| {
            *from == edge.from && to.contains(&edge.to.as_str()) && edge.kind != DependencyKind::Development
        });
        if let Some((from, _, reason)) = forbidden {
            return Some(format!("{from} uses {}: {reason}", edge.to));
        }
        if edge.from == TESTS || !members.contains(&edge.to) {
            return None;
        }
        let in_tests = edge.kind == DependencyKind::Development && edge.to == TESTKIT;
        let is_allowed = in_tests || allowed(&edge.from).is_some_and(|targets| targets.contains(&edge.to.as_str()));
        (!is_allowed).then(|| format!("{} must not use {} ({})", edge.from, edge.to, edge.kind))
    });
    unknown.chain(wrong).collect()
}

fn allowed(name: &str) -> Option<&'static [&'static str]> {
    ALLOWED.iter().find(|(member, _)| *member == name).map(|(_, targets)| *targets)
}

/// The name and the version of each package of a lock file.
fn locked(lock: &str) -> Vec<(&str, &str)> {
    let lines: Vec<&str> = lock.lines().collect();
    let packages = lines.windows(2).map(|pair| Some((quoted(pair[0], "name")?, quoted(pair[1], "version")?)));
    packages.flatten().collect()
}

/// The value of a line `key = "value"`.
fn quoted<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"')
}

fn version_problems(packages: &[(&str, &str)]) -> Vec<String> {
    let versions = |name: &str| packages.iter().filter(|(n, _)| *n == name).map(|(_, v)| *v).collect::<Vec<_>>();
    let not_single = SINGLE.iter().filter(|name| versions(name).len() != 1);
    let not_single =
        not_single.map(|name| format!("{name}: {} versions: {}", versions(name).len(), versions(name).join(", ")));
    let present = ABSENT.iter().filter(|name| !versions(name).is_empty());
    not_single.chain(present.map(|name| format!("{name} is in the tree"))).collect()
}

#[test]
fn crates_depend_in_one_direction() {
    let mut command = MetadataCommand::new();
    command.manifest_path(root().join("Cargo.toml")).no_deps().other_options(vec!["--offline".to_owned()]);
    let metadata = command.exec().expect("cargo metadata answers");
    let members: BTreeSet<String> = metadata.packages.iter().map(|package| package.name.to_string()).collect();
    assert!(members.contains(TESTS) && members.len() > ALLOWED.len(), "{members:?}");
    let edges = metadata.packages.iter().flat_map(|package| {
        let from = package.name.to_string();
        let dependencies = package.dependencies.iter();
        dependencies.map(move |to| Edge { from: from.clone(), to: to.name.clone(), kind: to.kind })
    });
    assert_none("Dependencies of crates:", &direction_problems(&members, &edges.collect::<Vec<_>>()));
}

#[test]
fn one_version_of_what_must_be_one() {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).expect("the lock file can be read");
    assert_none("Versions in Cargo.lock:", &version_problems(&locked(&lock)));
}

#[test]
fn a_dependency_in_the_wrong_direction_is_found() {
    let members: BTreeSet<String> = ALLOWED.iter().map(|(name, _)| *name).chain([TESTS]).map(str::to_owned).collect();
    let problems = |from: &str, to: &str, kind| {
        direction_problems(&members, &[Edge { from: from.to_owned(), to: to.to_owned(), kind }]).len()
    };
    let (normal, build, dev) = (DependencyKind::Normal, DependencyKind::Build, DependencyKind::Development);
    for (from, to, kind) in [
        ("amends-kernel", "amends-api", normal),
        ("amends-chassis", "amends-durable", normal),
        ("amends-durable", "amends-chassis", normal),
        ("amends-durable", "amends-api", build),
        ("amends-intake", "amends-routing", normal),
        ("amends-intake", "amends-routing", dev),
        ("amends-intake", "amends", normal),
        ("amends-intake", TESTKIT, normal),
        ("amends", TESTS, dev),
        ("amends-kernel", "tokio", normal),
        ("amends-chassis", "sea-orm", normal),
    ] {
        assert_eq!(problems(from, to, kind), 1, "{from} {to} {kind}");
    }
    for (from, to, kind) in [
        ("amends-intake", "amends-durable", normal),
        ("amends-intake", TESTKIT, dev),
        (TESTS, "amends-intake", normal),
        ("amends-kernel", "tokio", dev),
        ("amends", "amends-routing", normal),
        ("amends-durable", "sqlx", normal),
    ] {
        assert_eq!(problems(from, to, kind), 0, "{from} {to} {kind}");
    }
    let with_new = members.iter().cloned().chain(["amends-utils".to_owned()]).collect();
    assert_eq!(direction_problems(&with_new, &[]).len(), 1);
}

#[test]
fn a_second_version_and_a_banned_crate_are_found() {
    let one = |name: &str| format!("[[package]]\nname = \"{name}\"\nversion = \"1.0.0\"\nsource = \"x\"\n\n");
    let good: String = SINGLE.iter().map(|name| one(name)).collect();
    assert_eq!(version_problems(&locked(&good)), Vec::<String>::new());
    let second = format!("{good}[[package]]\nname = \"h2\"\nversion = \"0.3.27\"\n");
    assert_eq!(version_problems(&locked(&second)), ["h2: 2 versions: 1.0.0, 0.3.27"]);
    assert_eq!(version_problems(&locked(&format!("{good}{}", one("openssl-sys")))), ["openssl-sys is in the tree"]);
    assert_eq!(version_problems(&locked("")).len(), SINGLE.len());
}
