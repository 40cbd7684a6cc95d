//! Every credential that the operator made works where it should and is refused everywhere else.

use anyhow::{Context as _, Result, bail, ensure};
use rdkafka::{
    consumer::{BaseConsumer, Consumer as _},
    error::RDKafkaErrorCode,
    producer::{FutureProducer, FutureRecord},
};
use redis::AsyncTypedCommands as _;
use sqlx::{AssertSqlSafe, PgConnection};
use std::{collections::BTreeMap, time::Duration};
use tests::{
    backends::{self, Server},
    cluster::Cluster,
    platform::Platform,
    wait::wait_for,
};

/// How long a user that Redis has lost may be missing.
const BACK: Duration = Duration::from_secs(10);

/// The sample platform, Ready.
struct Sample {
    cluster: Cluster,
    platform: Platform,
}

impl Sample {
    async fn new() -> Result<Self> {
        let cluster = Cluster::connect().await?;
        let platform = Platform::ready_sample(&cluster).await?;
        Ok(Self { cluster, platform })
    }

    async fn secret(&self, client: &str) -> Result<BTreeMap<String, String>> {
        let name = format!("{}-{client}", self.platform.name);
        self.cluster.secret(&self.platform.namespace, &name).await
    }

    async fn url(&self, client: &str) -> Result<String> {
        self.secret(client)
            .await?
            .remove("url")
            .with_context(|| format!("the Secret of {client} has url"))
    }

    /// A login to one of the two PostgreSQL servers.
    async fn postgres(&self, client: &str, server: Server) -> Result<PgConnection> {
        let backend = &self.cluster.status.backends.postgres;
        let options = backends::postgres_options(backend, &self.url(client).await?, server)?;
        backends::postgres(&options).await
    }
}

/// Runs a statement; the message of a refusal is the answer.
async fn try_sql(connection: &mut PgConnection, sql: &str) -> std::result::Result<(), String> {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(connection)
        .await
        .map(drop)
        .map_err(|error| error.to_string())
}

/// What a client may (true) and may not (false) do.
async fn matrix(connection: &mut PgConnection, cases: &[(bool, &str)]) -> Result<()> {
    for (allowed, sql) in cases {
        let outcome = try_sql(connection, sql).await;
        if outcome.is_ok() != *allowed {
            bail!("{sql}: expected allowed={allowed}, got {outcome:?}");
        }
        if let Err(message) = outcome {
            ensure!(
                ["permission denied", "read-only", "must be", "not exist"]
                    .iter()
                    .any(|word| message.contains(word)),
                "{sql} was refused for another reason: {message}"
            );
        }
    }
    Ok(())
}

#[tokio::test]
async fn e2e_postgres_application() -> Result<()> {
    let sample = Sample::new().await?;
    let mut primary = sample.postgres("db-app", Server::Primary).await?;
    matrix(
        &mut primary,
        &[
            (true, "select id from tasks limit 1"),
            (true, "begin; insert into inbox (consumer, event_id, received_at) values ('e2e', gen_random_uuid(), now()); rollback"),
            (false, "create table public.e2e (id int)"),
            (false, "drop table tasks"),
            (false, "alter table tasks add column e2e int"),
            (false, "create role e2e"),
            (false, "create database e2e"),
            (false, "select * from pg_authid"),
        ],
    )
    .await?;
    let mut replica = sample.postgres("db-app", Server::Replica).await?;
    matrix(
        &mut replica,
        &[
            (true, "select id from tasks limit 1"),
            (false, "delete from tasks"),
        ],
    )
    .await
}

/// The login owns nothing and passes no policy by, so the wall between teams stands before it.
#[tokio::test]
async fn e2e_postgres_shows_the_application_no_team_that_it_does_not_name() -> Result<()> {
    let sample = Sample::new().await?;
    let mut primary = sample.postgres("db-app", Server::Primary).await?;
    let active = "select row_security_active('tasks') and row_security_active('audit')";
    let active: bool = sqlx::query_scalar(active).fetch_one(&mut primary).await?;
    ensure!(active, "the policies do not hold for db-app");
    let rows = "select (select count(*) from tasks) + (select count(*) from audit)";
    let rows: i64 = sqlx::query_scalar(rows).fetch_one(&mut primary).await?;
    ensure!(
        rows == 0,
        "{rows} rows are shown to a session that named no team"
    );
    let add = "insert into tasks (id, team_id, title, status, created_by, created_at, updated_at)
               select gen_random_uuid(), gen_random_uuid(), 'e2e', 'todo', gen_random_uuid(), now(), now()";
    let added = try_sql(&mut primary, add).await;
    ensure!(
        added
            .as_ref()
            .is_err_and(|words| words.contains("row-level security")),
        "{added:?}"
    );
    Ok(())
}

