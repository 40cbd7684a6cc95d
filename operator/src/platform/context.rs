//! What every step that acts is given.

use std::sync::Arc;

use common_clock::{SharedClock, SharedIds};

use crate::OperatorConfig;

/// Client, time, randomness and settings. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    /// The API server.
    pub client: kube::Client,
    /// Time.
    pub clock: SharedClock,
    /// Randomness.
    pub ids: SharedIds,
    /// Settings of the operator.
    pub config: Arc<OperatorConfig>,
}
