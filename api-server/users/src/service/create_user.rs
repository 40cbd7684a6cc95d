//! Use case: an administrator adds a user.

use common_events::Outgoing;
use common_http::Principal;
use common_telemetry::audit_event;

use crate::model::{Email, Name, Password, User};
use crate::producer::UserCreated;
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
pub(crate) async fn create_user(
    users: &Users,
    principal: &Principal,
    input: Input,
) -> Result<User, Error> {
    super::read::admin_only(principal)?;
    let password_hash = users.hasher.hash(input.password.into_inner()).await?;
    let (id, at) = (users.ids.uuid(), users.clock.now());
    let event = Outgoing::of(&UserCreated {
        user_id: id,
        email: input.email.as_str().to_owned(),
        name: input.name.as_str().to_owned(),
        is_admin: input.is_admin,
        version: 1,
        occurred_at: at,
    });
    let new = NewUser {
        id,
        email: &input.email,
        name: &input.name,
        password_hash: &password_hash,
        is_admin: input.is_admin,
    };
    let mut connection = users.pools.write.acquire().await?;
    let user = user::insert(&mut connection, new, &users.change(principal, at, event)).await?;
    audit_event!(
        actor = principal.user_id,
        action = "user.created",
        entity = "user",
        id = id,
        "user created"
    );
    Ok(user)
}
