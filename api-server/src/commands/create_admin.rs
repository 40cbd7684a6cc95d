//! `crewdeck users create-admin`, and the administrator that a migration makes.

use api_server_users::{Email, FirstAdmin, Name, Password};
use common_clock::{SharedClock, SharedIds};
use common_config::SecretRef;
use common_db::PoolOptions;
use secrecy::ExposeSecret as _;
use uuid::Uuid;

/// Login of an administrator.
#[derive(Debug, Clone)]
pub struct Administrator {
    /// Address to sign in with.
    pub email: SecretRef,
    /// Password.
    pub password: SecretRef,
}

impl Administrator {
    /// Reads both; fails on a file that is not there, and on what is no address or no password.
    pub(super) fn parse(&self) -> anyhow::Result<FirstAdmin> {
        let email = self.email.read()?;
        let password = self.password.read()?;
        Ok(FirstAdmin {
            email: Email::parse(email.expose_secret())?,
            name: Name::parse("Administrator")?,
            password: Password::parse(password)?,
        })
    }
}

/// Makes an administrator in the application's database; gives its id.
///
/// # Errors
/// When the address is taken, a value is not valid, or the database cannot be used.
pub async fn create_admin(
    database: &SecretRef,
    administrator: &Administrator,
    clock: &SharedClock,
    ids: &SharedIds,
) -> anyhow::Result<Uuid> {
    let admin = administrator.parse()?;
    let pool = common_db::pool(database, &PoolOptions::command("crewdeck users")).await?;
    let id = api_server_users::create_admin(&pool, admin, clock, ids).await?;
    pool.close().await;
    Ok(id)
}
