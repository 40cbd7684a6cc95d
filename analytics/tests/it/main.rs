//! Analytics on a real PostgreSQL, through the ports of its roles.

mod cache;
mod counting;
mod migrations;
mod rows;
mod start;
mod summary;
mod tokens;
mod world;
