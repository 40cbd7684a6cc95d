//! Changes of a field that the operator owns, and how long they last.

use anyhow::{Context as _, Result};
use k8s_openapi::api::apps::v1::Deployment;
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
    runtime::wait::await_condition,
};
use serde::Serialize;
use serde_json::json;
use std::time::Duration;
use tokio::time::{Instant, timeout};

use crate::names::{MANAGER, namespace};

/// The Deployment of role web, of every Platform.
const NAME: &str = "p-web";
/// A number of pods that nobody asked for.
const WRONG: i32 = 7;

/// Of which Platforms, how often, how long to wait.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Platforms that there are; they have their turn one after the other, again when there are more changes
    #[arg(long)]
    platforms: u32,
    /// Changes, one after the other
    #[arg(long)]
    times: u32,
    /// Seconds after which a change that lasts is an error
    #[arg(long)]
    limit: u64,
}

/// Of how many Platforms.
#[derive(Debug, clap::Args)]
pub(crate) struct DisturbArgs {
    #[arg(long)]
    platforms: u32,
}

/// How many were disturbed.
#[derive(Debug, Serialize)]
pub(crate) struct Disturbed {
    disturbed: u32,
}

/// How long each lasted.
#[derive(Debug, Serialize)]
pub(crate) struct Drift {
    milliseconds: Vec<f64>,
}

/// Changes `spec.replicas` of role web's Deployment and waits until it is what it was.
pub(crate) async fn run(client: Client, args: &Args) -> Result<Drift> {
    let mut milliseconds = Vec::new();
    for number in 0..args.times {
        let namespace = namespace(number % args.platforms);
        let api: Api<Deployment> = Api::namespaced(client.clone(), &namespace);
        let before = replicas(Some(&api.get(NAME).await?)).context("a Deployment has replicas")?;
        let begun = Instant::now();
        change(&api).await?;
        let is_back = |found: Option<&Deployment>| replicas(found) == Some(before);
        timeout(
            Duration::from_secs(args.limit),
            await_condition(api, NAME, is_back),
        )
        .await
        .with_context(|| {
            format!(
                "Deployment {namespace}/{NAME} was not put right within {} s",
                args.limit
            )
        })??;
        milliseconds.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    Ok(Drift { milliseconds })
}

/// Changes it in each of the first Platforms, and waits for nothing.
pub(crate) async fn disturb(client: Client, args: &DisturbArgs) -> Result<Disturbed> {
    for number in 0..args.platforms {
        change(&Api::namespaced(client.clone(), &namespace(number))).await?;
    }
    Ok(Disturbed {
        disturbed: args.platforms,
    })
}

async fn change(api: &Api<Deployment>) -> Result<()> {
    let parameters = PatchParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PatchParams::default()
    };
    let change = Patch::Merge(json!({"spec": {"replicas": WRONG}}));
    api.patch(NAME, &parameters, &change).await?;
    Ok(())
}

fn replicas(deployment: Option<&Deployment>) -> Option<i32> {
    deployment?.spec.as_ref()?.replicas
}
