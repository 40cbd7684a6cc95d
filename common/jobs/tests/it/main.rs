//! Jobs and schedules on a real database.

mod dying;
mod fencing;
mod life;
mod retries;
mod schedules;
mod schema;
mod turns;
mod waiting;
mod world;
