//! The configuration: what it may say, and that everything wrong with it is said at once.

use std::time::Duration;

use amends_followup::{Config, SmtpSecurity, TransportKind};
use chassis::config::{Problems, Validate};

fn read(json: &str) -> Result<Config, serde_json::Error> {
    serde_json::from_str(json)
}

fn problems(config: &Config) -> Vec<String> {
    let mut problems = Problems::default();
    config.validate(&mut problems);
    match problems.finish() {
        Ok(()) => Vec::new(),
        Err(error) => error.problems.into_iter().map(|problem| problem.key).collect(),
    }
}

#[test]
fn the_defaults_need_a_database_and_a_key_only() {
    let config = read("{}").unwrap();
    assert_eq!(problems(&config), ["store.database.url", "store.page_token_key"]);
    assert_eq!(config.sinks, ["intake"]);
    assert_eq!(config.cadence, [3, 7, 7].map(|days| Duration::from_secs(days * 86_400)));
    assert_eq!(config.channels.email, TransportKind::Mailbox);
}

#[test]
fn a_full_configuration_is_read() {
    let config = read(
        r#"{
            "store": {"database": {"url": "sqlite:///x.db"}, "page_token_key": "0123456789abcdef"},
            "sinks": ["intake", "backend"],
            "cadence": ["2d", "36h", "90m"],
            "survey_link": "https://example.com/s?survey={survey}",
            "channels": {"email": "smtp", "app": "grpc"},
            "smtp": {"host": "mail.example.com", "from": "Care <care@example.com>", "username": "care", "password": "secret"},
            "grpc": {"address": "http://127.0.0.1:7090"}
        }"#,
    )
    .unwrap();
    assert_eq!(problems(&config), [""; 0]);
    assert_eq!(config.cadence, [172_800, 129_600, 5_400].map(Duration::from_secs));
    assert_eq!(config.smtp.as_ref().unwrap().security, SmtpSecurity::Starttls);
    assert!(!format!("{config:?}").contains("secret"), "a password never shows");
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let config = read(
        r#"{
            "store": {"database": {"url": "sqlite:///x.db"}, "page_token_key": "short"},
            "sinks": ["intake", "", "intake"],
            "cadence": ["30s"],
            "survey_link": "example.com",
            "channels": {"email": "grpc", "phone": "smtp"},
            "mailbox": {"file": ""},
            "smtp": {"host": "", "from": "care", "security": "none", "username": "care", "password": "x",
                     "timeout": "0s", "max_connections": 0, "ca_file": "/does/not/exist"}
        }"#,
    )
    .unwrap();
    assert_eq!(
        problems(&config),
        [
            "store.page_token_key",
            "sinks[1]",
            "sinks[2]",
            "cadence",
            "cadence[0]",
            "survey_link",
            "channels.email",
            "channels.phone",
            "channels.app",
            "smtp.host",
            "smtp.from",
            "smtp.timeout",
            "smtp.max_connections",
            "smtp.security",
            "smtp.ca_file"
        ]
    );
}

#[test]
fn what_is_unknown_or_unreadable_is_refused() {
    for bad in [
        r#"{"cadense": []}"#,
        r#"{"cadence": ["soon"]}"#,
        r#"{"cadence": ["-3d", "7d"]}"#,
        r#"{"channels": {"fax": "smtp"}}"#,
        r#"{"channels": {"email": "pigeon"}}"#,
        r#"{"smtp": {"host": "x"}}"#,
    ] {
        assert!(read(bad).is_err(), "{bad}");
    }
}
