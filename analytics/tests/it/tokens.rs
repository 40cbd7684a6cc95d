//! Tokens, with keys from a mounted file and from a URL.

use axum::Router;
use axum::routing::get;
use chrono::TimeDelta;
use common_clock::testing::wait_for;
use common_clock::{Clock as _, Ids as _, SystemClock, SystemIds};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::rows::{prepare, team, user};
use crate::world::{Role, Settings, free_address, key_file, token, token_of};

/// A good token is accepted; none, and a changed one, are not.
async fn prove(role: &Role, pool: &PgPool) {
    let ada = user(pool).await;
    let ours = team(pool, ada, &[]).await;
    let good = token(ada, false);
    let (status, body) = role.summary(ours, Some(&good)).await;
    assert_eq!(status, 200, "{body}");
    let (head, signature) = good.rsplit_once('.').expect("three parts");
    let turned: String = signature.chars().rev().collect();
    for bad in [
        None,
        Some(format!("{head}.{turned}")),
        Some(format!("{head}.")),
    ] {
        let (status, body) = role.summary(ours, bad.as_deref()).await;
        assert_eq!(
            (status, &body["error"]["code"]),
            (401, &json!("unauthorized")),
            "{bad:?}"
        );
    }
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn keys_from_a_file(pool: PgPool) {
    prepare(&pool).await;
    let role = Settings::of(&pool).ready().await;
    prove(&role, &pool).await;
    let (status, document) = role.document().await;
    assert_eq!((status, &document["openapi"]), (200, &json!("3.1.0")));
    let (status, state) = role.probe("/internal/state").await;
    let state: Value = serde_json::from_str(&state).expect("JSON");
    assert_eq!((status, &state["role"]), (200, &json!("analytics")));
    assert_eq!(state["jwks_epoch"], 7);
    assert_eq!(state["jwks_data_timestamp"], "2026-03-01T00:00:00Z");
    assert_eq!(
        state["credentials"],
        json!({"db-analytics-owner": 0, "db-analytics-reader": 0})
    );
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn keys_from_a_url_that_answers_later(pool: PgPool) {
    prepare(&pool).await;
    let address = free_address();
    let role = Settings {
        keys: format!("jwks_url = \"http://{address}/.well-known/jwks.json\""),
        more: "[outbound]\nprivate_hosts = [\"127.0.0.1\"]".to_owned(),
        ..Settings::of(&pool)
    }
    .start();
    role.misses("key set").await;

    let keys = std::fs::read_to_string(key_file("jwks.json")).expect("keys");
    let issuer = Router::new().route("/.well-known/jwks.json", get(move || async move { keys }));
    let _issuer = Role::start("issuer", |service| {
        let listening = service.clone();
        service.spawn("keys", async move {
            listening.listen(address, issuer).await.map(drop)
        });
        Ok(())
    });
    role.ready().await;
    prove(&role, &pool).await;
}

#[sqlx::test(migrations = false)]
async fn exactly_one_source_of_keys_is_named(pool: PgPool) {
    for keys in [
        "",
        "jwks_file = \"/keys.json\"\njwks_url = \"https://keys.example.org\"",
    ] {
        let settings = Settings {
            keys: keys.to_owned(),
            ..Settings::of(&pool)
        };
        let source = settings.source();
        let mut refused = String::new();
        let _role = Role::start("analytics", |service| {
            let started = analytics::roles::analytics::start(&source, service);
            refused = started.expect_err("not valid").to_string();
            Ok(())
        });
        assert!(
            refused.contains("exactly one of auth.jwks_file and auth.jwks_url"),
            "{refused}"
        );
    }
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_token_ends_with_its_sign_in(pool: PgPool) {
    prepare(&pool).await;
    let ada = user(&pool).await;
    let ours = team(&pool, ada, &[]).await;
    let role = Settings::of(&pool).ready().await;
    let (ended, over) = (SystemIds.uuid(), SystemIds.uuid());
    let (token, other) = (token_of(ada, ended), token_of(ada, over));
    assert_eq!(role.summary(ours, Some(&token)).await.0, 200);
    let now = SystemClock.now();
    for (session, until) in [
        (ended, now + TimeDelta::hours(1)),
        (over, now - TimeDelta::hours(1)),
    ] {
        let insert = "insert into revocations (session_id, expires_at) values ($1, $2)";
        let done = sqlx::query(insert).bind(session).bind(until).execute(&pool);
        done.await.expect("a row");
    }
    wait_for("the token to end", async || {
        let (status, body) = role.summary(ours, Some(&token)).await;
        let code = &body["error"]["code"];
        (status == 401 && code == "unauthorized")
            .then_some(())
            .ok_or(body.to_string())
    })
    .await;
    assert_eq!(role.summary(ours, Some(&other)).await.0, 200);
}
