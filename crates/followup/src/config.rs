//! The configuration of follow-up: section `followup` of a process that hosts it.
//!
//! Always holds: every key has a default that is right for one machine, except where the database is and the secret
//! that page tokens are signed with.

use std::path::PathBuf;
use std::time::Duration;

use chassis::config::{ClientConfig, Problems, Secret, Validate, duration};
use durable::StoreConfig;
use serde::{Deserialize, Deserializer};

use crate::domain::{MAX_PAUSES, MIN_PAUSES, pause_is_allowed};

const DAY: Duration = Duration::from_secs(86_400);

/// Everything that follow-up needs to know.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The database, the relay, the secret of page tokens.
    pub store: StoreConfig,
    /// Targets that are told what happened; `intake` unless told otherwise.
    pub sinks: Vec<String>,
    /// Pauses of a plan that names none: before the first check-in, between check-ins, and after the last one. 2 to 12
    /// of them, each from one minute to 400 days, written like `3d`.
    #[serde(deserialize_with = "pauses")]
    pub cadence: Vec<Duration>,
    /// Web address where a survey is answered, put into check-ins; `{survey}` stands for the survey's name. Absent:
    /// check-ins carry the name alone.
    pub survey_link: Option<String>,
    /// Which transport carries messages to which kind of address.
    pub channels: ChannelsConfig,
    /// The transport `mailbox`.
    pub mailbox: MailboxConfig,
    /// The transport `smtp`.
    pub smtp: Option<SmtpConfig>,
    /// The transport `grpc`: a `MessageTransport` of yours.
    pub grpc: Option<GrpcConfig>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            store: StoreConfig::default(),
            sinks: vec!["intake".to_owned()],
            cadence: vec![3 * DAY, 7 * DAY, 7 * DAY],
            survey_link: None,
            channels: ChannelsConfig::default(),
            mailbox: MailboxConfig::default(),
            smtp: None,
            grpc: None,
        }
    }
}

/// Section `channels`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChannelsConfig {
    /// For e-mail addresses.
    pub email: TransportKind,
    /// For phone numbers.
    pub phone: TransportKind,
    /// For inboxes of the company's app.
    pub app: TransportKind,
}

/// A transport.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TransportKind {
    /// A file that every message is appended to: for development, demonstrations and tests.
    #[default]
    Mailbox,
    /// A mail server.
    Smtp,
    /// A `MessageTransport` of yours.
    Grpc,
}

/// Section `mailbox`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MailboxConfig {
    /// The file, in mbox format. It holds what was written to customers: it is readable for its owner only.
    pub file: PathBuf,
}

impl Default for MailboxConfig {
    fn default() -> Self {
        Self { file: PathBuf::from(".amends/mailbox.mbox") }
    }
}

/// Section `smtp`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmtpConfig {
    /// Name of the mail server, as its certificate shows it.
    pub host: String,
    /// Its port; by default 587 for `starttls`, 465 for `implicit`, 25 for `none`.
    #[serde(default)]
    pub port: Option<u16>,
    /// How the connection is protected.
    #[serde(default)]
    pub security: SmtpSecurity,
    /// Who logs in; nobody when absent.
    #[serde(default)]
    pub username: Option<String>,
    /// The password.
    #[serde(default)]
    pub password: Secret,
    /// The sender, e.g. `Customer care <care@example.com>`. Its domain is also that of the message ids.
    pub from: String,
    /// Time for handing over one message, connecting included.
    #[serde(with = "duration", default = "SmtpConfig::default_timeout")]
    pub timeout: Duration,
    /// Connections to the server at most.
    #[serde(default = "SmtpConfig::default_connections")]
    pub max_connections: usize,
    /// PEM file with the authority that the server's certificate comes from, when it is not a public one.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

impl SmtpConfig {
    fn default_timeout() -> Duration {
        Duration::from_secs(20)
    }

    fn default_connections() -> usize {
        8
    }

    /// The port that is used.
    pub(crate) fn effective_port(&self) -> u16 {
        self.port.unwrap_or(match self.security {
            SmtpSecurity::Starttls => 587,
            SmtpSecurity::Implicit => 465,
            SmtpSecurity::None => 25,
        })
    }
}

/// How the connection to a mail server is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SmtpSecurity {
    /// Plain text first, then STARTTLS; a server that does not offer it gets nothing.
    #[default]
    Starttls,
    /// TLS from the first byte.
    Implicit,
    /// Plain text: for a relay on the same machine.
    None,
}

