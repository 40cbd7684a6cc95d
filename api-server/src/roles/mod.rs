//! The roles of the application. Each reaches its servers in spawned work that tries until it succeeds: `/livez`
//! answers at once, and `/readyz` names what is missing.

pub mod beat;
pub mod realtime;
mod servers;
pub mod web;
pub mod worker;
