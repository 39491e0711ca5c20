//! Which signals go out over OTLP, read from the standard variables, and the providers that send them.

use opentelemetry::KeyValue;
use opentelemetry_otlp::{ExporterBuildError, LogExporter, MetricExporter, SpanExporter, WithTonicConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use prometheus::Registry;
use tonic::transport::{Certificate, ClientTlsConfig};

use super::TelemetryOptions;

/// The signals that have somewhere to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exporters {
    traces: bool,
    metrics: bool,
    logs: bool,
    wrong_protocol: bool,
}

/// The providers, and what could not be done.
pub(super) struct Providers {
    pub(super) traces: SdkTracerProvider,
    pub(super) metrics: SdkMeterProvider,
    pub(super) logs: Option<SdkLoggerProvider>,
    pub(super) problems: Vec<String>,
}

impl Exporters {
    /// True when spans have somewhere to go.
    pub(super) fn traces(&self) -> bool {
        self.traces
    }

    #[expect(clippy::disallowed_methods, reason = "the standard says that these variables are read by this name")]
    pub(super) fn from_environment() -> Self {
        Self::from_lookup(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    fn from_lookup(get: impl Fn(&str) -> Option<String>) -> Self {
        let is = |name: &str, wanted: &str| get(name).is_some_and(|value| value.eq_ignore_ascii_case(wanted));
        let disabled = is("OTEL_SDK_DISABLED", "true");
        let wrong = |signal: &str| {
            let own = get(&format!("OTEL_EXPORTER_OTLP_{signal}_PROTOCOL"));
            own.or_else(|| get("OTEL_EXPORTER_OTLP_PROTOCOL")).is_some_and(|protocol| protocol != "grpc")
        };
        let asked = |signal: &str| {
            let endpoint = get(&format!("OTEL_EXPORTER_OTLP_{signal}_ENDPOINT"));
            let endpoint = endpoint.or_else(|| get("OTEL_EXPORTER_OTLP_ENDPOINT"));
            !disabled && endpoint.is_some() && !is(&format!("OTEL_{signal}_EXPORTER"), "none")
        };
        let on = |signal: &str| asked(signal) && !wrong(signal);
        Self {
            traces: on("TRACES"),
            metrics: on("METRICS"),
            logs: on("LOGS"),
            wrong_protocol: ["TRACES", "METRICS", "LOGS"].into_iter().any(|signal| asked(signal) && wrong(signal)),
        }
    }

    pub(super) fn start(self, options: &TelemetryOptions, registry: &Registry, mut problems: Vec<String>) -> Providers {
        if self.wrong_protocol {
            problems.push("OTEL_EXPORTER_OTLP_PROTOCOL: only grpc is built in".to_owned());
        }
        let resource = resource(options);
        let mut keep = |signal: &str, error: String| problems.push(format!("{signal}: {error}"));

        // Without an exporter spans are not recorded, but calls still have trace ids for logs and for what follows.
        let traces = SdkTracerProvider::builder().with_resource(resource.clone());
        let traces = match exporter(self.traces, span_exporter, &mut keep, "traces") {
            Some(exporter) => traces.with_batch_exporter(exporter).build(),
            None => traces.with_sampler(Sampler::AlwaysOff).build(),
        };
        let mut metrics = SdkMeterProvider::builder().with_resource(resource.clone());
        if let Some(exporter) = exporter(self.metrics, metric_exporter, &mut keep, "metrics") {
            metrics = metrics.with_periodic_exporter(exporter);
        }
        match opentelemetry_prometheus::exporter().with_registry(registry.clone()).build() {
            Ok(reader) => metrics = metrics.with_reader(reader),
            Err(error) => keep("prometheus", error.to_string()),
        }
        let logs = exporter(self.logs, log_exporter, &mut keep, "logs")
            .map(|exporter| SdkLoggerProvider::builder().with_resource(resource).with_batch_exporter(exporter).build());
        Providers { traces, metrics: metrics.build(), logs, problems }
    }
}

fn exporter<E>(
    wanted: bool,
    build: impl FnOnce() -> Result<E, ExporterBuildError>,
    keep: &mut impl FnMut(&str, String),
    signal: &str,
) -> Option<E> {
    let built = wanted.then(build)?;
    built.map_err(|error| keep(signal, error.to_string())).ok()
}

fn span_exporter() -> Result<SpanExporter, ExporterBuildError> {
    let builder = SpanExporter::builder().with_tonic();
    match tls() {
        Some(tls) => builder.with_tls_config(tls).build(),
        None => builder.build(),
    }
}

fn metric_exporter() -> Result<MetricExporter, ExporterBuildError> {
    let builder = MetricExporter::builder().with_tonic();
    match tls() {
        Some(tls) => builder.with_tls_config(tls).build(),
        None => builder.build(),
    }
}

fn log_exporter() -> Result<LogExporter, ExporterBuildError> {
    let builder = LogExporter::builder().with_tonic();
    match tls() {
        Some(tls) => builder.with_tls_config(tls).build(),
        None => builder.build(),
    }
}

/// The authority of an `https` collector.
#[expect(clippy::disallowed_methods, reason = "the standard says that this variable is read by this name")]
fn tls() -> Option<ClientTlsConfig> {
    let file = std::env::var("OTEL_EXPORTER_OTLP_CERTIFICATE").ok()?;
    let pem = std::fs::read(file).ok()?;
    Some(ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem)))
}

/// Ours first, so that `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` win.
fn resource(options: &TelemetryOptions) -> Resource {
    let ours = [
        KeyValue::new("service.name", options.service_name.clone()),
        KeyValue::new("service.namespace", "amends"),
        KeyValue::new("service.version", options.service_version.clone()),
        KeyValue::new("service.instance.id", options.instance.clone()),
    ];
    let environment = Resource::builder().build();
    let said: Vec<_> = environment
        .iter()
        .filter(|(_, value)| !value.as_str().starts_with("unknown_service"))
        .map(|(key, value)| KeyValue::new(key.clone(), value.clone()))
        .collect();
    Resource::builder_empty().with_attributes(ours).with_attributes(said).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exporters(variables: &[(&str, &str)]) -> [bool; 4] {
        let found = Exporters::from_lookup(|name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        });
        [found.traces, found.metrics, found.logs, found.wrong_protocol]
    }

    #[test]
    fn the_standard_variables_decide_what_is_exported() {
        let all = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317");
        assert_eq!(exporters(&[]), [false, false, false, false]);
        assert_eq!(exporters(&[all]), [true, true, true, false]);
        assert_eq!(exporters(&[all, ("OTEL_SDK_DISABLED", "TRUE")]), [false, false, false, false]);
        assert_eq!(exporters(&[all, ("OTEL_LOGS_EXPORTER", "none")]), [true, true, false, false]);
        let traces = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://collector:4317");
        assert_eq!(exporters(&[traces]), [true, false, false, false]);
        assert_eq!(exporters(&[all, ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")]), [false, false, false, true]);
        let mixed = [all, ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"), ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc")];
        assert_eq!(exporters(&mixed), [true, false, false, true]);
    }
}
