//! One connection: handshakes in time, HTTP/2 limits, told to go when it is old or the server drains.

use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::TcpConnectInfo;

use super::call::Front;
use super::tasks::Tasks;
use super::tls::Tls;
use crate::config::ServerConfig;

/// The HTTP/2 preface: `PRI * HTTP/2.0` and so on.
const PREFACE_BYTES: usize = 24;

/// How long a closing connection waits for its peer to close too.
const LINGER: Duration = Duration::from_secs(1);
/// The most that is read and thrown away meanwhile: far above what a peer sends before it sees a GOAWAY.
const LINGER_BYTES: usize = 8 * 1024 * 1024;

/// What all connections share.
#[derive(Clone)]
pub(crate) struct Connections {
    pub(crate) front: Front,
    pub(crate) tls: Option<Tls>,
    pub(crate) config: Arc<ServerConfig>,
    pub(crate) tasks: Tasks,
    pub(crate) draining: CancellationToken,
}

impl Connections {
    /// Serves one connection until it closes.
    pub(crate) async fn serve(self, tcp: TcpStream, peer: SocketAddr) {
        if let Err(error) = tcp.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY cannot be set");
        }
        let info = TcpConnectInfo { local_addr: tcp.local_addr().ok(), remote_addr: Some(peer) };
        let ended = match &self.tls {
            None => self.http2(tcp, info).await,
            Some(tls) => match tokio::time::timeout(self.config.handshake_timeout, tls.acceptor().accept(tcp)).await {
                Ok(Ok(stream)) => self.http2(stream, info).await,
                Ok(Err(error)) => Err(format!("TLS handshake: {error}")),
                Err(_) => Err("no TLS handshake in time".to_owned()),
            },
        };
        if let Err(error) = ended {
            tracing::debug!(%peer, error, "a connection ended");
        }
    }

    async fn http2<IO>(&self, io: IO, info: TcpConnectInfo) -> Result<(), String>
    where
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let config = &*self.config;
        let mut builder = http2::Builder::new(self.tasks.clone());
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(config.max_concurrent_streams)
            .max_header_list_size(config.max_header_bytes)
            .keep_alive_interval(config.keepalive_interval)
            .keep_alive_timeout(config.keepalive_timeout)
            // hyper's own defaults, written out because they stand against "rapid reset".
            .max_pending_accept_reset_streams(20)
            .max_local_error_reset_streams(1024);
        let front = self.front.clone();
        let service = service_fn(move |mut request: http::Request<hyper::body::Incoming>| {
            request.extensions_mut().insert(info.clone());
            front.clone().handle(request)
        });
        let spoken = CancellationToken::new();
        let io = TokioIo::new(Socket { io, seen: 0, spoken: spoken.clone(), linger: None, discarded: 0 });
        let mut connection = pin!(builder.serve_connection(io, service));
        let mut silent = pin!(async {
            tokio::select! {
                // It speaks: from here on its calls have their own deadlines.
                () = spoken.cancelled() => std::future::pending().await,
                () = tokio::time::sleep(config.handshake_timeout) => {}
            }
        });
        let mut leave = pin!(async {
            tokio::select! {
                () = tokio::time::sleep(jittered(config.max_connection_age)) => {}
                () = self.draining.cancelled() => {}
            }
        });
        // Every call on it has met its own deadline by then: whatever is left is a peer that does not read.
        let last_call = config.stream_timeout.max(config.request_timeout) + config.handshake_timeout;
        let mut stuck = pin!(tokio::time::sleep(Duration::MAX));
        let mut leaving = false;
        loop {
            tokio::select! {
                ended = &mut connection => return ended.map_err(|error| format!("HTTP/2: {error}")),
                () = &mut silent => return Err("no HTTP/2 preface in time".to_owned()),
                // GOAWAY, and running calls end in their own time: cutting them after a grace loses calls.
                () = &mut leave, if !leaving => {
                    connection.as_mut().graceful_shutdown();
                    stuck.as_mut().reset(tokio::time::Instant::now() + last_call);
                    leaving = true;
                }
                () = &mut stuck, if leaving => return Err("the peer does not read its answers".to_owned()),
            }
        }
    }
}

/// Give or take a tenth, so that connections opened together do not leave together.
fn jittered(age: Duration) -> Duration {
    age.mul_f64(rand::random_range(0.9..=1.1))
}

/// Notes when the peer has sent as many bytes as an HTTP/2 preface has, and closes without losing what is under way.
struct Socket<IO> {
    io: IO,
    seen: usize,
    spoken: CancellationToken,
    linger: Option<Pin<Box<Sleep>>>,
    discarded: usize,
}

impl<IO: AsyncRead + Unpin> AsyncRead for Socket<IO> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = ready!(Pin::new(&mut self.io).poll_read(cx, buf));
        if self.seen < PREFACE_BYTES {
            self.seen += buf.filled().len() - before;
            if self.seen >= PREFACE_BYTES {
                self.spoken.cancel();
            }
        }
        Poll::Ready(read)
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Socket<IO> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    /// Says that nothing more comes, and reads on until the peer says so too. Closing over a request that the peer
    /// has just sent would reset the connection, and the peer would lose our GOAWAY, which tells it that this request
    /// may be sent again.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.linger.is_none() {
            ready!(Pin::new(&mut this.io).poll_shutdown(cx))?;
        }
        let linger = this.linger.get_or_insert_with(|| Box::pin(tokio::time::sleep(LINGER)));
        // Before the reads: a peer that never stops would use up the task's budget each time, and the timer's with it.
        if linger.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        let mut scratch = [0; 1024];
        while this.discarded < LINGER_BYTES {
            let mut buf = ReadBuf::new(&mut scratch);
            match Pin::new(&mut this.io).poll_read(cx, &mut buf) {
                Poll::Ready(Ok(())) if !buf.filled().is_empty() => this.discarded += buf.filled().len(),
                Poll::Ready(_) => return Poll::Ready(Ok(())),
                Poll::Pending => return Poll::Pending,
            }
        }
        // Not the last requests of somebody who has not heard yet: a flood.
        Poll::Ready(Ok(()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}
