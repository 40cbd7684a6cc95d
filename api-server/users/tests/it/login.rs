//! `POST /api/v1/auth/login`.

use std::sync::Arc;

use common_auth::testing::KeyFolder;
use common_clock::{Clock as _, ManualClock};
use serde_json::json;
use sqlx::PgPool;

use crate::held_up::{hold, waits_for_a_lock};
use crate::world::{ADMIN, PASSWORD, World, tokens};

/// The hash of another password than everybody's.
const OTHER: &str = "pbkdf2_sha256$1000$seasalt$JgZryXe2Ga8ysg6XbzkLpTdyPQrHqsinbL9BnnhgX4A=";

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn the_token_is_one_that_every_role_accepts(pool: PgPool) {
    let world = World::new(&pool).await;
    let answer = world.try_login(ADMIN, PASSWORD).await;
    let (access, _) = tokens(&answer);
    assert_eq!(answer.data()["token_type"], "Bearer");
    assert_eq!(answer.data()["expires_in"], 600);

    let keys = KeyFolder::of_tests(env!("CARGO_TARGET_TMPDIR"));
    let now = "2026-03-02T09:00:00Z".parse().expect("a time");
    let clock = Arc::new(ManualClock::new(now));
    let verifier = keys.verifier(clock.clone()).await;
    let claims = verifier.verify(&access).await.expect("accepted");
    assert_eq!((claims.sub, claims.adm), (world.admin.id, true));
    assert_eq!(claims.exp - clock.now().timestamp(), 600);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn an_unknown_address_looks_like_a_wrong_password(pool: PgPool) {
    let world = World::new(&pool).await;
    let wrong = world.try_login(ADMIN, "wrong horse").await;
    wrong.refused(401, "bad_credentials");
    for email in ["nobody@example.org", "not an address"] {
        let unknown = world.try_login(email, PASSWORD).await;
        unknown.refused(401, "bad_credentials");
        let (mut one, mut other) = (wrong.body["error"].clone(), unknown.body["error"].clone());
        for error in [&mut one, &mut other] {
            error["instance"] = json!(null);
        }
        assert_eq!(one, other);
        let names = |answer: &common_http::testing::Answer| {
            let mut names: Vec<String> = answer.headers.keys().map(ToString::to_string).collect();
            names.sort();
            names
        };
        assert_eq!(names(&wrong), names(&unknown));
    }
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn the_address_is_not_case_sensitive(pool: PgPool) {
    let world = World::new(&pool).await;
    tokens(&world.try_login("Admin@Example.ORG", PASSWORD).await);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn the_former_paths_answer_the_same_and_say_how_long(pool: PgPool) {
    let world = World::new(&pool).await;
    let body = json!({"email": ADMIN, "password": PASSWORD});
    let signed_in = world.call(None, "POST", "/api/token/", body).await;
    let (_, refresh) = tokens(&signed_in);
    let body = json!({"refresh": refresh});
    let refreshed = world.call(None, "POST", "/api/token/refresh/", body).await;
    tokens(&refreshed);
    for (answer, instead) in [(signed_in, "login"), (refreshed, "refresh")] {
        assert_eq!(answer.header("deprecation"), "@1795996800");
        assert_eq!(answer.header("sunset"), "Tue, 30 Nov 2027 00:00:00 GMT");
        let link = format!("</api/v1/auth/{instead}>; rel=\"successor-version\"");
        assert!(answer.header("link").starts_with(&link), "{answer:?}");
    }
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn no_secret_is_stored_as_it_is(pool: PgPool) {
    let world = World::new(&pool).await;
    let (access, refresh) = world.login(ADMIN).await;
    let rows: Vec<String> = sqlx::query_scalar(
        "select u::text from users u union all select s::text from sessions s
         union all select a::text from audit a union all select o::text from outbox o",
    )
    .fetch_all(&pool)
    .await
    .expect("readable");
    assert!(rows.len() >= 4, "{rows:?}");
    for secret in [PASSWORD, &access, &refresh] {
        assert!(!rows.iter().any(|row| row.contains(secret)), "{secret}");
    }
}

/// Between the look at the hash and the session, the account may become another: its row is held until the sign-in comes to it.
#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn no_session_starts_on_what_was_true_before(pool: PgPool) {
    let world = World::new(&pool).await;
    world.user("ben").await;
    world.user("eve").await;
    sqlx::query("update users set password_hash = $1 where is_admin")
        .bind(OTHER)
        .execute(&pool)
        .await
        .expect("another password");
    for (name, change) in [
        (
            "ben",
            "update users set is_archived = true where name = 'ben'",
        ),
        (
            "eve",
            "update users set password_hash = (select password_hash from users where is_admin) where name = 'eve'",
        ),
    ] {
        let held = hold(&pool, change).await;
        let changed = async {
            waits_for_a_lock(&pool).await;
            held.commit().await.expect("changed");
        };
        let email = format!("{name}@example.org");
        let signing_in = world.try_login(&email, PASSWORD);
        let (answer, ()) = tokio::join!(signing_in, changed);
        answer.refused(401, "bad_credentials");
    }
    let sessions = sqlx::query_scalar("select count(*) from sessions").fetch_one(&pool);
    let sessions: i64 = sessions.await.expect("a number");
    assert_eq!(sessions, 0);
}
