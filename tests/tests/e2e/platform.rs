//! A new Platform becomes Ready, and what exists then.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ConfigMap, Secret, Service, ServiceAccount},
    networking::v1::NetworkPolicy,
};
use kube::{
    Api, Resource, ResourceExt as _,
    api::{ListParams, ObjectMeta},
    core::NamespaceResourceScope,
};
use serde::de::DeserializeOwned;
use std::{collections::BTreeSet, fmt::Debug, time::Duration};
use tests::{
    cluster::Cluster,
    platform::{LOGINS, Platform, ROLES},
};

/// Every condition that `kubectl describe` lists on a Ready platform, and its value.
const CONDITIONS: &[(&str, &str)] = &[
    ("Ready", "True"),
    ("Reconciling", "False"),
    ("Stalled", "False"),
    ("SpecValid", "True"),
    ("DatabaseReady", "True"),
    ("RedisReady", "True"),
    ("EventsReady", "True"),
    ("Migrated", "True"),
    ("SigningKeyReady", "True"),
    ("CredentialsReady", "True"),
    ("RolesReady", "True"),
    ("ExposureReady", "True"),
];

#[tokio::test]
async fn e2e_a_new_platform_is_ready_within_two_minutes() -> Result<()> {
    let cluster = Cluster::connect().await?;
    let platform = Platform::prepare(&cluster, "ready").await?;
    platform.apply(&platform.spec().await?).await?;
    platform.ready(Duration::from_mins(2)).await?;

    let conditions = platform.conditions().await?;
    for (name, status) in CONDITIONS {
        let condition = conditions
            .get(*name)
            .with_context(|| format!("no condition {name}"))?;
        ensure!(condition.status == *status, "{name}: {condition:?}");
    }
    everything_is_there(&cluster, &platform).await?;
    roles_are_locked_down(&cluster, &platform).await?;

    platform.delete(Duration::from_mins(1)).await?;
    cluster.delete_namespace(&platform.namespace).await
}

/// Each expected object exists, belongs to the platform and carries the recommended labels.
async fn everything_is_there(cluster: &Cluster, platform: &Platform) -> Result<()> {
    let uid = platform.get().await?.metadata.uid.context("a uid")?;
    let name = &platform.name;
    let wanted = |suffixes: &[&str]| -> BTreeSet<String> {
        suffixes
            .iter()
            .map(|suffix| format!("{name}-{suffix}"))
            .collect()
    };
    let secrets = [&LOGINS[..], &["keyring", "signing", "web", "admin"]].concat();
    let configs: Vec<String> = ROLES.iter().map(|role| format!("{role}-config")).collect();
    let mut configs: Vec<&str> = configs.iter().map(String::as_str).collect();
    configs.extend(["jwks", "external"]);
    owned::<Deployment>(cluster, platform, &uid, &wanted(&ROLES)).await?;
    owned::<ServiceAccount>(cluster, platform, &uid, &wanted(&ROLES)).await?;
    owned::<Service>(
        cluster,
        platform,
        &uid,
        &wanted(&["web", "realtime", "analytics"]),
    )
    .await?;
    let policies = [&ROLES[..], &["migrate"]].concat();
    owned::<NetworkPolicy>(cluster, platform, &uid, &wanted(&policies)).await?;
    owned::<Secret>(cluster, platform, &uid, &wanted(&secrets)).await?;
    owned::<ConfigMap>(cluster, platform, &uid, &wanted(&configs)).await
}

/// Every wanted object of a kind is there, owned by the platform and labelled.
async fn owned<K>(
    cluster: &Cluster,
    platform: &Platform,
    uid: &str,
    wanted: &BTreeSet<String>,
) -> Result<()>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + Debug
        + DeserializeOwned,
{
    let kind = K::kind(&());
    let list = Api::<K>::namespaced(cluster.kube.clone(), &platform.namespace)
        .list(&ListParams::default())
        .await?;
    let present: BTreeSet<String> = list.iter().map(kube::ResourceExt::name_any).collect();
    let missing: Vec<_> = wanted.difference(&present).collect();
    ensure!(
        missing.is_empty(),
        "{kind}: missing {missing:?} among {present:?}"
    );
    for object in list
        .iter()
        .filter(|object| wanted.contains(&object.name_any()))
    {
        let ObjectMeta {
            owner_references,
            labels,
            ..
        } = object.meta();
        let what = format!("{kind} {}", object.name_any());
        let owners = owner_references.clone().unwrap_or_default();
        ensure!(
            owners
                .iter()
                .any(|owner| owner.uid == uid && owner.controller == Some(true)),
            "{what} does not belong to the platform: {owners:?}"
        );
        let labels = labels.clone().unwrap_or_default();
        for (key, value) in [
            ("app.kubernetes.io/part-of", "crewdeck"),
            ("app.kubernetes.io/instance", &platform.name),
        ] {
            ensure!(
                labels.get(key).is_some_and(|found| found == value),
                "{what}: {labels:?}"
            );
        }
    }
    Ok(())
}

/// Pods run as nobody, without a token, and only web holds the signing key.
async fn roles_are_locked_down(cluster: &Cluster, platform: &Platform) -> Result<()> {
    for role in ROLES {
        let labels = format!("{},app.kubernetes.io/component={role}", platform.labels());
        let pods = cluster.pods(&platform.namespace, &labels).await?;
        let pod = pods.first().with_context(|| format!("a pod of {role}"))?;
        let spec = pod.spec.as_ref().context("a pod has a spec")?;
        ensure!(
            spec.automount_service_account_token == Some(false),
            "{role} mounts a token"
        );
        let container = spec.containers.first().context("a container")?;
        let security = container.security_context.clone().unwrap_or_default();
        ensure!(
            security.read_only_root_filesystem == Some(true),
            "{role} can write to its root"
        );
        ensure!(
            security.allow_privilege_escalation == Some(false),
            "{role} may escalate"
        );
        let text = serde_json::to_string(&spec.volumes)?;
        let has_key = text.contains(&format!("{}-signing", platform.name));
        ensure!(
            has_key == (role == "web"),
            "{role}: signing key mounted: {has_key}"
        );
        ensure!(
            !text.contains(&format!("{}-keyring", platform.name)),
            "{role} mounts the ring"
        );
        let resources = container.resources.clone().unwrap_or_default();
        ensure!(
            resources
                .limits
                .is_some_and(|limits| limits.contains_key("memory")),
            "{role} has no memory limit"
        );
    }
    Ok(())
}
