//! One task, through every role: HTTP, Kafka, WebSocket, inbox, analytics; and its author's token, checked by a library
//! that is not ours.

use anyhow::{Context as _, Result, ensure};
use common_clock::{Ids as _, SystemIds};
use rdkafka::Message as _;
use serde_json::{Value, json};
use std::{
    process::Command,
    time::{Duration, Instant},
};
use tests::{
    backends, client::Api, cluster::Cluster, platform::Platform, socket::Socket, wait::wait_for,
};
use tokio::time::timeout;

const SECOND: Duration = Duration::from_secs(1);

/// Two people of one team on the sample platform.
struct Team {
    cluster: Cluster,
    platform: Platform,
    author: Api,
    owner: Api,
    owner_id: String,
    id: String,
}

impl Team {
    /// Makes both, and a team of theirs, with names that no other run has used.
    async fn new() -> Result<Self> {
        let cluster = Cluster::connect().await?;
        let platform = Platform::ready_sample(&cluster).await?;
        let web = cluster
            .address(&platform.namespace, &platform.name, "web")
            .await?;
        let anonymous = Api::anonymous(&web)?;
        let admin = anonymous
            .log_in(&cluster.status.login, &cluster.status.password)
            .await?;
        let unique = SystemIds.token(6).to_lowercase().replace(['_', '-'], "x");
        let mut people = Vec::new();
        for role in ["author", "owner"] {
            let email = format!("{role}-{unique}@example.org");
            let password = SystemIds.token(18);
            let user = admin
                .post(
                    "/api/v1/users",
                    &json!({"email": email, "name": role, "password": password}),
                )
                .await?
                .data(201)?;
            people.push((
                anonymous.log_in(&email, &password).await?,
                text(&user, "id")?,
            ));
        }
        let (owner, owner_id) = people.pop().context("two people")?;
        let (author, _) = people.pop().context("two people")?;
        let team = author
            .post("/api/v1/teams", &json!({"name": format!("Team {unique}")}))
            .await?
            .data(201)?;
        let id = text(&team, "id")?;
        author
            .post(
                &format!("/api/v1/teams/{id}/members"),
                &json!({"user_id": owner_id, "role": "member"}),
            )
            .await?
            .data(201)?;
        Ok(Self {
            cluster,
            platform,
            author,
            owner,
            owner_id,
            id,
        })
    }

    async fn address(&self, role: &str) -> Result<String> {
        self.cluster
            .address(&self.platform.namespace, &self.platform.name, role)
            .await
    }

    /// A task of the team that the other person owns.
    async fn create_task(&self, title: &str) -> Result<Value> {
        self.author
            .post(
                "/api/v1/tasks",
                &json!({"team_id": self.id, "title": title, "owner_id": self.owner_id}),
            )
            .await?
            .data(201)
    }
}

fn text(value: &Value, key: &str) -> Result<String> {
    value[key]
        .as_str()
        .map(str::to_owned)
        .with_context(|| format!("{value} has no {key}"))
}

#[tokio::test]
async fn e2e_a_task_reaches_every_role() -> Result<()> {
    let team = Team::new().await?;
    let ticket = team
        .owner
        .post("/api/v1/realtime/tickets", &json!({}))
        .await?;
    let ticket = text(&ticket.body["data"], "ticket")?;
    let mut socket = Socket::open(&team.address("realtime").await?, &ticket, None).await?;
    socket
        .next(5 * SECOND, |frame| frame["type"] == "hello")
        .await?;

    let task = team.create_task("Through every role").await?;
    let id = text(&task, "id")?;

    let frame = socket
        .next(15 * SECOND, |frame| {
            frame["type"] == "event" && frame["event"]["subject"] == id.as_str()
        })
        .await
        .context("the owner's socket")?;
    ensure!(frame["event"]["type"] == "task.created.v1", "{frame}");

    let key = kafka_key(&team, &id).await.context("the event in Kafka")?;
    ensure!(
        key == id,
        "the event's key is {key}, not the task's id {id}"
    );

    let notification = wait_for("the owner's inbox has the task", 15 * SECOND, async || {
        let inbox = team.owner.get("/api/v1/notifications").await?.data(200)?;
        let rows = inbox
            .as_array()
            .cloned()
            .or_else(|| inbox["items"].as_array().cloned());
        let rows = rows.with_context(|| format!("a list: {inbox}"))?;
        let mut own = rows.into_iter().filter(|row| row["task_id"] == id.as_str());
        let first = own.next().context("no row for the task yet")?;
        ensure!(own.next().is_none(), "more than one row for one event");
        Ok(first)
    })
    .await?;
    ensure!(notification["read_at"].is_null(), "{notification}");

    let analytics = team.author.at(&team.address("analytics").await?);
    wait_for("analytics counts the task", 30 * SECOND, async || {
        let path = format!("/api/v1/analytics/teams/{}/summary", team.id);
        let summary = analytics.get(&path).await?.data(200)?;
        ensure!(
            summary["total"] == 1 && summary["by_status"]["todo"] == 1 && summary["members"] == 2,
            "{summary}"
        );
        ensure!(
            summary["replica_lag_seconds"].is_number(),
            "no lag of the replica: {summary}"
        );
        let created: i64 = summary["daily"]
            .as_array()
            .with_context(|| format!("daily is a list: {summary}"))?
            .iter()
            .filter_map(|day| day["created"].as_i64())
            .sum();
        ensure!(created == 1, "the day's count is {created}: {summary}");
        Ok(())
    })
    .await
}

