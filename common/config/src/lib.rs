//! Configuration: one TOML file plus the environment, in typed sections.
//!
//! A crate declares its section with [`AppConfig`]; the process loads one [`Source`] and takes from
//! it only the sections that its role reads, so that a missing setting of another role never
//! stops it. Precedence, lowest first: defaults of the type, file, `CREWDECK_<SECTION>_<KEY>`,
//! `CREWDECK_<SECTION>_<KEY>_FILE`. An unknown key is an error with its line and a suggestion, unless the file says that a
//! newer program wrote it.

mod error;
mod newer;
mod schema;
mod secret;
mod section;
mod source;

pub use error::ConfigError;
pub use newer::KEYS;
pub use schema::FileSchema;
pub use secret::SecretRef;
pub use section::AppConfig;
pub use source::Source;
