//! Events of tasks, pushed to those who are looking: tickets, the hub, sockets with resume.
//!
//! A socket is opened with a one-time ticket that role `web` gives out. Frames carry `<epoch>:<n>`: a client that
//! comes back with the last one it saw gets what it missed, or the word that it must read afresh.

mod hub;
mod pace;
mod session;
mod socket;
mod tickets;

pub use hub::Hub;
pub use pace::Pace;
pub use socket::{Realtime, router};
pub use tickets::{Tickets, router as tickets_router, routes};
