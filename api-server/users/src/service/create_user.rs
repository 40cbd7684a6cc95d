//! Use case: an administrator adds a user.

use common_events::Outgoing;
use common_http::{ApiResult, Attempt, Effect, Reply, Written};
use common_telemetry::audit_event;
use serde::Serialize;
use sqlx::PgConnection;

use crate::model::{Email, Name, Password, User};
use crate::producer::UserCreated;
use crate::store::scope::Platform;
use crate::store::user::{self, NewUser};
use crate::{Error, Users};

/// A user as an administrator describes it.
pub(crate) struct Input {
    pub(crate) email: Email,
    pub(crate) name: Name,
    pub(crate) password: Password,
    pub(crate) is_admin: bool,
}

/// Adds the user: row, audit and event in one statement.
pub(crate) async fn create_user<V: Serialize>(
    users: &Users,
    attempt: &Attempt,
    input: Input,
    answer: impl FnOnce(User) -> Reply<V>,
) -> ApiResult<Written> {
    let principal = &attempt.principal;
    let scope = Platform::of(principal)?;
    // Hashing takes long: nobody waits for a connection meanwhile.
    let hash = users.hasher.hash(input.password.into_inner()).await;
    let password_hash = hash.map_err(Error::from)?;
    let (id, at) = (users.ids.uuid(), users.clock.now());
    let event = Outgoing::of(&UserCreated {
        user_id: id,
        email: input.email.as_str().to_owned(),
        name: input.name.as_str().to_owned(),
        is_admin: input.is_admin,
        version: 1,
        occurred_at: at,
    });
    let change = users.change(principal, at, event);
    let new = NewUser {
        id,
        email: &input.email,
        name: &input.name,
        password_hash: &password_hash,
        is_admin: input.is_admin,
    };
    let work = async |connection: &mut PgConnection| {
        let user = user::insert(connection, scope, new, &change).await?;
        Ok(Effect::Changed(user))
    };
    let written = attempt
        .in_one_statement(&users.pools.write, at, work, answer)
        .await?;
    if written.is_kept() {
        audit_event!(
            actor = principal.user_id,
            action = "user.created",
            entity = "user",
            id = id,
            "user created"
        );
    }
    Ok(written)
}
