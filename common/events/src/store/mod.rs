//! The SQL of this crate, on the tables `outbox` and `inbox` (owner: `api-server/schema`; analytics has its own pair).

pub mod inbox;
pub mod outbox;
