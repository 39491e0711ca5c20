//! Client-side balancing: the addresses of a DNS name, kept up to date, taken in turn.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::mpsc::Sender;
use tonic::transport::Channel;
use tonic::transport::Endpoint;
use tonic::transport::channel::Change;

use crate::client::endpoint;
use crate::config::ClientConfig;

/// A name to look up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    scheme: &'static str,
    host: String,
    port: u16,
}

impl Target {
    /// `None` when `uri` is not a `dns:` target.
    pub(crate) fn parse(uri: &str) -> anyhow::Result<Option<Self>> {
        let (scheme, rest) = match (uri.strip_prefix("dns:///"), uri.strip_prefix("dns+https:///")) {
            (Some(rest), _) => ("http", rest),
            (None, Some(rest)) => ("https", rest),
            (None, None) => return Ok(None),
        };
        let target = rest.rsplit_once(':').and_then(|(host, port)| {
            let port = port.parse().ok()?;
            (!host.is_empty()).then(|| Self { scheme, host: host.to_owned(), port })
        });
        target.map(Some).ok_or_else(|| anyhow::anyhow!("`{uri}` must be dns:///host:port"))
    }
}

/// A channel over all addresses of `target`.
pub(crate) fn balanced(target: Target, config: ClientConfig) -> anyhow::Result<Channel> {
    // Tried once with a literal address, so that a bad CA file shows here and not at the first call.
    endpoint(&format!("{}://127.0.0.1:1", target.scheme), Some(&target.host), &config)?;
    let (channel, changes) = Channel::balance_channel(16);
    spawn(keep_resolved(target, config, changes));
    Ok(channel)
}

#[expect(clippy::disallowed_methods, reason = "the task ends by itself when its channel is dropped")]
fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(task);
}

/// Runs until the channel is dropped.
async fn keep_resolved(target: Target, config: ClientConfig, changes: Sender<Change<SocketAddr, Endpoint>>) {
    let mut known = BTreeSet::new();
    loop {
        let found = tokio::net::lookup_host((target.host.as_str(), target.port)).await;
        let pause = match found {
            Ok(found) => {
                // An empty answer is a hiccup of the resolver, not a reason to drop every connection.
                let found: BTreeSet<SocketAddr> = found.collect();
                if !found.is_empty() && apply(&target, &config, &mut known, found, &changes).await.is_err() {
                    return;
                }
                config.dns_interval
            }
            Err(error) => {
                tracing::warn!(host = %target.host, %error, "the name cannot be looked up");
                config.dns_interval.min(Duration::from_secs(1))
            }
        };
        tokio::select! {
            () = changes.closed() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Sends the differences; `Err` when the channel is gone.
async fn apply(
    target: &Target,
    config: &ClientConfig,
    known: &mut BTreeSet<SocketAddr>,
    found: BTreeSet<SocketAddr>,
    changes: &Sender<Change<SocketAddr, Endpoint>>,
) -> Result<(), ()> {
    for gone in known.difference(&found) {
        changes.send(Change::Remove(*gone)).await.map_err(drop)?;
    }
    for new in found.difference(known) {
        match endpoint(&format!("{}://{new}", target.scheme), Some(&target.host), config) {
            Ok(endpoint) => changes.send(Change::Insert(*new, endpoint)).await.map_err(drop)?,
            Err(error) => tracing::error!(%new, %error, "the address cannot be used"),
        }
    }
    *known = found;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_parsed_or_refused() {
        let target = |scheme, host: &str, port| Some(Target { scheme, host: host.to_owned(), port });
        assert_eq!(Target::parse("dns:///intake.ns.svc:7070").expect("target"), target("http", "intake.ns.svc", 7070));
        assert_eq!(Target::parse("dns+https:///intake:443").expect("target"), target("https", "intake", 443));
        assert_eq!(Target::parse("http://intake:7070").expect("no target"), None);
        for bad in ["dns:///", "dns:///intake", "dns:///:7070", "dns:///intake:port"] {
            assert!(Target::parse(bad).is_err(), "{bad}");
        }
    }
}
