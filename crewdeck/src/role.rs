//! What a process can be.

use clap::ValueEnum;

/// A role of the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// API and its documentation (port 8000)
    Web,
    /// Sends events out, runs jobs
    Worker,
    /// Starts jobs by the calendar
    Beat,
    /// Pushes events to open sockets (port 8001)
    #[value(alias = "daphne")]
    Realtime,
    /// Analytics API, from the replica (port 8002)
    Analytics,
    /// Counts events into daily figures
    AnalyticsWorker,
    /// Runs Platforms on Kubernetes
    Operator,
    /// Brings both databases to this version, then ends
    Migrate,
}

impl Role {
    /// The name, as `ROLE` has it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Worker => "worker",
            Self::Beat => "beat",
            Self::Realtime => "realtime",
            Self::Analytics => "analytics",
            Self::AnalyticsWorker => "analytics-worker",
            Self::Operator => "operator",
            Self::Migrate => "migrate",
        }
    }
}
