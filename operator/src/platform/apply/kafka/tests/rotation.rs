//! A user gives its place to the next one: what that waits for, what a crash or a lost Secret leaves, and how it ends.

use common_kafka::admin::TopicState;

use super::*;
use crate::{
    credentials::{
        Claims,
        memory::Followers,
        overtaking::{kept, overtaking},
    },
    testing::Api,
};

/// A session has to log in again after a minute here; a client that is told so does it a little before.
const CUT: Duration = Duration::from_secs(90);

impl Fixture {
    async fn converge_at(
        &self,
        store: &mut dyn Store,
        rotation: &Rotation<'_>,
    ) -> Result<TopicsApplied, StepError> {
        let connection = connection(&self.cluster);
        converge(&self.admin, &connection, &self.wanted, store, rotation).await
    }

    async fn log_in(&self, login: &crate::credentials::Login) -> Result<Admin, KafkaError> {
        let login = connection(&self.cluster).with_login(&login.user, login.password.clone());
        Admin::connect(&login).await
    }
}

fn due() -> Rotation<'static> {
    let rest = at_rest();
    Rotation {
        now: rest.now + rest.schedule.period,
        ..rest
    }
}

#[tokio::test]
async fn a_change_of_login_waits_for_its_pods_and_cuts_what_is_left() {
    let fixture = Fixture::new().await;
    let mut store = MemoryStore::default();
    fixture.converge(&mut store).await.unwrap();
    let before = read_login(&store.secrets["kafka-app"]).unwrap();
    let former = fixture.client(&store, "kafka-app").await.unwrap();
    let topics = fixture.wanted.topic_names();
    let slow = Followers(vec!["worker-1".to_owned()]);
    let waiting = Rotation {
        usage: &slow,
        ..due()
    };
    let mut writes = 0;
    for _ in 0..2 {
        let applied = fixture.converge_at(&mut store, &waiting).await.unwrap();
        let app = &applied.logins["kafka-app"];
        assert_eq!(app.issue.at, waiting.now);
        let words = app.draining.as_ref().unwrap();
        assert!(words.contains("worker-1"), "{words}");
        assert!(
            writes == 0 || writes == store.writes,
            "a rotation began twice"
        );
        writes = store.writes;
    }
    // Both work: the former one in its pods, the new one for those that have it.
    let after = read_login(&store.secrets["kafka-app"]).unwrap();
    assert_ne!(after.user, before.user);
    fixture.log_in(&before).await.unwrap();
    let next = fixture.log_in(&after).await.unwrap();
    let seen = former.topics(&topics).await.unwrap();
    assert!(seen.iter().all(TopicState::exists), "{seen:?}");

    let applied = fixture.converge_at(&mut store, &due()).await.unwrap();
    let open = |login: &Settled| login.draining.is_some();
    assert!(!applied.logins.values().any(open), "{applied:?}");
    let refused = fixture.log_in(&before).await.unwrap_err();
    assert!(
        matches!(refused, KafkaError::LoginRefused { .. }),
        "{refused}"
    );
    let rights = fixture.admin.rights(&before.user).await.unwrap();
    assert!(rights.acls.is_empty() && rights.others == 0, "{rights:?}");
    // The session that is left sees nothing any more, and ends when it has to log in again.
    let mut looks = tokio::time::interval(Duration::from_millis(500));
    let blind = async {
        loop {
            looks.tick().await;
            match former.topics(&topics).await {
                Ok(seen) if seen.iter().any(TopicState::exists) => {}
                _ => return,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), blind)
        .await
        .expect("a former session still sees topics");
    let ended = async {
        while former.topics(&topics).await.is_ok() {
            looks.tick().await;
        }
    };
    tokio::time::timeout(CUT, ended)
        .await
        .expect("a former session is not cut");
    let seen = next.topics(&topics).await.unwrap();
    assert!(seen.iter().all(TopicState::exists), "{seen:?}");

    let again = fixture.converge_at(&mut store, &due()).await.unwrap();
    assert_eq!(
        (again, store.writes),
        (applied, writes),
        "an idle pass wrote"
    );
    fixture.clean().await;
}

/// Who deletes a Secret gets it back with the login that was in it.
#[tokio::test]
async fn a_lost_secret_comes_back_as_it_was() {
    let fixture = Fixture::new().await;
    let mut store = MemoryStore::default();
    let password = |store: &MemoryStore| {
        let login = read_login(&store.secrets["kafka-app"]).unwrap();
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
    fixture.client(&store, "kafka-app").await.unwrap();
    fixture.clean().await;
}

/// Both the Secret and what was written down are gone: the user that is there may be in the files of pods.
#[tokio::test]
async fn a_lost_secret_leaves_the_login_in_use_alone() {
    let fixture = Fixture::new().await;
    let mut store = MemoryStore::default();
    fixture.converge(&mut store).await.unwrap();
    store.claims = Claims::default();
    let lost = store.secrets.remove("kafka-app").unwrap();
    let in_use = read_login(&lost).unwrap();
    let slow = Followers(vec!["worker-1".to_owned()]);
    let rotation = Rotation {
        usage: &slow,
        ..at_rest()
    };
    for _ in 0..2 {
        fixture.converge_at(&mut store, &rotation).await.unwrap();
        fixture.log_in(&in_use).await.unwrap();
        fixture.client(&store, "kafka-app").await.unwrap();
    }
    fixture.clean().await;
}

/// The Secret names a login that works, whatever two leaders did at once: at the first login and at the next one.
#[tokio::test]
async fn two_leaders_set_one_password() {
    let fixture = Fixture::new().await;
    let api = Api::default();
    for rotation in [at_rest(), due()] {
        overtaking(&api, async |store: &mut dyn Store| {
            fixture.converge_at(store, &rotation).await.map(drop)
        })
        .await;
        let login = read_login(&kept(&api, "kafka-app").await).unwrap();
        let connected = fixture.log_in(&login).await;
        assert!(connected.is_ok(), "the Secret names a dead login");
    }
    fixture.clean().await;
}

/// The operator dies between any two writes of a change: the next one ends it, and the login in the Secret always works.
#[tokio::test]
async fn a_change_of_login_survives_a_crash_at_any_write() {
    let fixture = Fixture::new().await;
    let mut store = MemoryStore::default();
    fixture.converge(&mut store).await.unwrap();
    let mut crashes = 0;
    loop {
        // Of two lives one ends before its first write, one before its second.
        store.dies_after = Some(store.writes + crashes % 2);
        let done = fixture.converge_at(&mut store, &due()).await;
        for client in ["kafka-app", "kafka-analytics"] {
            fixture.client(&store, client).await.unwrap();
        }
        match done {
            Ok(applied) => {
                let turned =
                    |login: &Settled| login.issue.at == due().now && login.draining.is_none();
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
