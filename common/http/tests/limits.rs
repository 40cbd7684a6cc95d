//! How many requests a caller may send in a minute, on a real Redis (ADR 0034).

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::StatusCode;
use axum::routing::{get, post};
use chrono::TimeDelta;
use common_auth::testing::{Bearer, KeyFolder};
use common_cache::testing::{Silent, redis_url};
use common_cache::{Cache, CacheConfig};
use common_clock::{Clock as _, Ids as _, ManualClock, SeededIds, SystemIds};
use common_http::testing::{Answer, request, send};
use common_http::{Callers, HttpConfig, Limiter, Principal, Reply, standard};
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::Value;
use tokio::task::JoinSet;
use uuid::Uuid;

const ADA: Uuid = Uuid::from_u128(1);
const BEN: Uuid = Uuid::from_u128(2);
/// How long Redis is waited for here.
const WAIT: Duration = Duration::from_secs(1);
const HOME: &str = "198.51.100.7";

/// One process of a role, two seconds after a minute began.
#[derive(Clone)]
struct Process {
    app: Router,
    clock: Arc<ManualClock>,
    tokens: &'static KeyFolder,
}

/// Where processes count together.
struct Place {
    url: String,
    namespace: String,
}

impl Place {
    fn new(url: String) -> Self {
        Self {
            url,
            namespace: format!("test-{}", SystemIds.token(9)),
        }
    }

    async fn cache(&self) -> Cache {
        let config = CacheConfig {
            url: self.url.clone().into(),
            ca_file: None,
            namespace: self.namespace.clone(),
        };
        Cache::connect(&config).await.expect("Redis answers")
    }

    async fn process(&self, limit: u32) -> Process {
        let cache = Arc::new(OnceLock::from(self.cache().await));
        Process::new(limit, cache).await
    }
}

impl Process {
    /// On a Redis of its own.
    async fn alone(limit: u32) -> Self {
        Place::new(redis_url()).process(limit).await
    }

    /// With so many requests of each kind a minute.
    async fn new(limit: u32, cache: Arc<OnceLock<Cache>>) -> Self {
        Self::with(limit, cache, HttpConfig::default()).await
    }

    /// The same, and what takes any time is given up.
    async fn hurried(limit: u32) -> Self {
        let config = HttpConfig {
            timeout_seconds: 0,
            ..HttpConfig::default()
        };
        Self::with(limit, Arc::default(), config).await
    }

    async fn with(limit: u32, cache: Arc<OnceLock<Cache>>, config: HttpConfig) -> Self {
        let now = "2026-03-02T09:00:02Z".parse().expect("a time");
        let clock = Arc::new(ManualClock::new(now));
        let limit = NonZeroU32::new(limit).expect("not zero");
        let config = HttpConfig {
            reads_per_minute: limit,
            writes_per_minute: limit,
            anonymous_per_minute: limit,
            ..config
        };
        let tokens = KeyFolder::of_tests(env!("CARGO_TARGET_TMPDIR"));
        let router = Router::new()
            .route("/me", get(me).post(me))
            .route("/public", get(async || Reply::ok(())))
            .route("/held", get(async || StatusCode::NOT_MODIFIED))
            .route("/never", post(std::future::pending::<()>))
            .route("/panics", post(panics));
        let limiter = Limiter::patient(&config, cache, clock.clone(), WAIT);
        let callers =
            Callers::verified_by(tokens.verifier(clock.clone()).await).limited_by(limiter);
        Self {
            app: standard(router, &config, Arc::new(SeededIds::new(1)), callers),
            clock,
            tokens,
        }
    }

    async fn send(
        &self,
        from: Option<&str>,
        token: Option<&str>,
        method: &str,
        path: &str,
    ) -> Answer {
        let bearer = token.map(|token| format!("Bearer {token}"));
        let headers: Vec<(&str, &str)> = bearer
            .iter()
            .map(|bearer| ("authorization", bearer.as_str()))
            .collect();
        let mut request = request(method, path, &headers, &Value::Null);
        if let Some(from) = from {
            let from = SocketAddr::new(from.parse().expect("an address"), 4711);
            request.extensions_mut().insert(ConnectInfo(from));
        }
        send(&self.app, request).await
    }

    fn token(&self, user: Uuid) -> String {
        self.tokens.token(Bearer::user(user), self.clock.now())
    }

    async fn call(&self, user: Uuid, method: &str, path: &str) -> Answer {
        let token = self.token(user);
        self.send(Some(HOME), Some(&token), method, path).await
    }

    async fn nobody(&self, from: &str, path: &str) -> Answer {
        self.send(Some(from), None, "GET", path).await
    }

