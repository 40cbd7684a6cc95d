//! Connections to Redis, and its refusals as conditions of the Platform.

use std::time::Duration;

use crds::Reason;
use redis::{
    AsyncConnectionConfig, Client, IntoConnectionInfo as _, RedisError, TlsCertificates,
    aio::MultiplexedConnection,
};
use secrecy::ExposeSecret as _;

use crate::{
    credentials::{Login, url},
    platform::{
        StepError,
        validate::{RedisServer, Tls},
    },
};

/// Longest wait for a connection or an answer.
const ANSWER: Duration = Duration::from_secs(5);

/// `rediss` where the transport is encrypted.
pub(super) fn scheme(server: &RedisServer) -> &'static str {
    match server.tls {
        Tls::Verify => "rediss",
        Tls::Disabled => "redis",
    }
}

/// Why there is no connection.
pub(super) enum Refusal {
    /// The login was refused: the server's words.
    Login(String),
    /// Anything else.
    Other(StepError),
}

/// Connects.
#[expect(
    clippy::disallowed_methods,
    reason = "administration needs names that common_cache would put into a namespace"
)]
pub(super) async fn log_in(
    server: &RedisServer,
    login: &Login,
) -> Result<MultiplexedConnection, Refusal> {
    let address = url(scheme(server), login, &server.host, server.port, "");
    // The parser's error may quote the address, which holds the password.
    let invalid = |_| {
        Refusal::Other(StepError::transient(
            Reason::SecretInvalid,
            format!(
                "host, port, username or password of Redis at {}:{} cannot be used in an address: correct the Secret of \
                 spec.redis",
                server.host, server.port
            ),
        ))
    };
    let info = address
        .expose_secret()
        .into_connection_info()
        .map_err(invalid)?;
    let client = match (&server.tls, &server.ca_pem) {
        (Tls::Verify, Some(ca)) => Client::build_with_tls(
            info,
            TlsCertificates {
                client_tls: None,
                root_cert: Some(ca.clone().into_bytes()),
            },
        ),
        _ => Client::open(info),
    };
    let other = |error: RedisError| Refusal::Other(failed(server, "connecting", &error));
    let client = client.map_err(other)?;
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(ANSWER))
        .set_response_timeout(Some(ANSWER));
    let connected = client
        .get_multiplexed_async_connection_with_config(&config)
        .await;
    connected.map_err(|error| {
        if error.kind() == redis::ErrorKind::AuthenticationFailed {
            Refusal::Login(words(&error))
        } else {
            other(error)
        }
    })
}

/// Connects as the administrator.
pub(super) async fn admin(server: &RedisServer) -> Result<MultiplexedConnection, StepError> {
    let login = Login {
        user: escaped(&server.username),
        password: escaped(server.password.expose_secret()).into(),
    };
    log_in(server, &login).await.map_err(|refusal| match refusal {
        Refusal::Other(error) => error,
        Refusal::Login(words) => StepError::transient(
            Reason::LoginRefused,
            format!(
                "Redis at {}:{} refused the admin login {}: {words}; correct username and password in the Secret of \
                 spec.redis",
                server.host, server.port, server.username
            ),
        ),
    })
}

/// A text of somebody else's as a part of an address.
fn escaped(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut escaped, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing into a String cannot fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
        escaped
    })
}

/// The server's words in one line.
fn words(error: &RedisError) -> String {
    let text = match (error.code(), error.detail()) {
        (Some(code), Some(detail)) => format!("{code} {detail}"),
        (_, Some(detail)) => detail.to_owned(),
        _ => error.to_string(),
    };
    text.replace(['\n', '\r'], " ")
}

/// A failure while `doing` something.
pub(super) fn failed(server: &RedisServer, doing: &str, error: &RedisError) -> StepError {
    let at = format!("{}:{}", server.host, server.port);
    if error.code().is_some() && !matches!(error.code(), Some("LOADING" | "MASTERDOWN")) {
        return StepError::transient(
            Reason::BackendRefused,
            format!(
                "Redis at {at} refused while {doing}: {}; the admin login needs ACL, CLIENT LIST, SCAN and UNLINK, and the server an \
                 aclfile",
                words(error)
            ),
        );
    }
    StepError::transient(
        Reason::BackendUnreachable,
        format!(
            "Redis at {at} does not answer: {doing}: {}; check that it runs, and host, port and ca.crt in the Secret of \
             spec.redis",
            words(error)
        ),
    )
}
