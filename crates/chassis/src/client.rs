//! Channels to other services, and the deadline of a call.
//!
//! Always holds: a channel notices a dead peer by HTTP/2 PINGs; a call made through [`with_deadline`] ends by its
//! deadline with DEADLINE_EXCEEDED, where tonic alone would say CANCELLED.

use std::error::Error;
use std::time::Duration;

use tokio::time::Instant;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Request, Response, Status};

use crate::config::ClientConfig;
use crate::resolve;
use crate::status::deadline_exceeded;

/// A channel that connects when it is first used and again whenever the connection is lost.
///
/// `http://host:port` and `https://host:port` use one connection. `dns:///host:port` (or `dns+https:///host:port`)
/// looks up all addresses of the host, again and again, and takes them in turn.
///
/// # Errors
/// When the address cannot be parsed or the CA file cannot be read. Never because the peer is not there.
pub fn channel(uri: &str, config: &ClientConfig) -> anyhow::Result<Channel> {
    if let Some(target) = resolve::Target::parse(uri)? {
        return resolve::balanced(target, config.clone());
    }
    Ok(endpoint(uri, None, config)?.connect_lazy())
}

/// Whether [`channel`] can use an address.
///
/// # Errors
/// What is wrong with it.
pub fn check_address(uri: &str) -> anyhow::Result<()> {
    match resolve::Target::parse(uri)? {
        Some(_) => Ok(()),
        // Without the authorities: whether their file can be read is a question about `ClientConfig`.
        None => endpoint(uri, None, &ClientConfig::default()).map(drop),
    }
}

/// The endpoint of one address; `server_name` is what its certificate must show when that is not in the address.
pub(crate) fn endpoint(uri: &str, server_name: Option<&str>, config: &ClientConfig) -> anyhow::Result<Endpoint> {
    let mut endpoint = Endpoint::from_shared(uri.to_owned())
        .map_err(|error| anyhow::anyhow!("`{uri}` is not an address such as http://host:7070: {error}"))?
        .connect_timeout(config.connect_timeout)
        .http2_keep_alive_interval(config.keepalive_interval)
        .keep_alive_timeout(config.keepalive_timeout)
        .keep_alive_while_idle(true)
        .tcp_nodelay(true);
    match endpoint.uri().scheme_str() {
        Some("http") => {}
        Some("https") => {
            let mut tls = ClientTlsConfig::new();
            if let Some(file) = &config.ca_file {
                let pem = std::fs::read(file).map_err(|error| anyhow::anyhow!("{}: {error}", file.display()))?;
                tls = tls.ca_certificate(Certificate::from_pem(pem));
            }
            if let Some(name) = server_name {
                tls = tls.domain_name(name);
            }
            endpoint = endpoint.tls_config(tls)?;
        }
        _ => anyhow::bail!("`{uri}` must start with http://, https://, dns:/// or dns+https:///"),
    }
    Ok(endpoint)
}

/// How often a request is sent again that never left this process.
const UNSENT_RETRIES: usize = 3;

/// Makes a call that ends after `limit`: the server is told, and the answer is DEADLINE_EXCEEDED. A request that never
/// left, because its connection was just going away, is sent again on the next one; no other is.
///
/// # Errors
/// The call's own status, or DEADLINE_EXCEEDED.
pub async fn with_deadline<T, R, F, Fut>(
    limit: Duration,
    request: Request<T>,
    mut call: F,
) -> Result<Response<R>, Status>
where
    T: Clone,
    F: FnMut(Request<T>) -> Fut,
    Fut: Future<Output = Result<Response<R>, Status>>,
{
    let until = Instant::now() + limit;
    let (metadata, extensions, message) = request.into_parts();
    let mut unsent = 0;
    loop {
        let mut request = Request::from_parts(metadata.clone(), extensions.clone(), message.clone());
        request.set_timeout(until.saturating_duration_since(Instant::now()));
        match tokio::time::timeout_at(until, call(request)).await {
            Err(_) => return Err(deadline_exceeded(limit)),
            // tonic's channel runs the same timer and says CANCELLED; it may win by a moment.
            Ok(Err(status)) if caused_by::<tonic::TimeoutExpired>(&status, |_| true) => {
                return Err(deadline_exceeded(limit));
            }
            Ok(Err(status)) if unsent < UNSENT_RETRIES && never_sent(&status) => unsent += 1,
            Ok(answer) => return answer,
        }
    }
}

/// hyper says "canceled" of a request that it gave back from its queue when the connection closed; h2 fails with the
/// peer's GOAWAY what comes after it, and the protocol promises that the peer did nothing about those.
fn never_sent(status: &Status) -> bool {
    caused_by::<hyper::Error>(status, hyper::Error::is_canceled)
        || caused_by::<h2::Error>(status, |error| {
            error.is_go_away() && error.is_remote() && error.reason() == Some(h2::Reason::NO_ERROR)
        })
}

fn caused_by<E: Error + 'static>(status: &Status, is: impl Fn(&E) -> bool) -> bool {
    let mut source = status.source();
    while let Some(error) = source {
        if error.downcast_ref::<E>().is_some_and(&is) {
            return true;
        }
        source = error.source();
    }
    false
}
