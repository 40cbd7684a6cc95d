//! Proof that a login does what it must and no more, by logging in with it at each broker.
//!
//! A broker tells its caller what it may do with a topic or a group, from the same rules that it enforces; so the proof
//! leaves nothing behind, no event and no offset.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use rdkafka::error::RDKafkaErrorCode;

use crate::{
    Connection, KafkaError,
    admin::{Acl, Admin, Broker, Operation, Resource},
};

/// A new login reaches the brokers a moment after the request was answered.
const SETTLE: Duration = Duration::from_secs(3);
const AGAIN: Duration = Duration::from_millis(200);

/// What a login may do, and where it must be refused.
#[derive(Debug, Clone, Default)]
pub struct Expected {
    /// All its rights.
    pub acls: Vec<Acl>,
    /// Topics of which it may not even know.
    pub no_topics: Vec<String>,
    /// Groups of which it may not even know.
    pub no_groups: Vec<String>,
}

/// Logs in at every broker and compares what is allowed there with what is expected.
///
/// # Errors
/// `KafkaError::LoginRefused`, `KafkaError::Unreachable` or `KafkaError::Rights`, with the broker, when that is still so
/// after a few seconds.
pub async fn prove(
    login: &Connection,
    brokers: &[Broker],
    expected: &Expected,
) -> Result<(), KafkaError> {
    let deadline = Instant::now() + SETTLE;
    for broker in brokers {
        let at = login.at(&broker.address);
        loop {
            match compare(&at, expected).await {
                Ok(()) => break,
                Err(KafkaError::LoginRefused { .. } | KafkaError::Rights { .. })
                    if Instant::now() < deadline =>
                {
                    tokio::time::sleep(AGAIN).await;
                }
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

/// One login, one comparison.
async fn compare(login: &Connection, expected: &Expected) -> Result<(), KafkaError> {
    let who = login.describe();
    let wrong = |finding: String| KafkaError::Rights {
        who: who.clone(),
        finding,
    };
    let client = Admin::connect(login).await?;
    let mut wanted: BTreeMap<&str, BTreeSet<Operation>> = BTreeMap::new();
    let mut groups = Vec::new();
    for acl in &expected.acls {
        match &acl.resource {
            Resource::Topic(name) => wanted.entry(name).or_default().extend(implied(acl)),
            Resource::Group(name) => groups.push((name, acl)),
        }
    }
    let names: Vec<String> = wanted
        .keys()
        .map(|name| (*name).to_owned())
        .chain(expected.no_topics.iter().cloned())
        .collect();
    for topic in client.topics(&names).await? {
        let found: BTreeSet<Operation> = topic.allowed.iter().copied().collect();
        match (wanted.get(&*topic.name), topic.error) {
            (Some(wanted), None) if *wanted == found => {}
            (None, Some(RDKafkaErrorCode::TopicAuthorizationFailed)) => {}
            (Some(wanted), None) => {
                let name = &topic.name;
                return Err(wrong(format!(
                    "may {found:?} topic {name}, expected {wanted:?}"
                )));
            }
            (Some(_), Some(code)) => {
                return Err(wrong(format!("does not see topic {}: {code}", topic.name)));
            }
            (None, found) => {
                let answer =
                    found.map_or_else(|| "it is shown".to_owned(), |code| code.to_string());
                return Err(wrong(format!(
                    "is not refused at topic {}: {answer}",
                    topic.name
                )));
            }
        }
    }
    for (name, acl) in groups {
        let found = client
            .group(name)
            .await
            .map_err(|error| wrong(format!("may not {:?} group {name}: {error}", acl.operation)))?;
        if !found.contains(&acl.operation) {
            return Err(wrong(format!("may not {:?} group {name}", acl.operation)));
        }
    }
    for name in &expected.no_groups {
        let answer = client.group(name).await;
        let code = answer.as_ref().err().and_then(KafkaError::code);
        if code != Some(RDKafkaErrorCode::GroupAuthorizationFailed) {
            return Err(wrong(format!("is not refused at group {name}: {answer:?}")));
        }
    }
    Ok(())
}

/// A right, and what it includes.
fn implied(acl: &Acl) -> [Operation; 2] {
    [acl.operation, Operation::Describe]
}

#[cfg(test)]
mod tests;
