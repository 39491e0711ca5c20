//! The accept loop of the API port: never more connections than allowed, never a busy loop.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::connection::Connections;
use super::record::Metrics;
use super::shares::Shares;

/// Pause after an error that a new try would meet again at once, such as "too many open files".
const PAUSE: Duration = Duration::from_millis(100);

/// Accepts until the server drains; then the port is closed.
pub(crate) async fn accept(listener: TcpListener, connections: Connections, metrics: Metrics) {
    let most = connections.config.max_connections;
    let places = Arc::new(Semaphore::new(most));
    let peers = Shares::new(connections.config.max_connections_per_peer);
    let mut was_full = false;
    loop {
        let accepted = tokio::select! {
            () = connections.draining.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let (tcp, peer) = match accepted {
            Ok(accepted) => accepted,
            // The peer went away again: no reason to pause.
            Err(error) if is_of_one_peer(&error) => continue,
            Err(error) => {
                tracing::warn!(%error, "no connection can be accepted; trying again");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        // Closed at once rather than left waiting: the caller or its balancer tries another replica.
        let (Ok(place), Some(share)) = (places.clone().try_acquire_owned(), peers.take(&peer.ip())) else {
            metrics.connections_refused.add(1, &[]);
            if !std::mem::replace(&mut was_full, true) {
                let (limit, per_peer) = (most, peers.most());
                tracing::warn!(limit, per_peer, "as many connections as allowed are open; more are closed at once");
            }
            continue;
        };
        was_full = false;
        let (connection, metrics) = (connections.clone(), metrics.clone());
        connections.tasks.spawn(async move {
            let open = Open::new(metrics);
            connection.serve(tcp, peer).await;
            drop((open, place, share));
        });
    }
}

fn is_of_one_peer(error: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionRefused
            | ErrorKind::Interrupted
    )
}

/// Counts a connection while it is open, however it ends.
struct Open(Metrics);

impl Open {
    fn new(metrics: Metrics) -> Self {
        metrics.connections.add(1, &[]);
        Self(metrics)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.connections.add(-1, &[]);
    }
}
