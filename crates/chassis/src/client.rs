//! Channels to other services, and the deadline of a call.
//!
//! Always holds: a channel notices a dead peer by HTTP/2 PINGs; a call made through [`with_deadline`] ends by its
//! deadline with DEADLINE_EXCEEDED, where tonic alone would say CANCELLED.

use std::time::Duration;

use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Request, Response, Status};

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

/// Makes a call that ends after `limit`: the server is told, and the answer is DEADLINE_EXCEEDED.
///
/// # Errors
/// The call's own status, or DEADLINE_EXCEEDED.
pub async fn with_deadline<T, R, F, Fut>(
    limit: Duration,
    mut request: Request<T>,
    call: F,
) -> Result<Response<R>, Status>
where
    F: FnOnce(Request<T>) -> Fut,
    Fut: Future<Output = Result<Response<R>, Status>>,
{
    request.set_timeout(limit);
    let until = tokio::time::Instant::now() + limit;
    match tokio::time::timeout_at(until, call(request)).await {
        // tonic's channel runs the same timer and says CANCELLED; so it may win by a moment.
        Ok(Err(status)) if status.code() == Code::Cancelled && is_timeout(&status) => Err(deadline_exceeded(limit)),
        Ok(answer) => answer,
        Err(_) => Err(deadline_exceeded(limit)),
    }
}

fn is_timeout(status: &Status) -> bool {
    let mut source = std::error::Error::source(status);
    while let Some(error) = source {
        if error.is::<tonic::TimeoutExpired>() {
            return true;
        }
        source = error.source();
    }
    false
}