    /// How many requests of `user` get through before one is refused.
    async fn until_refused(&self, user: Uuid) -> u32 {
        let token = self.token(user);
        let mut passed = 0;
        loop {
            let answer = self.send(Some(HOME), Some(&token), "GET", "/me").await;
            if answer.status == 429 {
                return passed;
            }
            assert_eq!(answer.status, 200, "{}", answer.body);
            passed += 1;
        }
    }
}

async fn me(principal: Principal) -> Reply<Uuid> {
    Reply::ok(principal.user_id)
}

#[expect(clippy::panic, reason = "what the layer must catch")]
async fn panics() {
    panic!("the canary panicked");
}

#[track_caller]
fn tells(answer: &Answer, policy: &str, limit: &str) {
    let told = (
        answer.header("ratelimit-policy"),
        answer.header("ratelimit"),
    );
    assert_eq!(told, (policy, limit), "{}: {}", answer.status, answer.body);
}

#[tokio::test]
async fn each_answer_tells_of_the_limit_whoever_gives_it() {
    let process = Process::alone(100).await;
    let answers = [
        ("GET", "/me", 200, "\"read\";r=99;t=58"),
        ("HEAD", "/me", 200, "\"read\";r=98;t=58"),
        ("GET", "/absent", 404, "\"read\";r=97;t=58"),
        ("OPTIONS", "/me", 405, "\"read\";r=96;t=58"),
        ("POST", "/me", 200, "\"write\";r=99;t=58"),
        ("DELETE", "/me", 405, "\"write\";r=98;t=58"),
        ("POST", "/panics", 500, "\"write\";r=97;t=58"),
    ];
    for (method, path, status, limit) in answers {
        let answer = process.call(ADA, method, path).await;
        assert_eq!(answer.status, status, "{method} {path}");
        let policy = limit.split(';').next().expect("a word");
        tells(&answer, &format!("{policy};q=100;w=60"), limit);
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
    let late = Process::hurried(100)
        .await
        .call(ADA, "POST", "/never")
        .await;
    late.refused(504, "timeout");
    tells(&late, "\"write\";q=100;w=60", "\"write\";r=99;t=58");
    let answer = process.nobody(HOME, "/me").await;
    answer.refused(401, "unauthorized");
    tells(
        &answer,
        "\"anonymous\";q=100;w=60",
        "\"anonymous\";r=99;t=58",
    );
}

#[tokio::test]
async fn who_sends_too_much_waits_until_the_minute_ends_and_others_do_not() {
    let process = Process::alone(3).await;
    assert_eq!(process.until_refused(ADA).await, 3);
    let refused = process.call(ADA, "GET", "/me").await;
    refused.refused(429, "rate_limited");
    tells(&refused, "\"read\";q=3;w=60", "\"read\";r=0;t=58");
    assert_eq!(refused.header("retry-after"), "58");
    assert_eq!(refused.header("cache-control"), "no-store");
    // What changes something has a limit of its own, and so have other people and those without a token.
    assert_eq!(process.call(ADA, "POST", "/me").await.status, 200);
    assert_eq!(process.call(BEN, "GET", "/me").await.status, 200);
    assert_eq!(process.nobody(HOME, "/public").await.status, 200);
    process.clock.advance(TimeDelta::seconds(57));
    let refused = process.call(ADA, "GET", "/me").await;
    assert_eq!(refused.header("retry-after"), "1");
    process.clock.advance(TimeDelta::seconds(1));
    assert_eq!(process.until_refused(ADA).await, 3);
}

#[tokio::test]
async fn whoever_makes_tokens_up_is_counted_by_their_network() {
    let process = Process::alone(3).await;
    let good = process.token(ADA);
    for last in 1..=3 {
        let from = format!("2001:db8:1:2::{last}");
        let forged = format!("{good}{last}");
        let answer = process.send(Some(&from), Some(&forged), "GET", "/me").await;
        answer.refused(401, "unauthorized");
    }
    let from = "2001:db8:1:2::ffff";
    let answer = process.nobody(from, "/public").await;
    answer.refused(429, "rate_limited");
    // Whoever has a token is counted by that, also from there.
    let answer = process.send(Some(from), Some(&good), "GET", "/me").await;
    assert_eq!(answer.status, 200);
    let other = process.nobody("2001:db8:1:3::1", "/public").await;
    assert_eq!(other.status, 200);
    // Without addresses all are one.
    for status in [200, 200, 200, 429] {
        let answer = process.send(None, None, "GET", "/public").await;
        assert_eq!(answer.status, status);
    }
}

#[tokio::test]
async fn what_is_held_costs_nothing() {
    let process = Process::alone(2).await;
    for _ in 0..5 {
        let answer = process.call(ADA, "GET", "/held").await;
        assert_eq!(answer.status, 304);
        tells(&answer, "\"read\";q=2;w=60", "\"read\";r=2;t=58");
    }
    assert_eq!(process.until_refused(ADA).await, 2);
    let answer = process.call(ADA, "GET", "/held").await;
    answer.refused(429, "rate_limited");
}

#[tokio::test]
async fn without_a_layer_that_looks_at_tokens_nobody_gets_in() {
    let process = Process::alone(9).await;
    let router = Router::new().route("/me", get(me));
    let ids = Arc::new(SeededIds::new(1));
    let open = Process {
        app: standard(router, &HttpConfig::default(), ids, Callers::unknown()),
        ..process
    };
    let answer = open.call(ADA, "GET", "/me").await;
    answer.refused(500, "internal");
    assert_eq!(answer.header("ratelimit"), "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn processes_let_the_limit_through_together_and_ask_seldom() {
    let way = Silent::before(&redis_url()).await;
    let place = Place::new(way.url.clone());
    let mut askers = JoinSet::new();
    for _ in 0..2 {
        let process = place.process(600).await;
        for _ in 0..4 {
            let process = process.clone();
            askers.spawn(async move { process.until_refused(ADA).await });
        }
    }
    let passed: u32 = askers.join_all().await.into_iter().sum();
    assert_eq!(passed, 600);
    // Sixty leases, and each process is told once that there is none left.
    assert!((60..=62).contains(&way.passed()), "{}", way.passed());
}

#[tokio::test]
async fn while_redis_is_not_reached_a_process_keeps_to_the_limit_by_itself() {
    let slot = Arc::new(OnceLock::new());
    let process = Process::new(120, Arc::clone(&slot)).await;
    assert_eq!(process.until_refused(ADA).await, 120);
    let way = Silent::before(&redis_url()).await;
    let cache = Place::new(way.url.clone()).cache().await;
    assert!(slot.set(cache).is_ok());
    process
        .call(ADA, "GET", "/me")
        .await
        .refused(429, "rate_limited");
    assert_eq!(way.passed(), 0, "who is over is not asked about");
    process.call(BEN, "GET", "/me").await;
    assert_eq!(way.passed(), 1);
}

/// A Redis that says nothing is waited for by one request, and then by one every two seconds.
#[tokio::test]
async fn a_silent_redis_holds_nobody_up_and_opens_nothing() {
    let way = Silent::before(&redis_url()).await;
    let process = Place::new(way.url.clone()).process(120).await;
    for _ in 0..2 {
        assert_eq!(process.call(ADA, "GET", "/me").await.status, 200);
    }
    assert_eq!(way.passed(), 1);
    way.swallow();
    assert_eq!(process.until_refused(ADA).await, 118);
    assert_eq!(process.until_refused(BEN).await, 120);
    assert_eq!(way.swallowed(), 1, "questions that were waited for");
    process.clock.advance(TimeDelta::milliseconds(1_999));
    assert_eq!(
        process.call(Uuid::from_u128(3), "GET", "/me").await.status,
        200
    );
    assert_eq!(way.swallowed(), 1);
    process.clock.advance(TimeDelta::milliseconds(1));
    assert_eq!(
        process.call(Uuid::from_u128(4), "GET", "/me").await.status,
        200
    );
    assert_eq!(
        process.call(Uuid::from_u128(5), "GET", "/me").await.status,
        200
    );
    assert_eq!(way.swallowed(), 2);
    // It is heard of again, by one who tries.
    way.deliver();
    process.clock.advance(TimeDelta::seconds(2));
    assert_eq!(
        process.call(Uuid::from_u128(6), "GET", "/me").await.status,
        200
    );
    assert_eq!(
        process.call(Uuid::from_u128(7), "GET", "/me").await.status,
        200
    );
    assert_eq!((way.passed(), way.swallowed()), (3, 2));
    // It knows nothing of what was let through meanwhile; the process does.
    process
        .call(BEN, "GET", "/me")
        .await
        .refused(429, "rate_limited");
}

#[tokio::test]
async fn what_is_refused_and_what_is_asked_is_counted() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _here = metrics::set_default_local_recorder(&recorder);
    let slot = Arc::new(OnceLock::new());
    let process = Process::new(60, Arc::clone(&slot)).await;
    process.call(ADA, "POST", "/me").await;
    let cache = Place::new(redis_url()).cache().await;
    assert!(slot.set(cache).is_ok());
    assert_eq!(process.until_refused(ADA).await, 60);
    process
        .call(ADA, "GET", "/me")
        .await
        .refused(429, "rate_limited");
    let text = recorder.handle().render();
    for line in [
        "http_rate_limited_total{policy=\"read\"} 2",
        "http_rate_limit_leases_total{policy=\"read\",from=\"redis\"} 60",
        "http_rate_limit_leases_total{policy=\"write\",from=\"process\"} 1",
    ] {
        assert!(text.lines().any(|one| one == line), "{line}: {text}");
    }
}
