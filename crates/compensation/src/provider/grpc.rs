//! A provider behind gRPC. The stored request goes out as it is: re-encoding it could change its bytes.

use std::fmt;
use std::time::Duration;

use api::extension::payout_provider_client::PayoutProviderClient;
use api::extension::{ExecutePayoutResponse, LookUpPayoutRequest};
use api::method::payout_provider::EXECUTE_PAYOUT;
use async_trait::async_trait;
use bytes::{BufMut as _, Bytes};
use chassis::config::Secret;
use chassis::header;
use tonic::client::Grpc;
use tonic::codec::{Codec, EncodeBuf, Encoder};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Channel;
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

use super::{executed, looked_up, refused_or_lost, unknown_or_lost};
use crate::NAME;
use crate::app::ports::PayoutProvider;
use crate::config::ProviderConfig;
use crate::domain::payout_step::Finding;

/// A `PayoutProvider` at an address.
pub struct GrpcProvider {
    channel: Channel,
    token: Option<Secret>,
    timeout: Duration,
}

impl fmt::Debug for GrpcProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrpcProvider").finish_non_exhaustive()
    }
}

impl GrpcProvider {
    /// Connects when it is first used.
    ///
    /// # Errors
    /// When the address cannot be parsed.
    pub fn new(address: &str, config: &ProviderConfig) -> anyhow::Result<Self> {
        let channel = chassis::channel(address, &config.client)?;
        Ok(Self { channel, token: config.token.clone(), timeout: config.timeout })
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let token = self.token.as_ref().map(|token| format!("Bearer {}", token.expose()));
        for (name, value) in [(header::SENDER, Some(NAME)), ("authorization", token.as_deref())] {
            if let Some(value) = value.and_then(|value| value.parse().ok()) {
                request.metadata_mut().insert(name, value);
            }
        }
        chassis::inject_trace(request.metadata_mut());
        request
    }
}

#[async_trait]
impl PayoutProvider for GrpcProvider {
    async fn execute(&self, request: Vec<u8>) -> Finding {
        let channel = self.channel.clone();
        let request = self.request(Bytes::from(request));
        match chassis::with_deadline(self.timeout, request, |request| send_raw(channel.clone(), request)).await {
            Ok(response) => executed(response.into_inner()),
            Err(status) => refused_or_lost(&status),
        }
    }

    async fn look_up(&self, payout_key: String) -> Finding {
        let client = PayoutProviderClient::new(self.channel.clone());
        let request = self.request(LookUpPayoutRequest { payout_key });
        let asked = chassis::with_deadline(self.timeout, request, |request| {
            let mut client = client.clone();
            async move { client.look_up_payout(request).await }
        });
        match asked.await {
            Ok(response) => looked_up(response.into_inner()),
            Err(status) => unknown_or_lost(&status),
        }
    }
}

async fn send_raw(channel: Channel, request: Request<Bytes>) -> Result<Response<ExecutePayoutResponse>, Status> {
    let mut client = Grpc::new(channel);
    client.ready().await.map_err(|error| {
        chassis::to_status(kernel::ServiceError::unavailable(
            kernel::reason::STORAGE_UNAVAILABLE,
            format!("the provider cannot be reached: {error}"),
            Duration::from_secs(1),
        ))
    })?;
    let path = PathAndQuery::try_from(format!("/{EXECUTE_PAYOUT}"))
        .map_err(|error| chassis::to_status(kernel::ServiceError::internal(error)))?;
    client.unary(request, path, StoredBytes).await
}

/// Bytes out, a message in.
#[derive(Clone, Copy, Debug, Default)]
struct StoredBytes;

type Answers = ProstCodec<(), ExecutePayoutResponse>;

impl Codec for StoredBytes {
    type Encode = Bytes;
    type Decode = ExecutePayoutResponse;
    type Encoder = Self;
    type Decoder = <Answers as Codec>::Decoder;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self::Decoder {
        Answers::default().decoder()
    }
}

impl Encoder for StoredBytes {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}
