//! The domain through its routes, on PostgreSQL.

mod archive;
mod create;
mod dry_run;
mod get;
mod held;
mod history;
mod list;
mod pages;
mod patch;
mod race;
mod repeat;
mod rows;
mod stale;
mod statements;
mod wall;
mod world;
