//! One case is one story: spans of four processes, in an OTLP receiver of the test's own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use amends::role::Role;
use amends_tests::processes::Processes;
use api::intake::case::State;
use api::intake::intake_service_client::IntakeServiceClient;
use api::intake::{AddAffectedRequest, GetCaseRequest, ReportDisruptionRequest};
use kernel::{Clock as _, SystemClock};
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{LogsService, LogsServiceServer};
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{ExportMetricsServiceRequest, ExportMetricsServiceResponse};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tonic::{Request, Response, Status};

use crate::support::{affected, disruption, event, integer};

/// A span, as far as the test looks at it.
#[derive(Clone, Debug)]
struct Seen {
    service: String,
    name: String,
    kind: i32,
    trace: String,
    /// The traces that it links to.
    links: Vec<String>,
    attributes: BTreeMap<String, String>,
}

/// Keeps what is exported to it.
#[derive(Clone, Default)]
struct Receiver {
    spans: Arc<Mutex<Vec<Seen>>>,
    metrics: Arc<Mutex<BTreeSet<String>>>,
    /// Services, and the traces that they have log lines of.
    logged: Arc<Mutex<BTreeSet<(String, String)>>>,
}

fn text(value: &KeyValue) -> (String, String) {
    let shown = match value.value.as_ref().and_then(|any| any.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::BoolValue(flag)) => flag.to_string(),
        _ => String::new(),
    };
    (value.key.clone(), shown)
}

fn service_of(resource: Option<&Resource>) -> String {
    let mut attributes = resource.into_iter().flat_map(|resource| resource.attributes.iter().map(text));
    attributes.find(|(key, _)| key == "service.name").map(|(_, name)| name).unwrap_or_default()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tonic::async_trait]
impl TraceService for Receiver {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let mut spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        for resource in request.into_inner().resource_spans {
            let service = service_of(resource.resource.as_ref());
            for span in resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                spans.push(Seen {
                    service: service.clone(),
                    name: span.name,
                    kind: span.kind,
                    trace: hex(&span.trace_id),
                    links: span.links.iter().map(|link| hex(&link.trace_id)).collect(),
                    attributes: span.attributes.iter().map(text).collect(),
                });
            }
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Receiver {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        let mut metrics = self.metrics.lock().unwrap_or_else(PoisonError::into_inner);
        let scopes = request.into_inner().resource_metrics.into_iter().flat_map(|resource| resource.scope_metrics);
        metrics.extend(scopes.flat_map(|scope| scope.metrics).map(|metric| metric.name));
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl LogsService for Receiver {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        for resource in request.into_inner().resource_logs {
            let service = service_of(resource.resource.as_ref());
            let records = resource.scope_logs.into_iter().flat_map(|scope| scope.log_records);
            logged.extend(records.map(|record| (service.clone(), hex(&record.trace_id))));
        }
        Ok(Response::new(ExportLogsServiceResponse::default()))
    }
}

impl Receiver {
    async fn start(tasks: &mut JoinSet<Result<(), tonic::transport::Error>>) -> (Self, String) {
        let receiver = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let server = tonic::transport::Server::builder()
            .add_service(TraceServiceServer::new(receiver.clone()))
            .add_service(MetricsServiceServer::new(receiver.clone()))
            .add_service(LogsServiceServer::new(receiver.clone()))
            .serve_with_incoming(tokio_stream::wrappers::TcpListenerStream::new(listener));
        tasks.spawn(server);
        (receiver, address)
    }

