//! The published keys.

use api_server_users::UsersConfig;
use common_auth::testing::KeyFolder;
use common_cache::testing::redis_url;
use serde_json::Value;
use sqlx::PgPool;

use crate::world::{ADMIN, PASSWORD, World};

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn the_public_half_is_published_under_both_names(pool: PgPool) {
    let world = World::new(&pool).await;
    let keys = KeyFolder::of_tests(env!("CARGO_TARGET_TMPDIR"));
    for path in ["/.well-known/jwks.json", "/auth/keys/public"] {
        let answer = world.call(None, "GET", path, Value::Null).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), "application/jwk-set+json");
        assert_eq!(
            answer.header("cache-control"),
            "public, max-age=300, must-revalidate"
        );
        let published = answer.body["keys"].as_array().expect("keys");
        assert_eq!(published.len(), 1);
        let own = keys.signer();
        assert_eq!(published[0]["kid"], own.kid().as_str());
        for private in ["d", "p", "q", "dp", "dq", "qi"] {
            assert!(published[0][private].is_null(), "{private}");
        }
    }
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn who_has_them_gets_no_body(pool: PgPool) {
    let world = World::new(&pool).await;
    let path = "/.well-known/jwks.json";
    let first = world.call(None, "GET", path, Value::Null).await;
    let tag = first.header("etag");
    let (weak, several) = (format!("W/{tag}"), format!("\"a,b\", {tag}"));
    for (given, status) in [
        (tag, 304),
        (weak.as_str(), 304),
        (several.as_str(), 304),
        ("*", 304),
        ("\"other\"", 200),
    ] {
        let headers = [("if-none-match", given)];
        let again = world
            .call_with(None, "GET", path, &headers, Value::Null)
            .await;
        assert_eq!((again.status, again.header("etag")), (status, tag));
        assert_eq!(again.body.is_null(), status == 304);
        let life = "public, max-age=300, must-revalidate";
        assert_eq!(again.header("cache-control"), life);
    }
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_denied_key_signs_nothing_any_more(pool: PgPool) {
    let keys: &'static KeyFolder = Box::leak(Box::new(KeyFolder::new(env!("CARGO_TARGET_TMPDIR"))));
    let world = World::with_keys(&pool, &redis_url(), UsersConfig::default(), keys).await;
    assert_eq!(world.try_login(ADMIN, PASSWORD).await.status, 200);
    keys.deny();
    world.pass(2);
    // Any request with a token has the set looked at; its token is refused with the key.
    assert_eq!(world.get(world.admin, "/api/v1/users/me").await.status, 401);
    let refused = world.try_login(ADMIN, PASSWORD).await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, "3"));
}
