//! A server on loopback whose events the test makes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use api_server_realtime::{Hub, Pace, Realtime, Tickets, router, tickets_router};
use api_server_users::facade::Directory;
use axum::Router;
use common_auth::testing::{Bearer, KeyFolder};
use common_cache::testing::redis_url;
use common_cache::{Cache, CacheConfig};
use common_clock::{Clock as _, Ids as _, SystemClock, SystemIds};
use common_events::{Envelope, Handle as _};
use common_http::testing::{request, send};
use common_http::{Callers, HttpConfig, standard};
use common_service::{Service, ServiceConfig};
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::client::Client;
use crate::rows::Person;

/// Looks at rights often and is patient otherwise.
pub(crate) fn brisk() -> Pace {
    Pace {
        tick: Duration::from_millis(50),
        rights: Duration::from_millis(50),
        ..Pace::default()
    }
}

/// The role's server; it is told to stop when this is dropped.
pub(crate) struct World {
    pub(crate) realtime: Realtime,
    pub(crate) stop: CancellationToken,
    tickets: Router,
    address: SocketAddr,
}

impl World {
    pub(crate) async fn new(pool: &PgPool, pace: Pace) -> Self {
        let config = CacheConfig {
            url: redis_url().into(),
            ca_file: None,
            namespace: format!("test-{}", SystemIds.uuid()),
        };
        let cache = Cache::connect(&config).await.expect("a Redis server");
        let service = service();
        let realtime = Realtime {
            hub: Hub::new(SystemIds.uuid()),
            cache: cache.clone(),
            directory: Directory::new(pool.clone(), Arc::new(SystemClock)),
            pace,
            stop: service.soft(),
            sockets: TaskTracker::new(),
        };
        let app = standard(
            router(realtime.clone()),
            &HttpConfig::default(),
            Arc::new(SystemIds),
            Callers::unknown(),
        );
        let listen = service.config().listen;
        let address = service.listen(listen, app).await.expect("a free port");
        let callers = Callers::verified_by(keys().verifier(Arc::new(SystemClock)).await);
        let tickets = tickets_router(Tickets::new(cache, Arc::new(SystemIds)));
        let tickets = standard(
            tickets.split_for_parts().0,
            &HttpConfig::default(),
            Arc::new(SystemIds),
            callers,
        );
        Self {
            realtime,
            stop: service.soft(),
            tickets,
            address,
        }
    }

    /// Asks for a ticket with or without a token: status and body.
    pub(crate) async fn ask(&self, token: Option<String>) -> (u16, Value) {
        let bearer = token.map(|token| format!("Bearer {token}"));
        let headers: Vec<(&str, &str)> = bearer
            .iter()
            .map(|bearer| ("authorization", bearer.as_str()))
            .collect();
        let path = "/api/v1/realtime/tickets";
        let answer = send(&self.tickets, request("POST", path, &headers, &Value::Null)).await;
        (answer.status, answer.body)
    }

    /// A ticket of `person`.
    pub(crate) async fn ticket(&self, person: Person) -> String {
        let (status, body) = self.ask(Some(token(person))).await;
        assert_eq!(status, 201, "{body}");
        body["data"]["ticket"].as_str().expect("text").to_owned()
    }

    /// Tries to open a socket.
    pub(crate) async fn open(&self, query: &str) -> Result<Client, crate::client::Refusal> {
        Client::open(self.address, query).await
    }

    /// A new socket of `person` that was greeted, and its place.
    pub(crate) async fn join(&self, person: Person) -> (Client, String) {
        let query = format!("ticket={}", self.ticket(person).await);
        let mut client = self.open(&query).await.expect("a socket");
        let seq = client.expect("hello").await;
        (client, seq)
    }

    /// A socket of `person` that comes back, not greeted yet.
    pub(crate) async fn come_back(&self, person: Person, seq: &str) -> Client {
        let query = format!("ticket={}&last_seq={seq}", self.ticket(person).await);
        self.open(&query).await.expect("a socket")
    }

    /// Lets an event of a task of `team` pass.
    pub(crate) async fn happen(&self, team: Uuid, title: &str) {
        let task = SystemIds.uuid();
        let event = Envelope {
            id: SystemIds.uuid(),
            source: "/crewdeck".to_owned(),
            event_type: "task.updated.v1".to_owned(),
            subject: task.to_string(),
            time: SystemClock.now(),
            dataschema: "urn:crewdeck:event:task.updated.v1".to_owned(),
            sequence: 1,
            version: 2,
            actor: None,
            data: json!({"task_id": task, "team_id": team, "title": title}),
        };
        let hub = &self.realtime.hub;
        hub.handle(&event).await.expect("taken");
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn keys() -> &'static KeyFolder {
    KeyFolder::of_tests(env!("CARGO_TARGET_TMPDIR"))
}

fn token(person: Person) -> String {
    let bearer = Bearer {
        session: person.session,
        ..Bearer::user(person.id)
    };
    keys().token(bearer, SystemClock.now())
}

fn service() -> Service {
    let config = ServiceConfig {
        listen: free_address(),
        probe_listen: free_address(),
        drain_seconds: 1,
    };
    let metrics = PrometheusBuilder::new().build_recorder().handle();
    let (clock, ids) = (Arc::new(SystemClock), Arc::new(SystemIds));
    Service::new("realtime", config, clock, ids, metrics)
}

/// An address on loopback that nobody uses, below the ports that the system hands out.
fn free_address() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let base = 10_000 + u16::try_from(std::process::id() % 100).unwrap_or_default() * 100;
    loop {
        let port = base + NEXT.fetch_add(1, Ordering::Relaxed) % 100;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        if std::net::TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}
