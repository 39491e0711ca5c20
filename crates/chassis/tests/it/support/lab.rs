//! The service under test: `lab.v1.Lab`, whose one request says what the handler is to do.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, StreamExt};
use kernel::{FieldViolation, RequestContext, ServiceError};
use prost::Message;
use prost_types::{
    DescriptorProto, FileDescriptorProto, FileDescriptorSet, MethodDescriptorProto, ServiceDescriptorProto,
};
use tokio::sync::{Semaphore, mpsc};
use tonic::body::Body;
use tonic::codec::CompressionEncoding;
use tonic::server::{Grpc, NamedService};
use tonic::service::Routes;
use tonic::{Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;
use tower::Service;

pub const DO: &str = "/lab.v1.Lab/Do";
pub const COLLECT: &str = "/lab.v1.Lab/Collect";
pub const WATCH: &str = "/lab.v1.Lab/Watch";

/// A request or a response.
#[derive(Clone, PartialEq, Message)]
pub struct Text {
    /// What to do; what was done.
    #[prost(string, tag = "1")]
    pub text: String,
    /// Something that can nest.
    #[prost(message, optional, boxed, tag = "2")]
    pub inner: Option<Box<Text>>,
}

/// A `Text` that says this.
pub fn text(text: &str) -> Text {
    Text { text: text.to_owned(), inner: None }
}

/// What the lab tells the test.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A handler runs.
    Entered(String),
    /// A handler that waited was dropped.
    Dropped,
    /// The context of a call.
    Context(RequestContext),
}

/// The service; clones are the same lab.
#[derive(Clone, Debug)]
pub struct Lab {
    events: mpsc::UnboundedSender<Event>,
    /// What `wait` and `Watch` wait for.
    pub gate: Arc<Semaphore>,
}

struct Dropped(mpsc::UnboundedSender<Event>);

impl Drop for Dropped {
    fn drop(&mut self) {
        let _ = self.0.send(Event::Dropped);
    }
}

impl Lab {
    pub fn new(events: mpsc::UnboundedSender<Event>) -> Self {
        Self { events, gate: Arc::new(Semaphore::new(0)) }
    }

    pub fn service(&self) -> chassis::Service {
        chassis::Service {
            name: "lab",
            grpc_names: vec![Self::NAME],
            routes: Routes::new(self.clone()),
            jobs: Vec::new(),
            readiness: Vec::new(),
        }
    }

    fn tell(&self, event: Event) {
        let _ = self.events.send(event);
    }

    async fn act(self, request: Request<Text>) -> Result<Response<Text>, Status> {
        let context = chassis::context(&request)?;
        let peer = request.remote_addr().map_or(0, |peer| peer.port());
        let what = request.into_inner().text;
        self.tell(Event::Entered(what.clone()));
        match what.as_str() {
            "wait" => {
                let dropped = Dropped(self.events.clone());
                self.gate.acquire().await.unwrap().forget();
                std::mem::forget(dropped);
            }
            "panic" => panic!("the lab was asked to panic"),
            "context" => self.tell(Event::Context(context)),
            "peer" => return Ok(Response::new(text(&peer.to_string()))),
            "secret" => return Err(chassis::to_status(ServiceError::internal("password=hunter2"))),
            "long" => return Err(chassis::to_status(ServiceError::precondition("LONG", "é".repeat(4000)))),
            "violations" => {
                let violation = |n| FieldViolation {
                    field: format!("items[{n}].name"),
                    reason: "REQUIRED".to_owned(),
                    description: "is required: give 1 to 100 characters".to_owned(),
                };
                return Err(chassis::to_status(ServiceError::invalid((0..500).map(violation).collect())));
            }
            "replayed" => return Ok(chassis::respond(kernel::Answer { message: text("stored"), replayed: true })),
            _ => {}
        }
        Ok(Response::new(text(&what)))
    }

    async fn collect(self, request: Request<Streaming<Text>>) -> Result<Response<Text>, Status> {
        chassis::context(&request)?;
        let mut count = 0;
        let mut stream = request.into_inner();
        while stream.message().await?.is_some() {
            count += 1;
        }
        Ok(Response::new(text(&count.to_string())))
    }

