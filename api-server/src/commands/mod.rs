//! What the application does on the command line.

mod create_admin;
mod migrate;
mod smoke;

pub use create_admin::{Administrator, create_admin};
pub use migrate::migrate;
pub use smoke::{Smoke, smoke};

/// A pool for a command: it may change the schema and take its time.
async fn pool(database: &common_config::SecretRef) -> Result<sqlx::PgPool, common_db::DbError> {
    let options = common_db::PoolOptions {
        application_name: "crewdeck command".to_owned(),
        max_connections: 2,
        read_only: false,
        statement_timeout_ms: None,
    };
    common_db::pool(database, &options).await
}
