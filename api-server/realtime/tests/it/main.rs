//! Sockets as clients open them, on PostgreSQL and Redis.

mod client;
mod ending;
mod resume;
mod rights;
mod rows;
mod tickets;
mod world;
