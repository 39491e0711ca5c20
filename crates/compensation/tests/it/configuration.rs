//! The configuration: defaults that hold, and every problem named by its key.

use std::time::Duration;

use chassis::config::{Problems, Validate as _};

fn problems(change: impl FnOnce(&mut compensation::Config)) -> Vec<String> {
    let mut config = compensation::Config::default();
    // What has no default.
    config.store.database.url = "sqlite:///data/compensation.db".to_owned();
    config.store.page_token_key = "sixteen characters".to_owned();
    change(&mut config);
    let mut problems = Problems::default();
    config.validate(&mut problems);
    problems.finish().err().map(|error| error.problems).unwrap_or_default().into_iter().map(|p| p.key).collect()
}

#[test]
fn the_defaults_are_valid() {
    assert_eq!(problems(|_| ()), Vec::<String>::new());
}

#[test]
fn every_problem_is_named() {
    let found = problems(|config| {
        config.sinks = vec!["a".to_owned(), "a".to_owned()];
        config.offer_term = Duration::ZERO;
        config.voucher_term = Duration::from_secs(u64::MAX / 1_000_000);
        config.packs.shipped = false;
        config.provider.address = Some("not an address".to_owned());
        config.provider.timeout = config.provider.key_ttl;
        config.provider.retry_cap = Duration::ZERO;
        config.provider.statement_text = String::new();
        config.sandbox.key_ttl = Duration::ZERO;
        config.store.relay.poll_ms = 0;
    });
    assert_eq!(
        found,
        [
            "store.relay.poll_ms",
            "sinks",
            "offer_term",
            "voucher_term",
            "packs",
            "provider.address",
            "provider.timeout",
            "provider.retry_base",
            "provider.retry_cap",
            "provider.statement_text",
            "sandbox.key_ttl",
        ]
    );
    for address in ["http://localhost:7075", "dns+https:///provider:443"] {
        assert!(problems(|config| config.provider.address = Some(address.to_owned())).is_empty(), "{address}");
    }
    let missing = problems(|config| config.packs.directory = Some("/nowhere/at/all".into()));
    assert_eq!(missing, ["packs"]);
}

/// Every problem of a canary is told with its place.
#[test]
fn canaries_are_checked_at_the_start() {
    let canary = |pack: &str, version: &str, per_mille| compensation::CanaryConfig {
        pack: pack.to_owned(),
        version: version.to_owned(),
        per_mille,
    };
    assert!(problems(|config| config.packs.canary = vec![canary("eu261", "1.1.1", 1_000)]).is_empty());
    let found = problems(|config| {
        config.packs.canary =
            vec![canary("eu261", "9.9.9", 1), canary("nothing", "1", 1_001), canary("eu261", "1.1.1", 0)];
    });
    let expected = ["canary[0].version", "canary[1].per_mille", "canary[1].pack", "canary[2].pack"];
    assert_eq!(found, expected.map(|key| format!("packs.{key}")));
}
