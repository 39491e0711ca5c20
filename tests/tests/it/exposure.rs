//! What the public port does not show unless it is asked to: the descriptors of its services.

use std::collections::BTreeSet;
use std::sync::Arc;

use amends::config::SuiteConfig;
use amends::dev;
use amends::role::Role;
use amends::suite::{Pending, Suite};
use bytes::Bytes;
use chassis::ClientConfig;
use durable::RawCodec;
use kernel::{RandomIds, SystemClock};
use testkit::Scratch;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request};

const REFLECTION: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
/// `ServerReflectionRequest` with an empty `list_services`.
const LIST_SERVICES: &[u8] = &[0x3a, 0];

/// How a process with or without `--reflection` answers the question for its services.
async fn asked(reflection: bool) -> Code {
    let data = Scratch::new("exposure");
    let listen = std::net::SocketAddr::from(([127, 0, 0, 1], testkit::free_port()));
    let config = dev::configure(SuiteConfig::default(), data.path(), listen);
    let roles = BTreeSet::from([Role::Routing]);
    let suite = Suite::build(config, roles, Pending::Apply, Arc::new(SystemClock), Arc::new(RandomIds));
    let suite = suite.await.expect("the suite can be built");
    let (bound, is_bound) = oneshot::channel();
    let (shutdown, mut serving) = (CancellationToken::new(), JoinSet::new());
    serving.spawn(suite.serve(None, reflection, Some(bound), shutdown.clone()));
    is_bound.await.expect("the suite opens its port");

    let channel = chassis::channel(&format!("http://{listen}"), &ClientConfig::default()).expect("an address");
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.expect("it takes calls");
    let request = Request::new(futures::stream::iter([Bytes::from_static(LIST_SERVICES)]));
    let answer = match client.streaming(request, REFLECTION.parse().expect("a path"), RawCodec).await {
        Ok(answer) => answer.into_inner().message().await.map(drop),
        Err(status) => Err(status),
    };
    shutdown.cancel();
    serving.join_next().await.expect("it serves").expect("no panic").expect("a clean end");
    answer.map_or_else(|status| status.code(), |()| Code::Ok)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reflection_is_there_only_when_it_was_asked_for() {
    assert_eq!(asked(false).await, Code::Unimplemented);
    assert_eq!(asked(true).await, Code::Ok);
}
