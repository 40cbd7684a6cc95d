//! Starting while servers are away: alive at once, ready later, and saying what is missing.

use common_clock::testing::wait_for;
use sqlx::PgPool;

use crate::rows::{prepare, team, user};
use crate::world::{Settings, free_address, token};

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_role_without_its_replica_is_alive_and_says_so(pool: PgPool) {
    prepare(&pool).await;
    let away = free_address();
    let role = Settings {
        reader_url: format!("postgres://reader:secret-word@{away}/app"),
        ..Settings::of(&pool)
    }
    .start();
    let missing = format!(
        "replica: cannot connect to PostgreSQL at 127.0.0.1:{}",
        away.port()
    );
    role.misses(&missing).await;
    wait_for("the rest to be reached", async || {
        let (_, text) = role.probe("/readyz?verbose").await;
        let reached = text.contains("[+] own database") && text.contains("[+] key set");
        (reached && !text.contains("secret-word"))
            .then_some(())
            .ok_or(text)
    })
    .await;
    assert_eq!(role.probe("/livez").await.0, 200);
    assert_eq!(role.probe("/startupz").await.0, 503);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_cache_that_is_away_changes_nothing(pool: PgPool) {
    prepare(&pool).await;
    let ada = user(&pool).await;
    let ours = team(&pool, ada, &[]).await;
    let role = Settings {
        more: format!("[redis]\nurl = \"redis://{}\"", free_address()),
        ..Settings::of(&pool)
    }
    .ready()
    .await;
    assert_eq!(role.summary(ours, Some(&token(ada, false))).await.0, 200);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn callers_are_limited_without_a_cache_too(pool: PgPool) {
    prepare(&pool).await;
    let ada = user(&pool).await;
    let ours = team(&pool, ada, &[]).await;
    let role = Settings {
        more: "[http]\nreads_per_minute = 2".to_owned(),
        ..Settings::of(&pool)
    }
    .ready()
    .await;
    let token = token(ada, false);
    let mut refused = 0;
    // A minute may end between them, but not two.
    for _ in 0..5 {
        let (status, body) = role.summary(ours, Some(&token)).await;
        assert!(status == 200 || status == 429, "{body}");
        refused += i32::from(status == 429);
    }
    assert!(refused > 0);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_role_that_cannot_tell_who_has_signed_out_is_not_ready(pool: PgPool) {
    prepare(&pool).await;
    let may_read = async |statement: &'static str| {
        let done = sqlx::query(statement).execute(&pool).await;
        done.expect("the owner may");
    };
    may_read("revoke select on analytics_revocations from crewdeck_test_reader").await;
    let role = Settings::of(&pool).start();
    role.misses("revocations: cannot read which sign-ins have ended")
        .await;
    may_read("grant select on analytics_revocations to crewdeck_test_reader").await;
    role.ready().await;
}
