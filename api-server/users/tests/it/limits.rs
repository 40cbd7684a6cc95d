//! Failed sign-ins are limited per account, per address and per pair, and never shut the owner of an account out.

use std::time::{Duration, Instant};

use api_server_users::UsersConfig;
use common_http::testing::Answer;
use common_scratch::Redis;
use sqlx::PgPool;

use crate::world::{ADMIN, PASSWORD, Place, World, tokens};

const NOBODY: &str = "nobody@example.org";
const MINUTE: i64 = 60;
const DAY: i64 = 24 * 60 * MINUTE;

/// Few, and nobody waits.
fn few() -> UsersConfig {
    UsersConfig {
        failures_per_account: 2,
        failures_per_pair: 3,
        failures_per_address: 5,
        failures_per_day: 6,
        slow_sign_in_milliseconds: 0,
        ..UsersConfig::default()
    }
}

async fn world(pool: &PgPool, redis: &Redis) -> World {
    World::with(pool, &redis.url(), few()).await
}

/// Fails from ever new addresses until strangers are refused.
async fn attack(world: &World, email: &str) {
    for last in 100..106 {
        let answer = world.sign_in(Place::at(last), email, "wrong horse").await;
        answer.refused(401, "bad_credentials");
    }
    let over = world.sign_in(Place::at(106), email, PASSWORD).await;
    over.refused(429, "too_many_failures");
}

