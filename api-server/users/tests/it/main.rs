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
mod purge;
mod refresh;
mod teams;
mod users;
mod world;
mod writes;
