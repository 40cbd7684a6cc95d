//! Export of spans over OTLP/HTTP, when an endpoint is configured.

use anyhow::Context as _;
use opentelemetry_otlp::{Protocol, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, TracerProviderBuilder};

/// A provider that sends to `endpoint`. Its batch thread uses a blocking client, since the
/// asynchronous one finds no reactor there (opentelemetry-rust issue 3125).
pub(crate) fn provider(endpoint: &str, role: &str) -> anyhow::Result<SdkTracerProvider> {
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
        .build()
        .with_context(|| format!("cannot export traces to {endpoint}"))?;
    let resource = Resource::builder()
        .with_service_name(format!("crewdeck-{role}"))
        .build();
    Ok(sampled()
        .with_batch_exporter(exporter)
        .with_resource(resource)
        .build())
}

/// What every provider begins with. All spans are exported: by default a caller decides whether its requests are, and a stranger
/// could leave none behind. Only the name of the trace is the caller's.
pub(crate) fn sampled() -> TracerProviderBuilder {
    SdkTracerProvider::builder().with_sampler(Sampler::AlwaysOn)
}
