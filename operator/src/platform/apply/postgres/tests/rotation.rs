//! A login gives its place to the next one: what that waits for, what a crash or a lost Secret leaves, and how it ends.

use super::*;
use crate::credentials::{
    Claims,
    memory::Followers,
    overtaking::{kept, overtaking},
};
use crate::testing::Api;
use secrecy::ExposeSecret as _;

#[sqlx::test]
async fn a_change_of_login_waits_for_its_pods_and_sessions(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let (server, names) = (fixture.server.clone(), fixture.names.clone());
    let mut store = MemoryStore::default();
    fixture.converge(&mut store).await.unwrap();
    let slow = Followers(vec!["web-1".to_owned()]);
    let later = at_rest().now + at_rest().schedule.period;
    let at = |now| Rotation { now, ..at_rest() };
    let due = Rotation {
        usage: &slow,
        ..at(later)
    };
    let mut former = fixture.client(&store, "db-app").await;
    let mut writes = 0;
    for _ in 0..2 {
        let applied = converge(&server, &names, &mut store, &due).await.unwrap();
        let app = &applied.logins["db-app"];
        assert_eq!(app.issue.at, later);
        assert!(app.draining.as_ref().unwrap().contains("web-1"), "{app:?}");
        assert!(
            writes == 0 || writes == store.writes,
            "a rotation began twice"
        );
        writes = store.writes;
    }
    execute(&mut former, "select 1".into()).await;
    let mut app = fixture.client(&store, "db-app").await;
    execute(&mut app, "select 1".into()).await;

    // At work: it is let end.
    execute(&mut former, "begin".into()).await;
    let applied = converge(&server, &names, &mut store, &at(later))
        .await
        .unwrap();
    let words = applied.logins["db-app"].draining.clone().unwrap();
    assert!(words.ends_with("at work: 1"), "{words}");
    execute(&mut former, "commit".into()).await;
    // Idle, but it may be about to work again: it has a time of grace, which ends with our patience.
    let now = at(later + chrono::TimeDelta::minutes(2));
    let mut applied = converge(&server, &names, &mut store, &now).await.unwrap();
    while applied
        .logins
        .values()
        .any(|login| login.draining.is_some())
    {
        applied = converge(&server, &names, &mut store, &now).await.unwrap();
    }
    assert!(
        try_execute(&mut former, "select 1").await.is_err(),
        "it was cut"
    );
    execute(&mut app, "select 1".into()).await;
    let again = converge(&server, &names, &mut store, &now).await.unwrap();
    assert_eq!(
        (again, store.writes),
        (applied, writes),
        "an idle pass wrote"
    );
    fixture.clean().await;
}

/// Who deletes a Secret gets it back with the login that was in it.
#[sqlx::test]
async fn a_lost_secret_comes_back_as_it_was(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let mut store = MemoryStore::default();
    let password = |store: &MemoryStore| {
        let login = read_login(&store.secrets["db-app"]).unwrap();
        (login.user, login.password.expose_secret().to_owned())
    };
    // From before logins were written down, or after what was written down was lost.
    fixture.converge(&mut store).await.unwrap();
    store.claims = Claims::default();
    fixture.converge(&mut store).await.unwrap();
    let before = password(&store);
    store.secrets.clear();
    fixture.converge(&mut store).await.unwrap();
    assert_eq!(password(&store), before);
    fixture.client(&store, "db-app").await;
    fixture.clean().await;
}

/// The Secret names a login that works, whatever two leaders did at once: at the first login and at the next one.
#[sqlx::test]
async fn two_leaders_set_one_password(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let api = Api::default();
    let later = at_rest().now + at_rest().schedule.period;
    for now in [at_rest().now, later] {
        let rotation = Rotation { now, ..at_rest() };
        overtaking(&api, async |store: &mut dyn Store| {
            let done = converge(&fixture.server, &fixture.names, store, &rotation).await;
            done.map(drop)
        })
        .await;
        let logins = fixture.names.logins();
        let first = logins.first().unwrap();
        let login = read_login(&kept(&api, first.client).await).unwrap();
        let connected = fixture.log_in(&login, &first.database).await;
        assert!(connected.is_ok(), "the Secret names a dead login");
    }
    fixture.clean().await;
}

/// Both the Secret and what was written down are gone: the login that is open may be in the files of pods.
#[sqlx::test]
async fn a_lost_secret_leaves_the_login_in_use_alone(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let mut store = MemoryStore::default();
    fixture.converge(&mut store).await.unwrap();
    let mut in_use = fixture.client(&store, "db-app").await;
    store.claims = Claims::default();
    let lost = store.secrets.remove("db-app").unwrap();
    let slow = Followers(vec!["web-1".to_owned()]);
    let rotation = Rotation {
        usage: &slow,
        ..at_rest()
    };
    for _ in 0..2 {
        converge(&fixture.server, &fixture.names, &mut store, &rotation)
            .await
            .unwrap();
        // In the files of its pods: it goes on, also for new sessions.
        execute(&mut in_use, "select 1".into()).await;
        let login = read_login(&lost).unwrap();
        fixture
            .log_in(&login, &fixture.names.database)
            .await
            .unwrap();
        fixture.client(&store, "db-app").await;
    }
    fixture.clean().await;
}

/// A login that was shut and whose sessions were not ended yet, as a killed operator leaves it.
#[sqlx::test]
async fn sessions_of_a_login_that_is_shut_are_ended(pool: PgPool) {
    let mut fixture = Fixture::new(&pool).await;
    let mut store = MemoryStore::default();
    fixture.converge(&mut store).await.unwrap();
    let slot = format!("{}_b", fixture.names.app);
    execute(
        &mut fixture.root,
        format!("alter role {slot} login password 'left'"),
    )
    .await;
    let left = Login {
        user: slot.clone(),
        password: SecretString::from("left"),
    };
    let mut session = fixture
        .log_in(&left, &fixture.names.database)
        .await
        .unwrap();
    execute(&mut fixture.root, format!("alter role {slot} nologin")).await;
    let later = Rotation {
        now: at_rest().now + chrono::TimeDelta::minutes(2),
        ..at_rest()
    };
    let (server, names) = (fixture.server.clone(), fixture.names.clone());
    converge(&server, &names, &mut store, &later).await.unwrap();
    assert!(try_execute(&mut session, "select 1").await.is_err());
    fixture.clean().await;
}

/// The operator dies between any two writes of a change: the next one ends it, and the login in the Secret always works.
#[sqlx::test]
async fn a_change_of_login_survives_a_crash_at_any_write(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let mut store = MemoryStore::default();
    fixture.converge(&mut store).await.unwrap();
    let later = Rotation {
        now: at_rest().now + at_rest().schedule.period,
        ..at_rest()
    };
    let mut crashes = 0;
    loop {
        // Of three lives one ends before its first write, one before its second.
        store.dies_after = Some(store.writes + crashes % 3);
        let done = converge(&fixture.server, &fixture.names, &mut store, &later).await;
        for client in [
            "db-app",
            "db-migrator",
            "db-analytics-reader",
            "db-analytics-owner",
        ] {
            fixture.client(&store, client).await;
        }
        match done {
            Ok(applied) => {
                let turned =
                    |login: &Settled| login.issue.at == later.now && login.draining.is_none();
                if applied.logins.values().all(turned) {
                    break;
                }
            }
            Err(error) => assert_eq!(error.message, "killed here"),
        }
        crashes += 1;
        assert!(crashes < 50, "it does not end");
    }
    assert!(crashes >= 4, "{crashes}");
    fixture.clean().await;
}
