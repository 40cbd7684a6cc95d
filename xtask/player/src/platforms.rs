//! Platforms: the namespaces with the Secrets that they name, and they themselves.

use anyhow::{Context as _, Result};
use crds::Platform;
use futures::{StreamExt as _, TryStreamExt as _, future::try_join, stream};
use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api, Client, ResourceExt as _,
    runtime::{WatchStreamExt as _, watcher},
};
use serde::Serialize;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    pin::pin,
    time::Duration,
};
use tokio::time::{Instant, timeout_at};

use crate::{
    names::{PLATFORM, namespace},
    place,
};

/// Made at a time.
const CONCURRENCY: usize = 16;
/// How often the number of Ready ones is told.
const TELL: Duration = Duration::from_secs(5);

/// What to prepare.
#[derive(Debug, clap::Args)]
pub(crate) struct PrepareArgs {
    #[arg(long)]
    platforms: u32,
    /// A file with the keys and values of each Secret, by its name
    #[arg(long)]
    secrets: PathBuf,
}

/// What to make.
#[derive(Debug, clap::Args)]
pub(crate) struct CreateArgs {
    #[arg(long)]
    platforms: u32,
    /// A file with the spec of each
    #[arg(long)]
    spec: PathBuf,
    /// Seconds after which those that are not Ready are waited for no more
    #[arg(long)]
    limit: u64,
}

/// What was prepared.
#[derive(Debug, Serialize)]
pub(crate) struct Prepared {
    namespaces: u32,
}

/// How far it came.
#[derive(Debug, Serialize)]
pub(crate) struct Created {
    ready: usize,
    seconds: f64,
}

/// Makes the namespaces and their Secrets.
pub(crate) async fn prepare(client: Client, args: &PrepareArgs) -> Result<Prepared> {
    let text = tokio::fs::read_to_string(&args.secrets).await?;
    let secrets: BTreeMap<String, Value> = serde_json::from_str(&text)?;
    let (client, secrets) = (&client, &secrets);
    stream::iter(0..args.platforms)
        .map(|number| async move {
            let namespace = namespace(number);
            place::namespace(client, &namespace).await?;
            for (name, keys) in secrets {
                let body = json!({"stringData": keys});
                place::apply::<Secret>(client, &namespace, name, body).await?;
            }
            anyhow::Ok(())
        })
        .buffer_unordered(CONCURRENCY)
        .try_collect::<()>()
        .await?;
    Ok(Prepared {
        namespaces: args.platforms,
    })
}

/// Makes the Platforms and waits for them.
pub(crate) async fn create(client: Client, args: &CreateArgs) -> Result<Created> {
    let text = tokio::fs::read_to_string(&args.spec).await?;
    let spec: Value = serde_json::from_str(&text)?;
    let begun = Instant::now();
    let make = stream::iter(0..args.platforms)
        .map(|number| {
            let body = json!({"spec": spec});
            let client = &client;
            async move {
                place::apply::<Platform>(client, &namespace(number), PLATFORM, body).await
            }
        })
        .buffer_unordered(CONCURRENCY)
        .try_collect::<()>();
    let (ready, ()) = try_join(await_ready(&client, args, begun), make).await?;
    Ok(Created {
        ready,
        seconds: begun.elapsed().as_secs_f64(),
    })
}

/// Waits until all of them are Ready; gives how many are when the time is over.
async fn await_ready(client: &Client, args: &CreateArgs, begun: Instant) -> Result<usize> {
    let deadline = begun + Duration::from_secs(args.limit);
    let wanted = usize::try_from(args.platforms)?;
    let mut ready = BTreeSet::new();
    let api: Api<Platform> = Api::all(client.clone());
    let mut watch = pin!(
        watcher(api, watcher::Config::default())
            .default_backoff()
            .applied_objects()
    );
    let mut told = begun;
    while ready.len() < wanted {
        let Ok(platform) = timeout_at(deadline, watch.try_next()).await else {
            break;
        };
        // An error passes: the watch begins again after a pause.
        let Ok(platform) = platform else { continue };
        let platform = platform.context("a watch does not end")?;
        if is_ready(&platform) {
            ready.insert(platform.namespace().unwrap_or_default());
        }
        if told.elapsed() > TELL {
            told = Instant::now();
            let seconds = begun.elapsed().as_secs();
            eprintln!("      {} of {wanted} Ready after {seconds} s", ready.len());
        }
    }
    Ok(ready.len())
}

fn is_ready(platform: &Platform) -> bool {
    let conditions = platform.status.iter().flat_map(|status| &status.conditions);
    let mut ready = conditions.filter(|condition| condition.type_ == "Ready");
    ready.any(|condition| condition.status == "True")
}
