//! Logs to standard error; traces, metrics and logs over OTLP as the standard `OTEL_*` variables say; a Prometheus
//! registry.
//!
//! Always holds: without an OTLP endpoint nothing is exported and no exporter exists; with one, a bounded queue lies
//! between a call and the exporter, and what does not fit is dropped and counted by the SDK.

mod json;
mod otlp;

use std::sync::mpsc;
use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry::{KeyValue, global};
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use prometheus::Registry;
use tracing_subscriber::filter::{EnvFilter, LevelFilter, Targets};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use crate::config::{LogFormat, TelemetryConfig};

/// Longest time that the last export may take.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(3);
/// Libraries that log every frame they see; users may still name them in the filter.
const QUIET: &str = "h2=warn,hyper=warn,hyper_util=warn,tonic=warn,tower=warn";

/// Who this process is, and how it logs.
#[derive(Clone, Debug)]
pub struct TelemetryOptions {
    /// `service.name`, unless `OTEL_SERVICE_NAME` says otherwise, e.g. `amends-intake`.
    pub service_name: String,
    /// `service.version`.
    pub service_version: String,
    /// `service.instance.id`: unique per process start.
    pub instance: String,
    /// Logs.
    pub config: TelemetryConfig,
}

/// The running telemetry. Keep it until the end, then call [`Telemetry::shutdown`].
#[derive(Debug)]
pub struct Telemetry {
    registry: Registry,
    traces: SdkTracerProvider,
    metrics: SdkMeterProvider,
    logs: Option<SdkLoggerProvider>,
}

/// Installs telemetry for this process. Call it once, inside the runtime, before [`crate::serve`].
pub fn init(options: TelemetryOptions) -> Telemetry {
    let (registry, exporters, problems) = (Registry::new(), otlp::Exporters::from_environment(), Vec::new());
    let exports_traces = exporters.traces();
    let otlp::Providers { traces, metrics, logs, problems } = exporters.start(&options, &registry, problems);
    let bridge = logs.as_ref().map(|logs| OpenTelemetryTracingBridge::new(logs).with_filter(ours()));
    // Spans are for exporters and for the log lines that carry their ids. Where neither wants them they would be made for
    // nobody: the caller's trace goes on without them.
    let shown = log_filter(&options.config).max_level_hint().is_none_or(|level| level >= LevelFilter::INFO);
    let spans = (exports_traces || shown)
        .then(|| tracing_opentelemetry::layer().with_tracer(traces.tracer("amends")).with_filter(ours()));
    let subscriber = tracing_subscriber::registry().with(log_layer(&options.config)).with(spans).with(bridge);

    global::set_text_map_propagator(TraceContextPropagator::new());
    global::set_tracer_provider(traces.clone());
    global::set_meter_provider(metrics.clone());
    build_info(&options);
    if tracing::subscriber::set_global_default(subscriber).is_err() {
        tracing::warn!("telemetry was installed before; its logs and spans stay as they were");
    }
    log_panics();
    for problem in problems {
        tracing::warn!(problem, "telemetry is not exported as asked");
    }
    Telemetry { registry, traces, metrics, logs }
}

/// Which build runs, as a number that is always 1 and whose attributes say it.
fn build_info(options: &TelemetryOptions) {
    let version = KeyValue::new("service.version", options.service_version.clone());
    global::meter("amends.chassis")
        .u64_observable_gauge("amends.build.info")
        .with_description("Always 1; its attributes say which build runs")
        .with_callback(move |observer| observer.observe(1, std::slice::from_ref(&version)))
        .build();
}

impl Telemetry {
    /// The registry behind `/metrics`.
    pub fn registry(&self) -> Registry {
        self.registry.clone()
    }

    /// Exports what is left, for at most three seconds.
    pub async fn shutdown(self) {
        let (done, finished) = tokio::sync::oneshot::channel();
        // A thread of its own, not one of the runtime's: the runtime would wait for it at its end.
        let flush = std::thread::Builder::new().name("telemetry-flush".to_owned()).spawn(move || {
            self.flush();
            let _ = done.send(());
        });
        if flush.is_ok() && tokio::time::timeout(SHUTDOWN_LIMIT, finished).await.is_err() {
            tracing::warn!("the last telemetry could not be exported in time");
        }
    }

    fn flush(&self) {
        let (sender, receiver) = mpsc::channel();
        std::thread::scope(|scope| {
            let traces = sender.clone();
            scope.spawn(move || traces.send(self.traces.shutdown_with_timeout(SHUTDOWN_LIMIT)));
            let metrics = sender.clone();
            scope.spawn(move || metrics.send(self.metrics.shutdown_with_timeout(SHUTDOWN_LIMIT)));
            if let Some(logs) = &self.logs {
                scope.spawn(move || sender.send(logs.shutdown_with_timeout(SHUTDOWN_LIMIT)));
            } else {
                drop(sender);
            }
        });
        for error in receiver.into_iter().filter_map(Result::err) {
            tracing::debug!(%error, "telemetry did not shut down cleanly");
        }
    }
}

/// The filter was validated with the configuration; what cannot be read is left out.
fn log_filter(config: &TelemetryConfig) -> EnvFilter {
    EnvFilter::builder().parse_lossy(format!("{QUIET},{}", config.log_filter))
}

fn log_layer<S>(config: &TelemetryConfig) -> Box<dyn Layer<S> + Send + Sync>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    let filter = log_filter(config);
    let plain = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    match config.log_format {
        LogFormat::Json => plain
            .fmt_fields(tracing_subscriber::fmt::format::JsonFields::new())
            .event_format(json::Lines)
            .with_filter(filter)
            .boxed(),
        LogFormat::Text => {
            let ansi = std::io::IsTerminal::is_terminal(&std::io::stderr());
            plain.with_ansi(ansi).with_filter(filter).boxed()
        }
    }
}

/// What is exported: nothing of the libraries that do the exporting, or one export would cause the next. A filter by
/// target and level is looked at once for each place in the code, not at each event.
fn ours() -> Targets {
    let libraries = ["h2", "hyper", "tonic", "tower", "opentelemetry"];
    Targets::new().with_default(LevelFilter::INFO).with_targets(libraries.map(|library| (library, LevelFilter::OFF)))
}

/// A panic is a line in the log like any other, with its place.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let text = panic.payload_as_str().unwrap_or("a panic without a text");
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(target: "amends::panic", place, "{text}");
    }));
}
