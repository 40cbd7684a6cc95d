//! Use case: administrators that no administrator makes: the first one, and those of the command line.

use common_auth::PasswordHasher;
use common_clock::{SharedClock, SharedIds};
use common_events::Outgoing;
use common_telemetry::audit_event;
use sqlx::PgPool;
use uuid::Uuid;

use super::actor_or_system;
use crate::Error;
use crate::model::{Email, Name, Password};
use crate::producer::UserCreated;
use crate::store::Change;
use crate::store::scope::Platform;
use crate::store::user::{self, NewUser};

/// An administrator on its way in.
#[derive(Debug, Clone)]
pub struct FirstAdmin {
    /// The address to sign in with.
    pub email: Email,
    /// The display name.
    pub name: Name,
    /// The password.
    pub password: Password,
}

/// Creates an administrator; gives its id.
///
/// # Errors
/// [`Error::EmailTaken`], or when the database or the hasher fails.
pub async fn create_admin(
    pool: &PgPool,
    admin: FirstAdmin,
    clock: &SharedClock,
    ids: &SharedIds,
) -> Result<Uuid, Error> {
    let hash = hash(&admin, ids).await?;
    let mut connection = pool.acquire().await?;
    insert(&mut connection, &admin, &hash, clock, ids).await
}

/// Creates the administrator if there is none yet; `None` when there is one. Two callers at once
/// create one.
///
/// # Errors
/// As [`create_admin`].
pub async fn create_first_admin(
    pool: &PgPool,
    admin: FirstAdmin,
    clock: &SharedClock,
    ids: &SharedIds,
) -> Result<Option<Uuid>, Error> {
    let mut transaction = common_db::begin(pool).await?;
    user::lock_first_admin(&mut transaction, Platform::itself()).await?;
    if user::any_admin(&mut transaction, Platform::itself()).await? {
        return Ok(None);
    }
    let hash = hash(&admin, ids).await?;
    let id = insert(&mut transaction, &admin, &hash, clock, ids).await?;
    transaction.commit().await?;
    Ok(Some(id))
}

async fn hash(admin: &FirstAdmin, ids: &SharedIds) -> Result<String, Error> {
    let hasher = PasswordHasher::new(1, SharedIds::clone(ids));
    Ok(hasher.hash(admin.password.clone().into_inner()).await?)
}

async fn insert(
    connection: &mut sqlx::PgConnection,
    admin: &FirstAdmin,
    password_hash: &str,
    clock: &SharedClock,
    ids: &SharedIds,
) -> Result<Uuid, Error> {
    let (id, at) = (ids.uuid(), clock.now());
    let event = Outgoing::of(&UserCreated {
        user_id: id,
        email: admin.email.as_str().to_owned(),
        name: admin.name.as_str().to_owned(),
        is_admin: true,
        version: 1,
        occurred_at: at,
    });
    let new = NewUser {
        id,
        email: &admin.email,
        name: &admin.name,
        password_hash,
        is_admin: true,
    };
    let change = Change {
        actor: None,
        request_id: String::new(),
        at,
        event_id: ids.uuid(),
        event,
    };
    user::insert(connection, Platform::itself(), new, &change).await?;
    audit_event!(
        actor = actor_or_system(None),
        action = "user.created",
        entity = "user",
        id = id,
        "administrator created"
    );
    Ok(id)
}
