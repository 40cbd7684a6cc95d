//! The one connection: TLS by the configured authority, login from a file that may change.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use common_config::SecretRef;
use futures::{Stream, StreamExt as _, stream};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{
    BasicAuth, Client, ConnectionInfo, IntoConnectionInfo as _, RedisResult,
    StreamingCredentialsProvider, TlsCertificates,
};
use secrecy::ExposeSecret as _;

use crate::{CacheConfig, CacheError};

/// How often the file with the login is looked at.
const LOOK: Duration = Duration::from_secs(2);
const CONNECT: Duration = Duration::from_secs(3);
const RESPONSE: Duration = Duration::from_secs(2);

/// A connection that repairs itself and follows the login; `epoch` tells which one it uses.
pub(crate) async fn open(
    config: &CacheConfig,
    epoch: Arc<AtomicU64>,
) -> Result<ConnectionManager, CacheError> {
    let info = parse(&config.url)?;
    let client = client(info.clone(), config)?;
    let mut settings = ConnectionManagerConfig::new()
        .set_connection_timeout(Some(CONNECT))
        .set_response_timeout(Some(RESPONSE));
    if config.url.path().is_some() && info.redis_settings().username().is_some() {
        settings = settings.set_credentials_provider(Login {
            url: config.url.clone(),
            epoch,
        });
    }
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

fn parse(url: &SecretRef) -> Result<ConnectionInfo, CacheError> {
    let text = url.read()?;
    // The parser's error may quote the URL, and the URL holds the password.
    text.expose_secret()
        .into_connection_info()
        .map_err(|_| CacheError::Url)
}

/// Gives the login behind the URL, again whenever it changes: the connection then authenticates anew and goes on.
struct Login {
    url: SecretRef,
    epoch: Arc<AtomicU64>,
}

impl StreamingCredentialsProvider for Login {
    fn subscribe(&self) -> Pin<Box<dyn Stream<Item = RedisResult<BasicAuth>> + Send + 'static>> {
        let (url, epoch) = (self.url.clone(), Arc::clone(&self.epoch));
        stream::unfold((url, epoch, None), |(url, epoch, last)| async move {
            loop {
                // Before the login: never ahead of what is in the files. The connection takes it within a moment, and the
                // operator counts the connections of the former user before it ends that.
                let now = url.epoch();
                if let Some(login) = read_login(&url) {
                    epoch.store(now, Ordering::Relaxed);
                    if last.as_ref() != Some(&login) {
                        let auth = BasicAuth::new(login.0.clone(), login.1.clone());
                        return Some((Ok(auth), (url, epoch, Some(login))));
                    }
                }
                tokio::time::sleep(LOOK).await;
            }
        })
        .boxed()
    }
}

fn read_login(url: &SecretRef) -> Option<(String, String)> {
    let info = parse(url)
        .inspect_err(
            |error| tracing::warn!(%error, "the Redis login is not usable, the old one stays"),
        )
        .ok()?;
    let settings = info.redis_settings();
    Some((
        settings.username()?.to_owned(),
        settings.password().unwrap_or_default().to_owned(),
    ))
}
