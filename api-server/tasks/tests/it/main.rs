//! The domain through its routes, on PostgreSQL.

mod archive;
mod archived_team;
mod create;
mod departures;
mod dry_run;
mod get;
mod given;
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
