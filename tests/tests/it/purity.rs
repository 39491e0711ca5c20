//! What may be said where: the domain is pure, a status is built in one file.

use crate::source::{Source, Token, assert_none, rust_files, tokens};

/// Crates that bring I/O, a runtime, the wire or the database.
const IMPURE_CRATES: [&str; 14] = [
    "api",
    "chassis",
    "durable",
    "tonic",
    "tonic_types",
    "prost",
    "prost_types",
    "sea_orm",
    "sea_orm_migration",
    "sqlx",
    "tokio",
    "futures",
    "rand",
    "opentelemetry",
];

/// Names that bring the machine's time or waiting, from wherever they come.
const IMPURE_NAMES: [&str; 4] = ["SystemTime", "Instant", "async", "await"];

/// Items that reach outside the process, by the crate that has them.
const IMPURE_ITEMS: [(&str, &[&str]); 2] = [
    ("std", &["env", "fs", "io", "net", "process", "thread"]),
    ("kernel", &["Clock", "SystemClock", "VirtualClock", "IdSource", "RandomIds", "SequentialIds"]),
];

/// The constructors of `tonic::Status`.
const STATUS_CONSTRUCTORS: [&str; 23] = [
    "new",
    "ok",
    "cancelled",
    "unknown",
    "invalid_argument",
    "deadline_exceeded",
    "not_found",
    "already_exists",
    "permission_denied",
    "resource_exhausted",
    "failed_precondition",
    "aborted",
    "out_of_range",
    "unimplemented",
    "internal",
    "unavailable",
    "data_loss",
    "unauthenticated",
    "with_details",
    "with_metadata",
    "with_details_and_metadata",
    "with_error_details",
    "from_error",
];

/// The one file that builds statuses.
const STATUS_FILE: &str = "crates/chassis/src/status.rs";

fn is_domain(path: &str) -> bool {
    path.starts_with("crates/") && (path.contains("/src/domain/") || path.ends_with("/src/domain.rs"))
}

/// `a::b` at `at`, where `at` is the `b`.
fn follows(tokens: &[Token], at: usize, first: &str) -> bool {
    at >= 3 && tokens[at - 3].text == first && tokens[at - 2].text == ":" && tokens[at - 1].text == ":"
}

/// True when the name at `at` begins a path or is imported whole: `tonic::…`, `::tonic::…`, `use tonic as …`.
fn names_crate(tokens: &[Token], at: usize) -> bool {
    let text = |index: usize| tokens.get(index).map_or("", |token| token.text.as_str());
    let before = |back: usize| at.checked_sub(back).map_or("", text);
    let is_inside_path = before(1) == ":" && before(2) == ":" && is_name(before(3));
    let begins_path = text(at + 1) == ":" && text(at + 2) == ":";
    !is_inside_path && (begins_path || matches!(before(1), "use" | "crate"))
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphanumeric() || c == '_') && text != "use"
}

/// True when the name at `at` is a direct item of `origin::{…}`.
fn is_in_group(tokens: &[Token], at: usize, origin: &str) -> bool {
    let mut depth = 0;
    for index in (0..at).rev() {
        match tokens[index].text.as_str() {
            "}" => depth += 1,
            "{" if depth > 0 => depth -= 1,
            "{" => {
                return index >= 3
                    && follows(tokens, index, origin)
                    && matches!(tokens[at - 1].text.as_str(), "{" | ",");
            }
            ";" => return false,
            _ => {}
        }
    }
    false
}

/// What a file of the domain says that it must not.
fn impurities(source: &Source) -> Vec<String> {
    let tokens = tokens(source);
    let is_impure = |at: usize| {
        let name = tokens[at].text.as_str();
        IMPURE_NAMES.contains(&name)
            || (IMPURE_CRATES.contains(&name) && names_crate(&tokens, at))
            || IMPURE_ITEMS.iter().any(|(origin, items)| {
                items.contains(&name) && (follows(&tokens, at, origin) || is_in_group(&tokens, at, origin))
            })
    };
    let found = (0..tokens.len()).filter(|at| is_impure(*at));
    found.map(|at| format!("{}:{}: `{}`", source.path, tokens[at].line, tokens[at].text)).collect()
}

