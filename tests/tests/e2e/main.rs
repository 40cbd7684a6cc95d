//! The whole on the local cluster, seen from outside. One program, so that it is linked once; every test is ignored
//! where the cluster is not, and `cargo xtask test` asks for them.

mod bad_resources;
mod charts;
mod crash;
mod credentials;
mod deletion;
mod golden;
mod idle;
mod journey;
mod platform;
