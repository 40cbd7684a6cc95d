//! People of a former system: brought over whole or not at all, and then with their passwords.

use std::sync::Arc;

use api_server_users::{ImportError, Imported, import_users};
use common_clock::{ManualClock, SharedClock, SharedIds, SystemIds};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::world::{ADMIN, PASSWORD, World, tokens};

/// As Django stores "lètmein".
const HASH: &str = "pbkdf2_sha256$1000$seasalt$JgZryXe2Ga8ysg6XbzkLpTdyPQrHqsinbL9BnnhgX4A=";

fn line(email: &str, password: &str) -> Value {
    json!({"email": email, "name": "Somebody", "password": password, "date_joined": "2019-05-01T12:00:00Z"})
}

fn lines(all: &[Value]) -> String {
    let all: Vec<String> = all.iter().map(Value::to_string).collect();
    all.join("\n") + "\n"
}

async fn import(pool: &PgPool, lines: &str, dry_run: bool) -> Result<Imported, ImportError> {
    let now = "2026-03-02T09:00:00Z".parse().expect("a time");
    let clock: SharedClock = Arc::new(ManualClock::new(now));
    let ids: SharedIds = Arc::new(SystemIds);
    import_users(pool, lines, dry_run, &clock, &ids).await
}

/// How many rows there are of users, of audit and of events on their way.
async fn rows(pool: &PgPool) -> (i64, i64, i64) {
    let count = "select (select count(*) from users), (select count(*) from audit), (select count(*) from outbox)";
    sqlx::query_as(count).fetch_one(pool).await.expect("counts")
}

