//! Requests with caps.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, StatusCode, header};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use url::Url;

use crate::OutboundConfig;
use crate::address::is_public;

/// An answer that was read whole.
#[derive(Debug, Clone)]
pub struct Response {
    /// Status of the answer; 304 only when an `ETag` was sent.
    pub status: StatusCode,
    /// `ETag` of the answer.
    pub etag: Option<String>,
    /// `max-age` of its `Cache-Control`.
    pub max_age: Option<Duration>,
    /// The body, at most the configured size.
    pub body: Bytes,
}

/// A request that brought no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// The URL is not http(s), or names an address that is not public.
    #[error("{url} is refused: {reason}")]
    Refused {
        /// The URL, without its query.
        url: String,
        /// Why.
        reason: &'static str,
    },

    /// The exchange failed.
    #[error("request to {host} failed")]
    Exchange {
        /// Host of the URL.
        host: String,
        /// The client's error, without the URL.
        source: reqwest::Error,
    },

    /// The body is longer than allowed.
    #[error("the answer of {host} is longer than {limit} bytes")]
    TooLong {
        /// Host of the URL.
        host: String,
        /// Most bytes allowed.
        limit: usize,
    },
}

/// The outbound client; clones share its connections.
#[derive(Debug, Clone)]
pub struct Outbound {
    client: reqwest::Client,
    config: Arc<OutboundConfig>,
}

