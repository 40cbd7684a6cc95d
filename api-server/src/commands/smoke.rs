//! `crewdeck smoke`: uses a running platform as a person would, and says at each step what it saw.

use anyhow::{Context as _, Result, ensure};
use common_auth::{HttpSource, Verifier};
use common_clock::{SharedClock, SharedIds};
use common_outbound::{Outbound, OutboundConfig};
use http::{Method, StatusCode};
use secrecy::SecretString;
use serde_json::{Value, json};

/// What is tried, and by whom.
#[derive(Debug)]
pub struct Smoke {
    /// Address of role `web`, without a slash at the end.
    pub url: String,
    /// Issuer that tokens must name: the public address.
    pub issuer: String,
    /// Who signs in.
    pub email: String,
    /// Their password.
    pub password: SecretString,
}

/// Signs in, checks the token against the published keys, adds a team and a task, and reads the task back.
///
/// # Errors
/// The first step that does not do what it should, with the answer.
pub async fn smoke(
    smoke: Smoke,
    clock: SharedClock,
    ids: &SharedIds,
    mut say: impl FnMut(&str),
) -> Result<()> {
    let host = smoke
        .url
        .split("://")
        .nth(1)
        .unwrap_or_default()
        .split([':', '/'])
        .next()
        .unwrap_or_default();
    let config = OutboundConfig {
        private_hosts: vec![host.to_owned()],
        ..OutboundConfig::default()
    };
    let api = Api {
        client: Outbound::new(config)?,
        url: smoke.url,
        token: None,
    };

    let login = json!({"email": smoke.email, "password": secrecy::ExposeSecret::expose_secret(&smoke.password)});
    let pair = api
        .call(
            Method::POST,
            "/api/v1/auth/login",
            Some(login),
            StatusCode::OK,
        )
        .await?;
    let access = pair["access"]
        .as_str()
        .context("the answer to a login has data.access")?
        .to_owned();
    say("signed in");

    let keys = HttpSource::new(
        format!("{}/.well-known/jwks.json", api.url),
        api.client.clone(),
    );
    let verifier = Verifier::new(keys, smoke.issuer, "crewdeck".to_owned(), clock)
        .await
        .context("read the key set")?;
    verifier
        .verify(&access)
        .await
        .context("verify the token with the published keys")?;
    say("the token verifies with the published keys");

    let api = Api {
        token: Some(SecretString::from(access)),
        ..api
    };
    let name = format!("Smoke {}", ids.token(6));
    let team = api
        .call(
            Method::POST,
            "/api/v1/teams",
            Some(json!({"name": name})),
            StatusCode::CREATED,
        )
        .await?;
    let task = json!({"team_id": team["id"], "title": "Look for smoke"});
    let task = api
        .call(
            Method::POST,
            "/api/v1/tasks",
            Some(task),
            StatusCode::CREATED,
        )
        .await?;
    say("added a team and a task");

    let id = task["id"].as_str().context("a task has an id")?;
    let read = api
        .call(
            Method::GET,
            &format!("/api/v1/tasks/{id}"),
            None,
            StatusCode::OK,
        )
        .await?;
    ensure!(
        read == task,
        "the task reads back as {read}, it was added as {task}"
    );
    say("read the task back");
    api.call(
        Method::POST,
        &format!("/api/v1/tasks/{id}:archive"),
        None,
        StatusCode::OK,
    )
    .await?;
    say("archived it");
    Ok(())
}

/// The platform from outside.
struct Api {
    client: Outbound,
    url: String,
    token: Option<SecretString>,
}

impl Api {
    /// The `data` of an answer that has this status.
    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        wanted: StatusCode,
    ) -> Result<Value> {
        let what = format!("{method} {path}");
        let url = format!("{}{path}", self.url);
        let answer = self
            .client
            .call(method, &url, self.token.as_ref(), body.as_ref())
            .await
            .context(what.clone())?;
        let text = String::from_utf8_lossy(&answer.body);
        ensure!(
            answer.status == wanted,
            "{what} answers {}, not {wanted}: {text}",
            answer.status
        );
        let mut envelope: Value =
            serde_json::from_str(&text).with_context(|| format!("{what} answers no JSON"))?;
        Ok(envelope["data"].take())
    }
}
