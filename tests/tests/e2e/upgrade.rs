//! Upgrades under people who go on working: good ones, broken ones, and what a killed migration leaves.

mod course;
mod migration;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use kube::{Api, api::ListParams};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use tests::{
    cluster::Cluster,
    faults::is_long,
    jobs::{LONG, enqueue, enqueue_long, every_job_ran_once},
    platform::{Platform, ROLES},
    wait::wait_for,
    work::{Person, every_task_is_counted, work},
};
use tokio::sync::watch;

use self::course::{Upgraded, course, upgrade};
pub(crate) use self::migration::{as_before, owner};

const READY: Duration = Duration::from_mins(3);
/// How long the status and what kubectl shows of it may differ.
const SOON: Duration = Duration::from_secs(10);
/// Seconds after which a roll has failed.
const DEADLINE: i64 = 15;
/// Of the tokens that the default spec gives.
const TOKEN: Duration = Duration::from_mins(15);

/// `repository` and `tag` as the spec has them.
pub(super) fn image(name: &str) -> Result<Value> {
    let (repository, tag) = name.rsplit_once(':').context("an image with a tag")?;
    Ok(json!({"repository": repository, "tag": tag}))
}

/// What a person sees of it.
fn shown(cluster: &Cluster, platform: &Platform) -> Result<String> {
    let Platform {
        namespace, name, ..
    } = platform;
    cluster.kubectl(&["-n", namespace, "get", "platform", name, "-o", "wide"])
}

/// What comes beside the usual columns is what the status tells: how many topics stand, the date of the next rotation, and
/// what is waited for.
async fn wide_columns_tell(cluster: &Cluster, platform: &Platform) -> Result<()> {
    wait_for("kubectl shows what the status tells", SOON, async || {
        let status = platform.get().await?.data["status"].clone();
        let shown = shown(cluster, platform)?;
        let heading = shown.lines().next().context("a heading")?;
        for (column, pointer) in [
            ("TOPICS", "/topics/summary"),
            ("NEXT-ROTATION", "/nextRotationTime"),
            ("MESSAGE", "/waitingOn/message"),
        ] {
            let told = status.pointer(pointer).and_then(Value::as_str);
            let told = told.with_context(|| format!("no {pointer}: {status}"))?;
            ensure!(
                heading.contains(column) && !told.is_empty() && shown.contains(told),
                "{column} is not {told}: {shown}"
            );
        }
        Ok(())
    })
    .await
}

/// The image that each role's Deployment asks for.
async fn asked(cluster: &Cluster, platform: &Platform) -> Result<BTreeMap<String, String>> {
    let api: Api<Deployment> = Api::namespaced(cluster.kube.clone(), &platform.namespace);
    let found = api
        .list(&ListParams::default().labels(&platform.labels()))
        .await?;
    let image = |deployment: Deployment| {
        let role = deployment
            .metadata
            .labels?
            .remove("app.kubernetes.io/component")?;
        let pod = deployment.spec?.template.spec?;
        Some((role, pod.containers.first()?.image.clone()?))
    };
    Ok(found.into_iter().filter_map(image).collect())
}