impl Outbound {
    /// A client with the bounds of `config`.
    ///
    /// # Errors
    /// When the TLS backend cannot be initialised.
    pub fn new(config: OutboundConfig) -> Result<Self, reqwest::Error> {
        let config = Arc::new(config);
        // The image has no certificates of a system: the authorities that browsers trust come with the program.
        let authorities = webpki_root_certs::TLS_SERVER_ROOT_CERTS
            .iter()
            .map(|der| reqwest::Certificate::from_der(der))
            .collect::<Result<Vec<_>, _>>()?;
        let client = reqwest::Client::builder()
            .tls_certs_only(authorities)
            .redirect(Policy::none())
            .timeout(Duration::from_secs(config.timeout_seconds))
            .dns_resolver(Arc::new(PublicOnly(Arc::clone(&config))))
            .no_proxy()
            .user_agent(concat!("crewdeck/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { client, config })
    }

    /// GET of `url`, conditional when `etag` is given.
    ///
    /// # Errors
    /// When the URL is refused, the exchange fails or the body is too long. A status of 4xx or 5xx is
    /// an answer, not an error.
    pub async fn get(&self, url: &str, etag: Option<&str>) -> Result<Response, OutboundError> {
        let url = self.admit(url)?;
        let mut request = self.client.get(url.clone());
        if let Some(etag) = etag {
            request = request.header(header::IF_NONE_MATCH, etag);
        }
        self.exchange(&url, request).await
    }

    /// A request with a bearer token and a JSON body, where they are given.
    ///
    /// # Errors
    /// As [`Outbound::get`].
    pub async fn call(
        &self,
        method: Method,
        url: &str,
        bearer: Option<&SecretString>,
        body: Option<&Value>,
    ) -> Result<Response, OutboundError> {
        let url = self.admit(url)?;
        let mut request = self.client.request(method, url.clone());
        if let Some(token) = bearer {
            request = request.bearer_auth(token.expose_secret());
        }
        if let Some(body) = body {
            // Printing a JSON value cannot fail.
            request = request
                .header(header::CONTENT_TYPE, "application/json")
                .body(body.to_string());
        }
        self.exchange(&url, request).await
    }

    /// Sends a request and reads its answer within the bounds.
    async fn exchange(
        &self,
        url: &Url,
        request: reqwest::RequestBuilder,
    ) -> Result<Response, OutboundError> {
        let host = url.host_str().unwrap_or_default().to_owned();
        let failed = |source: reqwest::Error| OutboundError::Exchange {
            host: host.clone(),
            source: source.without_url(),
        };
        let mut answer = request.send().await.map_err(failed)?;
        let mut body = BytesMut::new();
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > self.config.max_body_bytes {
                let limit = self.config.max_body_bytes;
                return Err(OutboundError::TooLong { host, limit });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Response {
            status: answer.status(),
            etag: text(answer.headers(), &header::ETAG),
            max_age: max_age(answer.headers()),
            body: body.freeze(),
        })
    }

    /// The URL, if its scheme and (where it is written as one) its address are allowed. Names are
    /// checked when they are resolved, so that what is checked is what is connected to.
    fn admit(&self, text: &str) -> Result<Url, OutboundError> {
        let refused = |reason| OutboundError::Refused {
            url: text.split(['?', '#']).next().unwrap_or_default().to_owned(),
            reason,
        };
        let url = Url::parse(text).map_err(|_| refused("it is not a URL"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(refused("only http and https are allowed"));
        }
        let address = match url.host() {
            None => return Err(refused("it has no host")),
            Some(url::Host::Domain(_)) => None,
            Some(url::Host::Ipv4(v4)) => Some(IpAddr::V4(v4)),
            Some(url::Host::Ipv6(v6)) => Some(IpAddr::V6(v6)),
        };
        let named = url.host_str().is_some_and(|host| self.config.allows(host));
        if address.is_some_and(|address| !is_public(address)) && !named {
            return Err(refused(
                "the address is private; name it in outbound.private_hosts to allow it",
            ));
        }
        Ok(url)
    }
}

impl OutboundConfig {
    fn allows(&self, host: &str) -> bool {
        self.private_hosts.iter().any(|allowed| allowed == host)
    }
}

/// Resolves names and drops private addresses, unless the name is allowed to have them.
struct PublicOnly(Arc<OutboundConfig>);

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let config = Arc::clone(&self.0);
        Box::pin(async move {
            let named = config.allows(name.as_str());
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let usable: Vec<SocketAddr> = found
                .filter(|address| named || is_public(address.ip()))
                .collect();
            if usable.is_empty() {
                return Err(format!("{} has no public address", name.as_str()).into());
            }
            Ok(Box::new(usable.into_iter()) as Addrs)
        })
    }
}

fn text(headers: &HeaderMap, name: &header::HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(ToOwned::to_owned)
}

fn max_age(headers: &HeaderMap) -> Option<Duration> {
    text(headers, &header::CACHE_CONTROL)?
        .split(',')
        .find_map(|part| part.trim().strip_prefix("max-age=")?.parse().ok())
        .map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use wiremock::matchers::{header, method};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;

    fn client(private_hosts: &[&str], max_body_bytes: usize) -> Outbound {
        Outbound::new(OutboundConfig {
            private_hosts: private_hosts
                .iter()
                .map(|host| (*host).to_owned())
                .collect(),
            max_body_bytes,
            ..OutboundConfig::default()
        })
        .expect("a client")
    }

    #[tokio::test]
    async fn an_answer_brings_its_etag_and_age() {
        let server = MockServer::start().await;
        let fresh = ResponseTemplate::new(200)
            .insert_header("etag", "\"7\"")
            .insert_header("cache-control", "public, max-age=300")
            .set_body_string("keys");
        Mock::given(method("GET"))
            .and(header("if-none-match", "\"7\""))
            .respond_with(ResponseTemplate::new(304))
            .mount(&server)
            .await;
        Mock::given(method("GET"))
            .respond_with(fresh)
            .mount(&server)
            .await;
        let client = client(&["127.0.0.1"], 64);
        let first = client.get(&server.uri(), None).await.expect("an answer");
        assert_eq!(
            (first.etag.as_deref(), first.max_age),
            (Some("\"7\""), Some(Duration::from_mins(5)))
        );
        let second = client
            .get(&server.uri(), first.etag.as_deref())
            .await
            .expect("an answer");
        assert_eq!(second.status, StatusCode::NOT_MODIFIED);
    }

    #[tokio::test]
    async fn a_redirect_is_an_answer_and_not_followed() {
        let server = MockServer::start().await;
        let away = ResponseTemplate::new(302).insert_header("location", "http://127.0.0.1:1/");
        Mock::given(method("GET"))
            .respond_with(away)
            .mount(&server)
            .await;
        let answer = client(&["127.0.0.1"], 64)
            .get(&server.uri(), None)
            .await
            .expect("an answer");
        assert_eq!(answer.status, StatusCode::FOUND);
    }

    #[tokio::test]
    async fn a_long_body_is_refused() {
        let server = MockServer::start().await;
        Mock::given(method("GET"))
            .respond_with(ResponseTemplate::new(200).set_body_string("x".repeat(65)))
            .mount(&server)
            .await;
        let error = client(&["127.0.0.1"], 64)
            .get(&server.uri(), None)
            .await
            .expect_err("too long");
        assert!(
            error.to_string().contains("longer than 64 bytes"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn private_addresses_and_names_are_refused() {
        let client = client(&[], 64);
        for url in [
            "http://127.0.0.1:1/",
            "http://[::1]:1/",
            "http://localhost:1/",
            "file:///etc/passwd",
        ] {
            client.get(url, None).await.expect_err(url);
        }
    }
}
