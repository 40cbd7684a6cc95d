//! Changes: sent again, sent twice at once, sent by somebody who goes away, and only tried out.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{FromRef, State};
use axum::routing::{post, put};
use common_auth::testing::{Bearer, KeyFolder};
use common_clock::{Clock as _, ManualClock, SeededIds};
use common_config::SecretRef;
use common_db::testing::{StatementCounter, contents};
use common_http::testing::{Answer, request, send};
use common_http::{
    ApiResult, Attempt, Callers, CursorKey, Effect, HttpConfig, IfMatch, Json, Reply, Written,
    standard,
};
use garde::Validate;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::{PgConnection, PgPool};
use tokio::sync::{Notify, Semaphore};
use utoipa::ToSchema;
use uuid::Uuid;

/// A word on the way in.
#[derive(Deserialize, Validate)]
#[serde(deny_unknown_fields)]
struct Word {
    #[garde(length(min = 1, max = 9))]
    word: String,
}

/// What JSON in a database would not keep: the order of members, how a number is written, characters that jsonb refuses.
#[derive(Serialize, ToSchema)]
struct Shown {
    word: String,
    at: f64,
    any: &'static str,
}

/// What the handlers need.
#[derive(Clone)]
struct Words {
    pool: PgPool,
    keys: CursorKey,
    clock: Arc<ManualClock>,
    /// Work goes on with one of its permits, after it has told that it waits.
    gate: Arc<Semaphore>,
    waits: Arc<Notify>,
    /// What each answer says of being kept.
    kept: Arc<Mutex<Vec<bool>>>,
}

impl FromRef<Words> for CursorKey {
    fn from_ref(words: &Words) -> Self {
        words.keys.clone()
    }
}

async fn add(
    State(words): State<Words>,
    attempt: Attempt,
    _seen: IfMatch,
    Json(body): Json<Word>,
) -> ApiResult<Written> {
    let work = async |connection: &mut PgConnection| {
        sqlx::query("insert into words (word) values ($1)")
            .bind(&body.word)
            .execute(connection)
            .await?;
        words.waits.notify_one();
        words.gate.acquire().await.expect("open").forget();
        Ok(Effect::Changed(body.word))
    };
    let answer = |word| {
        let shown = Shown {
            word,
            at: 1.0,
            any: "\u{0}<\u{f6}l>",
        };
        Reply::created("/words/1", shown).versioned(1)
    };
    let now = words.clock.now();
    let written = attempt
        .in_one_statement(&words.pool, now, work, answer)
        .await?;
    words.kept.lock().expect("sound").push(written.is_kept());
    Ok(written)
}

async fn touch(State(words): State<Words>, attempt: Attempt) -> ApiResult<Written> {
    let work = async |_: &mut PgConnection| Ok(Effect::Unchanged("as it was"));
    let now = words.clock.now();
    attempt
        .in_transaction(&words.pool, now, work, Reply::ok)
        .await
}

struct World {
    app: Router,
    words: Words,
    tokens: &'static KeyFolder,
}

impl World {
    /// With so many pieces of work that need not wait.
    async fn new(pool: &PgPool, free: usize) -> Self {
        sqlx::raw_sql("create table words (word text primary key check (word <> 'never'))")
            .execute(pool)
            .await
            .expect("a table");
        let now = "2026-03-02T09:00:00Z".parse().expect("a time");
        let clock = Arc::new(ManualClock::new(now));
        let tokens = KeyFolder::of_tests(env!("CARGO_TARGET_TMPDIR"));
        let secret = SecretRef::from("k".repeat(32));
        let words = Words {
            pool: pool.clone(),
            keys: CursorKey::read(&secret).expect("a key"),
            clock: clock.clone(),
            gate: Arc::new(Semaphore::new(free)),
            waits: Arc::new(Notify::new()),
            kept: Arc::default(),
        };
        let router = Router::new()
            .route("/words", post(add).put(add))
            .route("/words/1", put(touch))
            .with_state(words.clone());
        Self {
            app: standard(
                router,
                &HttpConfig::default(),
                Arc::new(SeededIds::new(1)),
                Callers::verified_by(tokens.verifier(clock).await),
            ),
            words,
            tokens,
        }
    }

