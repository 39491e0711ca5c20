//! The transport `smtp`: hands messages to a mail server.
//!
//! Always holds: every attempt at a message carries the same `Message-ID`, so that a second copy can be told by the
//! receiver's server. A permanent no to this message is final; everything else is tried again, as are wrong
//! credentials: they say nothing about the customer's address.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use anyhow::Context as _;
use async_trait::async_trait;
use kernel::ResourceId as _;
use lettre::message::Mailbox;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{Error, PoolConfig};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use tokio::sync::Semaphore;

use crate::app::ports::{MessageTransport, Outgoing, SendError};
use crate::config::{SmtpConfig, SmtpSecurity};

/// Codes with which a server turns down the sender's credentials, not the message: RFC 4954, section 6.
const CREDENTIALS: [u16; 4] = [530, 534, 535, 538];

/// The transport.
pub(super) struct Smtp {
    server: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    timeout: Duration,
    connections: Arc<Semaphore>,
}

impl Smtp {
    /// A transport that connects when it is first used.
    pub(super) fn new(config: &SmtpConfig) -> anyhow::Result<Self> {
        let from: Mailbox = config.from.parse().context("smtp.from")?;
        let mut server = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&config.host)
            .port(config.effective_port())
            .timeout(Some(config.timeout))
            .tls(tls(config)?)
            .hello_name(ClientId::Domain(from.email.domain().to_owned()))
            .pool_config(PoolConfig::new().max_size(u32::try_from(config.max_connections).unwrap_or(u32::MAX)));
        if let Some(username) = &config.username {
            server = server.credentials(Credentials::new(username.clone(), config.password.expose().to_owned()));
        }
        Ok(Self {
            server: server.build(),
            from,
            timeout: config.timeout,
            connections: Arc::new(Semaphore::new(config.max_connections)),
        })
    }

    fn letter(&self, outgoing: &Outgoing, to: Address) -> Result<Message, lettre::error::Error> {
        let since_epoch = Duration::from_micros(u64::try_from(outgoing.created_at.micros()).unwrap_or(0));
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(&outgoing.subject)
            .message_id(Some(format!("<{}@{}>", outgoing.message.uuid(), self.from.email.domain())))
            .date(UNIX_EPOCH + since_epoch)
            .header(AutoSubmitted)
            .header(ContentType::TEXT_PLAIN)
            .body(outgoing.body.clone())
    }
}

fn tls(config: &SmtpConfig) -> anyhow::Result<Tls> {
    if config.security == SmtpSecurity::None {
        return Ok(Tls::None);
    }
    let mut parameters = TlsParameters::builder(config.host.clone());
    if let Some(file) = &config.ca_file {
        let pem = std::fs::read(file).with_context(|| format!("smtp.ca_file: cannot read {}", file.display()))?;
        parameters = parameters.add_root_certificate(Certificate::from_pem(&pem).context("smtp.ca_file")?);
    }
    let parameters = parameters.build_rustls().context("smtp")?;
    Ok(match config.security {
        SmtpSecurity::Implicit => Tls::Wrapper(parameters),
        SmtpSecurity::Starttls | SmtpSecurity::None => Tls::Required(parameters),
    })
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
        let handed_over = async {
            // A closed semaphore would be a defect; there is nobody who closes it.
            let _place = self.connections.acquire().await.map_err(|error| SendError::Unavailable(error.to_string()))?;
            self.server.send(letter).await.map_err(|error| judge(&error, is_ascii))
        };
        match tokio::time::timeout(self.timeout, handed_over).await {
            Ok(result) => result.map(|_| ()),
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
