//! Failed sign-ins are counted per account and per address.

use std::net::{IpAddr, Ipv4Addr};

use api_server_users::UsersConfig;
use common_scratch::Redis;
use sqlx::PgPool;

use crate::world::{ADMIN, PASSWORD, World, tokens};

fn few() -> UsersConfig {
    UsersConfig {
        failures_per_account: 3,
        failures_per_address: 5,
        ..UsersConfig::default()
    }
}

/// Uses up an account's attempts, and sees the refusal.
async fn exhaust(world: &World, email: &str) {
    for _ in 0..3 {
        let answer = world.try_login(email, "wrong horse").await;
        answer.refused(401, "bad_credentials");
    }
    let over = world.try_login(email, PASSWORD).await;
    over.refused(429, "too_many_failures");
    assert_eq!(over.header("retry-after"), "900");
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn an_account_that_fails_too_often_waits_and_others_do_not(pool: PgPool) {
    let redis = Redis::start().expect("a Redis of its own");
    let world = World::with(&pool, &redis.url(), few()).await;
    world.user("ben").await;
    exhaust(&world, ADMIN).await;
    tokens(&world.try_login("ben@example.org", PASSWORD).await);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn an_account_that_does_not_exist_is_limited_alike(pool: PgPool) {
    let redis = Redis::start().expect("a Redis of its own");
    let world = World::with(&pool, &redis.url(), few()).await;
    exhaust(&world, "nobody@example.org").await;
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn success_forgets_the_failures_of_the_account(pool: PgPool) {
    let redis = Redis::start().expect("a Redis of its own");
    let world = World::with(&pool, &redis.url(), few()).await;
    for _ in 0..3 {
        for _ in 0..2 {
            let answer = world.try_login(ADMIN, "wrong horse").await;
            answer.refused(401, "bad_credentials");
        }
        tokens(&world.try_login(ADMIN, PASSWORD).await);
    }
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn an_address_that_tries_many_accounts_waits(pool: PgPool) {
    let redis = Redis::start().expect("a Redis of its own");
    let world = World::with(&pool, &redis.url(), few()).await;
    let from = |last| Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)));
    for account in 0..5 {
        let email = format!("nobody{account}@example.org");
        let answer = world.login_from(from(1), &email, PASSWORD).await;
        answer.refused(401, "bad_credentials");
    }
    let over = world.login_from(from(1), ADMIN, PASSWORD).await;
    over.refused(429, "too_many_failures");
    tokens(&world.login_from(from(2), ADMIN, PASSWORD).await);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn an_address_that_many_sign_in_from_does_not_wait(pool: PgPool) {
    let redis = Redis::start().expect("a Redis of its own");
    let world = World::with(&pool, &redis.url(), few()).await;
    let office = Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)));
    for _ in 0..7 {
        tokens(&world.login_from(office, ADMIN, PASSWORD).await);
    }
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn without_redis_this_process_counts_and_people_still_sign_in(pool: PgPool) {
    let redis = Redis::start().expect("a Redis of its own");
    let world = World::with(&pool, &redis.url(), few()).await;
    drop(redis);
    tokens(&world.try_login(ADMIN, PASSWORD).await);
    exhaust(&world, ADMIN).await;
}