    async fn watch(self, request: Request<Text>) -> Result<Response<BoxStream<'static, Result<Text, Status>>>, Status> {
        chassis::context(&request)?;
        let what = request.into_inner().text;
        self.tell(Event::Entered(what.clone()));
        let first = stream::once(async { Ok(text("first")) });
        let then = stream::once(async move {
            let dropped = Dropped(self.events.clone());
            self.gate.acquire().await.unwrap().forget();
            assert_ne!(what, "panic", "the lab was asked to panic");
            std::mem::forget(dropped);
            Ok(text("second"))
        });
        Ok(Response::new(first.chain(then).boxed()))
    }
}

impl NamedService for Lab {
    const NAME: &'static str = "lab.v1.Lab";
}

impl Service<http::Request<Body>> for Lab {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<http::Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let lab = self.clone();
        Box::pin(async move {
            let mut grpc = Grpc::new(ProstCodec::<Text, Text>::default())
                .accept_compressed(CompressionEncoding::Gzip)
                .max_decoding_message_size(chassis::limits::MESSAGE_BYTES);
            Ok(match request.uri().path() {
                DO => grpc.unary(tower::service_fn(move |r| lab.clone().act(r)), request).await,
                COLLECT => grpc.client_streaming(tower::service_fn(move |r| lab.clone().collect(r)), request).await,
                WATCH => grpc.server_streaming(tower::service_fn(move |r| lab.clone().watch(r)), request).await,
                other => panic!("{other} is not described and must not get here"),
            })
        })
    }
}

/// The lab as a `FileDescriptorSet`.
pub fn descriptors() -> Vec<u8> {
    let method = |name: &str, client, server| MethodDescriptorProto {
        name: Some(name.to_owned()),
        input_type: Some(".lab.v1.Text".to_owned()),
        output_type: Some(".lab.v1.Text".to_owned()),
        client_streaming: Some(client),
        server_streaming: Some(server),
        ..Default::default()
    };
    let file = FileDescriptorProto {
        name: Some("lab/v1/lab.proto".to_owned()),
        package: Some("lab.v1".to_owned()),
        message_type: vec![DescriptorProto { name: Some("Text".to_owned()), ..Default::default() }],
        service: vec![ServiceDescriptorProto {
            name: Some("Lab".to_owned()),
            method: vec![method("Do", false, false), method("Collect", true, false), method("Watch", false, true)],
            ..Default::default()
        }],
        ..Default::default()
    };
    FileDescriptorSet { file: vec![file] }.encode_to_vec()
}

/// A client of the lab.
#[derive(Clone, Debug)]
pub struct Client(tonic::client::Grpc<tonic::transport::Channel>);

impl Client {
    pub fn new(channel: tonic::transport::Channel) -> Self {
        Self(tonic::client::Grpc::new(channel))
    }

    pub async fn act(&self, request: impl Into<Request<Text>>) -> Result<Response<Text>, Status> {
        let mut grpc = self.0.clone();
        ready(&mut grpc).await?;
        grpc.unary(request.into(), DO.parse().unwrap(), ProstCodec::default()).await
    }

    pub async fn say(&self, what: &str) -> Result<String, Status> {
        Ok(self.act(Request::new(text(what))).await?.into_inner().text)
    }

    pub async fn collect(&self, messages: Vec<Text>) -> Result<String, Status> {
        let mut grpc = self.0.clone();
        ready(&mut grpc).await?;
        let request = Request::new(stream::iter(messages));
        let answer = grpc.client_streaming(request, COLLECT.parse().unwrap(), ProstCodec::<Text, Text>::default());
        Ok(answer.await?.into_inner().text)
    }

    pub async fn watch(&self, request: Request<Text>) -> Result<Streaming<Text>, Status> {
        let mut grpc = self.0.clone();
        ready(&mut grpc).await?;
        let answer = grpc.server_streaming(request, WATCH.parse().unwrap(), ProstCodec::<Text, Text>::default());
        Ok(answer.await?.into_inner())
    }
}

#[expect(clippy::disallowed_methods, reason = "as generated clients do it")]
async fn ready(grpc: &mut tonic::client::Grpc<tonic::transport::Channel>) -> Result<(), Status> {
    grpc.ready().await.map_err(|error| Status::from_error(error.into()))
}
