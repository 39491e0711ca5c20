//! A way to a suite that leads through the test: it turns down what the test says, as a broken proxy would, and lets
//! everything else pass.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll};

use chassis::ClientConfig;
use chassis::header;
use futures::future::BoxFuture;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::server::NamedService;
use tonic::transport::Channel;

/// A listening detour; it ends when dropped.
#[derive(Debug)]
pub struct Detour {
    /// Where it listens.
    pub address: String,
    road: Road,
    _serving: JoinSet<Result<(), tonic::transport::Error>>,
}

/// What each call goes through.
#[derive(Clone, Debug, Default)]
struct Road {
    destination: Arc<OnceLock<Channel>>,
    /// Senders and the methods that they do not get through with.
    closed: Arc<Mutex<BTreeSet<(String, String)>>>,
}

impl Detour {
    /// Listens; everything waits for [`Detour::lead_to`].
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let road = Road::default();
        let mut serving = JoinSet::new();
        let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
        serving.spawn(tonic::transport::Server::builder().add_service(road.clone()).serve_with_incoming(incoming));
        Self { address, road, _serving: serving }
    }

    /// Where calls go on to.
    pub fn lead_to(&self, address: &str) {
        let channel = chassis::channel(address, &ClientConfig::default()).expect("the address is right");
        self.road.destination.set(channel).expect("it leads to one place");
    }

    /// From now on `sender` gets an answer that makes its relay park the call.
    pub fn close(&self, sender: &str, method: &str) {
        self.closed().insert((sender.to_owned(), format!("/{method}")));
    }

    /// From now on everything passes.
    pub fn open(&self) {
        self.closed().clear();
    }

    fn closed(&self) -> std::sync::MutexGuard<'_, BTreeSet<(String, String)>> {
        self.road.closed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl NamedService for Road {
    // The router's own syntax: every service of every path.
    const NAME: &'static str = "{service}";
}

impl Service<http::Request<Body>> for Road {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let road = self.clone();
        Box::pin(async move {
            let sender = request.headers().get(header::SENDER).and_then(|value| value.to_str().ok()).unwrap_or("");
            let call = (sender.to_owned(), request.uri().path().to_owned());
            if road.closed.lock().unwrap_or_else(PoisonError::into_inner).contains(&call) {
                return Ok(turned_down());
            }
            let mut channel = road.destination.get().expect("the test said where it leads to").clone();
            let passed = async {
                std::future::poll_fn(|context| channel.poll_ready(context)).await?;
                channel.call(request).await
            };
            Ok(passed.await.unwrap_or_else(|_| turned_down()))
        })
    }
}

/// DATA_LOSS from something in between parks a call at once.
#[expect(clippy::disallowed_methods, reason = "stands for what is not of the suite")]
fn turned_down() -> http::Response<Body> {
    tonic::Status::data_loss("from something in between").into_http()
}
