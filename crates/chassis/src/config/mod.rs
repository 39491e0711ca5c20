//! The chassis' own configuration: sections `server`, `auth`, `telemetry`, and `ClientConfig` for channels.
//!
//! Always holds: every key has a default that is right for one machine; a limit is never "unlimited".

mod load;
mod problems;
mod validate;
mod values;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

pub use load::{load, load_from};
pub use problems::{ConfigError, Problem, Problems, Validate};
pub(crate) use validate::is_name;
pub use values::{Secret, duration};

/// Everything that [`crate::serve`] needs to know.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChassisConfig {
    /// Ports, limits, TLS, drain.
    pub server: ServerConfig,
    /// Who may call.
    pub auth: AuthConfig,
    /// Logs. Traces, metrics and log export follow the standard `OTEL_*` variables.
    pub telemetry: TelemetryConfig,
}

/// Section `server`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// Address of the API.
    pub listen: SocketAddr,
    /// Address of health, `/livez`, `/readyz` and `/metrics`, always in plain text; none when absent.
    pub admin_listen: Option<SocketAddr>,
    /// TLS for the API; plain text when absent.
    pub tls: Option<TlsConfig>,
    /// Longest time that a call with one answer may take, whatever the client asks for.
    #[serde(with = "duration")]
    pub request_timeout: Duration,
    /// The same for calls that stream.
    #[serde(with = "duration")]
    pub stream_timeout: Duration,
    /// Calls with one answer that run at the same time; more are refused.
    pub max_requests: usize,
    /// Streams that are open at the same time; more are refused.
    pub max_streams: usize,
    /// Of `max_requests`, how many one tenant may hold, so that its flood leaves room for the others.
    pub max_requests_per_tenant: usize,
    /// Of `max_streams`, how many one tenant may hold.
    pub max_streams_per_tenant: usize,
    /// How many calls one tenant may make in a time. Calls of the suite's own services are not counted.
    pub rate_per_tenant: RateConfig,
    /// Largest request message of any method. Services set lower limits per method.
    pub max_message_bytes: usize,
    /// Open connections; more are closed at once.
    pub max_connections: usize,
    /// Of them, how many one address may hold.
    pub max_connections_per_peer: usize,
    /// Time for the TLS handshake, and for the HTTP/2 preface.
    #[serde(with = "duration")]
    pub handshake_timeout: Duration,
    /// Connections are told to go elsewhere after this time, give or take a tenth.
    #[serde(with = "duration")]
    pub max_connection_age: Duration,
    /// Streams per connection.
    pub max_concurrent_streams: u32,
    /// Largest header list of a request.
    pub max_header_bytes: u32,
    /// HTTP/2 PING after this much silence.
    #[serde(with = "duration")]
    pub keepalive_interval: Duration,
    /// The connection is dead when the PING is not answered in this time.
    #[serde(with = "duration")]
    pub keepalive_timeout: Duration,
    /// How often readiness is checked.
    #[serde(with = "duration")]
    pub readiness_interval: Duration,
    /// Shutting down.
    pub drain: DrainConfig,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7070),
            admin_listen: None,
            tls: None,
            request_timeout: Duration::from_secs(10),
            stream_timeout: Duration::from_secs(3600),
            max_requests: 1024,
            max_streams: 1024,
            max_requests_per_tenant: 768,
            max_streams_per_tenant: 768,
            rate_per_tenant: RateConfig::default(),
            max_message_bytes: crate::limits::BATCH_BYTES,
            max_connections: 4096,
            max_connections_per_peer: 1024,
            handshake_timeout: Duration::from_secs(5),
            max_connection_age: Duration::from_secs(300),
            max_concurrent_streams: 128,
            max_header_bytes: 16 * 1024,
            keepalive_interval: Duration::from_secs(20),
            keepalive_timeout: Duration::from_secs(10),
            readiness_interval: Duration::from_secs(2),
            drain: DrainConfig::default(),
        }
    }
}

/// Section `server.rate_per_tenant`: so many calls at once, and as many again, evenly, in every `per`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateConfig {
    /// Calls, a stream as one; from 1 to 1,000,000.
    pub calls: u32,
    /// Time in which they come back; from 1 ms to 24 h.
    #[serde(with = "duration")]
    pub per: Duration,
}

impl Default for RateConfig {
    fn default() -> Self {
        // More than one process answers: what a tenant's share is only its operator knows.
        Self { calls: 100_000, per: Duration::from_secs(1) }
    }
}

/// Section `server.tls`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// PEM file with the certificate chain; read again when it changes.
    pub cert_file: PathBuf,
    /// PEM file with the private key; read again when it changes.
    pub key_file: PathBuf,
    /// PEM file with the authorities that client certificates must come from; none are asked for when absent.
    #[serde(default)]
    pub client_ca_file: Option<PathBuf>,
    /// How often the files are looked at.
    #[serde(with = "duration", default = "TlsConfig::default_reload_interval")]
    pub reload_interval: Duration,
}

impl TlsConfig {
    fn default_reload_interval() -> Duration {
        Duration::from_secs(30)
    }
}

/// Section `server.drain`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DrainConfig {
    /// Still serving, but NOT_SERVING to health checks, so that balancers send calls elsewhere first.
    #[serde(with = "duration")]
    pub pre_stop: Duration,
    /// Then calls that are running have this long; whatever is left after it is cut off.
    #[serde(with = "duration")]
    pub timeout: Duration,
}

impl Default for DrainConfig {
    fn default() -> Self {
        Self { pre_stop: Duration::from_secs(5), timeout: Duration::from_secs(20) }
    }
}

/// Section `auth`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuthConfig {
    /// How callers are known; nothing is served until it is said.
    pub mode: Option<AuthMode>,
    /// The clients of mode `tokens`, by client name.
    pub tokens: BTreeMap<String, TokenConfig>,
}

/// How callers are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthMode {
    /// Development: whoever they say they are.
    Dev,
    /// By a bearer token.
    Tokens,
}

/// Section `auth.tokens.<client>`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenConfig {
    /// The token, at least 24 characters.
    pub token: Secret,
    /// The one tenant that the client acts for.
    #[serde(default)]
    pub tenant: Option<String>,
    /// Instead of a tenant: the client is this service of the suite. It names the tenant on every call.
    #[serde(default)]
    pub service: Option<String>,
}

/// Section `telemetry`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TelemetryConfig {
    /// How log lines look on standard error.
    pub log_format: LogFormat,
    /// What is logged, as a `tracing` filter, e.g. `info,amends_durable=debug`.
    pub log_filter: String,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self { log_format: LogFormat::Json, log_filter: "info".to_owned() }
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line.
    #[default]
    Json,
    /// For people.
    Text,
}

/// How [`crate::channel`] connects.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClientConfig {
    /// Time to open a connection.
    #[serde(with = "duration")]
    pub connect_timeout: Duration,
    /// HTTP/2 PING after this much silence; without it a peer that hangs would hang every call.
    #[serde(with = "duration")]
    pub keepalive_interval: Duration,
    /// The connection is dead when the PING is not answered in this time.
    #[serde(with = "duration")]
    pub keepalive_timeout: Duration,
    /// How often a `dns:///` name is looked up again.
    #[serde(with = "duration")]
    pub dns_interval: Duration,
    /// PEM file with the authorities of `https` servers.
    pub ca_file: Option<PathBuf>,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(2),
            keepalive_interval: Duration::from_secs(20),
            keepalive_timeout: Duration::from_secs(10),
            dns_interval: Duration::from_secs(10),
            ca_file: None,
        }
    }
}
