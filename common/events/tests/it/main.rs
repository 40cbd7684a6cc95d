//! The transports and the database side of events, on real parts.

mod memory;