#[tokio::test]
async fn e2e_postgres_analytics_reader() -> Result<()> {
    let sample = Sample::new().await?;
    let mut replica = sample
        .postgres("db-analytics-reader", Server::Replica)
        .await?;
    matrix(
        &mut replica,
        &[
            (true, "select task_id from analytics_tasks limit 1"),
            (true, "select team_id from analytics_teams limit 1"),
            (true, "select user_id from analytics_memberships limit 1"),
            (true, "select session_id from analytics_revocations limit 1"),
            (false, "select id from users limit 1"),
            (false, "select id from tasks limit 1"),
            (false, "select token_hash from sessions limit 1"),
            (false, "delete from analytics_tasks"),
        ],
    )
    .await?;
    let url = sample.url("db-analytics-reader").await?;
    let replica_port = sample.cluster.status.backends.postgres.replica_port;
    ensure!(
        replica_port.is_some_and(|port| url.contains(&format!(":{port}/"))),
        "the reader's address is not the replica"
    );
    Ok(())
}

#[tokio::test]
async fn e2e_postgres_analytics_owner() -> Result<()> {
    let sample = Sample::new().await?;
    let mut own = sample
        .postgres("db-analytics-owner", Server::Primary)
        .await?;
    matrix(
        &mut own,
        &[
            (true, "select * from analytics.daily_task_counts limit 1"),
            (false, "select id from users limit 1"),
            (false, "create role e2e"),
        ],
    )
    .await?;
    // The same login at the application's database.
    let backend = &sample.cluster.status.backends.postgres;
    let application =
        backends::postgres_options(backend, &sample.url("db-app").await?, Server::Primary)?;
    let database = application
        .get_database()
        .context("the url names a database")?;
    let elsewhere = backends::postgres_options(
        backend,
        &sample.url("db-analytics-owner").await?,
        Server::Primary,
    )?
    .database(database);
    let refusal = backends::postgres(&elsewhere).await.err();
    let message = refusal
        .map(|error| format!("{error:#}"))
        .unwrap_or_default();
    ensure!(
        message.contains("permission denied"),
        "not refused at {database}: {message}"
    );
    Ok(())
}

#[tokio::test]
async fn e2e_postgres_refuses_a_wrong_password_and_plain_text() -> Result<()> {
    let sample = Sample::new().await?;
    let backend = &sample.cluster.status.backends.postgres;
    let options =
        backends::postgres_options(backend, &sample.url("db-app").await?, Server::Primary)?;
    let wrong = backends::postgres(&options.clone().password("wrong")).await;
    ensure!(wrong.is_err(), "a wrong password was accepted");
    let plain = options.ssl_mode(sqlx::postgres::PgSslMode::Disable);
    ensure!(
        backends::postgres(&plain).await.is_err(),
        "plain text was accepted"
    );
    Ok(())
}

#[tokio::test]
async fn e2e_redis_users_are_shut_in() -> Result<()> {
    let sample = Sample::new().await?;
    let backend = &sample.cluster.status.backends.redis;
    for (client, role, other) in [
        ("redis-app", "web", "analytics"),
        ("redis-analytics", "analytics", "web"),
    ] {
        let own = sample.platform.setting(role, "namespace").await?;
        let foreign = sample.platform.setting(other, "namespace").await?;
        ensure!(
            own != foreign,
            "{role} and {other} share the namespace {own}"
        );
        let mut redis = backends::redis(backend, &sample.url(client).await?).await?;
        let key = format!("{own}:e2e");
        redis
            .set_ex(&key, "1", 60)
            .await
            .context("write in the own namespace")?;
        ensure!(redis.get(&key).await? == Some("1".to_owned()));
        redis.del(&key).await?;
        for command in [
            vec!["SET", &format!("{foreign}:e2e"), "1"],
            vec!["GET", "anything"],
            vec!["PUBLISH", &format!("{foreign}:e2e"), "1"],
            vec!["KEYS", "*"],
            vec!["SCAN", "0"],
            vec!["EVAL", "return 1", "0"],
            vec!["SELECT", "1"],
            vec!["CONFIG", "GET", "*"],
            vec!["ACL", "LIST"],
            vec!["FLUSHALL"],
        ] {
            let mut request = redis::cmd(command[0]);
            request.arg(&command[1..]);
            let refusal = request.query_async::<redis::Value>(&mut redis).await.err();
            ensure!(
                refusal
                    .as_ref()
                    .is_some_and(|error| error.code() == Some("NOPERM")),
                "{client}: {command:?} was not refused: {refusal:?}"
            );
        }
    }
    Ok(())
}