/// Waits until every pod of a role runs this image.
pub(super) async fn runs_only(cluster: &Cluster, platform: &Platform, image: &str) -> Result<()> {
    wait_for("every role runs one image", READY, async || {
        let pods = cluster
            .pods(
                &platform.namespace,
                &format!("{},app.kubernetes.io/component!=migrate", platform.labels()),
            )
            .await?;
        let images: BTreeSet<String> = pods
            .iter()
            .filter_map(|pod| pod.spec.as_ref()?.containers.first()?.image.clone())
            .collect();
        ensure!(images == BTreeSet::from([image.to_owned()]), "{images:?}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn e2e_upgrades_fail_no_request_and_lose_no_job() -> Result<()> {
    let cluster = Cluster::connect().await?;
    let platform = Platform::prepare(&cluster, "upgrade").await?;
    let mut spec = platform.spec().await?;
    spec["rollout"] = json!({"progressDeadlineSeconds": DEADLINE});
    for role in ["web", "analytics"] {
        spec["roles"][role] = json!({"replicas": 2});
    }
    platform.apply(&spec).await?;
    platform.ready(READY).await?;
    let analytics = cluster
        .address(&platform.namespace, &platform.name, "analytics")
        .await?;
    let person = Person::first(&cluster, &platform).await?;
    let team = person.team().await?;
    let (stop, stopped) = watch::channel(false);
    let course = course(is_long());
    let going = async {
        let upgraded = upgrade(&cluster, &platform, &mut spec, &course).await;
        stop.send(true)?;
        upgraded
    };
    let (worked, short, long, upgraded) = tokio::join!(
        work(person, &team, &analytics, TOKEN, stopped.clone()),
        enqueue(&cluster, &platform, stopped.clone()),
        enqueue_long(&cluster, &platform, stopped),
        going
    );
    let (worked, mut jobs, long, Upgraded { took, shown }) = (worked?, short?, long?, upgraded?);
    println!(
        "broken ones, while they roll and when they were given up:\n{}",
        shown.join("")
    );
    jobs.extend(&long);
    let fate = every_job_ran_once(&cluster, &platform, &jobs).await?;
    let broken = course.iter().filter(|to| to.is_broken()).count();
    let migrating = course.iter().filter(|to| to.migrates()).count();
    println!(
        "upgrades {:>4}, {broken} of them broken on purpose, {migrating} with migrations; seconds: {took:?}\n\
         requests {:>4}, {} failed\n\
         jobs     {:>4}, {} lost, {} run twice, {} attempts; {} of them long, up to {:.1} s\n\
         events   {:>4}, each counted once",
        took.len(),
        worked.requests,
        worked.refused.len(),
        jobs.len(),
        fate.lost,
        fate.twice,
        fate.attempts,
        long.len(),
        fate.longest.as_secs_f64(),
        worked.tasks,
    );
    ensure!(
        fate.longest >= LONG,
        "no job took as long as it was to: {fate:?}"
    );
    ensure!(worked.refused.is_empty(), "refused: {:?}", worked.refused);
    every_task_is_counted(&cluster, &platform, &team, &worked).await?;
    platform.delete(Duration::from_mins(1)).await?;
    cluster.delete_namespace(&platform.namespace).await
}

/// Whether Kubernetes has given the new pods of web up.
async fn is_given_up(cluster: &Cluster, platform: &Platform) -> Result<bool> {
    let api: Api<Deployment> = Api::namespaced(cluster.kube.clone(), &platform.namespace);
    let web = api.get(&format!("{}-web", platform.name)).await?;
    let conditions = web.status.and_then(|status| status.conditions);
    Ok(conditions
        .into_iter()
        .flatten()
        .any(|condition| condition.reason.as_deref() == Some("ProgressDeadlineExceeded")))
}

#[tokio::test]
async fn e2e_a_roll_that_failed_is_held_where_it_is() -> Result<()> {
    let cluster = Cluster::connect().await?;
    let platform = Platform::prepare(&cluster, "held").await?;
    let mut spec = platform.spec().await?;
    spec["rollout"] = json!({"progressDeadlineSeconds": DEADLINE, "onFailure": "Hold"});
    platform.apply(&spec).await?;
    platform.ready(READY).await?;
    let former = spec["image"].clone();
    spec["image"] = image(&cluster.status.images.broken)?;
    platform.apply(&spec).await?;
    wait_for("Kubernetes gives the new pods up", READY, async || {
        ensure!(is_given_up(&cluster, &platform).await?, "not yet");
        Ok(())
    })
    .await?;
    // Two passes over web come after that: one in which a return would be decided, and one that would begin it.
    for _ in 0..2 {
        let service = |verb| ["-n", &platform.namespace, verb, "service", "p-web"];
        cluster.kubectl(&service("delete"))?;
        wait_for("the Service of web is back", READY, async || {
            cluster.kubectl(&service("get"))
        })
        .await?;
    }
    let asked = asked(&cluster, &platform).await?;
    for role in ROLES {
        let expected = if role == "web" {
            &cluster.status.images.broken
        } else {
            &cluster.status.image
        };
        ensure!(asked.get(role) == Some(expected), "{role}: {asked:?}");
    }
    let told = platform.told("RolesReady", "role web", READY).await?;
    ensure!(told.reason != "RolledBack", "{told:?}");
    // The pods of the former version serve: it takes a login.
    let person = Person::first(&cluster, &platform).await?;
    person.api.get("/api/v1/users/me").await?.data(200)?;
    wide_columns_tell(&cluster, &platform).await?;
    println!("held:\n{}", shown(&cluster, &platform)?);

    spec["image"] = former;
    platform.apply(&spec).await?;
    platform.ready(READY).await?;
    platform.delete(Duration::from_mins(1)).await?;
    cluster.delete_namespace(&platform.namespace).await
}
