//! Section `[telemetry]`.

use common_config::AppConfig;
use schemars::JsonSchema;
use serde::Deserialize;

/// How and how much a process tells of itself.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TelemetryConfig {
    /// `json` (one object a line) or `text` (for people).
    pub log_format: LogFormat,
    /// Filter in the syntax of `tracing-subscriber`, e.g. `info,sqlx=warn`.
    pub filter: String,
    /// Base URL of an OTLP/HTTP collector; without it no traces leave the process.
    pub otlp_endpoint: Option<String>,
}

/// Shape of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// Compact text.
    Text,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self {
            log_format: LogFormat::Json,
            filter: "info".to_owned(),
            otlp_endpoint: None,
        }
    }
}

impl AppConfig for TelemetryConfig {
    const SECTION: &'static str = "telemetry";
}
