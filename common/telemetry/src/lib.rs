//! Logs, traces and metrics of a process.
//!
//! [`init()`] is called once, in `main`, and returns a [`Guard`] that flushes what is buffered when it
//! is dropped. Domain acts are logged by [`audit_event!`], which does not compile without its four
//! fields: actor, action, entity, id. A [`TraceParent`] ties the spans of a request to those of its caller.

mod config;
mod event;
mod init;
mod propagation;
mod traces;

pub use config::{LogFormat, TelemetryConfig};
pub use init::{Guard, init};
pub use metrics_exporter_prometheus::PrometheusHandle;
pub use propagation::{TraceParent, answered};
#[doc(hidden)]
pub use tracing as __tracing;