/// The cookie of an answer, as it is sent back.
fn cookie(answer: &Answer) -> String {
    let set = answer.header("set-cookie");
    let (cookie, rest) = set.split_once("; ").expect("with attributes");
    let expected = "Max-Age=5184000; Path=/; Secure; HttpOnly; SameSite=Strict";
    assert_eq!(rest, expected);
    assert!(cookie.starts_with("__Host-device="), "{cookie}");
    cookie.to_owned()
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn the_owner_of_an_attacked_account_signs_in_where_it_did_before(pool: PgPool) {
    let redis = Redis::start().expect("a Redis of its own");
    let world = world(&pool, &redis).await;
    world.user("ben").await;
    let home = Place::at(1);
    tokens(&world.sign_in(home, ADMIN, PASSWORD).await);
    attack(&world, ADMIN).await;
    for _ in 0..5 {
        tokens(&world.sign_in(home, ADMIN, PASSWORD).await);
    }
    // Others are not concerned, wherever they are.
    let other = world.sign_in(Place::at(2), "ben@example.org", PASSWORD);
    tokens(&other.await);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn the_owner_of_an_attacked_account_signs_in_with_the_same_device(pool: PgPool) {
    let redis = Redis::start().expect("a Redis of its own");
    let world = world(&pool, &redis).await;
    let home = Place::at(1);
    let cookie = cookie(&world.sign_in(home, ADMIN, PASSWORD).await);
    attack(&world, ADMIN).await;
    // Elsewhere; and where the attacker is, which is over the limit of that address too.
    for failed in 0..5 {
        let email = format!("{failed}@example.org");
        let answer = world.sign_in(Place::at(100), &email, PASSWORD).await;
        assert_eq!(answer.status, if failed < 4 { 401 } else { 429 });
    }
    for last in [2, 100] {
        let answer = world.sign_in(Place::at(last).with(&cookie), ADMIN, PASSWORD);
        // It stays the same one.
        assert!(answer.await.header("set-cookie").starts_with(&cookie));
    }
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_device_is_known_to_the_account_that_it_signed_in_to(pool: PgPool) {
    let redis = Redis::start().expect("a Redis of its own");
    let world = world(&pool, &redis).await;
    world.user("ben").await;
    let of_ben = world
        .sign_in(Place::at(1), "ben@example.org", PASSWORD)
        .await;
    let of_ben = cookie(&of_ben);
    attack(&world, ADMIN).await;
    for shown in [
        of_ben.as_str(),
        "__Host-device=made-up",
        "__Host-device=",
        "x",
    ] {
        let answer = world.sign_in(Place::at(1).with(shown), ADMIN, PASSWORD);
        answer.await.refused(429, "too_many_failures");
    }
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_known_client_has_a_budget_and_no_more(pool: PgPool) {
    let redis = Redis::start().expect("a Redis of its own");
    let world = world(&pool, &redis).await;
    let home = Place::at(1);
    let cookie = cookie(&world.sign_in(home, ADMIN, PASSWORD).await);
    let elsewhere = Place::at(2).with(&cookie);
    for _ in 0..3 {
        let answer = world.sign_in(elsewhere, ADMIN, "wrong horse").await;
        answer.refused(401, "bad_credentials");
    }
    let over = world.sign_in(elsewhere, ADMIN, PASSWORD).await;
    over.refused(429, "too_many_failures");
    // That was the device's; what is at home, and all strangers, have theirs.
    for place in [home, Place::at(2), Place::at(3)] {
        tokens(&world.sign_in(place, ADMIN, PASSWORD).await);
    }
    world.pass(30 * MINUTE);
    tokens(&world.sign_in(elsewhere, ADMIN, PASSWORD).await);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn success_forgets_the_failures_of_the_client(pool: PgPool) {
    let redis = Redis::start().expect("a Redis of its own");
    let world = world(&pool, &redis).await;
    for _ in 0..4 {
        for _ in 0..2 {
            let answer = world.sign_in(Place::at(1), ADMIN, "wrong horse").await;
            answer.refused(401, "bad_credentials");
        }
        tokens(&world.sign_in(Place::at(1), ADMIN, PASSWORD).await);
    }
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn one_address_cannot_use_up_what_all_strangers_have(pool: PgPool) {
    let redis = Redis::start().expect("a Redis of its own");
    let world = world(&pool, &redis).await;
    for attempt in 0..10 {
        let answer = world.sign_in(Place::at(1), ADMIN, "wrong horse").await;
        let (status, code) = match attempt {
            0..3 => (401, "bad_credentials"),
            _ => (429, "too_many_failures"),
        };
        answer.refused(status, code);
    }
    tokens(&world.sign_in(Place::at(2), ADMIN, PASSWORD).await);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn there_is_room_again_when_the_answer_said(pool: PgPool) {
    let redis = Redis::start().expect("a Redis of its own");
    let world = world(&pool, &redis).await;
    attack(&world, ADMIN).await;
    for _ in 0..3 {
        let over = world.sign_in(Place::at(1), ADMIN, PASSWORD).await;
        over.refused(429, "too_many_failures");
        let wait: i64 = over.header("retry-after").parse().expect("seconds");
        assert!((1..=2 * DAY).contains(&wait), "{wait}");
        world.pass(wait - 1);
        let early = world.sign_in(Place::at(1), ADMIN, PASSWORD).await;
        early.refused(429, "too_many_failures");
        assert_eq!(early.header("retry-after"), "1");
        world.pass(1);
        let failed = world.sign_in(Place::at(1), ADMIN, "wrong horse").await;
        failed.refused(401, "bad_credentials");
    }
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn strangers_wait_longer_each_time_and_then_get_in(pool: PgPool) {
    let redis = Redis::start().expect("a Redis of its own");
    let config = UsersConfig {
        slow_sign_in_milliseconds: 200,
        ..few()
    };
    let world = World::with(&pool, &redis.url(), config).await;
    for last in 1..=4 {
        let started = Instant::now();
        let answer = world.sign_in(Place::at(last), ADMIN, "wrong horse").await;
        answer.refused(401, "bad_credentials");
        let least = [0, 0, 200, 400][usize::from(last) - 1];
        assert!(started.elapsed() >= Duration::from_millis(least), "{last}");
    }
    let started = Instant::now();
    tokens(&world.sign_in(Place::at(5), ADMIN, PASSWORD).await);
    assert!(started.elapsed() >= Duration::from_millis(800));
}

/// What strangers are told of an account, whatever they try.
async fn seen(world: &World, email: &str) -> Vec<(u16, String, String)> {
    let mut seen = Vec::new();
    for (last, seconds) in [
        (1, 0),
        (1, 5),
        (1, 0),
        (1, 0),
        (2, 400),
        (3, 0),
        (4, 0),
        (5, 0),
        (6, 9),
        (7, 0),
    ] {
        world.pass(seconds);
        let answer = world.sign_in(Place::at(last), email, "wrong horse").await;
        let wait = answer.header("retry-after").to_owned();
        let detail = answer.body["error"]["detail"].to_string();
        seen.push((answer.status, detail, wait));
        // Of the owner, where there is one.
        world.sign_in(Place::at(200), email, PASSWORD).await;
    }
    seen
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn an_account_that_does_not_exist_is_limited_alike(pool: PgPool) {
    let redis = Redis::start().expect("a Redis of its own");
    let config = UsersConfig {
        failures_per_day: 100,
        failures_per_pair: 2,
        failures_per_address: 100,
        ..few()
    };
    let known = World::with(&pool, &redis.url(), config.clone()).await;
    tokens(&known.sign_in(Place::at(200), ADMIN, PASSWORD).await);
    let of_known = seen(&known, ADMIN).await;
    known.pass(-414);
    assert_eq!(of_known, seen(&known, NOBODY).await);
    assert!(of_known.iter().any(|(status, ..)| *status == 429));
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn strangers_do_not_see_that_the_owner_signs_in(pool: PgPool) {
    let redis = Redis::start().expect("a Redis of its own");
    let world = world(&pool, &redis).await;
    let home = Place::at(1);
    tokens(&world.sign_in(home, ADMIN, PASSWORD).await);
    attack(&world, ADMIN).await;
    tokens(&world.sign_in(home, ADMIN, PASSWORD).await);
    let of_known = world.sign_in(Place::at(2), ADMIN, PASSWORD).await;
    attack(&world, NOBODY).await;
    let of_unknown = world.sign_in(Place::at(2), NOBODY, PASSWORD).await;
    of_known.refused(429, "too_many_failures");
    let wait = |answer: &Answer| answer.header("retry-after").to_owned();
    assert_eq!(wait(&of_known), wait(&of_unknown));
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn an_address_that_tries_many_accounts_waits(pool: PgPool) {
    let redis = Redis::start().expect("a Redis of its own");
    let world = world(&pool, &redis).await;
    for account in 0..5 {
        let email = format!("nobody{account}@example.org");
        let answer = world.sign_in(Place::at(1), &email, PASSWORD).await;
        answer.refused(401, "bad_credentials");
    }
    let over = world.sign_in(Place::at(1), ADMIN, PASSWORD).await;
    over.refused(429, "too_many_failures");
    tokens(&world.sign_in(Place::at(2), ADMIN, PASSWORD).await);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn an_address_is_not_what_a_caller_says(pool: PgPool) {
    let redis = Redis::start().expect("a Redis of its own");
    let world = world(&pool, &redis).await;
    for account in 0..6 {
        let said = format!("198.51.100.{account}");
        let place = Place::at(1).saying(&said);
        let email = format!("nobody{account}@example.org");
        let answer = world.sign_in(place, &email, PASSWORD).await;
        assert_eq!(answer.status, if account < 5 { 401 } else { 429 });
    }
    tokens(
        &world
            .sign_in(Place::at(2).saying("192.0.2.1"), ADMIN, PASSWORD)
            .await,
    );
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn an_address_that_many_sign_in_from_does_not_wait(pool: PgPool) {
    let redis = Redis::start().expect("a Redis of its own");
    let world = world(&pool, &redis).await;
    for person in 0..7 {
        let name = format!("person{person}");
        world.user(&name).await;
        let email = format!("{name}@example.org");
        tokens(&world.sign_in(Place::at(1), &email, PASSWORD).await);
    }
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn without_redis_this_process_counts_and_people_still_sign_in(pool: PgPool) {
    let redis = Redis::start().expect("a Redis of its own");
    let world = world(&pool, &redis).await;
    let home = Place::at(1);
    tokens(&world.sign_in(home, ADMIN, PASSWORD).await);
    drop(redis);
    tokens(&world.sign_in(Place::at(2), ADMIN, PASSWORD).await);
    for email in [ADMIN, NOBODY] {
        attack(&world, email).await;
    }
    tokens(&world.sign_in(home, ADMIN, PASSWORD).await);
    world.pass(2 * DAY);
    tokens(&world.sign_in(Place::at(3), ADMIN, PASSWORD).await);
}
