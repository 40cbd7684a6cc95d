//! End to end, on real parts: what the tests in `tests/` share.
//!
//! They run inside the network namespace of the local cluster (`cargo xtask test` sees to that), where the API server,
//! the services and the backends have their own addresses. Nothing here knows a service crate: the platform is seen
//! only from outside, as Kubernetes objects, HTTP, SQL, Redis and Kafka.

pub mod backends;
pub mod client;
pub mod cluster;
pub mod commands;
pub mod custom_metrics;
pub mod external;
pub mod faults;
pub mod jobs;
pub mod leftovers;
pub mod platform;
pub mod policies;
pub mod schema;
pub mod socket;
pub mod sockets;
pub mod wait;
pub mod work;

/// The crypto provider of this process; every test that opens a TLS connection calls it first. Repeatable.
pub fn init() {
    // An error means that another test of this process has done it.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
