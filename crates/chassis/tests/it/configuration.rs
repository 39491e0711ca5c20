//! Configuration: where it is read from, and what is said when it is wrong.

use std::time::Duration;

use chassis::config::{ConfigError, Problems, Validate, load_from};
use chassis::{ChassisConfig, ClientConfig};
use serde::Deserialize;

/// A service's configuration, as the suite's binary nests them.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    chassis: ChassisConfig,
    intake: Intake,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Intake {
    greeting: String,
    routing: ClientConfig,
}

impl Validate for Config {
    fn validate(&self, problems: &mut Problems) {
        problems.within("chassis", &self.chassis);
        problems.scope("intake", |problems| {
            if self.intake.greeting.is_empty() {
                problems.add("greeting", "is required");
            }
            problems.within("routing", &self.intake.routing);
        });
    }
}

fn load(file: &str, environment: &[(&str, &str)], overrides: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("amends.toml");
    std::fs::write(&path, file).unwrap();
    let owned = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    load_from(Some(&path), "AMENDS_", owned(environment), &owned(overrides))
}

const GREETING: &str = "intake.greeting = 'hello'\n";

fn problems(file: &str, environment: &[(&str, &str)]) -> Vec<String> {
    let error = load(&format!("{GREETING}{file}"), environment, &[]).unwrap_err();
    error.problems.into_iter().map(|problem| format!("{}: {}", problem.key, problem.message)).collect()
}

#[test]
fn later_sources_win() {
    let file =
        "[chassis.server]\nlisten = '127.0.0.1:1'\nmax_requests = 5\nmax_streams = 6\n[intake]\ngreeting = 'file'";
    let environment = [
        ("AMENDS_CHASSIS__SERVER__LISTEN", "0.0.0.0:2"),
        ("AMENDS_CHASSIS__SERVER__MAX_REQUESTS", "7"),
        ("AMENDS_INTAKE__ROUTING__CONNECT_TIMEOUT", "1m 30s"),
        ("AMENDS_INTAKE_SERVICE_HOST", "10.0.0.1"),
        ("AMENDS_INTAKE_PORT", "tcp://10.0.0.1:7070"),
        ("OTHER__THING", "ignored"),
    ];
    let config = load(file, &environment, &[("chassis.server.max_requests", "8")]).unwrap();
    let server = &config.chassis.server;
    assert_eq!((server.listen.to_string().as_str(), server.max_requests, server.max_streams), ("0.0.0.0:2", 8, 6));
    assert_eq!(config.intake.routing.connect_timeout, Duration::from_secs(90));
    assert_eq!(config.intake.greeting, "file");
}

#[test]
fn text_from_the_environment_stays_text() {
    let environment = [("AMENDS_INTAKE__GREETING", "007")];
    assert_eq!(load("", &environment, &[]).unwrap().intake.greeting, "007");
}

#[test]
fn everything_that_is_wrong_is_told_at_once_by_its_key() {
    let file = "\
        [chassis.server]\n\
        listen = 'somewhere'\n\
        lisen = '127.0.0.1:1'\n\
        request_timeout = '10 fortnights'\n\
        max_requests = 0\n\
        max_header_bytes = -1\n\
        [chassis.server.rate_per_tenant]\n\
        calls = 0\n\
        per = '25h'\n\
        [chassis.auth]\n\
        mode = 'magic'\n\
        [intake.routing]\n\
        keepalive_interval = '0s'\n";
    let mut found = problems(file, &[("AMENDS_CHASSIS__SERVER__DRAIN__TIMEOUT", "0s"), ("AMENDS_CHASSIS__NOPE", "1")]);
    found.sort();
    assert_eq!(
        found,
        [
            "chassis.auth.mode: must be one of dev, tokens",
            "chassis.nope: is not a key; known here are server, auth, telemetry",
            "chassis.server.drain.timeout: must be longer than zero",
            "chassis.server.lisen: is not a key; known here are listen, admin_listen, tls, request_timeout, \
             stream_timeout, max_requests, max_streams, max_requests_per_tenant, max_streams_per_tenant, \
             rate_per_tenant, max_message_bytes, max_connections, max_connections_per_peer, handshake_timeout, max_connection_age, max_concurrent_streams, max_header_bytes, keepalive_interval, keepalive_timeout, \
             readiness_interval, drain",
            "chassis.server.listen: invalid socket address syntax",
            "chassis.server.max_header_bytes: must be u32",
            "chassis.server.max_requests: must be at least 1",
            "chassis.server.rate_per_tenant.calls: must be 1 to 1000000",
            "chassis.server.rate_per_tenant.per: must be 1ms to 24h",
            "chassis.server.request_timeout: `10 fortnights` is not a duration; write e.g. 250ms, 10s, 5m or 1h",
            "intake.routing.keepalive_interval: must be longer than zero",
        ]
    );
}

