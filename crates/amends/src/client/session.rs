//! Calls that end, and are repeated when that is safe and of use.
//!
//! Always holds: a call ends by its deadline, repeats included; it is repeated for UNAVAILABLE, ABORTED and a broken
//! connection only, three times at most, each time as the same request with the same request id.

use std::time::Duration;

use anyhow::Context as _;
use chassis::header;
use futures::future::BoxFuture;
use kernel::ErrorCode;
use tokio::time::Instant;
use tonic::metadata::{Ascii, MetadataMap, MetadataValue};
use tonic::transport::Channel;
use tonic::{Request, Response, Status};

use super::connection::Connection;
use super::failure::Failure;
use super::rpc::Rpc;

/// How long a call may take, and how it is repeated.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// The whole time, repeats included.
    pub deadline: Duration,
    /// Repeats at most.
    pub repeats: u32,
    /// Pause before the first repeat; doubles. The server's own RetryInfo comes before it.
    pub pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { deadline: Duration::from_secs(10), repeats: 3, pause: Duration::from_millis(200) }
    }
}

/// An answer, and whether it was stored from an earlier time.
#[derive(Debug)]
pub struct Answer<M> {
    /// The response message.
    pub message: M,
    /// True when nothing was done now.
    pub replayed: bool,
}

/// A channel to the suite with the caller's credentials.
#[derive(Clone, Debug)]
pub struct Session {
    channel: Channel,
    metadata: MetadataMap,
    address: String,
    patience: Patience,
}

impl Session {
    /// A session over `channel` for the caller that `connection` describes.
    ///
    /// # Errors
    /// When the tenant, the client or the token cannot be sent as a header.
    pub fn new(channel: Channel, connection: &Connection) -> anyhow::Result<Self> {
        let mut metadata = MetadataMap::new();
        metadata.insert(header::TENANT, ascii("tenant", &connection.tenant)?);
        metadata.insert(header::CLIENT, ascii("client", &connection.client)?);
        if let Some(token) = &connection.token {
            let mut value = ascii("token", &format!("Bearer {token}"))?;
            value.set_sensitive(true);
            metadata.insert("authorization", value);
        }
        Ok(Self { channel, metadata, address: connection.address.clone(), patience: Patience::default() })
    }

    /// The same session with other patience.
    #[must_use]
    pub fn with_patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    /// How long its calls may take.
    pub fn patience(&self) -> Patience {
        self.patience
    }

    /// The channel, for methods that stream.
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// A request with the caller's credentials.
    pub fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        *request.metadata_mut() = self.metadata.clone();
        request
    }

    /// What `status` means to the user.
    pub fn failure(&self, status: &Status) -> Failure {
        Failure::new(status, &self.address)
    }

    /// Makes a unary call.
    ///
    /// # Errors
    /// The last attempt's, when none succeeded.
    pub async fn call<Q: Rpc>(&self, message: &Q) -> Result<Answer<Q::Response>, Failure> {
        self.repeated(message.request_id(), |limit| {
            let request = self.request(message.clone());
            let channel = self.channel();
            Box::pin(chassis::with_deadline(limit, request, move |request| Q::send(channel.clone(), request)))
        })
        .await
    }

    /// Makes attempts until one succeeds, fails for good, or patience ends. `attempt` is told how long it may take.
    ///
    /// # Errors
    /// The last attempt's; of a mutation whose outcome is not known, with its request id.
    pub async fn repeated<'a, R>(
        &self,
        request_id: Option<&str>,
        attempt: impl Fn(Duration) -> BoxFuture<'a, Result<Response<R>, Status>>,
    ) -> Result<Answer<R>, Failure> {
        let until = Instant::now() + self.patience.deadline;
        let mut repeats = 0;
        let mut was_sent = false;
        loop {
            let status = match attempt(until.saturating_duration_since(Instant::now())).await {
                Ok(response) => {
                    let replayed = response.metadata().contains_key(header::REPLAYED);
                    return Ok(Answer { message: response.into_inner(), replayed });
                }
                Err(status) => status,
            };
            let failure = self.failure(&status);
            was_sent |= !failure.is_unreachable();
            let pause = failure.retry_after().unwrap_or(self.patience.pause * 2_u32.pow(repeats));
            if repeats == self.patience.repeats || !is_worth_repeating(&failure) || Instant::now() + pause >= until {
                let unknown = request_id.filter(|_| was_sent && failure.leaves_outcome_unknown());
                return Err(match unknown {
                    Some(request_id) => failure.repeat_with(format!("--request-id {request_id}")),
                    None => failure,
                });
            }
            tokio::time::sleep(pause).await;
            repeats += 1;
        }
    }
}

/// A stale etag stays stale; everything else that is ABORTED or UNAVAILABLE may pass, and the next connection may hold.
/// Who is told when the next call is taken, and was asked for nothing yet, waits for it.
fn is_worth_repeating(failure: &Failure) -> bool {
    let may_pass = matches!(failure.code(), Some(ErrorCode::Unavailable | ErrorCode::Aborted))
        || failure.reason() == Some(chassis::front_reason::RATE_LIMITED);
    failure.is_broken_connection() || (may_pass && failure.reason() != Some(kernel::reason::VERSION_MISMATCH))
}

fn ascii(what: &str, value: &str) -> anyhow::Result<MetadataValue<Ascii>> {
    MetadataValue::try_from(value).with_context(|| format!("the {what} must be printable ASCII"))
}
