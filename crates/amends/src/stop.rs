//! When a process ends: the first signal drains it, the second one ends it at once.

use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

/// A second signal ended the process before it had drained.
#[derive(Debug, thiserror::Error)]
#[error("a second signal ended the process before it had drained")]
pub(crate) struct CutShort;

/// Serves until a signal, or an error of `beside`; then drains by the server's own deadline, or until another signal.
///
/// # Errors
/// Those of serving and of `beside`; [`CutShort`] at a second signal.
pub(crate) async fn at_signal(
    mut serving: BoxFuture<'static, anyhow::Result<()>>,
    beside: impl Future<Output = anyhow::Result<()>>,
    shutdown: &CancellationToken,
) -> anyhow::Result<()> {
    tokio::select! {
        result = &mut serving => return result,
        signal = chassis::shutdown_signal() => signal?,
        result = beside => result?,
    }
    shutdown.cancel();
    tokio::select! {
        result = serving => result,
        signal = chassis::shutdown_signal() => {
            signal?;
            Err(CutShort.into())
        }
    }
}
