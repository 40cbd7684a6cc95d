//! Failed sign-ins are counted per address, and per account for each known client and for all others (ADR 0024).

use std::net::IpAddr;

use api_server_users::UsersConfig;
use common_cache::testing::Silent;
use common_http::testing::Answer;
use common_scratch::Redis;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use sqlx::PgPool;

use crate::held_up::{hold, holds, waits_for_a_lock};
use crate::world::{ADMIN, PASSWORD, World, tokens};

const HOME: &str = "198.51.100.7";
const QUARTER: i64 = 15 * 60;

fn few() -> UsersConfig {
    UsersConfig {
        failures_per_account: 3,
        failures_per_account_daily: 5,
        failures_per_address: 6,
        ..UsersConfig::default()
    }
}

async fn limited(pool: &PgPool) -> World {
    World::with(pool, &common_cache::testing::redis_url(), few()).await
}

fn at(address: &str) -> IpAddr {
    address.parse().expect("an address")
}

#[track_caller]
fn waits(answer: &Answer, seconds: &str) {
    answer.refused(429, "too_many_failures");
    assert_eq!(answer.header("retry-after"), seconds);
}

/// Fails so often from nowhere in particular.
async fn fail(world: &World, email: &str, times: usize) {
    for _ in 0..times {
        let answer = world.try_login(email, "wrong horse").await;
        answer.refused(401, "bad_credentials");
    }
}

