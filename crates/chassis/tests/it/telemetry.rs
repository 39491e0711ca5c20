//! Telemetry of a process: what reaches a collector, and what a collector that is gone does to calls: nothing.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use chassis::with_deadline;
use opentelemetry_proto::tonic::collector::logs::v1 as logs;
use opentelemetry_proto::tonic::collector::metrics::v1 as metrics;
use opentelemetry_proto::tonic::collector::trace::v1 as trace;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::trace::v1::Span;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Server;
use tonic::{Request, Response, Status};

use crate::child::Child;
use crate::support::lab::text;
use crate::support::{PATIENCE, http_get};

const TRACE_ID: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN_ID: &str = "b7ad6b7169203331";

/// What a collector received.
enum Received {
    Traces(trace::ExportTraceServiceRequest),
    Metrics(metrics::ExportMetricsServiceRequest),
    Logs(logs::ExportLogsServiceRequest),
}

#[derive(Clone)]
struct Collector(UnboundedSender<Received>);

#[tonic::async_trait]
impl trace::trace_service_server::TraceService for Collector {
    async fn export(
        &self,
        request: Request<trace::ExportTraceServiceRequest>,
    ) -> Result<Response<trace::ExportTraceServiceResponse>, Status> {
        let _ = self.0.send(Received::Traces(request.into_inner()));
        Ok(Response::new(Default::default()))
    }
}

#[tonic::async_trait]
impl metrics::metrics_service_server::MetricsService for Collector {
    async fn export(
        &self,
        request: Request<metrics::ExportMetricsServiceRequest>,
    ) -> Result<Response<metrics::ExportMetricsServiceResponse>, Status> {
        let _ = self.0.send(Received::Metrics(request.into_inner()));
        Ok(Response::new(Default::default()))
    }
}

#[tonic::async_trait]
impl logs::logs_service_server::LogsService for Collector {
    async fn export(
        &self,
        request: Request<logs::ExportLogsServiceRequest>,
    ) -> Result<Response<logs::ExportLogsServiceResponse>, Status> {
        let _ = self.0.send(Received::Logs(request.into_inner()));
        Ok(Response::new(Default::default()))
    }
}