/// Section `grpc`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrpcConfig {
    /// Address of the `MessageTransport`, e.g. `http://127.0.0.1:7090` or `dns:///messages:7090`.
    pub address: String,
    /// Time for handing over one message.
    #[serde(with = "duration", default = "GrpcConfig::default_timeout")]
    pub timeout: Duration,
    /// How it is connected to.
    #[serde(default)]
    pub client: ClientConfig,
}

impl GrpcConfig {
    fn default_timeout() -> Duration {
        Duration::from_secs(4)
    }
}

impl Validate for Config {
    fn validate(&self, problems: &mut Problems) {
        problems.scope("store", |problems| {
            for (key, problem) in self.store.problems() {
                problems.add(&key, problem);
            }
        });
        for (index, sink) in self.sinks.iter().enumerate() {
            if sink.is_empty() || self.sinks[..index].contains(sink) {
                problems.add(&format!("sinks[{index}]"), "must be the name of a target, and no target twice");
            }
        }
        if !(MIN_PAUSES..=MAX_PAUSES).contains(&self.cadence.len()) {
            problems.add("cadence", format!("must have {MIN_PAUSES} to {MAX_PAUSES} pauses"));
        }
        for (index, pause) in self.cadence.iter().enumerate() {
            if !pause_is_allowed(*pause) {
                problems.add(&format!("cadence[{index}]"), "must be from one minute to 400 days");
            }
        }
        if let Some(link) = &self.survey_link
            && !(link.contains("{survey}") && (link.starts_with("https://") || link.starts_with("http://")))
        {
            problems.add("survey_link", "must be a web address with {survey} in it");
        }
        problems.scope("channels", |problems| self.check_channels(problems));
        if let Some(smtp) = &self.smtp {
            problems.within("smtp", smtp);
        }
        if let Some(grpc) = &self.grpc {
            problems.within("grpc", grpc);
        }
    }
}

impl Config {
    fn check_channels(&self, problems: &mut Problems) {
        let ChannelsConfig { email, phone, app } = &self.channels;
        for (key, kind) in [("email", email), ("phone", phone), ("app", app)] {
            match kind {
                TransportKind::Mailbox if self.mailbox.file.as_os_str().is_empty() => {
                    problems.add(key, "needs mailbox.file");
                }
                TransportKind::Smtp if key != "email" => problems.add(key, "must be mailbox or grpc"),
                TransportKind::Smtp if self.smtp.is_none() => problems.add(key, "needs a section smtp"),
                TransportKind::Grpc if self.grpc.is_none() => problems.add(key, "needs a section grpc"),
                TransportKind::Mailbox | TransportKind::Smtp | TransportKind::Grpc => {}
            }
        }
    }
}

impl Validate for SmtpConfig {
    fn validate(&self, problems: &mut Problems) {
        if self.host.is_empty() {
            problems.add("host", "must be the name of a mail server");
        }
        if self.from.parse::<lettre::message::Mailbox>().is_err() {
            problems.add("from", "must be an e-mail address, e.g. Customer care <care@example.com>");
        }
        if self.timeout.is_zero() {
            problems.add("timeout", "must be longer than zero");
        }
        if self.max_connections == 0 {
            problems.add("max_connections", "must be at least 1");
        }
        match (&self.username, self.password.expose().is_empty(), self.security) {
            (Some(_), true, _) => problems.add("password", "is required with a username"),
            (None, false, _) => problems.add("username", "is required with a password"),
            (Some(_), false, SmtpSecurity::None) => {
                problems.add("security", "must not be none with a password: it would cross the network in plain text");
            }
            (Some(_), false, SmtpSecurity::Starttls | SmtpSecurity::Implicit) | (None, true, _) => {}
        }
        if let Some(error) = self.ca_file.as_ref().and_then(|file| std::fs::File::open(file).err()) {
            problems.add("ca_file", format!("cannot be read: {error}"));
        }
    }
}

impl Validate for GrpcConfig {
    fn validate(&self, problems: &mut Problems) {
        if self.address.is_empty() {
            problems.add("address", "must be an address such as http://127.0.0.1:7090");
        }
        if self.timeout.is_zero() {
            problems.add("timeout", "must be longer than zero");
        }
        problems.within("client", &self.client);
    }
}

/// Reads pauses; a day has 24 hours.
fn pauses<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Duration>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let pause = |text: String| {
        let span: jiff::Span = text.parse().ok()?;
        let signed = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).ok()?;
        Duration::try_from(signed).ok()
    };
    let read = |text: String| pause(text.clone()).ok_or_else(|| bad_pause::<D>(&text));
    texts.into_iter().map(read).collect()
}

fn bad_pause<'de, D: Deserializer<'de>>(text: &str) -> D::Error {
    serde::de::Error::custom(format!("`{text}` is not a pause; write e.g. 3d, 36h or 90m"))
}
