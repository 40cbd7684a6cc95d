//! What is asked of the operator, one after the other of one platform, and when it is done.

use crate::upgrade::{as_before, image, owner, runs_only};
use anyhow::{Context as _, Result, ensure};
use operator::acts::System;
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};
use tests::{cluster::Cluster, platform::Platform, wait::wait_for};

/// How long one may take through all its deaths: each of a hundred lives reads and proves everything anew.
const LIMIT: Duration = Duration::from_mins(15);

/// A thing to ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Workload {
    /// The whole platform.
    Create,
    /// More pods of a role, another role switched off, a topic with more partitions.
    Scale,
    /// The next signing key, and the end of the one before.
    RotateKeys,
    /// Another login of each client on each server, and the end of the one before.
    RotateLogins,
    /// Another image, with a migration before and one after.
    Upgrade,
    /// Nothing any more.
    Delete,
}

impl Workload {
    /// All of them, in an order in which one platform can have them.
    pub(super) const ALL: [Self; 6] = [
        Self::Create,
        Self::Scale,
        Self::RotateKeys,
        Self::RotateLogins,
        Self::Upgrade,
        Self::Delete,
    ];

    /// Its name in the table.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Scale => "scale",
            Self::RotateKeys => "rotate keys",
            Self::RotateLogins => "rotate credentials",
            Self::Upgrade => "upgrade",
            Self::Delete => "delete",
        }
    }

    /// Where it has the operator act, whatever else.
    pub(super) fn systems(self) -> &'static [System] {
        match self {
            Self::Create | Self::RotateLogins | Self::Delete => &[
                System::Kubernetes,
                System::Postgres,
                System::Redis,
                System::Kafka,
            ],
            Self::Scale => &[System::Kubernetes, System::Kafka],
            Self::RotateKeys | Self::Upgrade => &[System::Kubernetes],
        }
    }

    /// Asks for it, and waits until it is done.
    pub(super) async fn run(
        self,
        cluster: &Cluster,
        platform: &Platform,
        spec: &mut Value,
    ) -> Result<()> {
        match self {
            Self::Create => {
                spec["signing"] = json!({
                    "accessTokenSeconds": 5, "jwksMaxAgeSeconds": 1, "clockSkewSeconds": 1, "propagationSeconds": 2,
                    "publishLeadSeconds": 5, "retentionSeconds": 10, "rotationPeriodSeconds": 86_400,
                });
                platform.apply(spec).await?;
            }
            Self::Scale => {
                spec["roles"] = json!({"web": {"replicas": 2}, "realtime": {"enabled": false}});
                spec["events"]["kafka"]["topics"] = json!([{"name": "task-events", "partitions": 4, "allowKeyRemap": true, "retentionSeconds": 3_600}]);
                platform.apply(spec).await?;
                // It goes when the role's last pod has ended, which may be long after all else is done.
                wait_for("the policy of the role goes", LIMIT, async || {
                    let policy = format!("networkpolicy/{}-realtime", platform.name);
                    let namespace = &platform.namespace;
                    let get = ["-n", namespace, "get", &policy, "--ignore-not-found"];
                    let left = cluster.kubectl(&get)?;
                    ensure!(left.is_empty(), "{left}");
                    Ok(())
                })
                .await?;
            }
            Self::RotateKeys => {
                let before = keys(platform).await?;
                let signs = before.get("Active").cloned().context("a key signs")?;
                spec["signing"]["rotation"] = json!(1);
                platform.apply(spec).await?;
                wait_for("the keys have changed", LIMIT, async || {
                    let keys = keys(platform).await?;
                    let changed = keys.get("Active").is_some_and(|now| *now != signs);
                    let settled = keys.contains_key("Published") && !keys.contains_key("Retiring");
                    ensure!(changed && settled, "{keys:?}");
                    Ok(())
                })
                .await?;
            }
            Self::RotateLogins => {
                let before = logins(platform).await?;
                for server in ["/database", "/redis", "/events/kafka"] {
                    let server = spec.pointer_mut(server).context("the spec has it")?;
                    server["credentials"] = json!({"rotation": 1});
                }
                platform.apply(spec).await?;
                wait_for("every login has changed", LIMIT, async || {
                    let logins = logins(platform).await?;
                    let changed = |(client, (phase, epoch)): (&String, &(String, i64))| {
                        let was = before.get(client);
                        phase == "Active" && was.is_some_and(|(_, was)| epoch > was)
                    };
                    ensure!(
                        logins.len() == before.len() && logins.iter().all(changed),
                        "{logins:?}"
                    );
                    Ok(())
                })
                .await?;
            }
            Self::Upgrade => {
                as_before(&mut owner(cluster, platform).await?).await?;
                let next = &cluster.status.images.next;
                spec["image"] = image(next)?;
                platform.apply(spec).await?;
                platform.ready(LIMIT).await?;
                runs_only(cluster, platform, next).await?;
            }
            Self::Delete => return platform.delete(LIMIT).await,
        }
        platform.ready(LIMIT).await
    }
}

/// The signing keys by phase; of several the last one.
async fn keys(platform: &Platform) -> Result<BTreeMap<String, String>> {
    let keys = platform.signing_keys().await?;
    Ok(keys.into_iter().map(|(kid, phase)| (phase, kid)).collect())
}

/// Phase and generation of each client's login.
async fn logins(platform: &Platform) -> Result<BTreeMap<String, (String, i64)>> {
    let logins = platform.logins().await?.into_iter();
    Ok(logins
        .map(|login| (login.client, (login.phase, login.epoch)))
        .collect())
}
