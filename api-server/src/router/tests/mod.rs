//! The document of role `web` against its routes and its answers.

mod limits;
mod matrix;
mod writes;

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use api_server_notifications::Notifications;
use api_server_realtime::Tickets;
use api_server_tasks::Tasks;
use api_server_users::{Email, FirstAdmin, Name, Password, Users, UsersConfig, create_first_admin};
use common_auth::testing::{AUDIENCE, Bearer, ISSUER, KeyFolder};
use common_auth::{AuthConfig, PasswordHasher};
use common_cache::testing::redis_url;
use common_cache::{Cache, CacheConfig};
use common_clock::{Clock as _, ManualClock, SharedClock, SystemClock, SystemIds};
use common_config::SecretRef;
use common_db::Pools;
use common_db::testing::as_application;
use common_http::document::testing::{Probe, check, operations, routes};
use common_http::testing::{request, send};
use common_http::{CursorKey, DEPRECATIONS, Limiter};
use common_scratch::Folder;
use serde_json::Value;
use sqlx::PgPool;

use super::*;

/// Texts that may be as long as a body is, since they are only compared.
const UNBOUNDED: [&str; 2] = ["password", "refresh"];

fn told() -> Value {
    serde_json::to_value(document()).expect("JSON")
}

#[test]
fn what_is_routed_is_told() {
    let domains = [
        routes(&api_server_users::routes().split_for_parts().0),
        routes(&api_server_tasks::routes().split_for_parts().0),
        routes(&api_server_notifications::routes().split_for_parts().0),
        routes(&api_server_realtime::routes().split_for_parts().0),
        routes(&deprecations::routes().split_for_parts().0),
    ];
    let routed: BTreeSet<String> = domains.into_iter().flatten().collect();
    let told = operations(&told());
    assert_eq!(routed, told.into_iter().map(|one| one.path).collect());
}

#[test]
fn each_operation_is_told_whole() {
    check(&told(), &UNBOUNDED);
}

#[tokio::test]
async fn former_names_are_listed_with_their_end() {
    let all = Deprecations::of(&document());
    let (app, _) = deprecations::routes().with_state(all).split_for_parts();
    let answer = send(&app, request("GET", DEPRECATIONS, &[], &Value::Null)).await;
    let shown = answer.rows().iter().map(|row| {
        let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        (text("method"), text("path"), text("sunset"))
    });
    let expected = ["/api/token/", "/api/token/refresh/"]
        .map(|path| ("POST".to_owned(), path.to_owned(), "2027-11-30".to_owned()));
    assert_eq!(shown.collect::<Vec<_>>(), expected);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn what_is_told_is_what_is_answered(pool: PgPool) {
    let folder = Folder::new("router").expect("a folder");
    let World { app, token, .. } = world(&pool, folder.path()).await;
    let document = told();
    let probe = Probe {
        document: &document,
        app: &app,
        token: &token,
    };
    let mut met = BTreeSet::new();
    for told in operations(&document) {
        met.extend(probe.ask(&told).await);
    }
    let all = [200, 201, 204, 400, 401, 404, 413, 415, 422];
    assert!(all.iter().all(|status| met.contains(status)), "{met:?}");
}

/// Everything that role `web` serves.
struct World {
    app: Router,
    /// A token of its administrator.
    token: String,
    keys: KeyFolder,
}

impl World {
    /// An access token.
    fn token_of(&self, of: Bearer) -> String {
        self.keys.token(of, SystemClock.now())
    }
}

/// It, with an administrator, for callers who ask a lot.
async fn world(pool: &PgPool, folder: &Path) -> World {
    world_with(pool, folder, NonZeroU32::MAX).await
}

/// It, with so many requests of each kind a minute.
async fn world_with(pool: &PgPool, folder: &Path, limit: NonZeroU32) -> World {
    let config = HttpConfig {
        reads_per_minute: limit,
        writes_per_minute: limit,
        anonymous_per_minute: limit,
        ..HttpConfig::default()
    };
    let keys = KeyFolder::new(&folder.to_string_lossy());
    let clock: SharedClock = Arc::new(SystemClock);
    let ids: SharedIds = Arc::new(SystemIds);
    let first = FirstAdmin {
        email: Email::parse("root@example.org").expect("an address"),
        name: Name::parse("Root").expect("a name"),
        password: Password::parse("correct horse".into()).expect("a password"),
    };
    let made = create_first_admin(pool, first, &clock, &ids).await;
    let admin = Bearer {
        is_admin: true,
        ..Bearer::user(made.expect("the database answers").expect("there was none"))
    };
    let token = keys.token(admin, clock.now());

    let cache = CacheConfig {
        url: SecretRef::from(redis_url()),
        ca_file: None,
        namespace: format!("test-{}", ids.token(9)),
    };
    let cache = Cache::connect(&cache).await.expect("Redis answers");
    let verifier = keys.verifier(Arc::clone(&clock)).await;
    let secret = SecretRef::from("0123456789abcdef0123456789abcdef".to_owned());
    let cursors = CursorKey::read(&secret).expect("a key");
    let application = as_application(pool).await;
    let pools = Pools {
        write: application.clone(),
        read: application,
    };
    let counters = Arc::new(OnceLock::from(cache.clone()));
    // Its minute does not end.
    let minute = Arc::new(ManualClock::new(clock.now()));
    let limiter = Limiter::new(&config, counters, minute);
    let callers = Callers::verified_by(Arc::clone(&verifier)).limited_by(limiter);
    let domains = Domains {
        tasks: Tasks::new(api_server_tasks::Parts {
            pools: pools.clone(),
            keys: cursors.clone(),
            clock: Arc::clone(&clock),
            ids: Arc::clone(&ids),
        }),
        notifications: Notifications::new(api_server_notifications::Parts {
            pools: pools.clone(),
            keys: cursors.clone(),
            clock: Arc::clone(&clock),
        }),
        tickets: Tickets::new(cache.clone(), Arc::clone(&ids)),
        users: Users::new(api_server_users::Parts {
            pools,
            cache,
            verifier,
            signer: Arc::new(keys.signer()),
            keys: cursors,
            hasher: PasswordHasher::patient(Arc::clone(&ids)),
            clock,
            ids: Arc::clone(&ids),
            auth: AuthConfig {
                issuer: ISSUER.to_owned(),
                audience: AUDIENCE.to_owned(),
                jwks_file: Some(keys.file("jwks.json")),
                jwks_url: None,
                access_token_seconds: 600,
                jwks_max_age_seconds: 300,
                clock_skew_seconds: 60,
            },
            config: UsersConfig::default(),
        }),
    };
    World {
        app: router(domains, &config, ids, callers),
        token,
        keys,
    }
}