/// As after a restart of a server whose file of users is lost: time and again within seconds, which no regular pass once a minute
/// would do.
#[tokio::test]
async fn e2e_redis_users_that_were_lost_are_back_within_seconds() -> Result<()> {
    let sample = Sample::new().await?;
    let backend = &sample.cluster.status.backends.redis;
    let mut admin = backends::redis_admin(backend).await?;
    for client in ["redis-app", "redis-analytics", "redis-app"] {
        let url = sample.url(client).await?;
        let (_, login) = url.split_once("://").context("a scheme")?;
        let (user, _) = login.split_once(':').context("a user")?;
        let dropped: u64 = redis::cmd("ACL")
            .arg(&["DELUSER", user])
            .query_async(&mut admin)
            .await?;
        ensure!(dropped == 1, "{user} was not there");
        ensure!(
            backends::redis(backend, &url).await.is_err(),
            "{user} is there"
        );
        let begun = tokio::time::Instant::now();
        wait_for(&format!("{user} is back"), BACK, async || {
            backends::redis(backend, &url).await.map(drop)
        })
        .await?;
        println!("{user} was back within {} ms", begun.elapsed().as_millis());
        ensure!(
            sample.url(client).await? == url,
            "{client} has another login"
        );
    }
    sample.platform.ready(Duration::from_mins(1)).await
}

#[tokio::test]
async fn e2e_redis_refuses_a_wrong_password_and_nobody() -> Result<()> {
    let sample = Sample::new().await?;
    let backend = &sample.cluster.status.backends.redis;
    for login in ["default:", "default:wrong", "nobody:wrong"] {
        let url = format!("rediss://{login}@x");
        // A client without a password sends none: it is the first command that is refused.
        let answer = async {
            let mut redis = backends::redis(backend, &url).await?;
            Ok::<_, anyhow::Error>(
                redis::cmd("PING")
                    .query_async::<redis::Value>(&mut redis)
                    .await?,
            )
        };
        ensure!(answer.await.is_err(), "{login} was let in");
    }
    Ok(())
}

#[tokio::test]
async fn e2e_kafka_users_have_their_topics_only() -> Result<()> {
    let sample = Sample::new().await?;
    let backend = &sample.cluster.status.backends.kafka;
    let prefix = sample.platform.setting("worker", "topic_prefix").await?;
    let limit = Duration::from_secs(15);

    // What each client may see: the metadata of a topic needs DESCRIBE.
    for (client, topic, allowed) in [
        ("kafka-app", "task-events", true),
        ("kafka-app", "user-activities", true),
        ("kafka-analytics", "task-events", true),
        ("kafka-analytics", "user-activities", false),
    ] {
        let config = backends::kafka_login(backend, &sample.secret(client).await?)?;
        let consumer: BaseConsumer = config.create()?;
        let name = format!("{prefix}.{topic}");
        let metadata = consumer.fetch_metadata(Some(&name), limit)?;
        let error = metadata
            .topics()
            .first()
            .and_then(rdkafka::metadata::MetadataTopic::error);
        ensure!(
            error.is_none() == allowed,
            "{client} at {name}: {error:?}, allowed={allowed}"
        );
    }

    // Analytics reads task events and must not write them.
    let config = backends::kafka_login(backend, &sample.secret("kafka-analytics").await?)?;
    let producer: FutureProducer = config.create()?;
    let topic = format!("{prefix}.task-events");
    let refusal = producer
        .send(FutureRecord::to(&topic).key("e2e").payload("{}"), limit)
        .await
        .err()
        .and_then(|(error, _)| error.rdkafka_error_code());
    ensure!(
        refusal == Some(RDKafkaErrorCode::TopicAuthorizationFailed),
        "analytics wrote to {topic}: {refusal:?}"
    );

    // A wrong password is no login at all.
    let app = sample.secret("kafka-app").await?;
    let username = app.get("username").context("the Secret has username")?;
    let wrong: BaseConsumer = backends::kafka(backend, username, "wrong")?.create()?;
    ensure!(
        wrong.fetch_metadata(Some(&topic), limit).is_err(),
        "a wrong password was accepted"
    );
    Ok(())
}
