//! `POST /api/v1/auth/logout`.

use common_http::testing::Answer;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::world::{ADMIN, World, tokens};

/// What a refusal says, but for the name of its request.
fn said(answer: &Answer) -> Value {
    let mut error = answer.body["error"].clone();
    error["instance"] = json!(null);
    error
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_sign_in_ends_and_others_go_on(pool: PgPool) {
    let world = World::new(&pool).await;
    let (_, token) = world.login(ADMIN).await;
    let (_, other) = world.login(ADMIN).await;
    let (_, next) = tokens(&world.refresh("one", &token).await);
    assert_eq!(
        world.logout(&token).await.status,
        204,
        "an older token will do"
    );
    world
        .refresh("one", &next)
        .await
        .refused(401, "bad_refresh");
    tokens(&world.refresh("one", &other).await);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn twice_is_as_good_as_once(pool: PgPool) {
    let world = World::new(&pool).await;
    let (_, token) = world.login(ADMIN).await;
    for _ in 0..2 {
        assert_eq!(world.logout(&token).await.status, 204);
    }
    assert_eq!(world.logout("nobody's").await.status, 204);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn its_access_tokens_end_with_it_though_they_are_remembered(pool: PgPool) {
    let world = World::new(&pool).await;
    let revocations = world.heed(&pool).await;
    let (access, token) = world.login(ADMIN).await;
    let (other, _) = world.login(ADMIN).await;
    let (next, _) = tokens(&world.refresh("one", &token).await);
    for good in [&access, &next, &other] {
        assert_eq!(world.me(good).await.status, 200);
    }
    assert_eq!(world.logout(&token).await.status, 204);
    revocations.look().await;
    let forged = said(&world.me("a.b.c").await);
    for ended in [&access, &next] {
        let refused = world.me(ended).await;
        refused.refused(401, "unauthorized");
        assert_eq!(said(&refused), forged);
    }
    assert_eq!(world.me(&other).await.status, 200);

    // As long as any of its tokens could be good: ten minutes, and the skew of the clocks.
    world.pass(659);
    revocations.look().await;
    world.me(&next).await.refused(401, "unauthorized");
    assert_eq!(world.me(&other).await.status, 200);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn who_cannot_tell_who_has_signed_out_believes_nobody(pool: PgPool) {
    let world = World::new(&pool).await;
    let revocations = world.heed(&pool).await;
    let (access, _) = world.login(ADMIN).await;
    world.pass(10);
    assert_eq!(world.me(&access).await.status, 200);
    world.pass(1);
    let refused = world.me(&access).await;
    refused.refused(503, "unavailable");
    assert_eq!(refused.header("retry-after"), "3");
    world.me("a.b.c").await.refused(401, "unauthorized");
    revocations.look().await;
    assert_eq!(world.me(&access).await.status, 200);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn no_exchange_survives_a_sign_out_at_the_same_moment(pool: PgPool) {
    let world = World::new(&pool).await;
    let revocations = world.heed(&pool).await;
    for _ in 0..10 {
        let (_, token) = world.login(ADMIN).await;
        let (ended, exchanged) = tokio::join!(world.logout(&token), world.refresh("one", &token));
        assert_eq!(ended.status, 204);
        if exchanged.status == 200 {
            let (access, next) = tokens(&exchanged);
            revocations.look().await;
            world.me(&access).await.refused(401, "unauthorized");
            world
                .refresh("one", &next)
                .await
                .refused(401, "bad_refresh");
        } else {
            exchanged.refused(401, "bad_refresh");
        }
    }
}