async fn collector(tasks: &mut JoinSet<()>) -> (SocketAddr, UnboundedReceiver<Received>) {
    let (sender, received) = unbounded_channel();
    let collector = Collector(sender);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::builder()
        .add_service(trace::trace_service_server::TraceServiceServer::new(collector.clone()))
        .add_service(metrics::metrics_service_server::MetricsServiceServer::new(collector.clone()))
        .add_service(logs::logs_service_server::LogsServiceServer::new(collector))
        .serve_with_incoming(TcpListenerStream::new(listener));
    tasks.spawn(async move { server.await.unwrap() });
    (address, received)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn attributes(all: &[KeyValue]) -> BTreeMap<&str, String> {
    let text = |attribute: &KeyValue| match attribute.value.as_ref().and_then(|value| value.value.clone()) {
        Some(Value::StringValue(text)) => text,
        other => format!("{other:?}"),
    };
    all.iter().map(|attribute| (attribute.key.as_str(), text(attribute))).collect()
}

fn call(what: &str) -> Request<crate::support::lab::Text> {
    let mut request = Request::new(text(what));
    request.metadata_mut().insert("traceparent", format!("00-{TRACE_ID}-{SPAN_ID}-01").parse().unwrap());
    request.metadata_mut().insert("x-amends-tenant", "acme".parse().unwrap());
    request.metadata_mut().insert("x-amends-client", "shop".parse().unwrap());
    request
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_a_span_a_measurement_and_a_line() {
    let mut tasks = JoinSet::new();
    let (address, mut received) = collector(&mut tasks).await;
    let endpoint = format!("http://{address}");
    let mut child = Child::start(
        &[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint), ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")],
        "",
    );
    child.client().act(call("hello")).await.unwrap();
    child.client().act(call("secret")).await.unwrap_err();
    let (status, shown) = http_get(child.admin, "/metrics").await;
    assert_eq!(status, 200);
    let counted = shown.lines().find(|line| {
        line.starts_with("rpc_server_call_duration_seconds_count") && line.contains("rpc_response_status_code=\"OK\"")
    });
    let counted = counted.unwrap_or_else(|| panic!("not in {shown}"));
    assert!(counted.contains("rpc_method=\"lab.v1.Lab/Do\"") && counted.ends_with(" 1"), "{counted}");
    assert!(shown.lines().any(|line| line.starts_with("amends_build_info{") && line.ends_with(" 1")), "{shown}");
    // Ending it sends what is left.
    child.stop();
    child.ended().await;

    let (mut spans, mut histograms, mut lines) = (Vec::<Span>::new(), Vec::new(), Vec::new());
    while let Ok(received) = received.try_recv() {
        match received {
            Received::Traces(request) => {
                for resource in request.resource_spans {
                    let about = resource.resource.unwrap().attributes;
                    let about = attributes(&about);
                    assert_eq!(about["service.name"], "amends-lab");
                    assert_eq!(about["service.namespace"], "amends");
                    assert_eq!(about["service.instance.id"], "one");
                    assert_eq!(about["deployment.environment.name"], "test");
                    spans.extend(resource.scope_spans.into_iter().flat_map(|scope| scope.spans));
                }
            }
            Received::Metrics(request) => {
                let scopes = request.resource_metrics.into_iter().flat_map(|resource| resource.scope_metrics);
                histograms
                    .extend(scopes.flat_map(|scope| scope.metrics).filter(|m| m.name == "rpc.server.call.duration"));
            }
            Received::Logs(request) => {
                let scopes = request.resource_logs.into_iter().flat_map(|resource| resource.scope_logs);
                lines.extend(scopes.flat_map(|scope| scope.log_records));
            }
        }
    }

    let spans: Vec<&Span> = spans.iter().filter(|span| hex(&span.trace_id) == TRACE_ID).collect();
    assert_eq!(spans.len(), 2, "{spans:?}");
    for (span, code) in spans.iter().zip(["OK", "INTERNAL"]) {
        assert_eq!((span.name.as_str(), hex(&span.parent_span_id).as_str()), ("lab.v1.Lab/Do", SPAN_ID));
        assert_eq!(span.kind(), opentelemetry_proto::tonic::trace::v1::span::SpanKind::Server);
        let about = attributes(&span.attributes);
        assert_eq!(about["rpc.system.name"], "grpc");
        assert_eq!(about["rpc.method"], "lab.v1.Lab/Do");
        assert_eq!(about["rpc.response.status_code"], code);
        assert_eq!(about["amends.tenant"], "acme");
        assert_eq!(about["amends.client"], "shop");
        assert_eq!(about.get("error.type").map(String::as_str), (code == "INTERNAL").then_some("INTERNAL"));
        assert_eq!(span.status.as_ref().map_or(0, |status| status.code), if code == "INTERNAL" { 2 } else { 0 });
    }

    let duration = histograms.last().expect("no measurement");
    assert_eq!(duration.unit, "s");
    let Some(Data::Histogram(points)) = &duration.data else { panic!("not a histogram: {duration:?}") };
    let mut codes: Vec<_> = points
        .data_points
        .iter()
        .map(|point| (attributes(&point.attributes)["rpc.response.status_code"].clone(), point.count))
        .collect();
    codes.sort();
    assert_eq!(codes, [("INTERNAL".to_owned(), 1), ("OK".to_owned(), 1)]);

    let calls = lines.iter().filter(|line| attributes(&line.attributes).contains_key("rpc.response.status_code"));
    let calls: Vec<_> = calls.map(|line| (hex(&line.trace_id), hex(&line.span_id))).collect();
    let wanted: Vec<_> = spans.iter().map(|span| (TRACE_ID.to_owned(), hex(&span.span_id))).collect();
    assert_eq!(calls, wanted, "each call has one line, under its span");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_collector_lines_still_carry_the_trace() {
    let mut child = Child::start(&[], "");
    child.client().act(call("hello")).await.unwrap();
    let line = child.logged(|line| line["target"] == "amends::access");
    assert_eq!(line["trace_id"], TRACE_ID);
    assert_eq!(line["rpc.method"], "lab.v1.Lab/Do");
    assert_eq!(line["rpc.response.status_code"], "OK");
    assert_eq!((&line["amends.tenant"], &line["amends.client"]), (&"acme".into(), &"shop".into()));
    assert!(line["duration_ms"].as_f64().is_some(), "{line}");
    child.client().act(call("panic")).await.unwrap_err();
    let line = child.logged(|line| line["target"] == "amends::panic");
    assert_eq!((&line["message"], &line["trace_id"]), (&"the lab was asked to panic".into(), &TRACE_ID.into()));
    assert!(line["place"].as_str().unwrap().contains("lab.rs"), "{line}");
    child.stop();
    child.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_gone_delays_no_call_and_no_end() {
    // One that takes connections and never answers, and one that is not there.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for address in [silent.local_addr().unwrap(), gone] {
        let endpoint = format!("http://{address}");
        let small = [("OTEL_BSP_MAX_QUEUE_SIZE", "16"), ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "8")];
        let quick = [("OTEL_BSP_SCHEDULE_DELAY", "10"), ("OTEL_METRIC_EXPORT_INTERVAL", "10")];
        let mut variables =
            vec![("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()), ("OTEL_BLRP_MAX_QUEUE_SIZE", "16")];
        variables.extend(small.into_iter().chain(quick));
        let mut child = Child::start(&variables, "");
        let client = child.client();
        for _ in 0..200 {
            let send = |request| {
                let client = client.clone();
                async move { client.act(request).await }
            };
            with_deadline(Duration::from_secs(2), call("hello"), send).await.unwrap();
        }
        child.stop();
        let took = tokio::time::timeout(PATIENCE, child.ended()).await.expect("did not end");
        assert!(took < Duration::from_secs(6), "{address}: {took:?}");
    }
}
