//! Against a real server, named by `CREWDECK_TEST_REDIS_URL`; each test has a namespace of its own.

use std::time::Duration;

use common_cache::testing::redis_url;
use common_cache::{Cache, CacheConfig};
use common_clock::{Ids as _, SystemIds};
use common_config::SecretRef;

async fn cache() -> Cache {
    let config = CacheConfig {
        url: SecretRef::from(redis_url()),
        ca_file: None,
        namespace: format!("test-{}", SystemIds.token(9)),
    };
    Cache::connect(&config).await.expect("Redis answers")
}

const LIFE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_value_comes_back_and_is_taken_once() {
    let cache = cache().await;
    cache.set_ex("ticket", &"ada", LIFE).await.expect("set");
    assert_eq!(
        cache.get::<String>("ticket").await.expect("get").as_deref(),
        Some("ada")
    );
    assert_eq!(
        cache
            .get_del::<String>("ticket")
            .await
            .expect("take")
            .as_deref(),
        Some("ada")
    );
    assert_eq!(cache.get_del::<String>("ticket").await.expect("take"), None);
}

#[tokio::test]
async fn set_nx_lets_the_first_caller_win() {
    let cache = cache().await;
    assert!(cache.set_nx_ex("slot", &1, LIFE).await.expect("set"));
    assert!(!cache.set_nx_ex("slot", &2, LIFE).await.expect("set"));
    assert_eq!(cache.get::<i32>("slot").await.expect("get"), Some(1));
    assert!(cache.del("slot").await.expect("removed"));
}

#[tokio::test]
async fn a_window_counts_and_ends() {
    let cache = cache().await;
    for expected in 1..=3 {
        assert_eq!(
            cache.incr_window("hits", LIFE).await.expect("counted"),
            expected
        );
    }
    for expected in [3, 3] {
        cache.decr_window("hits", LIFE).await.expect("taken back");
        let now = cache.incr_window("hits", LIFE).await.expect("counted");
        assert_eq!(now, expected);
    }
    cache.decr_window("none", LIFE).await.expect("taken back");
    let now = cache.incr_window("none", LIFE).await.expect("counted");
    assert_eq!(now, 0, "less than none");
}

#[tokio::test]
async fn a_value_of_another_type_names_its_key() {
    let cache = cache().await;
    cache.set_ex("number", &"text", LIFE).await.expect("set");
    let error = cache.get::<u8>("number").await.expect_err("not a number");
    assert!(error.to_string().contains("number"), "{error}");
}

#[tokio::test]
async fn namespaces_do_not_see_each_other() {
    let (left, right) = (cache().await, cache().await);
    left.set_ex("key", &1, LIFE).await.expect("set");
    assert_eq!(right.get::<i32>("key").await.expect("get"), None);
}
