//! Topics: what is wanted and what is there.

use rdkafka::error::RDKafkaErrorCode;

use super::acl::Operation;

/// A topic that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicSpec {
    /// Its whole name.
    pub name: String,
    /// Number of partitions.
    pub partitions: i32,
    /// Number of copies; -1 takes the cluster's default.
    pub replicas: i32,
    /// Settings, `retention.ms` and so on. Those not named have the cluster's defaults.
    pub config: Vec<(String, String)>,
}

/// A topic as one broker shows it to the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicState {
    /// Its name.
    pub name: String,
    /// Why it is not shown: it is not there, or the caller may not see it.
    pub error: Option<RDKafkaErrorCode>,
    /// Number of partitions.
    pub partitions: i32,
    /// Number of copies of the partition that has the fewest.
    pub replicas: i32,
    /// Number of partitions of which some copy is behind or away.
    pub under_replicated: usize,
    /// What the caller may do, of what this crate knows.
    pub allowed: Vec<Operation>,
}

impl TopicState {
    /// Whether it is there.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.error.is_none()
    }
}
