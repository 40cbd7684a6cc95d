//! Installing the subscriber and the metrics recorder.

use anyhow::Context as _;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

use crate::{LogFormat, TelemetryConfig, traces};

/// Bounds of every histogram whose name ends in `_seconds`.
const SECONDS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];

/// What is never told, whatever the filter says: this client logs the whole text of an answer that it cannot read, and the
/// answer may be a Secret.
const MUTE: &str = "kube_client::client=error";

/// Keeps telemetry alive; flushes the traces when dropped.
#[must_use = "telemetry ends when the guard is dropped"]
pub struct Guard {
    prometheus: PrometheusHandle,
    traces: Option<SdkTracerProvider>,
}

impl Guard {
    /// The recorder's handle, for the `/metrics` endpoint.
    #[must_use]
    pub fn prometheus(&self) -> PrometheusHandle {
        self.prometheus.clone()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(provider) = self.traces.take() {
            // The exporter blocks; a thread of its own keeps that off the runtime.
            let _ = std::thread::spawn(move || provider.shutdown()).join();
        }
    }
}

/// Installs logs, metrics and (with an endpoint) traces for a process that runs `role`.
///
/// # Errors
/// When the filter is not valid, or a subscriber or recorder is already installed.
pub fn init(config: &TelemetryConfig, role: &str) -> anyhow::Result<Guard> {
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::ERROR.into())
        .parse(format!("{},{MUTE}", config.filter))
        .with_context(|| format!("telemetry.filter \"{}\" is not valid", config.filter))?;
    let traces = config
        .otlp_endpoint
        .as_deref()
        .map(|endpoint| traces::provider(endpoint, role))
        .transpose()?;
    let lines = match config.log_format {
        LogFormat::Json => tracing_subscriber::fmt::layer()
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_writer(std::io::stderr)
            .boxed(),
        LogFormat::Text => tracing_subscriber::fmt::layer()
            .compact()
            .with_writer(std::io::stderr)
            .boxed(),
    };
    let spans = traces
        .as_ref()
        .map(|provider| tracing_opentelemetry::layer().with_tracer(provider.tracer("crewdeck")));
    tracing_subscriber::registry()
        .with(lines.and_then(spans).with_filter(filter))
        .try_init()
        .context("a subscriber is already installed")?;
    let prometheus = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
        .context("histogram bounds")?
        .install_recorder()
        .context("a metrics recorder is already installed")?;
    metrics::gauge!("crewdeck_build_info", "version" => env!("CARGO_PKG_VERSION"), "role" => role.to_owned()).set(1.0);
    Ok(Guard { prometheus, traces })
}
