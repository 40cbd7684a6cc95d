//! The whole on the local cluster, seen from outside. One program, so that it is linked once. The names of its
//! tests begin with `e2e_`: by that `cargo xtask test` leaves them for the time when the cluster is up. Those of
//! `e2e_long_` take many minutes: they run with `--faults`, or when a filter asks for them.

mod alike;
mod api_away;
mod autoscaling;
mod away;
mod bad_resources;
mod charts;
mod crash;
mod credentials;
mod deletion;
mod docs;
mod drift;
mod exposure;
mod golden;
mod idle;
mod journey;
mod leftovers;
mod listener;
mod logins;
mod loss;
mod many;
mod monitoring;
mod network;
mod platform;
mod plugin;
mod rights;
mod ring;
mod rolls;
mod rotation;
mod unreadable;
mod upgrade;
