//! The administrator, who stays logged in to the database of administration between passes.

use chrono::{DateTime, Utc};
use futures::FutureExt as _;
use secrecy::ExposeSecret as _;
use sqlx::{Connection as _, PgConnection};
use tokio::time::timeout;

use super::server::{ANSWER, Address, admin, primary, replica};
use crate::platform::{
    StepError,
    apply::administrators::{self, Idle, Open, Way},
    validate::{PostgresServer, Tls},
};

/// A connection that waits, if it still answers, or a new one. Whoever has it puts it back when all went well.
pub(super) async fn take(
    idle: &Idle<PgConnection>,
    server: &PostgresServer,
    at: Address<'_>,
    now: DateTime<Utc>,
) -> Result<Open<PgConnection>, StepError> {
    let answers =
        async |open: &mut PgConnection| matches!(timeout(ANSWER, open.ping()).await, Ok(Ok(())));
    // On the heap: it is large, and seldom needed.
    let connect = admin(server, at, &server.database).boxed();
    idle.open(way(server, at), now, answers, connect).await
}

/// Has the next pass log in anew, at both servers.
pub(super) fn forget(idle: &Idle<PgConnection>, server: &PostgresServer, now: DateTime<Utc>) {
    for at in [Some(primary(server)), replica(server)]
        .into_iter()
        .flatten()
    {
        idle.forget(&way(server, at), now);
    }
}

fn way(server: &PostgresServer, at: Address<'_>) -> Way {
    let key = administrators::key([
        Some(server.username.as_str()),
        Some(server.password.expose_secret()),
        Some(server.database.as_str()),
        server.ca_pem.as_deref(),
        matches!(server.tls, Tls::Verify).then_some("tls"),
    ]);
    Way {
        address: at.to_string(),
        key,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::platform::validate::sample::sample;

    #[rstest]
    #[case::host(|server: &mut PostgresServer| server.host.push('2'))]
    #[case::port(|server: &mut PostgresServer| server.port += 1)]
    #[case::user(|server: &mut PostgresServer| server.username.push('2'))]
    #[case::password(|server: &mut PostgresServer| server.password = "other".to_owned().into())]
    #[case::database(|server: &mut PostgresServer| server.database.push('2'))]
    #[case::authority(|server: &mut PostgresServer| server.ca_pem = Some("other".to_owned()))]
    #[case::transport(|server: &mut PostgresServer| server.tls = Tls::Disabled)]
    fn whoever_comes_with_something_else_goes_another_way(#[case] change: fn(&mut PostgresServer)) {
        let mut server = sample().postgres;
        server.tls = Tls::Verify;
        let before = way(&server, primary(&server));
        change(&mut server);
        assert_ne!(way(&server, primary(&server)), before);
    }
}
