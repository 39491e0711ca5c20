//! What the contract says about a field, the services hold: for every `buf.validate` rule that a request can reach, one
//! request that breaks that rule alone, sent to the whole suite. The answer must be INVALID_ARGUMENT and name the field.
//!
//! Requests come from the descriptors, so a new field or rpc is covered the moment it exists. What cannot be sent is
//! in [`EXEMPT`] with its reason, and an entry that is no longer needed fails the test.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use amends_tests::digests::digests;
use amends_tests::in_process::InProcess;
use amends_tests::report;
use bytes::Bytes;
use durable::RawCodec;
use futures::StreamExt as _;
use prost::Message as _;
use prost_reflect::Value;
use testkit::Backend;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};

use crate::contract_breaches::{Breach, Contract};

/// Rules that a service answers in another way: rpc, field and rule, and why.
const EXEMPT: &[(&str, &str)] = &[(
    "PackService/BacktestPack message oneof.required",
    "the first message must be the setup, so that is what is named",
)];

/// Sends one message as a stream, which is the same on the wire as a unary call, and reads to the first answer.
async fn send(channel: Channel, breach: &Breach) -> Result<(), Status> {
    let path = format!("/{}/{}", breach.method.parent_service().full_name(), breach.method.name());
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.expect("the suite takes calls");
    let messages: Vec<Bytes> =
        breach.before.iter().chain([&breach.request]).map(|message| message.encode_to_vec().into()).collect();
    let request = Request::new(futures::stream::iter(messages));
    let path = path.parse().expect("a path");
    let mut answer = client.streaming(request, path, RawCodec).await?.into_inner();
    let first = tokio::time::timeout(Duration::from_secs(10), answer.message()).await;
    first.expect("an answer within ten seconds").map(drop)
}

/// Every list takes the largest page that can be asked for, and gives as much of it as it gives.
async fn large_pages(channel: &Channel) -> Vec<String> {
    let contract = Contract::load();
    let mut refused = Vec::new();
    for method in contract.methods() {
        let Some(size) = method.input().get_field_by_name("page_size") else { continue };
        let mut request = contract.good(&method.input(), 0);
        request.set_field(&size, Value::I32(i32::MAX));
        let call = Breach { method, field: "page_size".to_owned(), rule: "clamped".to_owned(), before: None, request };
        if complaint(channel, &call).await.is_none() {
            refused.push(call.name());
        }
    }
    refused
}

/// `None` when the breach was answered as it must be, else what came instead.
async fn complaint(channel: &Channel, breach: &Breach) -> Option<String> {
    let status = match send(channel.clone(), breach).await {
        Ok(()) => return Some("was accepted".to_owned()),
        Err(status) => status,
    };
    let violations = chassis::from_status(&status).map(|error| error.violations).unwrap_or_default();
    let fields: BTreeSet<String> = violations.into_iter().map(|violation| violation.field).collect();
    // An element or a part of a field names it, too; a choice that was not made is one of the message around it.
    let wanted = match (breach.rule.as_str(), breach.field.rsplit_once('.')) {
        ("oneof.required", Some((message, _))) => message,
        _ => &breach.field,
    };
    let names =
        |field: &String| field.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
    if status.code() == Code::InvalidArgument && fields.iter().any(names) {
        return None;
    }
    Some(format!("{:?} {} {fields:?}", status.code(), status.message()))
}

async fn every_rule_of_the_contract_is_held(backend: Backend) {
    let suite = InProcess::start(backend, "contract").await;
    let breaches = Contract::load().breaches();
    assert!(breaches.len() > 300, "the contract has more rules than {}", breaches.len());
    let before = digests(&suite.engines).await;
    let channel = suite.channel();
    let answer = |breach| {
        let channel = channel.clone();
        async move { (Breach::name(breach), complaint(&channel, breach).await) }
    };
    // A server takes only so many backtests of one tenant at a time.
    let (backtests, others): (Vec<_>, Vec<_>) =
        breaches.iter().partition(|breach| breach.method.name().starts_with("Backtest"));
    let others = futures::stream::iter(others).map(answer).buffered(8);
    let mut answered = others.chain(futures::stream::iter(backtests).map(answer).buffered(1));
    let (mut complaints, mut exempt) = (BTreeMap::new(), BTreeSet::new());
    while let Some((name, complaint)) = answered.next().await {
        match (complaint, EXEMPT.iter().find(|(exempt, _)| *exempt == name)) {
            (Some(_), Some((name, _))) => drop(exempt.insert(*name)),
            (Some(complaint), None) => drop(complaints.insert(name, complaint)),
            (None, _) => {}
        }
    }
    let listed: Vec<String> = complaints.into_iter().map(|(name, complaint)| format!("{name}: {complaint}")).collect();
    assert!(listed.is_empty(), "{} of {} rules are not held:\n{}", listed.len(), breaches.len(), listed.join("\n"));
    let needless: Vec<_> = EXEMPT.iter().map(|(name, _)| name).filter(|name| !exempt.contains(*name)).collect();
    assert!(needless.is_empty(), "exempt without need: {needless:?}");
    report(&format!("contract: {} rules broken once on {backend:?}", breaches.len()));
    assert_eq!(large_pages(&channel).await, Vec::<String>::new(), "a large page is clamped");
    let after = digests(&suite.engines).await;
    let changed: Vec<_> = after.iter().filter(|(table, digest)| before.get(table) != Some(digest)).collect();
    assert!(changed.is_empty(), "something was written: {changed:?}");
    suite.stop().await;
}

mod rules_of_the_contract {
    use testkit::Backend;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn sqlite() {
        super::every_rule_of_the_contract_is_held(Backend::Sqlite).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn postgres() {
        super::every_rule_of_the_contract_is_held(Backend::Postgres).await;
    }
}
