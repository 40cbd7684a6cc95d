//! Users, teams and sign-ins over HTTP, on a real database and a real Redis.

mod held;
mod held_up;
mod import;
mod input;
mod keys;
mod limits;
mod lists;
mod login;
mod logout;
mod members;
mod owners;
mod purge;
mod refresh;
mod silent;
mod team_changes;
mod teams;
mod users;
mod world;
mod writes;