async fn stored(pool: &PgPool, email: &str) -> String {
    sqlx::query_scalar("select password_hash from users where email = $1")
        .bind(email)
        .fetch_one(pool)
        .await
        .expect("a user")
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn an_import_can_be_tried_made_and_repeated(pool: PgPool) {
    World::new(&pool).await;
    let mut gone = line("gone@example.org", HASH);
    gone["is_active"] = false.into();
    let text = lines(&[
        line("Ada@Example.org", HASH),
        line("ben@example.org", "!nothing"),
        gone,
        line(ADMIN, HASH),
    ]);
    let (before, admin) = (rows(&pool).await, stored(&pool, ADMIN).await);
    let expected = Imported {
        added: 2,
        inactive: 1,
        present: 1,
    };
    assert_eq!(import(&pool, &text, true).await.expect("tried"), expected);
    assert_eq!(rows(&pool).await, before);
    assert_eq!(import(&pool, &text, false).await.expect("made"), expected);
    let after = rows(&pool).await;
    // Nobody is told of a user who cannot sign in.
    assert_eq!(after, (before.0 + 3, before.1 + 3, before.2 + 2));
    let again = import(&pool, &text, false).await.expect("repeated");
    assert_eq!((again.added, again.inactive, again.present), (0, 0, 4));
    assert_eq!(rows(&pool).await, after);
    assert_eq!(stored(&pool, ADMIN).await, admin, "who was there stays");
    let (name, joined, is_admin): (String, String, bool) = sqlx::query_as(
        "select name, (created_at at time zone 'UTC')::text, is_admin from users where email = 'ada@example.org'",
    )
    .fetch_one(&pool)
    .await
    .expect("a user");
    assert_eq!(
        (name.as_str(), joined.as_str(), is_admin),
        ("Somebody", "2019-05-01 12:00:00", false)
    );
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn one_wrong_line_and_nothing_is_imported(pool: PgPool) {
    let before = rows(&pool).await;
    let mut unknown = line("eve@example.org", HASH);
    unknown["is_staff"] = true.into();
    let text = format!(
        "{}\n{{\n{}{}{}",
        line("ada@example.org", HASH),
        lines(&[line("nobody", "secret")]),
        lines(&[line("ADA@example.org", HASH)]),
        unknown
    );
    let error = import(&pool, &text, false).await.expect_err("refused");
    let ImportError::Faults(faults) = error else {
        panic!("{error}");
    };
    let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
    let starts = [
        "line 2: is not valid JSON",
        "line 3: /email: must be an email address",
        "line 3: /password: must be a hash of Crewdeck",
        "line 4: /email: is that of line 1 too",
        "line 5: /is_staff: is not known",
    ];
    assert_eq!(told.len(), starts.len(), "{told:#?}");
    for (told, start) in told.iter().zip(starts) {
        assert!(told.starts_with(start), "{told}");
        assert!(!told.contains("secret"), "{told}");
    }
    assert_eq!(rows(&pool).await, before);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn who_signs_in_once_has_a_hash_of_ours(pool: PgPool) {
    let world = World::new(&pool).await;
    let text = lines(&[line("ada@example.org", HASH)]);
    import(&pool, &text, false).await.expect("made");
    let answer = world.try_login("ada@example.org", "wrong horse").await;
    answer.refused(401, "bad_credentials");
    assert_eq!(stored(&pool, "ada@example.org").await, HASH);
    tokens(&world.try_login("ada@example.org", "lètmein").await);
    let renewed = stored(&pool, "ada@example.org").await;
    assert!(renewed.starts_with("$argon2id$v=19$m=47104"), "{renewed}");
    tokens(&world.try_login("ada@example.org", "lètmein").await);
    assert_eq!(stored(&pool, "ada@example.org").await, renewed);
    let answer = world.try_login("ada@example.org", "wrong horse").await;
    answer.refused(401, "bad_credentials");
}

/// Each gets in, and none of the new hashes is lost or half written.
#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn two_first_sign_ins_at_once_both_succeed(pool: PgPool) {
    let world = World::new(&pool).await;
    let text = lines(&[line("ada@example.org", HASH)]);
    import(&pool, &text, false).await.expect("made");
    let sign_in = || world.try_login("ada@example.org", "lètmein");
    let (one, other) = tokio::join!(sign_in(), sign_in());
    tokens(&one);
    tokens(&other);
    tokens(&sign_in().await);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn who_has_no_password_or_is_not_active_does_not_get_in(pool: PgPool) {
    let world = World::new(&pool).await;
    let mut gone = line("gone@example.org", HASH);
    gone["is_active"] = false.into();
    let text = lines(&[line("ben@example.org", "!nothing"), gone]);
    import(&pool, &text, false).await.expect("made");
    for (email, password) in [
        ("ben@example.org", "!nothing"),
        ("ben@example.org", ""),
        ("gone@example.org", "lètmein"),
    ] {
        let answer = world.try_login(email, password).await;
        answer.refused(401, "bad_credentials");
    }
}

/// What an address that nobody has costs is drawn from the hashes that there are: so imported ones do not stand out. Here
/// all of them are broken, which tells that one was looked at.
#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn an_address_of_nobody_takes_the_time_of_somebody_and_lets_nobody_in(pool: PgPool) {
    let world = World::new(&pool).await;
    let people: Vec<Value> = (0..40)
        .map(|one| line(&format!("user{one}@example.org"), HASH))
        .collect();
    import(&pool, &lines(&people), false).await.expect("made");
    for one in 0..4 {
        let email = format!("nobody{one}@example.org");
        for password in ["lètmein", PASSWORD] {
            let answer = world.try_login(&email, password).await;
            answer.refused(401, "bad_credentials");
        }
    }
    sqlx::query("update users set password_hash = 'broken'")
        .execute(&pool)
        .await
        .expect("updated");
    for one in 0..4 {
        let email = format!("nobody{one}@example.org");
        let answer = world.try_login(&email, PASSWORD).await;
        assert_eq!(answer.status, 500, "no hash was looked at for {email}");
    }
}

/// Behind whoever is drawn last comes whoever is drawn first: with one person, every address draws that one.
#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn every_address_of_nobody_draws_somebody(pool: PgPool) {
    let world = World::new(&pool).await;
    sqlx::query("update users set password_hash = 'broken'")
        .execute(&pool)
        .await
        .expect("updated");
    for one in 0..20 {
        let email = format!("nobody{one}@example.org");
        let answer = world.try_login(&email, PASSWORD).await;
        assert_eq!(answer.status, 500, "no hash was looked at for {email}");
    }
}