/// The key under which the task's event lies in the platform's topic.
async fn kafka_key(team: &Team, task: &str) -> Result<String> {
    let prefix = team.platform.setting("worker", "topic_prefix").await?;
    let reader = backends::reader(
        &team.cluster.status.backends,
        &format!("{prefix}.task-events"),
    )?;
    let find = async {
        loop {
            let message = reader.recv().await?;
            let body = String::from_utf8_lossy(message.payload().unwrap_or_default()).into_owned();
            if body.contains(task) {
                let key = message.key().context("the event has a key")?;
                return Ok(String::from_utf8(key.to_vec())?);
            }
        }
    };
    timeout(20 * SECOND, find)
        .await
        .context("no event with the task's id")?
}

#[tokio::test]
async fn e2e_a_stranger_sees_nothing() -> Result<()> {
    let team = Team::new().await?;
    let task = team.create_task("Not for everybody").await?;
    let path = format!("/api/v1/tasks/{}", text(&task, "id")?);
    let stranger = Team::new().await?.author;
    ensure!(
        stranger.get(&path).await?.status == 404,
        "a stranger can tell that the task exists"
    );
    let anonymous = Api::anonymous(&team.address("web").await?)?;
    ensure!(anonymous.get(&path).await?.status == 401);
    ensure!(team.owner.get(&path).await?.status == 200);
    let analytics = stranger.at(&team.address("analytics").await?);
    let summary = analytics
        .get(&format!("/api/v1/analytics/teams/{}/summary", team.id))
        .await?;
    ensure!(
        summary.status == 404 || summary.status == 403,
        "{:?}",
        summary.body
    );
    Ok(())
}

#[tokio::test]
async fn e2e_a_sign_out_reaches_every_role() -> Result<()> {
    let cluster = Cluster::connect().await?;
    let platform = Platform::ready_sample(&cluster).await?;
    let address = |role| cluster.address(&platform.namespace, &platform.name, role);
    let anonymous = Api::anonymous(&address("web").await?)?;
    let login = json!({"email": cluster.status.login, "password": cluster.status.password});
    let tokens = anonymous.post("/api/v1/auth/login", &login).await?;
    let tokens = tokens.data(200)?;
    let person = anonymous.with_token(&text(&tokens, "access")?);
    let numbers = person.at(&address("analytics").await?);
    let no_team = format!("/api/v1/analytics/teams/{}/summary", SystemIds.uuid());
    let ticket = person.post("/api/v1/realtime/tickets", &json!({})).await?;
    let ticket = text(&ticket.data(201)?, "ticket")?;
    let mut socket = Socket::open(&address("realtime").await?, &ticket, None).await?;
    socket
        .next(5 * SECOND, |frame| frame["type"] == "hello")
        .await?;
    ensure!(person.get("/api/v1/users/me").await?.status == 200);
    ensure!(numbers.get(&no_team).await?.status == 404);

    let token = json!({"refresh": tokens["refresh"]});
    let ended = anonymous.post("/api/v1/auth/logout", &token).await?;
    ensure!(ended.status == 204, "{}", ended.body);
    let begun = Instant::now();
    let refused = async |role: &str, api: &Api, path: &str| {
        wait_for(role, 10 * SECOND, async || {
            let status = api.get(path).await?.status;
            ensure!(status == 401, "{status}");
            Ok(())
        })
        .await?;
        println!(
            "{role} refused the token after {} ms",
            begun.elapsed().as_millis()
        );
        Ok::<_, anyhow::Error>(())
    };
    let closed = async {
        let end = socket.next(5 * SECOND, |_| false).await.err();
        let end = format!("{:#}", end.context("it takes no frame")?);
        ensure!(end.contains("signed out"), "{end}");
        println!("the socket ended after {} ms", begun.elapsed().as_millis());
        Ok(())
    };
    tokio::try_join!(
        refused("web", &person, "/api/v1/users/me"),
        refused("analytics", &numbers, &no_team),
        closed,
    )?;
    Ok(())
}

/// Verifies a token as a stranger would who knows only the platform's address.
const PYTHON: &str = r#"
import json, sys, urllib.request, jwt
base, token = sys.argv[1:]
keys = jwt.PyJWKClient(base + "/.well-known/jwks.json")
key = keys.get_signing_key_from_jwt(token)
claims = jwt.decode(token, key.key, algorithms=["RS256"], audience="crewdeck",
                    options={"require": ["exp", "iat", "nbf", "iss", "aud", "sub", "jti"]})
header = jwt.get_unverified_header(token)
head, body, signature = token.split(".")
flipped = signature[:10] + ("A" if signature[10] != "A" else "B") + signature[11:]
try:
    jwt.decode(".".join([head, body, flipped]), key.key, algorithms=["RS256"], audience="crewdeck")
    sys.exit("a forged signature was accepted")
except jwt.InvalidSignatureError:
    pass
served = json.load(urllib.request.urlopen(base + "/.well-known/jwks.json"))
print(json.dumps({"claims": claims, "header": header, "keys": served["keys"]}))
"#;

#[tokio::test]
async fn e2e_an_independent_library_verifies_the_token() -> Result<()> {
    let team = Team::new().await?;
    let base = format!("http://{}", team.address("web").await?);
    let output = Command::new("/usr/bin/python3")
        .args(["-c", PYTHON, &base, team.author.token()?])
        .output()?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let told: Value = serde_json::from_slice(&output.stdout)?;
    ensure!(
        told["header"]["alg"] == "RS256" && told["header"]["typ"] == "at+jwt",
        "{told}"
    );
    let keys = told["keys"].as_array().context("keys is a list")?;
    ensure!(
        keys.len() >= 2,
        "the active and the next key are served: {told}"
    );
    for key in keys {
        for secret in ["d", "p", "q", "dp", "dq", "qi"] {
            ensure!(
                key[secret].is_null(),
                "the served key set has a private member {secret}"
            );
        }
    }
    Ok(())
}
