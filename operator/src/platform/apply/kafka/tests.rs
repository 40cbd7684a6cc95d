//! On a real Kafka: what is made, idle passes, what a user may do, drift, crashes, deletion.

mod brokers;
mod rotation;

use std::{path::PathBuf, sync::Arc, time::Duration};

use chrono::TimeDelta;
use common_clock::{Ids as _, SharedIds, SystemIds};
use common_events::{
    self as events, EventsConfig, Group, MemoryBus, Transport, conformance, factory,
};
use common_kafka::{
    KafkaConfig,
    admin::{Acl, Operation, TopicSpec},
};
use crds::TopicName;
use secrecy::{ExposeSecret as _, SecretString};

use super::*;
use crate::{
    credentials::{
        memory::{MemoryStore, at_rest},
        read_login,
    },
    platform::{
        Class,
        validate::{ExternalNames, Topic},
    },
    told::is_told,
};

/// A Platform of its own on the cluster of the tests.
struct Fixture {
    cluster: KafkaCluster,
    names: ExternalNames,
    wanted: Wanted,
    admin: Admin,
}

#[expect(
    clippy::disallowed_methods,
    reason = "tests are told their cluster by the environment"
)]
fn environment() -> Connection {
    let directory = std::env::var("CREWDECK_TEST_KAFKA_DIR").unwrap();
    KafkaConfig::directory(PathBuf::from(directory))
        .connection()
        .unwrap()
}

fn topics(partitions: i32) -> Vec<Topic> {
    let topic = |name| Topic {
        name,
        is_named: true,
        partitions,
        may_grow: true,
        replicas: 1,
        retention: Duration::from_hours(1),
        config: Vec::new(),
    };
    TopicName::ALL.map(topic).into()
}

impl Fixture {
    async fn new() -> Self {
        let connection = environment();
        let tag = SystemIds.uuid().simple().to_string();
        let names = ExternalNames::of("tests", "kafka", &tag);
        Self {
            wanted: Wanted::of(&names, &topics(2)),
            names,
            admin: Admin::connect(&connection).await.unwrap(),
            cluster: KafkaCluster {
                bootstrap_servers: connection.bootstrap_servers,
                username: connection.username.unwrap(),
                password: connection.password.unwrap(),
                sasl_mechanism: connection.sasl_mechanism.unwrap(),
                security_protocol: connection.security_protocol.unwrap(),
                ca_pem: connection.ca_pem,
            },
        }
    }

    async fn converge(&self, store: &mut MemoryStore) -> Result<TopicsApplied, StepError> {
        let connection = connection(&self.cluster);
        let admin = Admin::connect(&connection).await;
        let admin = admin.map_err(|error| failed(&error))?;
        converge(&admin, &connection, &self.wanted, store, &at_rest()).await
    }

    /// A pass so many seconds after the first, over a Platform whose roles serve.
    async fn converge_after(&self, seconds: i64, store: &mut MemoryStore) {
        let rotation = Rotation {
            now: at_rest().now + TimeDelta::seconds(seconds),
            belief: Belief::of(true),
            ..at_rest()
        };
        let connection = connection(&self.cluster);
        converge(&self.admin, &connection, &self.wanted, store, &rotation)
            .await
            .unwrap();
    }

    async fn client(&self, store: &MemoryStore, secret: &str) -> Result<Admin, KafkaError> {
        let login = read_login(&store.secrets[secret]).unwrap();
        let connection = connection(&self.cluster).with_login(&login.user, login.password);
        Admin::connect(&connection).await
    }

    async fn topics(&self) -> Vec<(String, i32)> {
        let states = self.admin.topics(&self.wanted.topic_names()).await.unwrap();
        let there = states
            .into_iter()
            .filter(common_kafka::admin::TopicState::exists);
        there.map(|state| (state.name, state.partitions)).collect()
    }

