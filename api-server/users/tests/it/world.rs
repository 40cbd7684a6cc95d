//! The API as callers see it, at a time that the test moves.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use api_server_users::{
    Email, EndedSessions, FirstAdmin, Name, Parts, Password, Users, UsersConfig,
    create_first_admin, router,
};
use axum::Router;
use axum::extract::ConnectInfo;
use chrono::TimeDelta;
use common_auth::testing::{AUDIENCE, Bearer, ISSUER, KeyFolder};
use common_auth::{AuthConfig, PasswordHasher, Revocations, Verifier};
use common_cache::testing::redis_url;
use common_cache::{Cache, CacheConfig};
use common_clock::{Clock as _, Ids as _, ManualClock, SharedClock, SharedIds, SystemIds};
use common_config::SecretRef;
use common_db::Pools;
use common_db::testing::as_application;
use common_http::testing::{Answer, request, send};
use common_http::{CursorKey, HttpConfig, rewrite_verbs, standard};
use secrecy::SecretString;
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

/// The address of the first administrator.
pub(crate) const ADMIN: &str = "admin@example.org";
/// The password of everybody.
pub(crate) const PASSWORD: &str = "correct horse";

/// Whoever acts: the id and the rights of a token.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Person {
    pub(crate) id: Uuid,
    is_admin: bool,
}

/// The domain behind the layers of every API, with the rights of the application.
pub(crate) struct World {
    app: Router,
    pub(crate) clock: Arc<ManualClock>,
    verifier: Arc<Verifier>,
    tokens: &'static KeyFolder,
    pub(crate) hasher: PasswordHasher,
    pub(crate) admin: Person,
}

impl World {
    pub(crate) async fn new(pool: &PgPool) -> Self {
        Self::with(pool, &redis_url(), UsersConfig::default()).await
    }

    pub(crate) async fn with(pool: &PgPool, redis: &str, config: UsersConfig) -> Self {
        let tokens = KeyFolder::of_tests(env!("CARGO_TARGET_TMPDIR"));
        Self::with_keys(pool, redis, config, tokens).await
    }

    pub(crate) async fn with_keys(
        pool: &PgPool,
        redis: &str,
        config: UsersConfig,
        tokens: &'static KeyFolder,
    ) -> Self {
        let now = "2026-03-02T09:00:00Z".parse().expect("a time");
        let clock = Arc::new(ManualClock::new(now));
        let cache = CacheConfig {
            url: SecretRef::from(redis.to_owned()),
            ca_file: None,
            namespace: format!("test-{}", SystemIds.token(9)),
        };
        let secret = SecretRef::from("0123456789abcdef0123456789abcdef".to_owned());
        let hasher = PasswordHasher::patient(Arc::new(SystemIds));
        let verifier = tokens.verifier(clock.clone()).await;
        let application = as_application(pool).await;
        let users = Users::new(Parts {
            pools: Pools {
                write: application.clone(),
                read: application,
            },
            cache: Cache::connect(&cache).await.expect("Redis answers"),
            verifier: Arc::clone(&verifier),
            signer: Arc::new(tokens.signer()),
            keys: CursorKey::read(&secret).expect("a key"),
            hasher: hasher.clone(),
            clock: clock.clone(),
            ids: Arc::new(SystemIds),
            auth: AuthConfig {
                issuer: ISSUER.to_owned(),
                audience: AUDIENCE.to_owned(),
                jwks_file: Some(tokens.file("jwks.json")),
                jwks_url: None,
                access_token_seconds: 600,
                jwks_max_age_seconds: 300,
                clock_skew_seconds: 60,
            },
            config,
        });
        let (routes, _) = router(users).split_for_parts();
        let layered = standard(routes, &HttpConfig::default(), Arc::new(SystemIds));
        let id = first_admin(pool, ADMIN, clock.clone()).await;
        Self {
            app: rewrite_verbs(layered),
            clock,
            verifier,
            tokens,
            hasher,
            admin: Person {
                id: id.expect("there was none"),
                is_admin: true,
            },
        }
    }

    /// From now on sign-ins that have ended count, as of the test's last look at them.
    pub(crate) async fn heed(&self, pool: &PgPool) -> Arc<Revocations> {
        let source = EndedSessions::new(pool.clone());
        let read = Revocations::read(source, self.clock.clone()).await;
        let revocations = Arc::new(read.expect("the database answers"));
        self.verifier.heed(Arc::clone(&revocations));
        revocations
    }

    pub(crate) fn pass(&self, seconds: i64) {
        self.clock.advance(TimeDelta::seconds(seconds));
    }

    /// A request of somebody, or of nobody.
    pub(crate) async fn call(
        &self,
        by: Option<Person>,
        method: &str,
        path: &str,
        body: Value,
    ) -> Answer {
        self.call_with(by, method, path, &[], body).await
    }

