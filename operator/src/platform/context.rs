//! What every step that acts is given.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use common_clock::{SharedClock, SharedIds};

use super::{Administrators, CustomMetrics, Kinds, Watched};
use crate::{
    OperatorConfig, credentials::Proofs, keys::Maker, metrics::Gauges, server_clock::ServerClock,
};

/// Client, time, randomness and settings. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    /// The API server.
    pub client: kube::Client,
    /// Time.
    pub clock: SharedClock,
    /// How far the API server's is from it.
    pub server_clock: ServerClock,
    /// Randomness.
    pub ids: SharedIds,
    /// Kinds of others that the cluster has.
    pub kinds: Kinds,
    /// Metrics that autoscalers can ask for.
    pub custom_metrics: CustomMetrics,
    /// Logged in at the servers.
    pub administrators: Administrators,
    /// Which logins need no proof.
    pub proofs: Arc<Proofs>,
    /// Which objects need not be read again.
    pub watched: Arc<Watched>,
    /// Makes key pairs.
    pub maker: Maker,
    /// What is measured of Platforms.
    pub gauges: Arc<Gauges>,
    /// Settings of the operator.
    pub config: Arc<OperatorConfig>,
}

impl Context {
    /// The time by the API server's clock, as far as its last answer tells.
    #[must_use]
    pub fn server_now(&self) -> DateTime<Utc> {
        self.server_clock.time(self.clock.now())
    }
}
