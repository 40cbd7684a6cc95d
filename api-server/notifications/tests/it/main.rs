//! The domain through its routes and its consumer, on PostgreSQL.

mod filing;
mod reading;
mod rows;
mod world;
