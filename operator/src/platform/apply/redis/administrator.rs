//! The administrator, who stays logged in between passes.

use chrono::{DateTime, Utc};
use crds::Reason;
use futures::FutureExt as _;
use redis::{Value, aio::MultiplexedConnection};
use secrecy::ExposeSecret as _;

use super::{
    ask,
    server::{admin, scheme},
};
use crate::platform::{
    StepError,
    apply::administrators::{self, Idle, Open, Way},
    validate::RedisServer,
};

/// A connection that waits, if it still answers, or a new one. Whoever has it puts it back when all went well.
pub(super) async fn take(
    idle: &Idle<MultiplexedConnection>,
    server: &RedisServer,
    now: DateTime<Utc>,
) -> Result<Open<MultiplexedConnection>, StepError> {
    let answers = async |open: &mut MultiplexedConnection| {
        let answer = ask::<Value>(server, open, "calling it", &redis::cmd("PING")).await;
        // An administrator may lack the right to this command: that is an answer, too.
        answer
            .err()
            .is_none_or(|error| error.reason == Reason::BackendRefused)
    };
    // On the heap: it is large, and seldom needed.
    let connect = admin(server).boxed();
    idle.open(way(server), now, answers, connect).await
}

/// Has the next pass log in anew.
pub(super) fn forget(idle: &Idle<MultiplexedConnection>, server: &RedisServer, now: DateTime<Utc>) {
    idle.forget(&way(server), now);
}

/// Where a server is, and as whom we come there.
pub(super) fn way(server: &RedisServer) -> Way {
    let key = administrators::key([
        Some(server.username.as_str()),
        Some(server.password.expose_secret()),
        server.ca_pem.as_deref(),
        Some(scheme(server)),
    ]);
    Way {
        address: format!("{}:{}", server.host, server.port),
        key,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::platform::validate::{Tls, sample::sample};

    #[rstest]
    #[case::host(|server: &mut RedisServer| server.host.push('2'))]
    #[case::port(|server: &mut RedisServer| server.port += 1)]
    #[case::user(|server: &mut RedisServer| server.username.push('2'))]
    #[case::password(|server: &mut RedisServer| server.password = "other".to_owned().into())]
    #[case::authority(|server: &mut RedisServer| server.ca_pem = Some("other".to_owned()))]
    #[case::transport(|server: &mut RedisServer| server.tls = Tls::Disabled)]
    fn whoever_comes_with_something_else_goes_another_way(#[case] change: fn(&mut RedisServer)) {
        let mut server = sample().redis;
        server.tls = Tls::Verify;
        let before = way(&server);
        change(&mut server);
        assert_ne!(way(&server), before);
    }
}
