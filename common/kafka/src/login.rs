//! Logging in, with a refusal told as a refusal.
//!
//! The client library retries a wrong password for ever and reports it only beside the call that waits; here the report
//! ends the wait.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use rdkafka::{
    ClientContext,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer as _, ConsumerContext},
    error::{KafkaError as ClientError, RDKafkaErrorCode},
};

use crate::{connection::Connection, error::KafkaError};

/// Longest wait for a broker.
pub(crate) const ANSWER: Duration = Duration::from_secs(5);
/// One look for what the brokers said meanwhile.
const LOOK: Duration = Duration::from_millis(250);

/// Keeps what a client reports by itself.
#[derive(Default)]
pub(crate) struct Watch(Mutex<Reports>);

#[derive(Default, Clone)]
struct Reports {
    refused: Option<String>,
    last: Option<String>,
}

impl ClientContext for Watch {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(?level, facility, "{message}");
    }

    fn error(&self, error: ClientError, reason: &str) {
        let mut reports = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SaslAuthenticationFailed) => {
                reports.refused = Some(reason.to_owned());
            }
            // Says less than the report before it.
            Some(RDKafkaErrorCode::AllBrokersDown) if reports.last.is_some() => {}
            _ => reports.last = Some(reason.to_owned()),
        }
    }
}

impl ConsumerContext for Watch {}

/// A client that has logged in at one of the brokers of the connection.
pub(crate) type LoggedIn = BaseConsumer<Watch>;

/// A broker of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broker {
    /// Its number.
    pub id: i32,
    /// `host:port`, as it calls itself.
    pub address: String,
}

/// The brokers of the cluster, as one of them names them. Blocks for as long as `limit`.
pub(crate) fn brokers(client: &LoggedIn, limit: Duration) -> Result<Vec<Broker>, ClientError> {
    let metadata = client.fetch_metadata(Some("__consumer_offsets"), limit)?;
    let brokers = metadata.brokers().iter().map(|broker| Broker {
        id: broker.id(),
        address: format!("{}:{}", broker.host(), broker.port()),
    });
    Ok(brokers.collect())
}

/// Logs in, which an answered request proves. Blocks for a few seconds at most.
pub(crate) fn log_in(connection: &Connection) -> Result<LoggedIn, KafkaError> {
    let mut config = connection.client_config()?;
    // The group is only a name that the client wants before it commits or fetches; it is never joined here.
    config
        .set("group.id", "crewdeck")
        .set("enable.auto.commit", "false")
        .set("allow.auto.create.topics", "false")
        .set("socket.timeout.ms", ANSWER.as_millis().to_string())
        .set("socket.connection.setup.timeout.ms", "3000")
        .set_log_level(RDKafkaLogLevel::Warning);
    let client: LoggedIn = config
        .create_with_context(Watch::default())
        .map_err(|error| KafkaError::Config(error.to_string()))?;
    let deadline = Instant::now() + ANSWER;
    loop {
        if brokers(&client, LOOK * 2).is_ok() {
            return Ok(client);
        }
        while client.poll(Duration::ZERO).is_some() {}
        let reports = client
            .context()
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let who = connection.describe();
        if let Some(reason) = reports.refused {
            return Err(KafkaError::LoginRefused { who, reason });
        }
        if Instant::now() >= deadline {
            let reason = reports
                .last
                .unwrap_or_else(|| format!("no answer within {} s", ANSWER.as_secs()));
            return Err(KafkaError::Unreachable { who, reason });
        }
    }
}
