//! The transport `smtp`: hands messages to a mail server.
//!
//! Always holds: every attempt at a message carries the same `Message-ID`, so that a second copy can be told by the
//! receiver's server. A permanent no to this message is final; everything else is tried again, as are wrong
//! credentials: they say nothing about the customer's address. A connection is used again only after a conversation
//! that was finished: one that was given up may still have an answer under way, which the next mail would take for its
//! own. That is why lettre's own pool is not used: it takes back connections whose future was dropped.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use anyhow::Context as _;
use async_trait::async_trait;
use kernel::ResourceId as _;
use lettre::message::Mailbox;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue, MIME_VERSION_1_0};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, Message};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::app::ports::{MessageTransport, Outgoing, SendError};
use crate::config::{SmtpConfig, SmtpSecurity};

/// Idle connections are not used again after this time; mail servers close them after minutes at the earliest.
const IDLE: Duration = Duration::from_secs(30);

/// Codes with which a server turns down the sender's credentials, not the message: RFC 4954, section 6.
const CREDENTIALS: [u16; 4] = [530, 534, 535, 538];

/// The transport.
pub(super) struct Smtp {
    host: String,
    port: u16,
    security: SmtpSecurity,
    tls: TlsParameters,
    hello: ClientId,
    credentials: Option<Credentials>,
    from: Mailbox,
    timeout: Duration,
    connections: Semaphore,
    idle: Mutex<Vec<(AsyncSmtpConnection, Instant)>>,
}

impl Smtp {
    /// A transport that connects when it is first used.
    pub(super) fn new(config: &SmtpConfig) -> anyhow::Result<Self> {
        let from: Mailbox = config.from.parse().context("smtp.from")?;
        let credentials = |username: &String| Credentials::new(username.clone(), config.password.expose().to_owned());
        Ok(Self {
            host: config.host.clone(),
            port: config.effective_port(),
            security: config.security,
            tls: tls(config)?,
            hello: ClientId::Domain(from.email.domain().to_owned()),
            credentials: config.username.as_ref().map(credentials),
            from,
            timeout: config.timeout,
            connections: Semaphore::new(config.max_connections),
            idle: Mutex::default(),
        })
    }

    /// An idle connection that still answers, or a new one.
    async fn connection(&self) -> Result<AsyncSmtpConnection, Error> {
        while let Some(mut idle) = self.take_idle() {
            if idle.test_connected().await {
                return Ok(idle);
            }
        }
        let wrapper = (self.security == SmtpSecurity::Implicit).then(|| self.tls.clone());
        let server = (self.host.as_str(), self.port);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(server, Some(self.timeout), &self.hello, wrapper, None).await?;
        if self.security == SmtpSecurity::Starttls {
            connection.starttls(self.tls.clone(), &self.hello).await?;
        }
        if let Some(credentials) = &self.credentials {
            connection.auth(DEFAULT_MECHANISMS, credentials).await?;
        }
        Ok(connection)
    }

    fn take_idle(&self) -> Option<AsyncSmtpConnection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(_, since)| since.elapsed() < IDLE);
        idle.pop().map(|(connection, _)| connection)
    }

    async fn hand_over(&self, letter: &Message, is_ascii: bool) -> Result<(), SendError> {
        // A closed semaphore would be a defect; there is nobody who closes it.
        let _place = self.connections.acquire().await.map_err(|error| SendError::Unavailable(error.to_string()))?;
        let mut connection = self.connection().await.map_err(|error| judge(&error, is_ascii))?;
        connection.send(letter.envelope(), &letter.formatted()).await.map_err(|error| judge(&error, is_ascii))?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push((connection, Instant::now()));
        Ok(())
    }

    fn letter(&self, outgoing: &Outgoing, to: Address) -> Result<Message, lettre::error::Error> {
        let since_epoch = Duration::from_micros(u64::try_from(outgoing.created_at.micros()).unwrap_or(0));
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(&outgoing.subject)
            .message_id(Some(format!("<{}@{}>", outgoing.message.uuid(), self.from.email.domain())))
            .date(UNIX_EPOCH + since_epoch)
            .header(MIME_VERSION_1_0)
            .header(AutoSubmitted)
            .header(ContentType::TEXT_PLAIN)
            .body(outgoing.body.clone())
    }
}

fn tls(config: &SmtpConfig) -> anyhow::Result<TlsParameters> {
    let mut parameters = TlsParameters::builder(config.host.clone());
    if let Some(file) = &config.ca_file {
        let pem = std::fs::read(file).with_context(|| format!("smtp.ca_file: cannot read {}", file.display()))?;
        parameters = parameters.add_root_certificate(Certificate::from_pem(&pem).context("smtp.ca_file")?);
    }
    parameters.build_rustls().context("smtp")
}

#[async_trait]
impl MessageTransport for Smtp {
    fn name(&self) -> &'static str {
        "smtp"
    }

    async fn send(&self, outgoing: &Outgoing) -> Result<(), SendError> {
        let no_address = |error: &dyn std::fmt::Display| SendError::Undeliverable(format!("not an address: {error}"));
        let to: Address = outgoing.to.address.parse().map_err(|error| no_address(&error))?;
        let is_ascii = outgoing.to.address.is_ascii();
        let letter = self.letter(outgoing, to).map_err(|error| no_address(&error))?;
        match tokio::time::timeout(self.timeout, self.hand_over(&letter, is_ascii)).await {
            Ok(result) => result,
            Err(_) => Err(SendError::Unavailable(format!("no answer within {:?}", self.timeout))),
        }
    }
}

/// What an error of the mail server means for the message.
fn judge(error: &Error, is_ascii: bool) -> SendError {
    let code = error.status().map(u16::from);
    let text =
        std::error::Error::source(error).map_or_else(|| error.to_string(), |source| format!("{error}: {source}"));
    if error.is_permanent() && code.is_none_or(|code| !CREDENTIALS.contains(&code)) {
        return SendError::Undeliverable(text);
    }
    // The server does not take addresses beyond ASCII, and never will for this one.
    if error.is_client() && !is_ascii {
        return SendError::Undeliverable(text);
    }
    SendError::Unavailable(text)
}

/// `Auto-Submitted: auto-generated` (RFC 3834): no out-of-office reply, no loop.
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}