    async fn clean(self) {
        drop_all(&self.admin, &self.wanted.things(), false)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn makes_everything_once_and_mends_it() {
    let mut fixture = Fixture::new().await;
    let mut store = MemoryStore::default();
    let applied = fixture.converge(&mut store).await.unwrap();
    assert_eq!((applied.ready, applied.wanted), (8, 8));
    assert_eq!(applied.under_replicated, 0);
    // The brokers of the tests end what does not log in again.
    assert_eq!(applied.warning, None);
    assert_eq!(
        store.clients().into_iter().collect::<Vec<_>>(),
        ["kafka-analytics", "kafka-app"]
    );
    let written = store.writes;
    fixture.converge(&mut store).await.unwrap();
    assert_eq!(store.writes, written, "an idle pass wrote");

    // More partitions and a further setting; a changed password, lost and surplus rights, a lost login, a changed setting.
    let mut topics = topics(3);
    for topic in &mut topics {
        topic.config = vec![("segment.ms".to_owned(), "60000".to_owned())];
    }
    fixture.wanted = Wanted::of(&fixture.names, &topics);
    let [app, analytics] = fixture.wanted.clients.clone();
    let admin = &fixture.admin;
    let other = SecretString::from("other");
    admin
        .set_login(&app.slots[0], &other, &SystemIds)
        .await
        .unwrap();
    admin
        .set_login(&app.slots[1], &other, &SystemIds)
        .await
        .unwrap();
    admin.delete_login(&analytics.slots[0]).await.unwrap();
    admin.revoke_all(&app.slots[0]).await.unwrap();
    let surplus = Acl::topic(&fixture.wanted.topics[0].name, Operation::Write);
    admin.grant(&analytics.slots[0], &[surplus]).await.unwrap();
    let topic = &fixture.wanted.topics[0];
    admin
        .set_topic_config(
            &topic.name,
            &[
                ("retention.ms".into(), "1000".into()),
                ("max.message.bytes".into(), "2000000".into()),
            ],
        )
        .await
        .unwrap();

    fixture.converge(&mut store).await.unwrap();
    assert_eq!(store.writes, written, "the Secrets were written again");
    for secret in ["kafka-app", "kafka-analytics"] {
        fixture.client(&store, secret).await.unwrap();
    }
    let logins = admin.logins(&app.slots).await.unwrap();
    assert_eq!(logins, [app.slots[0].clone()].into());
    let mut partitions: Vec<i32> = fixture
        .topics()
        .await
        .into_iter()
        .map(|(_, count)| count)
        .collect();
    partitions.sort_unstable();
    assert_eq!(partitions, [1, 1, 1, 1, 3, 3, 3, 3]);
    let configs = admin.topic_configs([topic.name.as_str()]).await.unwrap();
    let config = &configs[&topic.name];
    assert_eq!(config["retention.ms"], "3600000");
    assert_eq!(config["segment.ms"], "60000");
    assert_eq!(config["max.message.bytes"], "2000000", "not ours");
    fixture.clean().await;
}

/// More partitions need consent, fewer and other copies cannot be had; whatever is not done is told, and the rest goes on.
#[tokio::test]
async fn what_is_not_changed_of_a_topic_is_told() {
    let fixture = Fixture::new().await;
    let mut store = MemoryStore::default();
    let applied = fixture.converge(&mut store).await.unwrap();
    assert_eq!(applied.unlike, [""; 0]);
    let there = fixture.topics().await;
    let with = |partitions, change: fn(&mut Topic)| {
        let mut topics = topics(partitions);
        change(&mut topics[1]);
        Wanted::of(&fixture.names, &topics[1..2])
    };
    let cases = [
        (with(3, |topic| topic.may_grow = false), "allowKeyRemap"),
        (with(1, |_| {}), "Kafka takes none away"),
        (
            with(2, |topic| topic.replicas = 3),
            "has 1 copies of each partition and the spec asks for 3",
        ),
        (
            with(2, |topic| {
                topic.config = vec![("no.such.setting".to_owned(), "1".to_owned())];
            }),
            "no.such.setting was set to \"1\" and Kafka shows nothing; Kafka does not take",
        ),
    ];
    for (wanted, words) in cases {
        let found = topics::look(&fixture.admin, &wanted, &store).await.unwrap();
        let shaped = topics::shape(&fixture.admin, &wanted, &found)
            .await
            .unwrap();
        assert_eq!(shaped.ready, 2, "{words}");
        let told = shaped.unlike.join("; ");
        assert!(
            told.contains(words) && told.contains(&wanted.topics[0].name),
            "{told}"
        );
        assert_eq!(fixture.topics().await, there, "{words}");
    }
    fixture.clean().await;
}

/// A password that somebody changed is found when the proof has had its time; and at once where the Secret is to change.
#[tokio::test]
async fn a_proof_lasts_for_minutes_but_not_for_another_secret() {
    let fixture = Fixture::new().await;
    let mut store = MemoryStore::default();
    fixture.converge_after(0, &mut store).await;
    let user = fixture.wanted.clients[0].slots[0].clone();
    let other = SecretString::from("other");
    let spoil = || fixture.admin.set_login(&user, &other, &SystemIds);
    spoil().await.unwrap();
    fixture.converge_after(60, &mut store).await;
    fixture.client(&store, "kafka-app").await.unwrap_err();
    fixture.converge_after(301, &mut store).await;
    fixture.client(&store, "kafka-app").await.unwrap();

    spoil().await.unwrap();
    let edited = store.secrets.get_mut("kafka-app").unwrap();
    edited.insert("security-protocol".into(), SecretString::from("PLAINTEXT"));
    fixture.converge_after(310, &mut store).await;
    fixture.client(&store, "kafka-app").await.unwrap();
    fixture.clean().await;
}

#[tokio::test]
async fn a_user_has_its_topics_and_groups_only() {
    let fixture = Fixture::new().await;
    let mut store = MemoryStore::default();
    fixture.converge(&mut store).await.unwrap();
    let analytics = fixture.client(&store, "kafka-analytics").await.unwrap();
    let prefix = fixture.names.topic_prefix();
    let names = ["task-events", "user-activities"].map(|name| format!("{prefix}.{name}"));
    for state in analytics.topics(&names).await.unwrap() {
        assert_eq!(state.exists(), state.name == names[0], "{state:?}");
        assert!(!state.allowed.contains(&Operation::Write), "{state:?}");
    }
    assert!(
        analytics
            .group(&fixture.wanted.groups[1])
            .await
            .unwrap()
            .contains(&Operation::Read)
    );
    analytics
        .group(&fixture.wanted.groups[0])
        .await
        .unwrap_err();
    let topic = TopicSpec {
        name: format!("{prefix}.mine"),
        partitions: 1,
        replicas: 1,
        config: Vec::new(),
    };
    analytics.create_topic(&topic).await.unwrap_err();
    analytics.delete_topic(&names[0]).await.unwrap_err();
    let other = SecretString::from("other");
    analytics
        .set_login("mine", &other, &SystemIds)
        .await
        .unwrap_err();
    analytics
        .grant(
            &fixture.wanted.clients[1].slots[0],
            &[Acl::topic("a", Operation::Read)],
        )
        .await
        .unwrap_err();
    fixture.clean().await;
}

/// What the roles do with the files of their Secrets: publish, share the work of a group, see everything, set aside.
#[tokio::test]
async fn our_clients_work_with_what_is_allowed() {
    let fixture = Fixture::new().await;
    let mut store = MemoryStore::default();
    fixture.converge(&mut store).await.unwrap();
    let ids: SharedIds = Arc::new(SystemIds);
    let mut clients = Vec::new();
    for secret in ["kafka-app", "kafka-analytics"] {
        let folder =
            std::env::temp_dir().join(format!("{}-{secret}", fixture.names.topic_prefix()));
        std::fs::create_dir_all(&folder).unwrap();
        for (key, value) in &store.secrets[secret] {
            std::fs::write(folder.join(key), value.expose_secret()).unwrap();
        }
        let config = EventsConfig {
            kafka_directory: Some(folder.clone()),
            topic_prefix: fixture.names.topic_prefix().to_owned(),
            ..EventsConfig::new(Transport::Kafka)
        };
        clients.push(factory(&config, &MemoryBus::default(), &ids).await.unwrap());
        std::fs::remove_dir_all(folder).unwrap();
    }
    let [app, analytics] = &clients[..] else {
        unreachable!("two clients");
    };
    let topic = events::Topic::TaskEvents;
    let mut everything = app
        .subscriber
        .subscribe(&[topic], Group::Broadcast)
        .await
        .unwrap();
    let mut notifications = app
        .subscriber
        .subscribe(&[topic], Group::Shared("notifications"))
        .await
        .unwrap();
    let mut counts = analytics
        .subscriber
        .subscribe(&[topic], Group::Shared("analytics"))
        .await
        .unwrap();

    let sent = conformance::event(SystemIds.uuid(), 1);
    app.publisher
        .publish(topic, std::slice::from_ref(&sent))
        .await
        .unwrap();
    analytics
        .publisher
        .publish(events::Topic::AnalyticsEvents, std::slice::from_ref(&sent))
        .await
        .unwrap();
    for subscription in [&mut everything, &mut notifications, &mut counts] {
        let next = tokio::time::timeout(Duration::from_secs(30), subscription.next());
        let delivery = next.await.unwrap().unwrap();
        assert_eq!(delivery.envelope.id, sent.id);
        delivery.dead_letter("a test").await.unwrap();
    }
    let mut groups = fixture.wanted.things();
    groups.retain(|thing| thing.kind == Kind::Group);
    let with_members = drop_all(&fixture.admin, &groups, false).await.unwrap_err();
    is_told(Reason::Deleting, with_members.reason.as_str());
    assert_eq!(with_members.class, Class::Waiting, "{with_members}");
    drop((everything, notifications, counts, clients));
    fixture.clean().await;
}

#[tokio::test]
async fn a_crash_at_any_write_is_recovered_from() {
    let fixture = Fixture::new().await;
    let mut store = MemoryStore::default();
    let mut crashes = 0;
    loop {
        store.dies_after = Some(store.writes + 1);
        match fixture.converge(&mut store).await {
            Ok(_) => break,
            Err(error) => assert_eq!(error.message, "killed here"),
        }
        crashes += 1;
    }
    assert!(crashes >= 2, "{crashes}");
    for secret in ["kafka-app", "kafka-analytics"] {
        fixture.client(&store, secret).await.unwrap();
    }
    fixture.clean().await;
}

#[tokio::test]
async fn what_is_not_ours_is_not_touched() {
    let fixture = Fixture::new().await;
    let topic = &fixture.wanted.topics[3];
    fixture.admin.create_topic(topic).await.unwrap();
    let mut store = MemoryStore::default();
    let error = fixture.converge(&mut store).await.unwrap_err();
    assert_eq!((error.reason, store.writes), (Reason::NotOurs, 0));
    assert!(error.message.contains(&topic.name), "{error}");
    fixture.admin.delete_topic(&topic.name).await.unwrap();

    let user = &fixture.wanted.clients[0].slots[1];
    let other = SecretString::from("other");
    fixture
        .admin
        .set_login(user, &other, &SystemIds)
        .await
        .unwrap();
    let error = fixture.converge(&mut store).await.unwrap_err();
    assert_eq!((error.reason, store.writes), (Reason::NotOurs, 0));
    assert!(error.message.contains(user), "{error}");
    fixture.clean().await;
}

#[tokio::test]
async fn deletion_ends_the_users_and_keeps_or_drops_the_topics() {
    let fixture = Fixture::new().await;
    let mut store = MemoryStore::default();
    fixture.converge(&mut store).await.unwrap();
    let listed: Vec<Thing> = store.things.keys().cloned().collect();

    drop_all(&fixture.admin, &listed, true).await.unwrap();
    drop_all(&fixture.admin, &listed, true).await.unwrap();
    let refused = fixture.client(&store, "kafka-app").await.unwrap_err();
    assert!(
        matches!(refused, KafkaError::LoginRefused { .. }),
        "{refused}"
    );
    assert_eq!(fixture.topics().await.len(), 8);
    for client in &fixture.wanted.clients {
        assert!(
            fixture
                .admin
                .rights(&client.slots[0])
                .await
                .unwrap()
                .acls
                .is_empty()
        );
    }

    // A Platform of the same name finds its topics again.
    let mut store = MemoryStore::default();
    fixture.converge(&mut store).await.unwrap();
    drop_all(&fixture.admin, &listed, false).await.unwrap();
    assert_eq!(fixture.topics().await, []);
    assert!(
        fixture
            .admin
            .rights(&fixture.wanted.marker)
            .await
            .unwrap()
            .acls
            .is_empty()
    );
    fixture.clean().await;
}

#[tokio::test]
async fn errors_name_the_cluster_and_the_remedy() {
    let mut fixture = Fixture::new().await;
    let mut store = MemoryStore::default();
    let right = fixture.cluster.clone();
    fixture.cluster.password = SecretString::from("a-secret");
    let refused = fixture.converge(&mut store).await.unwrap_err();
    assert_eq!(refused.reason, Reason::LoginRefused, "{refused}");
    fixture.cluster.bootstrap_servers = "127.0.0.1:1".into();
    let gone = fixture.converge(&mut store).await.unwrap_err();
    assert_eq!(gone.reason, Reason::BackendUnreachable, "{gone}");
    for (error, at) in [
        (&refused, &right.bootstrap_servers),
        (&gone, &"127.0.0.1:1".to_owned()),
    ] {
        assert!(
            error.message.contains(at) && error.message.contains("Secret"),
            "{error}"
        );
        assert!(
            !error.message.contains("a-secret") && !error.message.contains('\n'),
            "{error}"
        );
    }
    fixture.cluster = right;
    fixture.clean().await;
}
