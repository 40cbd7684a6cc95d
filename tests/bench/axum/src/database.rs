//! Connections that take statements before the former ones are answered, with every statement prepared.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio_postgres::{Client, NoTls, Statement};

use crate::Failure;

const CONNECTIONS: usize = 4;

/// A connection and its statements.
pub(crate) struct Connection {
    pub(crate) client: Client,
    pub(crate) list: Statement,
    pub(crate) detail: Statement,
    pub(crate) version: Statement,
    pub(crate) create: Statement,
    pub(crate) credentials: Statement,
    pub(crate) session_start: Statement,
    pub(crate) session_lock: Statement,
    pub(crate) session_rotate: Statement,
}

/// Connections that are used in turn.
pub(crate) struct Database {
    connections: Vec<Connection>,
    next: AtomicUsize,
    url: String,
    /// Connections for transactions that are in none now: one that is in a transaction takes nothing from others.
    idle: tokio::sync::Mutex<Vec<Connection>>,
}

impl Database {
    pub(crate) async fn connect(url: &str) -> Result<Self, Failure> {
        let mut connections = Vec::new();
        for _ in 0..CONNECTIONS {
            connections.push(connect(url).await?);
        }
        Ok(Self {
            connections,
            next: AtomicUsize::new(0),
            url: url.to_owned(),
            idle: tokio::sync::Mutex::default(),
        })
    }

    /// The next one, shared with other requests.
    pub(crate) fn shared(&self) -> &Connection {
        &self.connections[self.next.fetch_add(1, Ordering::Relaxed) % CONNECTIONS]
    }

    /// One for a transaction; it is given back when that has ended.
    pub(crate) async fn alone(&self) -> Result<Connection, Failure> {
        let idle = self.idle.lock().await.pop();
        match idle {
            Some(connection) => Ok(connection),
            None => connect(&self.url).await,
        }
    }

    pub(crate) async fn give_back(&self, connection: Connection) {
        self.idle.lock().await.push(connection);
    }
}

async fn connect(url: &str) -> Result<Connection, Failure> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            eprintln!("{error}");
        }
    });
    Ok(Connection {
        list: client.prepare(include_str!("../../sql/list.sql")).await?,
        detail: client.prepare(include_str!("../../sql/detail.sql")).await?,
        version: client
            .prepare(include_str!("../../sql/version.sql"))
            .await?,
        create: client.prepare(include_str!("../../sql/create.sql")).await?,
        credentials: client
            .prepare(include_str!("../../sql/credentials.sql"))
            .await?,
        session_start: client
            .prepare(include_str!("../../sql/session_start.sql"))
            .await?,
        session_lock: client
            .prepare(include_str!("../../sql/session_lock.sql"))
            .await?,
        session_rotate: client
            .prepare(include_str!("../../sql/session_rotate.sql"))
            .await?,
        client,
    })
}
