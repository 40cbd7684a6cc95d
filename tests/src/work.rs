//! People who work at a platform without a pause, and note every request that failed.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};
use tokio::{
    sync::watch,
    time::{Instant, interval},
};

use crate::{
    client::{Api, Reply},
    cluster::Cluster,
    platform::Platform,
    wait::wait_for,
};

/// A question about no team: what counts is whether the token is believed.
pub const NO_TEAM: &str = "/api/v1/analytics/teams/00000000-0000-4000-8000-000000000000/summary";

/// Between two rounds of requests.
const PERIOD: Duration = Duration::from_millis(50);
/// Rounds from one sign-in to the next, where people sign in all the time: each takes a password's hash.
const ROUNDS: u32 = 10;

/// Somebody who can sign in.
pub struct Account {
    anonymous: Api,
    login: Value,
}

impl Account {
    /// The first administrator of a platform.
    ///
    /// # Errors
    /// When there is none.
    pub async fn first(cluster: &Cluster, platform: &Platform) -> Result<Self> {
        let web = cluster
            .address(&platform.namespace, &platform.name, "web")
            .await?;
        let admin = cluster
            .secret(&platform.namespace, &format!("{}-admin", platform.name))
            .await?;
        Ok(Self {
            anonymous: Api::anonymous(&web)?,
            login: json!({"email": admin["email"], "password": admin["password"]}),
        })
    }

    /// Somebody with a session of this account.
    ///
    /// # Errors
    /// When the login is refused.
    pub async fn sign_in(&self) -> Result<Person> {
        let answer = self.log_in().await?;
        Person::with(&self.anonymous, &answer.data(200)?)
    }

    async fn log_in(&self) -> Result<Reply> {
        self.anonymous.post("/api/v1/auth/login", &self.login).await
    }
}

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
        Account::first(cluster, platform).await?.sign_in().await
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
    /// Requests that were refused as they should be, since the token's key was revoked.
    pub denied: u64,
    /// Sign-ins among the requests.
    pub logins: u64,
}

/// What is asked for in each round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// Who asks.
    Myself,
    /// A ticket for a socket.
    Ticket,
    /// Figures of a team that is not there.
    Analytics,
    /// A new task.
    Task,
}

impl Worked {
    /// Notes an answer.
    fn note(&mut self, asked: Asked, reply: &Reply) {
        let Reply { status, body, .. } = reply;
        self.requests += 1;
        let is_well = match asked {
            Asked::Myself => *status == 200,
            Asked::Ticket => status.is_success(),
            Asked::Analytics => *status != 401 && !status.is_server_error(),
            Asked::Task => *status == 201,
        };
        if is_well {
            self.tasks += i64::from(asked == Asked::Task);
        } else {
            self.refused.push(format!("{asked:?} {status}: {body}"));
        }
    }
}

/// One request of each kind with the token of now, at both roles that answer.
async fn round(person: &Person, team: &str, analytics: &str) -> Result<[(Asked, Reply); 4]> {
    let api = &person.api;
    let myself = api.get("/api/v1/users/me").await?;
    // Redis too.
    let ticket = api.post("/api/v1/realtime/tickets", &json!({})).await?;
    let other = api.at(analytics).get(NO_TEAM).await?;
    let task = json!({"team_id": team, "title": "One of many"});
    let task = api.post("/api/v1/tasks", &task).await?;
    Ok([
        (Asked::Myself, myself),
        (Asked::Ticket, ticket),
        (Asked::Analytics, other),
        (Asked::Task, task),
    ])
}

/// Works until told to stop: four requests every 50 ms with a token of `life` that is used to its end.
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
    let mut worked = Worked::default();
    let mut ticks = interval(PERIOD);
    while !*stop.borrow() {
        ticks.tick().await;
        // A second before its end, so that the last request is in time.
        if person.since.elapsed() + Duration::from_secs(1) > life {
            person = person.refreshed().await?;
        }
        worked.kids.insert(person.kid()?);
        for (asked, reply) in round(&person, team, analytics).await? {
            worked.note(asked, &reply);
        }
    }
    Ok(worked)
}

/// The same while the key `denied` is revoked. Tokens of that key may be refused from any moment on: whoever is told so signs in
/// anew, and so does everybody now and then, and in the end once more. A sign-in that is refused has failed, as has any
/// other request.
///
/// # Errors
/// When there is no answer at all.
pub async fn work_while_revoked(
    account: &Account,
    team: &str,
    analytics: &str,
    denied: &str,
    stop: watch::Receiver<bool>,
) -> Result<Worked> {
    let mut person = account.sign_in().await?;
    let mut worked = Worked::default();
    let mut ticks = interval(PERIOD);
    let mut rounds = 0_u32;
    loop {
        ticks.tick().await;
        let is_last = *stop.borrow();
        rounds += 1;
        let mut signs_in = is_last || rounds.is_multiple_of(ROUNDS);
        let kid = person.kid()?;
        for (asked, reply) in round(&person, team, analytics).await? {
            if kid == denied && reply.status == 401 {
                worked.requests += 1;
                worked.denied += 1;
                signs_in = true;
            } else {
                worked.note(asked, &reply);
            }
        }
        worked.kids.insert(kid);
        if signs_in {
            worked.requests += 1;
            worked.logins += 1;
            let answer = account.log_in().await?;
            if answer.status == 200 {
                person = Person::with(&account.anonymous, &answer.data(200)?)?;
            } else {
                let Reply { status, body, .. } = answer;
                worked.refused.push(format!("sign-in {status}: {body}"));
            }
        }
        if is_last {
            worked.kids.insert(person.kid()?);
            return Ok(worked);
        }
    }
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
