//! The transports that ship, and which of them carries what: a mailbox file, a mail server, a gRPC service of the
//! user's. Each implements the port of the use cases and knows nothing else of them.

mod grpc;
mod mailbox;
mod smtp;

use std::sync::Arc;

use anyhow::Context as _;
use durable::Engine;

use crate::app::ports::{MessageTransport, Transports};
use crate::config::{Config, TransportKind};

/// The transports by the configuration; each is made once, however many channels use it.
pub(crate) fn from_config(config: &Config, engine: &Engine) -> anyhow::Result<Transports> {
    let channels = &config.channels;
    let used = |kind| [channels.email, channels.phone, channels.app].contains(&kind);
    let mailbox: Option<Arc<dyn MessageTransport>> = match used(TransportKind::Mailbox) {
        true => Some(Arc::new(mailbox::Mailbox::open(config.mailbox.file.clone(), engine)?)),
        false => None,
    };
    let smtp: Option<Arc<dyn MessageTransport>> = match (&config.smtp, used(TransportKind::Smtp)) {
        (Some(smtp), true) => Some(Arc::new(smtp::Smtp::new(smtp)?)),
        _ => None,
    };
    let grpc: Option<Arc<dyn MessageTransport>> = match (&config.grpc, used(TransportKind::Grpc)) {
        (Some(grpc), true) => Some(Arc::new(grpc::Grpc::new(grpc)?)),
        _ => None,
    };
    let of = |kind: TransportKind| -> anyhow::Result<Arc<dyn MessageTransport>> {
        let transport = match kind {
            TransportKind::Mailbox => &mailbox,
            TransportKind::Smtp => &smtp,
            TransportKind::Grpc => &grpc,
        };
        transport.clone().with_context(|| format!("channels: the transport {kind:?} is not configured"))
    };
    Ok(Transports { email: of(channels.email)?, phone: of(channels.phone)?, app: of(channels.app)? })
}
