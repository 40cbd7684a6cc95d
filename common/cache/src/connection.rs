//! The one connection: TLS by the configured authority, login from a file that may change.

use std::pin::Pin;
use std::time::Duration;

use common_config::SecretRef;
use futures::{Stream, StreamExt as _, stream};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{
    BasicAuth, Client, ConnectionInfo, IntoConnectionInfo as _, RedisResult,
    StreamingCredentialsProvider, TlsCertificates,
};
use secrecy::ExposeSecret as _;

use crate::{CacheConfig, CacheError, login::Login};

const CONNECT: Duration = Duration::from_secs(3);
const RESPONSE: Duration = Duration::from_secs(2);
/// How often the library tries to connect again for one question: who asks waits for it. The next question tries anew.
const RETRIES: usize = 1;
/// How often a file whose login cannot be used is looked at while a connection is made.
const LOOK: Duration = Duration::from_millis(500);

/// A connection that is made anew when it breaks, each time with the login as it is by then.
pub(crate) async fn connect(config: &CacheConfig) -> Result<ConnectionManager, CacheError> {
    let info = parse(&config.url)?;
    let follows = config.url.path().is_some() && Login::of(&info).is_some();
    let mut settings = ConnectionManagerConfig::new()
        .set_number_of_retries(RETRIES)
        .set_connection_timeout(Some(CONNECT))
        .set_response_timeout(Some(RESPONSE));
    if follows {
        settings = settings.set_credentials_provider(Current(config.url.clone()));
    }
    let client = client(info, config)?;
    Ok(client.get_connection_manager_with_config(settings).await?)
}

#[expect(clippy::disallowed_methods, reason = "the one place that opens Redis")]
fn client(info: ConnectionInfo, config: &CacheConfig) -> Result<Client, CacheError> {
    let Some(path) = &config.ca_file else {
        return Ok(Client::open(info)?);
    };
    let root_cert = std::fs::read(path).map_err(|source| CacheError::Authority {
        path: path.display().to_string(),
        source,
    })?;
    let certificates = TlsCertificates {
        client_tls: None,
        root_cert: Some(root_cert),
    };
    Ok(Client::build_with_tls(info, certificates)?)
}

pub(crate) fn parse(url: &SecretRef) -> Result<ConnectionInfo, CacheError> {
    let text = url.read()?;
    // The parser's error may quote the URL, and the URL holds the password.
    text.expose_secret()
        .into_connection_info()
        .map_err(|_| CacheError::Url)
}

/// Gives the login behind the URL to a connection that is made, as soon as it can be used. One that is open is logged in again by
/// [`Open`](crate::open::Open): the library would try that once.
struct Current(SecretRef);

impl StreamingCredentialsProvider for Current {
    fn subscribe(&self) -> Pin<Box<dyn Stream<Item = RedisResult<BasicAuth>> + Send + 'static>> {
        let url = self.0.clone();
        let usable = async move {
            loop {
                match Login::read(&url) {
                    Ok(Some(login)) => return Ok(login.into_auth()),
                    Ok(None) => tracing::warn!("the URL of Redis has no login any more"),
                    Err(error) => tracing::warn!(%error, "the Redis login is not usable"),
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        stream::once(usable).chain(stream::pending()).boxed()
    }
}
