//! The API server's own record of what the operators ask it: every write, and the read of a Deployment that each pass over
//! a Platform makes for its last role.

use anyhow::Result;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{BufRead as _, BufReader, Seek as _, SeekFrom},
    path::PathBuf,
};

use super::certificates::OPERATORS;

/// The Deployment of the role that is rolled out last, of every Platform.
const LAST: &str = "p-analytics-worker";

/// What is recorded.
pub(super) fn policy() -> Value {
    json!({
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [
            {"level": "Metadata", "users": OPERATORS, "verbs": ["create", "update", "patch", "delete", "deletecollection"]},
            {"level": "Metadata", "users": OPERATORS, "verbs": ["get"], "resources": [{"group": "apps", "resources": ["deployments"]}]},
            {"level": "None"},
        ],
    })
}

/// The record, from a moment on.
pub(super) struct Audit {
    file: PathBuf,
    position: u64,
}

/// What a stretch of the record tells.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Writes that were accepted, without those of the Lease.
    pub(super) writes: u64,
    /// Writes of the Lease.
    pub(super) leases: u64,
    /// The namespaces of the Platforms of which a pass came to the last role.
    pub(super) visited: BTreeSet<String>,
    /// What was written, by verb and resource, for whoever wonders.
    pub(super) kinds: BTreeMap<String, u64>,
}

impl Audit {
    /// From now on.
    pub(super) fn from_now(file: PathBuf) -> Result<Self> {
        let position = match std::fs::metadata(&file) {
            Ok(found) => found.len(),
            // It is made with its first line.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error.into()),
        };
        Ok(Self { file, position })
    }

    /// Adds what one of the operators did since the last look.
    pub(super) fn read(&mut self, user: &str, told: &mut Told) -> Result<()> {
        let Ok(mut file) = File::open(&self.file) else {
            return Ok(());
        };
        file.seek(SeekFrom::Start(self.position))?;
        let mut reader = BufReader::new(file);
        let mut line = String::new();
        while reader.read_line(&mut line)? > 0 {
            // A line that is being written comes whole at the next look.
            if !line.ends_with('\n') {
                break;
            }
            self.position += line.len() as u64;
            told.add(user, &serde_json::from_str(&line)?);
            line.clear();
        }
        Ok(())
    }
}

impl Told {
    fn add(&mut self, user: &str, event: &Value) {
        let (verb, of) = (&event["verb"], &event["objectRef"]);
        let code = event["responseStatus"]["code"].as_u64().unwrap_or_default();
        if event["user"]["username"] != user {
            return;
        }
        if verb == "get" {
            if of["name"] == LAST {
                let namespace = of["namespace"].as_str().unwrap_or_default();
                self.visited.insert(namespace.to_owned());
            }
        } else if code < 300 {
            if of["resource"] == "leases" {
                self.leases += 1;
                return;
            }
            self.writes += 1;
            let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let mut kind = format!("{} {}", word(verb), word(&of["resource"]));
            if let Some(part) = of["subresource"].as_str() {
                kind = format!("{kind}/{part}");
            }
            *self.kinds.entry(kind).or_default() += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(user: &str, verb: &str, resource: &str, name: &str, code: u16) -> Value {
        json!({
            "verb": verb, "user": {"username": user}, "responseStatus": {"code": code},
            "objectRef": {"resource": resource, "namespace": "bench-0001", "name": name},
        })
    }

    #[test]
    fn only_what_this_operator_wrote_counts() {
        let mut told = Told::default();
        for event in [
            event("operator-1", "patch", "secrets", "p-web", 201),
            event("operator-2", "patch", "secrets", "p-web", 201),
            event("operator-1", "patch", "secrets", "p-web", 409),
            event("operator-1", "patch", "leases", "crewdeck-operator", 200),
            event("operator-1", "get", "deployments", "p-web", 200),
            event("operator-1", "get", "deployments", LAST, 200),
        ] {
            told.add("operator-1", &event);
        }
        assert_eq!((told.writes, told.leases), (1, 1));
        assert_eq!(told.kinds["patch secrets"], 1);
        assert_eq!(told.visited.len(), 1);
    }
}
