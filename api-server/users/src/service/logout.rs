//! Use case: end a sign-in.

use common_telemetry::audit_event;

use super::tokens::hash;
use crate::store::session;
use crate::{Error, Users};

/// Ends the family of the token, and with it every access token of it; a token that nobody knows is as good as ended.
pub(crate) async fn logout(users: &Users, token: &str) -> Result<(), Error> {
    let mut connection = users.pools.write.acquire().await?;
    let now = users.clock.now();
    let ended = session::end(&mut connection, &hash(token), now, users.last_access(now)).await?;
    if let Some((family, user)) = ended {
        audit_event!(
            actor = user,
            action = "session.ended",
            entity = "session",
            id = family,
            "signed out"
        );
    }
    Ok(())
}