/// Where a product file builds a `Status`.
fn statuses(source: &Source) -> Vec<String> {
    let is_product = source.path.starts_with("crates/") && source.path.contains("/src/");
    if !is_product || source.path == STATUS_FILE {
        return Vec::new();
    }
    let mut tokens = tokens(source);
    // Unit tests make statuses up, as a peer that is not ours would.
    if let Some(tests) = tokens.windows(3).position(|three| three[0].text == "cfg" && three[2].text == "test") {
        tokens.truncate(tests);
    }
    let builds =
        |at: &usize| STATUS_CONSTRUCTORS.contains(&tokens[*at].text.as_str()) && follows(&tokens, *at, "Status");
    let found = (0..tokens.len()).filter(builds);
    found.map(|at| format!("{}:{}: `Status::{}`", source.path, tokens[at].line, tokens[at].text)).collect()
}

#[test]
fn the_domain_is_pure() {
    let problems: Vec<_> = rust_files().iter().filter(|file| is_domain(&file.path)).flat_map(impurities).collect();
    assert_none("Time, ids and data come into domain/ as arguments; it does no I/O and knows no wire:", &problems);
}

#[test]
fn a_status_is_built_in_one_file() {
    let problems: Vec<_> = rust_files().iter().flat_map(statuses).collect();
    assert_none(&format!("Return a kernel::ServiceError; only {STATUS_FILE} builds a Status:"), &problems);
}

#[test]
fn each_impurity_is_found() {
    for bad in [
        "use tonic::Status;",
        "use ::tokio::sync::Mutex;",
        "use sea_orm as orm;",
        "use sea_orm;",
        "use {sqlx::Row};",
        "extern crate tokio;",
        "fn f() -> chassis::Service { todo() }",
        "use std::time::{Duration, SystemTime};",
        "use std::time::Instant;",
        "fn f(clock: &dyn kernel::Clock) {}",
        "use kernel::{Money, RandomIds};",
        "async fn f() {}",
        "use std::fs;",
        "use std::{collections::BTreeMap, env};",
        "fn f() { std::thread::yield_now() }",
        "fn f() { vec![api::intake::v1::Case::default()]; }",
        "#[tokio::test] fn f() {}",
    ] {
        assert_eq!(impurities(&Source::sample("crates/intake/src/domain/case.rs", bad)).len(), 1, "{bad}");
    }
}

#[test]
fn what_is_pure_passes() {
    let good = r##"
        //! Says tokio::spawn and std::fs in its text only.
        use std::{collections::{BTreeMap, btree_map}, time::Duration};
        use kernel::{Money, Timestamp};
        enum Clock { Running { since: Timestamp }, Stopped }
        fn breach(clock: Clock) -> super::Clock { Clock::Stopped }
        use crate::domain::api::Shape;
        /// async, await, tonic::Status
        fn f(now: Timestamp, tokio: u8, env: &str) -> u8 { let _ = "sqlx::query"; self::api::g(tokio) }
    "##;
    assert_eq!(impurities(&Source::sample("crates/intake/src/domain/case.rs", good)), Vec::<String>::new());
    assert!(is_domain("crates/intake/src/domain/case/state.rs") && is_domain("crates/routing/src/domain.rs"));
    assert!(!is_domain("crates/intake/src/app/open_case.rs"));
}

#[test]
fn a_status_elsewhere_is_found() {
    let bad = "fn f() -> tonic::Status { match g() { Some(c) => Status::new(c, \"x\"), None => tonic::Status::internal(\"y\") } }";
    assert_eq!(statuses(&Source::sample("crates/intake/src/grpc/case.rs", bad)).len(), 2);
    assert_eq!(
        statuses(&Source::sample("crates/intake/src/grpc/case.rs", "fn f() { g().map_err(Status::aborted) }")).len(),
        1
    );
    assert_eq!(statuses(&Source::sample(STATUS_FILE, bad)), Vec::<String>::new());
    let other = "fn f(status: Status) { status.code(); // Status::internal\n }";
    assert_eq!(statuses(&Source::sample("crates/intake/src/grpc/case.rs", other)), Vec::<String>::new());
}