    /// The same with further headers.
    pub(crate) async fn call_with(
        &self,
        by: Option<Person>,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Value,
    ) -> Answer {
        let bearer = by.map(|by| {
            let bearer = Bearer {
                is_admin: by.is_admin,
                ..Bearer::user(by.id)
            };
            format!("Bearer {}", self.tokens.token(bearer, self.clock.now()))
        });
        let mut all: Vec<(&str, &str)> = headers.to_vec();
        all.extend(bearer.iter().map(|token| ("authorization", token.as_str())));
        send(&self.app, request(method, path, &all, &body)).await
    }

    pub(crate) async fn get(&self, by: Person, path: &str) -> Answer {
        self.call(Some(by), "GET", path, Value::Null).await
    }

    pub(crate) async fn post(&self, by: Person, path: &str, body: Value) -> Answer {
        self.call(Some(by), "POST", path, body).await
    }

    /// A new user, added by the administrator.
    pub(crate) async fn user(&self, name: &str) -> Person {
        let body =
            json!({"email": format!("{name}@example.org"), "name": name, "password": PASSWORD});
        let answer = self.post(self.admin, "/api/v1/users", body).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        Person {
            id: id(answer.data()),
            is_admin: false,
        }
    }

    /// A new team of `owner`; gives its id.
    pub(crate) async fn team(&self, owner: Person, name: &str) -> Uuid {
        let answer = self
            .post(owner, "/api/v1/teams", json!({"name": name}))
            .await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        id(answer.data())
    }

    /// Adds somebody to a team in that role, which must succeed.
    pub(crate) async fn join(&self, by: Person, team: Uuid, whom: Person, role: &str) {
        let path = format!("/api/v1/teams/{team}/members");
        let body = json!({"user_id": whom.id, "role": role});
        let answer = self.post(by, &path, body).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
    }

    /// Signs in from an address.
    pub(crate) async fn login_from(
        &self,
        from: impl Into<Option<IpAddr>>,
        email: &str,
        password: &str,
    ) -> Answer {
        let body = json!({"email": email, "password": password});
        let mut request = request(
            "POST",
            "/api/v1/auth/login",
            &[("user-agent", "one")],
            &body,
        );
        if let Some(from) = from.into() {
            let peer = ConnectInfo(SocketAddr::new(from, 4711));
            request.extensions_mut().insert(peer);
        }
        send(&self.app, request).await
    }

    /// Signs in, whatever comes of it.
    pub(crate) async fn try_login(&self, email: &str, password: &str) -> Answer {
        self.login_from(None::<IpAddr>, email, password).await
    }

    /// Signs in; gives access and refresh token.
    pub(crate) async fn login(&self, email: &str) -> (String, String) {
        tokens(&self.try_login(email, PASSWORD).await)
    }

    /// Exchanges a refresh token by a program.
    pub(crate) async fn refresh(&self, program: &str, token: &str) -> Answer {
        let headers = [("user-agent", program)];
        let body = json!({"refresh": token});
        self.call_with(None, "POST", "/api/v1/auth/refresh", &headers, body)
            .await
    }

    /// What an access token opens.
    pub(crate) async fn me(&self, access: &str) -> Answer {
        let bearer = format!("Bearer {access}");
        let headers = [("authorization", bearer.as_str())];
        self.call_with(None, "GET", "/api/v1/users/me", &headers, Value::Null)
            .await
    }

    pub(crate) async fn logout(&self, token: &str) -> Answer {
        self.call(
            None,
            "POST",
            "/api/v1/auth/logout",
            json!({"refresh": token}),
        )
        .await
    }
}

/// Makes the first administrator, unless there is one.
pub(crate) async fn first_admin(pool: &PgPool, email: &str, clock: SharedClock) -> Option<Uuid> {
    let admin = FirstAdmin {
        email: Email::parse(email).expect("an address"),
        name: Name::parse("Ada").expect("a name"),
        password: Password::parse(SecretString::from(PASSWORD)).expect("a password"),
    };
    let ids: SharedIds = Arc::new(SystemIds);
    create_first_admin(pool, admin, &clock, &ids)
        .await
        .expect("the database answers")
}

/// The id of what a body shows.
pub(crate) fn id(data: &Value) -> Uuid {
    let text = data["id"].as_str().expect("an id");
    text.parse().expect("a UUID")
}

/// Access and refresh token of a success.
#[track_caller]
pub(crate) fn tokens(answer: &Answer) -> (String, String) {
    assert_eq!(answer.status, 200, "{}", answer.body);
    let text = |name: &str| answer.data()[name].as_str().expect(name).to_owned();
    (text("access"), text("refresh"))
}
