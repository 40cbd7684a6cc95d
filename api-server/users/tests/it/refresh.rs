//! `POST /api/v1/auth/refresh`: each token is good for one exchange.

use sqlx::PgPool;

use crate::world::{ADMIN, World, tokens};

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn each_exchange_gives_the_next_token(pool: PgPool) {
    let world = World::new(&pool).await;
    let (_, mut token) = world.login(ADMIN).await;
    for _ in 0..3 {
        world.pass(60);
        let (_, next) = tokens(&world.refresh("one", &token).await);
        assert_ne!(next, token);
        token = next;
    }
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn the_same_program_may_repeat_it_for_ten_seconds(pool: PgPool) {
    let world = World::new(&pool).await;
    let (_, token) = world.login(ADMIN).await;
    let (_, next) = tokens(&world.refresh("one", &token).await);
    world.pass(10);
    let (_, again) = tokens(&world.refresh("one", &token).await);
    assert_eq!(again, next);
    tokens(&world.refresh("one", &next).await);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn two_tabs_at_once_get_the_same_token(pool: PgPool) {
    let world = World::new(&pool).await;
    let (_, token) = world.login(ADMIN).await;
    let (one, other) = tokio::join!(world.refresh("one", &token), world.refresh("one", &token));
    assert_eq!(tokens(&one).1, tokens(&other).1);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_used_token_that_comes_back_late_ends_the_sign_in(pool: PgPool) {
    let world = World::new(&pool).await;
    let revocations = world.heed(&pool).await;
    let (_, token) = world.login(ADMIN).await;
    let (_, other) = world.login(ADMIN).await;
    let (access, next) = tokens(&world.refresh("one", &token).await);
    world.pass(11);
    world
        .refresh("one", &token)
        .await
        .refused(401, "bad_refresh");
    world
        .refresh("one", &next)
        .await
        .refused(401, "bad_refresh");
    revocations.look().await;
    world.me(&access).await.refused(401, "unauthorized");
    let (access, _) = tokens(&world.refresh("one", &other).await);
    assert_eq!(world.me(&access).await.status, 200);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_used_token_in_another_program_ends_the_sign_in(pool: PgPool) {
    let world = World::new(&pool).await;
    let (_, token) = world.login(ADMIN).await;
    let (_, next) = tokens(&world.refresh("one", &token).await);
    world
        .refresh("thief", &token)
        .await
        .refused(401, "bad_refresh");
    world
        .refresh("one", &next)
        .await
        .refused(401, "bad_refresh");
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_sign_in_ends_after_its_days_however_often_it_was_refreshed(pool: PgPool) {
    let world = World::new(&pool).await;
    let (_, mut token) = world.login(ADMIN).await;
    for _ in 0..29 {
        world.pass(86_400);
        token = tokens(&world.refresh("one", &token).await).1;
    }
    world.pass(86_400);
    world
        .refresh("one", &token)
        .await
        .refused(401, "bad_refresh");
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn an_archived_user_gets_nothing_more(pool: PgPool) {
    let world = World::new(&pool).await;
    let (_, token) = world.login(ADMIN).await;
    sqlx::query("update users set is_archived = true")
        .execute(&pool)
        .await
        .expect("archived");
    world
        .refresh("one", &token)
        .await
        .refused(401, "bad_refresh");
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn what_is_no_token_is_refused_alike(pool: PgPool) {
    let world = World::new(&pool).await;
    let (access, _) = world.login(ADMIN).await;
    for token in ["", "x", access.as_str()] {
        world
            .refresh("one", token)
            .await
            .refused(401, "bad_refresh");
    }
}