    async fn call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Value,
    ) -> Answer {
        let bearer = Bearer::user(Uuid::from_u128(1));
        let token = self.tokens.token(bearer, self.words.clock.now());
        let bearer = format!("Bearer {token}");
        let mut all = vec![("authorization", bearer.as_str())];
        all.extend(headers);
        send(&self.app, request(method, path, &all, &body)).await
    }

    async fn add(&self, word: &str, key: &str) -> Answer {
        let headers = [("idempotency-key", key)];
        self.call("POST", "/words", &headers, json!({"word": word}))
            .await
    }

    async fn all(&self) -> Vec<String> {
        sqlx::query_scalar("select word from words order by word")
            .fetch_all(&self.words.pool)
            .await
            .expect("words")
    }
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn an_answer_comes_again_byte_for_byte_for_a_day(pool: PgPool) {
    let world = World::new(&pool, 9).await;
    let first = world.add("oil", "k").await;
    assert_eq!(first.status, 201, "{}", first.body);
    let sent = r#"{"data":{"word":"oil","at":1.0,"any":"\u0000<öl>"},"error":null,"meta":{}}"#;
    assert_eq!(first.bytes, sent.as_bytes());
    world
        .words
        .clock
        .advance(chrono::TimeDelta::seconds(86_399));
    world.add("oil", "k").await.repeats(&first);
    assert_eq!(world.all().await, ["oil"]);
    let kept = world.words.kept.lock().expect("sound").clone();
    assert_eq!(kept, [true, false], "one act");

    world.words.clock.advance(chrono::TimeDelta::seconds(1));
    let anew = world.add("fuel", "k").await;
    assert_eq!((anew.status, anew.header("idempotent-replayed")), (201, ""));
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn what_changes_nothing_is_answered_again_too(pool: PgPool) {
    let world = World::new(&pool, 9).await;
    let touch = async || {
        let headers = [("idempotency-key", "k")];
        world.call("PUT", "/words/1", &headers, Value::Null).await
    };
    let first = touch().await;
    assert_eq!(first.status, 200, "{}", first.body);
    touch().await.repeats(&first);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_key_belongs_to_one_request(pool: PgPool) {
    let world = World::new(&pool, 9).await;
    assert_eq!(world.add("oil", "k").await.status, 201);
    let oil = json!({"word": "oil"});
    let others = [
        ("POST", "/words", None, json!({"word": "fuel"})),
        ("POST", "/words?dry_run=true", None, oil.clone()),
        ("POST", "/words?dry_run=false", None, oil.clone()),
        ("POST", "/words", Some("\"1\""), oil.clone()),
        ("PUT", "/words", None, oil.clone()),
        ("PUT", "/words/1", None, Value::Null),
    ];
    for (method, path, seen, body) in others {
        let mut headers = vec![("idempotency-key", "k")];
        headers.extend(seen.map(|seen| ("if-match", seen)));
        let answer = world.call(method, path, &headers, body).await;
        answer.refused(422, "idempotency_key_reused");
    }
    assert_eq!(world.all().await, ["oil"]);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_refusal_is_not_kept(pool: PgPool) {
    let world = World::new(&pool, 9).await;
    let refused = world.add("", "k").await;
    assert_eq!(refused.refused_field("/word"), "length is lower than 1");
    assert_eq!(world.add("never", "k").await.status, 500);
    // At once, and with another body.
    assert_eq!(world.add("oil", "k").await.status, 201);
    assert_eq!(world.all().await, ["oil"]);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn while_the_first_is_at_work_others_are_told_at_once(pool: PgPool) {
    let world = World::new(&pool, 0).await;
    let others = async {
        world.words.waits.notified().await;
        // Neither waits for the first: they end before it is let go.
        for word in ["oil", "fuel"] {
            let told = world.add(word, "k").await;
            told.refused(409, "idempotency_key_in_flight");
            assert_eq!(told.header("retry-after"), "1");
        }
        world.words.gate.add_permits(2);
        world.add("fuel", "another").await
    };
    let (first, another) = tokio::join!(world.add("oil", "k"), others);
    assert_eq!((first.status, another.status), (201, 201));
    world.add("oil", "k").await.repeats(&first);
    assert_eq!(world.all().await, ["fuel", "oil"]);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn whoever_dies_between_effect_and_answer_has_done_nothing(pool: PgPool) {
    let world = World::new(&pool, 0).await;
    let before = contents(&pool).await;
    tokio::select! {
        answer = world.add("oil", "k") => panic!("it was not let go: {answer:?}"),
        () = world.words.waits.notified() => {}
    }
    world.words.gate.add_permits(1);
    // Its connection rolls back on the way to the pool.
    let again = async {
        loop {
            let again = world.add("oil", "k").await;
            if again.status != 409 {
                return again;
            }
        }
    };
    let again = tokio::time::timeout(Duration::from_secs(20), again).await;
    let again = again.expect("the key is free");
    assert_eq!(
        (again.status, again.header("idempotent-replayed")),
        (201, "")
    );
    assert_eq!(world.all().await, ["oil"]);
    assert_ne!(contents(&pool).await, before);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn what_is_tried_out_is_answered_and_not_kept(pool: PgPool) {
    let world = World::new(&pool, 9).await;
    let before = contents(&pool).await;
    let try_out = async |word: &str, headers: &[(&str, &str)]| {
        let body = json!({"word": word});
        world
            .call("POST", "/words?dry_run=true", headers, body)
            .await
    };
    for headers in [&[][..], &[("idempotency-key", "k")]] {
        let answer = try_out("oil", headers).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.data()["word"], "oil");
        assert_eq!(answer.body["meta"], json!({"dry_run": true}));
        for absent in ["etag", "location", "idempotent-replayed"] {
            assert_eq!(answer.header(absent), "", "{absent}");
        }
    }
    try_out("", &[]).await.refused_field("/word");
    assert_eq!(try_out("never", &[]).await.status, 500, "a constraint");
    assert_eq!(contents(&pool).await, before);
    assert_eq!(*world.words.kept.lock().expect("sound"), [false, false]);

    // The name was not used up.
    let meant = world.add("oil", "k").await;
    assert_eq!(
        (meant.status, meant.header("idempotent-replayed")),
        (201, "")
    );
    assert_eq!(meant.body["meta"], json!({}));
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_query_says_true_or_false_and_nothing_else(pool: PgPool) {
    let world = World::new(&pool, 9).await;
    for query in ["dry_run=1", "dry_run=TRUE", "dry_run=", "dry_run"] {
        let path = format!("/words?{query}");
        let answer = world.call("POST", &path, &[], json!({"word": "oil"})).await;
        answer.refused(400, "query_invalid");
        let told =
            json!([{"pointer": "?dry_run", "code": "invalid", "detail": "must be true or false"}]);
        assert_eq!(answer.body["error"]["errors"], told, "{query}");
    }
    for query in ["dry_rum=true", "dry_run=true&dry_run=false"] {
        let path = format!("/words?{query}");
        let answer = world.call("POST", &path, &[], json!({"word": "oil"})).await;
        answer.refused(400, "query_invalid");
    }
    assert_eq!(world.all().await, Vec::<String>::new());
    let path = "/words?dry_run=false";
    let answer = world.call("POST", path, &[], json!({"word": "oil"})).await;
    assert_eq!((answer.status, world.all().await.len()), (201, 1));
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn without_a_key_nothing_is_added_to_the_work(pool: PgPool) {
    let world = World::new(&pool, 9).await;
    let counter = StatementCounter::start();
    let answer = world
        .call("POST", "/words", &[], json!({"word": "oil"}))
        .await;
    assert_eq!((answer.status, counter.take()), (201, 1), "the work alone");
    assert_eq!(world.add("fuel", "k").await.status, 201);
    assert_eq!(counter.take(), 4, "the key, the work, the answer, the end");
    assert_eq!(world.add("fuel", "k").await.status, 201);
    assert_eq!(counter.take(), 3, "the key, its answer, the end");
}