#[test]
fn a_variable_that_was_meant_for_a_key_is_told() {
    assert_eq!(
        problems("", &[("AMENDS_CHASSIS_SERVER_MAX_REQUESTS", "1"), ("AMENDS_CONFIG", "file.toml")]),
        ["chassis.server.max_requests: AMENDS_CHASSIS_SERVER_MAX_REQUESTS is not read; \
             write AMENDS_CHASSIS__SERVER__MAX_REQUESTS"]
    );
}

#[test]
fn a_file_that_cannot_be_read_is_told_without_its_text() {
    let error = load("[chassis.auth.tokens.shop]\ntoken = 'secret-of-the-shop-0123456789", &[], &[]).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("amends.toml: is not valid TOML"), "{text}");
    assert!(!text.contains("secret-of-the-shop"), "{text}");
    let missing = load_from::<Config>(Some("/nowhere/amends.toml".as_ref()), "AMENDS_", [], &[]).unwrap_err();
    assert!(missing.to_string().contains("/nowhere/amends.toml: cannot be read: "), "{missing}");
}

#[test]
fn secrets_show_neither_in_the_configuration_nor_in_its_errors() {
    let token = "secret-of-the-shop-0123456789";
    let file = format!(
        "{GREETING}[chassis.auth]\nmode = 'tokens'\n[chassis.auth.tokens.shop]\ntoken = '{token}'\ntenant = 'acme'"
    );
    let config = load(&file, &[], &[]).unwrap();
    assert_eq!(config.chassis.auth.tokens["shop"].token.expose(), token);
    assert!(!format!("{config:?}").contains(token));

    let short = [
        ("AMENDS_CHASSIS__AUTH__MODE", "tokens"),
        ("AMENDS_CHASSIS__AUTH__TOKENS__SHOP__TOKEN", "hunter2"),
        ("AMENDS_CHASSIS__AUTH__TOKENS__SHOP__TENANT", "Acme"),
        ("AMENDS_CHASSIS__AUTH__TOKENS__RELAY__TOKEN", "123456789012345678901234"),
    ];
    let found = problems("", &short);
    assert_eq!(
        found,
        [
            "chassis.auth.tokens.relay: give either tenant or service",
            "chassis.auth.tokens.shop.token: must be at least 24 visible ASCII characters",
            "chassis.auth.tokens.shop.tenant: is 1 to 63 characters of a-z, 0-9 and '-', from a letter on",
        ]
    );
}

#[test]
fn the_defaults_are_valid() {
    let mut problems = Problems::default();
    ChassisConfig::default().validate(&mut problems);
    ClientConfig::default().validate(&mut problems);
    assert!(problems.is_empty(), "{problems:?}");
}

#[tokio::test]
async fn a_port_that_is_taken_is_told_by_its_key() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    for key in ["server.listen", "server.admin_listen"] {
        let mut config = crate::support::config();
        match key {
            "server.listen" => config.server.listen = taken.local_addr().unwrap(),
            _ => config.server.admin_listen = Some(taken.local_addr().unwrap()),
        }
        let options = chassis::ServeOptions::new(config, Vec::new());
        let error = chassis::serve(options, tokio_util::sync::CancellationToken::new()).await.unwrap_err();
        assert_eq!(error.to_string(), format!("{key}: cannot listen on {}", taken.local_addr().unwrap()));
    }
}

#[tokio::test]
async fn nothing_is_served_before_somebody_has_said_who_may_call() {
    let mut config = crate::support::config();
    config.auth.mode = None;
    let options = chassis::ServeOptions::new(config, Vec::new());
    let error = chassis::serve(options, tokio_util::sync::CancellationToken::new()).await.unwrap_err().to_string();
    assert!(error.contains("auth.mode: is required: \"tokens\"") && error.contains("\"dev\""), "{error}");
}

#[tokio::test]
async fn a_wrong_configuration_opens_no_port() {
    let mut config = crate::support::config();
    config.server.max_requests = 0;
    config.server.drain.timeout = Duration::ZERO;
    let options = chassis::ServeOptions::new(config, Vec::new());
    let error = chassis::serve(options, tokio_util::sync::CancellationToken::new()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the configuration has 2 problems:\n  server.max_requests: must be at least 1\n  \
         server.drain.timeout: must be longer than zero"
    );
}
