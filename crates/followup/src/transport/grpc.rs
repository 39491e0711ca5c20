//! The transport `grpc`: hands messages to a `MessageTransport` that the user of the suite implements.

use std::time::Duration;

use api::extension::SendRequest;
use api::extension::message_transport_client::MessageTransportClient;
use async_trait::async_trait;
use chassis::header;
use kernel::ResourceId as _;
use tonic::transport::Channel;
use tonic::{Request, Status};

use crate::NAME;
use crate::app::ports::{MessageTransport, Outgoing, SendError};
use crate::config::GrpcConfig;
use crate::wire;

/// The transport.
pub(super) struct Grpc {
    channel: Channel,
    timeout: Duration,
}

impl Grpc {
    /// A transport that connects when it is first used.
    pub(super) fn new(config: &GrpcConfig) -> anyhow::Result<Self> {
        Ok(Self { channel: chassis::channel(&config.address, &config.client)?, timeout: config.timeout })
    }
}

#[async_trait]
impl MessageTransport for Grpc {
    fn name(&self) -> &'static str {
        "grpc"
    }

    async fn send(&self, outgoing: &Outgoing) -> Result<(), SendError> {
        let mut request = Request::new(SendRequest {
            message_id: outgoing.message.uuid().to_string(),
            to: Some(wire::contact(&outgoing.to)),
            subject: outgoing.subject.clone(),
            body: outgoing.body.clone(),
        });
        for (name, value) in [
            (header::TENANT, outgoing.context.tenant.as_str()),
            (header::SENDER, NAME),
            (header::JOURNEY, &outgoing.context.journey),
        ] {
            if let Ok(value) = value.parse() {
                request.metadata_mut().insert(name, value);
            }
        }
        chassis::inject_trace(request.metadata_mut());
        let client = MessageTransportClient::new(self.channel.clone());
        let sent = chassis::with_deadline(self.timeout, request, |request| {
            let mut client = client.clone();
            async move { client.send(request).await }
        });
        sent.await.map(|_| ()).map_err(|status| judge(&status))
    }
}

/// Only the reason `UNDELIVERABLE` is final: anything else may come from a proxy, or pass.
fn judge(status: &Status) -> SendError {
    match chassis::from_status(status) {
        Some(error) if error.reason == api::reason::extension::UNDELIVERABLE => SendError::Undeliverable(error.message),
        Some(_) | None => SendError::Unavailable(format!("{:?}: {}", status.code(), status.message())),
    }
}
