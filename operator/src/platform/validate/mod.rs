//! The one input of everything that follows: a Platform whose every value is known to be usable. Pure.

mod autoscaling;
mod exposure;
mod external;
mod identity;
mod image;
mod platform;
mod role;
#[cfg(test)]
pub(crate) mod sample;
mod servers;
mod template;

pub use autoscaling::Autoscaling;
pub use exposure::Exposure;
pub use external::ExternalNames;
pub use identity::Identity;
pub use image::Image;
pub use platform::{Topic, ValidatedPlatform, validate};
pub use role::{Role, RoleSpec, Scale};
pub use servers::{KafkaCluster, PostgresServer, RedisServer, Tls};