/// Fails as often as may be, from an address of its own each time.
async fn attack(world: &World, email: &str) {
    for last in 1..=3 {
        let from = at(&format!("203.0.113.{last}"));
        let answer = world.login_from(from, email, "wrong horse").await;
        answer.refused(401, "bad_credentials");
    }
    let over = world.login_from(at("203.0.113.4"), email, PASSWORD).await;
    waits(&over, "900");
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn an_account_that_fails_too_often_waits_as_long_as_it_is_told_and_others_do_not(
    pool: PgPool,
) {
    let world = limited(&pool).await;
    world.user("ben").await;
    fail(&world, ADMIN, 3).await;
    waits(&world.try_login(ADMIN, PASSWORD).await, "900");
    tokens(&world.try_login("ben@example.org", PASSWORD).await);
    world.pass(QUARTER - 1);
    waits(&world.try_login(ADMIN, PASSWORD).await, "1");
    world.pass(1);
    tokens(&world.try_login(ADMIN, PASSWORD).await);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn an_account_that_does_not_exist_is_limited_alike(pool: PgPool) {
    let world = limited(&pool).await;
    let mut answers = Vec::new();
    for email in [ADMIN, "nobody@example.org"] {
        let mut told = Vec::new();
        for _ in 0..5 {
            let answer = world.login_from(at("192.0.2.1"), email, "wrong").await;
            let code = answer.body["error"]["code"].clone();
            let after = answer.headers.get("retry-after").cloned();
            told.push((answer.status, code, after));
        }
        answers.push(told);
        world.pass(QUARTER);
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0][4].0, 429);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn who_signs_in_from_where_they_did_before_is_not_kept_out_by_others(pool: PgPool) {
    let world = limited(&pool).await;
    tokens(&world.login_from(at(HOME), ADMIN, PASSWORD).await);
    attack(&world, ADMIN).await;
    // Mistakes at home are counted there alone.
    for _ in 0..2 {
        let answer = world.login_from(at(HOME), ADMIN, "wrong horse").await;
        answer.refused(401, "bad_credentials");
    }
    tokens(&world.login_from(at(HOME), ADMIN, PASSWORD).await);
    let elsewhere = world.login_from(at("192.0.2.1"), ADMIN, PASSWORD).await;
    waits(&elsewhere, "900");
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_known_client_has_its_limit_too_and_starts_anew_with_each_success(pool: PgPool) {
    let world = limited(&pool).await;
    for _ in 0..2 {
        tokens(&world.login_from(at(HOME), ADMIN, PASSWORD).await);
        let answer = world.login_from(at(HOME), ADMIN, "wrong horse").await;
        answer.refused(401, "bad_credentials");
    }
    tokens(&world.login_from(at(HOME), ADMIN, PASSWORD).await);
    for _ in 0..3 {
        let answer = world.login_from(at(HOME), ADMIN, "wrong horse").await;
        answer.refused(401, "bad_credentials");
    }
    waits(&world.login_from(at(HOME), ADMIN, PASSWORD).await, "900");
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn from_one_network_of_version_6_one_is_known_and_limited(pool: PgPool) {
    let world = limited(&pool).await;
    tokens(
        &world
            .login_from(at("2001:db8:1:2::1"), ADMIN, PASSWORD)
            .await,
    );
    attack(&world, ADMIN).await;
    tokens(
        &world
            .login_from(at("2001:db8:1:2::ffff"), ADMIN, PASSWORD)
            .await,
    );
    waits(
        &world
            .login_from(at("2001:db8:1:3::1"), ADMIN, PASSWORD)
            .await,
        "900",
    );
    for account in 0..6 {
        let (from, email) = (
            at(&format!("2001:db8:7:7::{account}")),
            format!("nobody{account}@example.org"),
        );
        let answer = world.login_from(from, &email, PASSWORD).await;
        answer.refused(401, "bad_credentials");
    }
    let over = world.login_from(at("2001:db8:7:7::99"), "new@example.org", PASSWORD);
    waits(&over.await, "900");
    let other = world.login_from(at("2001:db8:7:8::99"), "new@example.org", PASSWORD);
    other.await.refused(401, "bad_credentials");
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_network_is_known_for_ninety_days_and_stored_as_nobody_can_read_it(pool: PgPool) {
    let world = limited(&pool).await;
    tokens(&world.login_from(at(HOME), ADMIN, PASSWORD).await);
    world.pass(90 * 86_400 - QUARTER);
    attack(&world, ADMIN).await;
    tokens(&world.login_from(at(HOME), ADMIN, PASSWORD).await);
    let kept: Vec<String> = sqlx::query_scalar("select k::text from known_networks k")
        .fetch_all(&pool)
        .await
        .expect("readable");
    assert!(kept.len() == 1 && !kept[0].contains(HOME), "{kept:?}");
    world.pass(90 * 86_400);
    attack(&world, ADMIN).await;
    waits(&world.login_from(at(HOME), ADMIN, PASSWORD).await, "900");
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_day_has_its_limit_and_what_was_refused_is_no_guess(pool: PgPool) {
    let world = limited(&pool).await;
    tokens(&world.login_from(at(HOME), ADMIN, PASSWORD).await);
    fail(&world, ADMIN, 3).await;
    for _ in 0..10 {
        waits(&world.try_login(ADMIN, PASSWORD).await, "900");
    }
    world.pass(QUARTER);
    fail(&world, ADMIN, 2).await;
    // 09:15 until midnight.
    waits(&world.try_login(ADMIN, PASSWORD).await, "53100");
    tokens(&world.login_from(at(HOME), ADMIN, PASSWORD).await);
    world.pass(53_100);
    tokens(&world.try_login(ADMIN, PASSWORD).await);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn an_address_that_tries_many_accounts_waits(pool: PgPool) {
    let world = limited(&pool).await;
    for account in 0..6 {
        let email = format!("nobody{account}@example.org");
        let answer = world.login_from(at("192.0.2.1"), &email, PASSWORD).await;
        answer.refused(401, "bad_credentials");
    }
    let over = world.login_from(at("192.0.2.1"), ADMIN, PASSWORD).await;
    waits(&over, "900");
    tokens(&world.login_from(at("192.0.2.2"), ADMIN, PASSWORD).await);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn an_address_that_many_sign_in_from_does_not_wait(pool: PgPool) {
    let world = limited(&pool).await;
    for _ in 0..8 {
        tokens(&world.login_from(at(HOME), ADMIN, PASSWORD).await);
    }
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn without_redis_this_process_counts_and_people_still_sign_in(pool: PgPool) {
    let redis = Redis::start().expect("a Redis of its own");
    let world = World::with(&pool, &redis.url(), few()).await;
    tokens(&world.login_from(at(HOME), ADMIN, PASSWORD).await);
    drop(redis);
    tokens(&world.try_login(ADMIN, PASSWORD).await);
    attack(&world, ADMIN).await;
    waits(&world.try_login(ADMIN, PASSWORD).await, "900");
    tokens(&world.login_from(at(HOME), ADMIN, PASSWORD).await);
}

/// As many at once as the limit allows: what is turned away for want of room does not count as failed. Somebody has the slot
/// until all the others have come.
#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn when_too_many_wait_for_the_pool_some_are_told_to_come_again(pool: PgPool) {
    const WAITING: usize = 64;
    const AT_ONCE: usize = WAITING + 6;
    let many = UsersConfig {
        failures_per_account: AT_ONCE as u64,
        failures_per_account_daily: AT_ONCE as u64,
        failures_per_address: AT_ONCE as u64,
        ..UsersConfig::default()
    };
    let world = World::with(&pool, &common_cache::testing::redis_url(), many).await;
    for _ in 0..2 {
        let slot = world.hasher.occupy().await.expect("it is free");
        let all = (0..AT_ONCE).map(|_| world.login_from(at(HOME), ADMIN, PASSWORD));
        let mut answers: FuturesUnordered<_> = all.collect();
        for _ in WAITING..AT_ONCE {
            let answer = answers.next().await.expect("one more");
            answer.refused(503, "unavailable");
            assert_eq!(answer.header("retry-after"), "3");
        }
        drop(slot);
        while let Some(answer) = answers.next().await {
            tokens(&answer);
        }
    }
    tokens(&world.login_from(at(HOME), ADMIN, PASSWORD).await);
}

/// A client that leaves does not make its sign-in a failed one: the table that it writes last is held until it has left.
#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn who_leaves_has_not_failed(pool: PgPool) {
    let world = limited(&pool).await;
    for left in 1..=3 {
        let held = hold(&pool, "lock table sessions in share mode").await;
        let signing_in = world.try_login(ADMIN, PASSWORD);
        tokio::select! {
            biased;
            early = signing_in => panic!("not held: {}", early.status),
            () = waits_for_a_lock(&pool) => {}
        }
        held.rollback().await.expect("let go");
        holds("the sign-in ends all the same", async || {
            let number = sqlx::query_scalar("select count(*) from sessions").fetch_one(&pool);
            number.await.is_ok_and(|number: i64| number == left)
        })
        .await;
    }
    tokens(&world.try_login(ADMIN, PASSWORD).await);
}

/// Whoever sends many at once, while the quarter is over, neither uses up the day nor is told to wait for its end.
#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn what_a_quarter_refuses_never_counts_for_the_day(pool: PgPool) {
    let world = limited(&pool).await;
    fail(&world, ADMIN, 3).await;
    let burst = (0..40).map(|_| world.try_login(ADMIN, PASSWORD));
    for answer in futures::future::join_all(burst).await {
        waits(&answer, "900");
    }
    world.pass(QUARTER);
    tokens(&world.try_login(ADMIN, PASSWORD).await);
}

/// One that answers nothing any more is waited for once by a sign-in, not at each of its counters.
#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_redis_that_says_nothing_is_asked_once(pool: PgPool) {
    let silent = Silent::before(&common_cache::testing::redis_url()).await;
    let world = World::with(&pool, &silent.url, few()).await;
    tokens(&world.login_from(at(HOME), ADMIN, PASSWORD).await);
    silent.swallow();
    tokens(&world.login_from(at(HOME), ADMIN, PASSWORD).await);
    assert_eq!(silent.swallowed(), 1, "counters that were asked for");
}
