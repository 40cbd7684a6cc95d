//! A client of the HTTP API, as a stranger would write it: JSON in, the envelope out.

use anyhow::{Context as _, Result, bail};
use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::{Value, json};
use std::time::Duration;

/// An answer, read whole.
#[derive(Debug)]
pub struct Reply {
    /// The status code.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; null when it is empty.
    pub body: Value,
}

impl Reply {
    /// The envelope's `data`.
    ///
    /// # Errors
    /// When the status is not the expected one; the error has the whole body.
    pub fn data(self, expected: u16) -> Result<Value> {
        if self.status.as_u16() != expected {
            bail!("expected {expected}, got {}: {}", self.status, self.body);
        }
        Ok(self.body["data"].clone())
    }
}

/// Somebody who talks to one platform.
#[derive(Debug, Clone)]
pub struct Api {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
}

impl Api {
    /// Nobody in particular, at this address (`host:port`).
    ///
    /// # Errors
    /// When the client cannot be made.
    pub fn anonymous(address: &str) -> Result<Self> {
        crate::init();
        Ok(Self {
            http: reqwest::Client::builder()
                .timeout(Duration::from_secs(15))
                .build()?,
            base: format!("http://{address}"),
            token: None,
        })
    }

    /// The same person with a token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self {
            token: Some(token.to_owned()),
            ..self.clone()
        }
    }

    /// The same person at another role of the platform.
    #[must_use]
    pub fn at(&self, address: &str) -> Self {
        Self {
            base: format!("http://{address}"),
            ..self.clone()
        }
    }

    /// Logs in.
    ///
    /// # Errors
    /// When the login is refused.
    pub async fn log_in(&self, email: &str, password: &str) -> Result<Self> {
        let tokens = self
            .post(
                "/api/v1/auth/login",
                &json!({"email": email, "password": password}),
            )
            .await?
            .data(200)
            .with_context(|| format!("log in as {email}"))?;
        let access = tokens["access"]
            .as_str()
            .context("data.access is a string")?;
        Ok(self.with_token(access))
    }

    /// The access token.
    ///
    /// # Errors
    /// When nobody has logged in.
    pub fn token(&self) -> Result<&str> {
        self.token.as_deref().context("nobody has logged in")
    }

    /// GET.
    ///
    /// # Errors
    /// When there is no answer, or one that is not JSON.
    pub async fn get(&self, path: &str) -> Result<Reply> {
        self.send(Method::GET, path, None).await
    }

    /// GET of something that is not JSON.
    ///
    /// # Errors
    /// When there is no answer, or a refusal.
    pub async fn text(&self, path: &str) -> Result<String> {
        let answer = self.http.get(format!("{}{path}", self.base)).send().await?;
        Ok(answer.error_for_status()?.text().await?)
    }

    /// POST with a JSON body.
    ///
    /// # Errors
    /// When there is no answer, or one that is not JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Reply> {
        self.send(Method::POST, path, Some(body)).await
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Reply> {
        let mut request = self
            .http
            .request(method.clone(), format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let what = || format!("{method} {}{path}", self.base);
        let response = request.send().await.with_context(what)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.bytes().await.with_context(what)?;
        let body = if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes).with_context(|| {
                format!(
                    "{}: {status}: not JSON: {}",
                    what(),
                    String::from_utf8_lossy(&bytes)
                )
            })?
        };
        Ok(Reply {
            status,
            headers,
            body,
        })
    }
}
