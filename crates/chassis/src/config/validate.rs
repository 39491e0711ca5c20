//! What the chassis' own sections must fulfil beyond their types.

use std::time::Duration;

use kernel::TenantId;

use super::{AuthConfig, AuthMode, ChassisConfig, ClientConfig, Problems, ServerConfig, TelemetryConfig, Validate};

/// Shortest bearer token: 24 characters of base64 carry 144 bits.
const SHORTEST_TOKEN: usize = 24;

impl Validate for ChassisConfig {
    fn validate(&self, problems: &mut Problems) {
        problems.within("server", &self.server);
        problems.within("auth", &self.auth);
        problems.within("telemetry", &self.telemetry);
    }
}

impl Validate for ServerConfig {
    fn validate(&self, problems: &mut Problems) {
        for (key, value) in [
            ("request_timeout", self.request_timeout),
            ("stream_timeout", self.stream_timeout),
            ("handshake_timeout", self.handshake_timeout),
            ("max_connection_age", self.max_connection_age),
            ("keepalive_interval", self.keepalive_interval),
            ("keepalive_timeout", self.keepalive_timeout),
            ("readiness_interval", self.readiness_interval),
        ] {
            positive(key, value, problems);
        }
        for (key, value) in [
            ("max_requests", self.max_requests),
            ("max_streams", self.max_streams),
            ("max_requests_per_tenant", self.max_requests_per_tenant),
            ("max_streams_per_tenant", self.max_streams_per_tenant),
            ("max_connections", self.max_connections),
            ("max_connections_per_peer", self.max_connections_per_peer),
            ("max_concurrent_streams", self.max_concurrent_streams as usize),
        ] {
            if value == 0 {
                problems.add(key, "must be at least 1");
            }
        }
        problems.scope("rate_per_tenant", |problems| {
            if !(1..=1_000_000).contains(&self.rate_per_tenant.calls) {
                problems.add("calls", "must be 1 to 1000000");
            }
            if !(Duration::from_millis(1)..=Duration::from_secs(24 * 3600)).contains(&self.rate_per_tenant.per) {
                problems.add("per", "must be 1ms to 24h");
            }
        });
        if !(1024..=64 * 1024 * 1024).contains(&self.max_message_bytes) {
            problems.add("max_message_bytes", "must be 1024 to 67108864");
        }
        if !(4096..=1024 * 1024).contains(&self.max_header_bytes) {
            problems.add("max_header_bytes", "must be 4096 to 1048576");
        }
        if self.admin_listen == Some(self.listen) && self.listen.port() != 0 {
            problems.add("admin_listen", "must differ from server.listen");
        }
        if let Some(tls) = &self.tls {
            problems.scope("tls", |problems| {
                positive("reload_interval", tls.reload_interval, problems);
                let files = [("cert_file", Some(&tls.cert_file)), ("key_file", Some(&tls.key_file))];
                for (key, file) in files.into_iter().chain([("client_ca_file", tls.client_ca_file.as_ref())]) {
                    if let Some(error) = file.and_then(|file| std::fs::File::open(file).err()) {
                        problems.add(key, format!("cannot be read: {error}"));
                    }
                }
            });
        }
        problems.scope("drain", |problems| positive("timeout", self.drain.timeout, problems));
    }
}

impl AuthConfig {
    /// What a process that serves needs beyond what is right by itself: that somebody has chosen who may call.
    pub fn validate_served(&self, problems: &mut Problems) {
        if self.mode.is_none() {
            problems.add(
                "mode",
                "is required: \"tokens\" knows callers by bearer tokens; \"dev\" believes whoever calls which tenant \
                 and client they are, so never where others reach the port",
            );
        }
    }
}

impl Validate for AuthConfig {
    fn validate(&self, problems: &mut Problems) {
        match (self.mode, self.tokens.is_empty()) {
            (Some(AuthMode::Tokens), true) => problems.add("tokens", "is required in mode tokens: nobody could call"),
            (Some(AuthMode::Dev), false) => {
                problems.add("tokens", "is not used in mode dev; set auth.mode = \"tokens\"");
            }
            (Some(AuthMode::Tokens) | None, false) | (Some(AuthMode::Dev) | None, true) => {}
        }
        problems.scope("tokens", |problems| {
            for (client, token) in &self.tokens {
                problems.scope(client, |problems| {
                    if !is_name(client) {
                        problems.add("", "a client's name is 1 to 63 characters of a-z, 0-9, '-', '_' and '.'");
                    }
                    let text = token.token.expose();
                    if text.len() < SHORTEST_TOKEN || !text.bytes().all(|b| b.is_ascii_graphic()) {
                        let shortest = SHORTEST_TOKEN.to_string();
                        problems.add("token", format!("must be at least {shortest} visible ASCII characters"));
                    }
                    if self.tokens.iter().any(|(other, t)| other < client && t.token == token.token) {
                        problems.add("token", "is another client's token");
                    }
                    match (&token.tenant, &token.service) {
                        (Some(tenant), None) if TenantId::parse(tenant).is_none() => {
                            problems.add("tenant", "is 1 to 63 characters of a-z, 0-9 and '-', from a letter on");
                        }
                        (None, Some(service)) if !is_name(service) => {
                            problems.add("service", "is 1 to 63 characters of a-z, 0-9, '-', '_' and '.'");
                        }
                        (Some(_), None) | (None, Some(_)) => {}
                        (None, None) | (Some(_), Some(_)) => problems.add("", "give either tenant or service"),
                    }
                });
            }
        });
    }
}

impl Validate for TelemetryConfig {
    fn validate(&self, problems: &mut Problems) {
        if let Err(error) = tracing_subscriber::EnvFilter::builder().parse(&self.log_filter) {
            problems.add("log_filter", format!("is not a filter: {error}"));
        }
    }
}

impl Validate for ClientConfig {
    fn validate(&self, problems: &mut Problems) {
        positive("connect_timeout", self.connect_timeout, problems);
        positive("keepalive_interval", self.keepalive_interval, problems);
        positive("keepalive_timeout", self.keepalive_timeout, problems);
        positive("dns_interval", self.dns_interval, problems);
        if let Some(error) = self.ca_file.as_ref().and_then(|file| std::fs::File::open(file).err()) {
            problems.add("ca_file", format!("cannot be read: {error}"));
        }
    }
}

/// Names of clients and services: no colon, so that no client can pass for `service:<name>`.
pub(crate) fn is_name(name: &str) -> bool {
    (1..=63).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b))
}

fn positive(key: &str, value: Duration, problems: &mut Problems) {
    if value.is_zero() {
        problems.add(key, "must be longer than zero");
    }
}