    fn spans(&self) -> Vec<Seen> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn logged(&self) -> BTreeSet<(String, String)> {
        self.logged.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The traces that come of the first one, by links alone: whatever links to a trace of the story is part of it.
fn told_by_links(spans: &[Seen], first: &str) -> BTreeSet<String> {
    let mut story = BTreeSet::from([first.to_owned()]);
    loop {
        let known = story.len();
        let next = spans.iter().filter(|span| span.links.iter().any(|link| story.contains(link)));
        let next: Vec<String> = next.map(|span| span.trace.clone()).collect();
        story.extend(next);
        if story.len() == known {
            return story;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_case_is_one_story_over_four_services() {
    let mut tasks = JoinSet::new();
    let (receiver, address) = Receiver::start(&mut tasks).await;
    let environment = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", address.as_str()),
        ("OTEL_BSP_SCHEDULE_DELAY", "100"),
        ("OTEL_BLRP_SCHEDULE_DELAY", "100"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "500"),
    ];
    let binary = Path::new(env!("CARGO_BIN_EXE_amends_node"));
    let log_filter = "[followup.mailbox]\nfile = \"mailbox.mbox\"\n";
    let processes = Processes::start_with(binary, "flow_telemetry", log_filter, &environment).await;
    let mut intake = IntakeServiceClient::new(processes.channel(Role::Intake));
    let failure = event("flight.delayed", SystemClock.now(), [("arrival_delay_minutes", integer(181))]);
    let report =
        ReportDisruptionRequest { request_id: "report".to_owned(), disruption: Some(disruption("F1", failure)) };
    let reported = intake.report_disruption(report).await.expect("the disruption is taken").into_inner();
    let batch = AddAffectedRequest {
        request_id: "batch".to_owned(),
        disruption: reported.name,
        affected: vec![affected("ann@example.com", [])],
    };
    let added = intake.add_affected(futures::stream::iter([batch])).await.expect("the customer is added").into_inner();
    let name = added.results[0].case.clone();
    let case = testkit::eventually("the case is followed up", Duration::from_secs(30), || {
        let (mut intake, name) = (intake.clone(), name.clone());
        async move {
            let case = intake.get_case(GetCaseRequest { name }).await.ok()?.into_inner();
            (case.state() == State::FollowingUp).then_some(case)
        }
    })
    .await;
    let journey = case.trace_parent.split('-').nth(1).expect("a trace id").to_owned();

    let services: BTreeSet<String> = Role::ALL.into_iter().map(|role| format!("amends-{role}")).collect();
    let methods = [
        api::method::intake_service::ADD_AFFECTED,
        api::method::follow_up_service::SEND_MESSAGE,
        api::method::routing_service::OPEN_WORK,
        api::method::compensation_service::OPEN_REMEDY,
        api::method::milestone_sink::REPORT_MILESTONES,
    ];
    let (traces, story) = testkit::eventually("the story in all four services", Duration::from_secs(30), || {
        let (spans, services) = (receiver.spans(), services.clone());
        let traces = told_by_links(&spans, &journey);
        async move {
            let story: Vec<Seen> = spans.into_iter().filter(|span| traces.contains(&span.trace)).collect();
            let seen: BTreeSet<String> = story.iter().map(|span| span.service.clone()).collect();
            let served: BTreeSet<&str> = story.iter().map(|span| span.name.as_str()).collect();
            (seen == services && methods.iter().all(|method| served.contains(method))).then_some((traces, story))
        }
    })
    .await;

    // What links tell, the attribute tells too: from any call of the story to all others, and to none of another story.
    let calls = |span: &&Seen| [SpanKind::Server as i32, SpanKind::Client as i32].contains(&span.kind);
    for span in story.iter().filter(calls) {
        assert_eq!(span.attributes.get("amends.journey"), Some(&journey), "{span:?}");
    }
    testkit::eventually("links lead to all that has the attribute", Duration::from_secs(30), || {
        // Spans come in any order: a cause may come later than what links to it.
        let spans = receiver.spans();
        let told = told_by_links(&spans, &journey);
        let mut ours = spans.iter().filter(|span| span.attributes.get("amends.journey") == Some(&journey));
        let all = ours.all(|span| told.contains(&span.trace));
        let others = spans.iter().any(|span| !told.contains(&span.trace));
        async move { (all && others).then_some(()) }
    })
    .await;

    let servers: Vec<&Seen> = story.iter().filter(|span| span.kind == SpanKind::Server as i32).collect();
    for span in &servers {
        assert_eq!(span.attributes.get("rpc.system.name").map(String::as_str), Some("grpc"), "{span:?}");
        assert_eq!(span.attributes.get("rpc.method"), Some(&span.name), "{span:?}");
        assert!(span.attributes.contains_key("rpc.response.status_code"), "{span:?}");
    }
    // A durable call is a trace of its own that links to what caused it: from the first span to the last by links.
    let sends: Vec<&Seen> = story.iter().filter(|span| !span.links.is_empty()).collect();
    assert!(!sends.is_empty(), "durable calls link to their cause");
    for span in sends {
        assert_ne!(span.links[0], span.trace, "a link, not a parent: {span:?}");
        assert!(traces.contains(&span.links[0]), "the cause is part of the story: {span:?}");
        assert!(span.attributes.contains_key("messaging.message.id"), "{span:?}");
    }

    testkit::eventually("log lines of the story from all four services", Duration::from_secs(30), || {
        let logged = receiver.logged().into_iter().filter(|(_, trace)| traces.contains(trace));
        let told: BTreeSet<String> = logged.map(|(service, _)| service).collect();
        let all = told == services;
        async move { all.then_some(()) }
    })
    .await;
    testkit::eventually("metrics", Duration::from_secs(30), || {
        let seen = receiver.metrics.lock().unwrap_or_else(PoisonError::into_inner).contains("rpc.server.call.duration");
        async move { seen.then_some(()) }
    })
    .await;
}
