//! People who work at a platform without a pause, and note every request that failed.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};
use tokio::{
    sync::watch,
    time::{Instant, interval},
};

use crate::{client::Api, cluster::Cluster, platform::Platform, wait::wait_for};

/// A question about no team: what counts is whether the token is believed.
pub const NO_TEAM: &str = "/api/v1/analytics/teams/00000000-0000-4000-8000-000000000000/summary";

/// Somebody with a session, who refreshes it before each token ends.
pub struct Person {
    /// With the token of now.
    pub api: Api,
    refresh: String,
    since: Instant,
}

impl Person {
    /// The first administrator of a platform.
    ///
    /// # Errors
    /// When there is none, or the login is refused.
    pub async fn first(cluster: &Cluster, platform: &Platform) -> Result<Self> {
        let web = cluster
            .address(&platform.namespace, &platform.name, "web")
            .await?;
        let admin = cluster
            .secret(&platform.namespace, &format!("{}-admin", platform.name))
            .await?;
        let anonymous = Api::anonymous(&web)?;
        let login = json!({"email": admin["email"], "password": admin["password"]});
        let tokens = anonymous.post("/api/v1/auth/login", &login).await?;
        Self::with(&anonymous, &tokens.data(200)?)
    }

    fn with(api: &Api, tokens: &Value) -> Result<Self> {
        let text = |key: &str| tokens[key].as_str().context("a pair of tokens");
        Ok(Self {
            api: api.with_token(text("access")?),
            refresh: text("refresh")?.to_owned(),
            since: Instant::now(),
        })
    }

    /// A new team of theirs.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn team(&self) -> Result<String> {
        let team = json!({"name": "At work"});
        let team = self.api.post("/api/v1/teams", &team).await?.data(201)?;
        Ok(team["id"].as_str().context("id")?.to_owned())
    }

    /// With the next pair.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn refreshed(&self) -> Result<Self> {
        let body = json!({"refresh": self.refresh});
        let tokens = self.api.post("/api/v1/auth/refresh", &body).await?;
        Self::with(&self.api, &tokens.data(200)?)
    }

    /// The name of the key that signed the token.
    ///
    /// # Errors
    /// When the token has none.
    pub fn kid(&self) -> Result<String> {
        kid_of(self.api.token()?)
    }
}

/// The kid in a token's header, without a look at its signature.
fn kid_of(token: &str) -> Result<String> {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let header = token.split('.').next().context("a token has a header")?;
    let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header)?)?;
    Ok(header["kid"].as_str().context("kid")?.to_owned())
}

/// What a person who works without a pause went through.
#[derive(Debug, Default)]
pub struct Worked {
    /// Requests in all.
    pub requests: u64,
    /// Tasks that were made.
    pub tasks: i64,
    /// Keys whose tokens were used.
    pub kids: BTreeSet<String>,
    /// What failed, in words.
    pub refused: Vec<String>,
}

/// Lets people through who ask without a pause: nobody but a program sends so many requests a minute. The settings get to the
/// pods as the manual tells, by `extraEnv`.
pub fn without_limits(spec: &mut Value) {
    let variables = ["READS", "WRITES"].map(
        |kind| json!({"name": format!("CREWDECK_HTTP_{kind}_PER_MINUTE"), "value": "1000000"}),
    );
    spec["rolesTemplate"]["extraEnv"] = json!(variables);
}

/// Works until told to stop: four requests every 50 ms with a token of `life` that is used to its end, at both roles that
/// answer.
///
/// # Errors
/// When there is no answer at all.
pub async fn work(
    mut person: Person,
    team: &str,
    analytics: &str,
    life: Duration,
    stop: watch::Receiver<bool>,
) -> Result<Worked> {
    let task = json!({"team_id": team, "title": "One of many"});
    let mut worked = Worked::default();
    let mut ticks = interval(Duration::from_millis(50));
    while !*stop.borrow() {
        ticks.tick().await;
        // A second before its end, so that the last request is in time.
        if person.since.elapsed() + Duration::from_secs(1) > life {
            person = person.refreshed().await?;
        }
        worked.kids.insert(person.kid()?);
        let web = person.api.get("/api/v1/users/me").await?;
        // Redis too.
        let ticket = person
            .api
            .post("/api/v1/realtime/tickets", &json!({}))
            .await?;
        let other = person.api.at(analytics).get(NO_TEAM).await?;
        let made = person.api.post("/api/v1/tasks", &task).await?;
        worked.requests += 4;
        if made.status == 201 {
            worked.tasks += 1;
        } else {
            worked
                .refused
                .push(format!("task {}: {}", made.status, made.body));
        }
        if web.status != 200 {
            worked
                .refused
                .push(format!("web {}: {}", web.status, web.body));
        }
        if !ticket.status.is_success() {
            worked
                .refused
                .push(format!("ticket {}: {}", ticket.status, ticket.body));
        }
        if other.status == 401 || other.status.is_server_error() {
            worked.refused.push(format!("analytics {}", other.status));
        }
    }
    Ok(worked)
}

/// Each task that was made is an event that the worker sent and that analytics counted.
///
/// # Errors
/// When the count is another.
pub async fn every_task_is_counted(
    cluster: &Cluster,
    platform: &Platform,
    team: &str,
    worked: &Worked,
) -> Result<()> {
    let analytics = cluster
        .address(&platform.namespace, &platform.name, "analytics")
        .await?;
    let person = Person::first(cluster, platform).await?;
    let summary = format!("/api/v1/analytics/teams/{team}/summary");
    wait_for(
        "every task is counted once",
        Duration::from_mins(1),
        async || {
            let told = person.api.at(&analytics).get(&summary).await?.data(200)?;
            let days = told["daily"].as_array().cloned().unwrap_or_default();
            let counted: i64 = days.iter().filter_map(|day| day["created"].as_i64()).sum();
            ensure!(counted == worked.tasks, "{counted} of {}", worked.tasks);
            Ok(())
        },
    )
    .await
}
