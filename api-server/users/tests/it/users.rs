//! Users, and the first administrator.

use std::sync::Arc;

use common_clock::{SharedClock, SystemClock};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::world::{ADMIN, PASSWORD, World, first_admin, id, tokens};

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn an_administrator_adds_a_user_who_can_sign_in(pool: PgPool) {
    let world = World::new(&pool).await;
    let body = json!({"email": "Ben@Example.org", "name": "Ben", "password": PASSWORD});
    let made = world.post(world.admin, "/api/v1/users", body.clone()).await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert!(made.data()["password"].is_null(), "{}", made.body);
    tokens(&world.try_login("ben@example.org", PASSWORD).await);

    let there = world.get(world.admin, made.header("location")).await;
    assert_eq!((there.status, there.data()), (200, made.data()));
    assert_eq!(there.header("etag"), made.header("etag"));
    let again = world.post(world.admin, "/api/v1/users", body).await;
    again.refused(409, "email_taken");
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn others_neither_add_nor_list_nor_see_users(pool: PgPool) {
    let world = World::new(&pool).await;
    let (ben, eve) = (world.user("ben").await, world.user("eve").await);
    let body =
        json!({"email": "x@example.org", "name": "X", "password": PASSWORD, "is_admin": true});
    world
        .post(eve, "/api/v1/users", body.clone())
        .await
        .refused(403, "forbidden");
    world
        .get(eve, "/api/v1/users")
        .await
        .refused(403, "forbidden");
    let hidden = world.get(eve, &format!("/api/v1/users/{}", ben.id)).await;
    hidden.refused(404, "not_found");
    let own = world.get(eve, &format!("/api/v1/users/{}", eve.id)).await;
    assert_eq!(own.data(), world.get(eve, "/api/v1/users/me").await.data());
    assert_eq!(id(own.data()), eve.id);
    for (method, path) in [
        ("POST", "/api/v1/users"),
        ("GET", "/api/v1/users"),
        ("GET", "/api/v1/users/me"),
    ] {
        let body = if method == "POST" {
            body.clone()
        } else {
            Value::Null
        };
        world
            .call(None, method, path, body)
            .await
            .refused(401, "unauthorized");
    }
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn there_is_one_first_administrator_even_of_two_at_once(pool: PgPool) {
    let clock: SharedClock = Arc::new(SystemClock);
    let (one, other) = tokio::join!(
        first_admin(&pool, ADMIN, clock.clone()),
        first_admin(&pool, "second@example.org", clock.clone()),
    );
    assert!(one.is_some() != other.is_some(), "{one:?} {other:?}");
    assert_eq!(first_admin(&pool, "third@example.org", clock).await, None);
    let users: i64 = sqlx::query_scalar("select count(*) from users")
        .fetch_one(&pool)
        .await
        .expect("a count");
    assert_eq!(users, 1);
}
