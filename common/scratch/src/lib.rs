//! Servers that live as long as the value that stands for them: PostgreSQL, Redis and RabbitMQ on loopback, in a
//! temporary folder, for tests and for running the whole platform in one process. The kernel ends them too when this
//! process dies without a chance to: start them on a thread that lives as long as they should. And the tools beside them.

mod child;
mod folder;
mod package;
mod port;
mod postgres;
mod promtool;
mod rabbitmq;
mod redis;
mod server;
mod user;

pub use child::Child;
pub use folder::Folder;
pub use package::Package;
pub use postgres::Postgres;
pub use promtool::Promtool;
pub use rabbitmq::RabbitMq;
pub use redis::Redis;
