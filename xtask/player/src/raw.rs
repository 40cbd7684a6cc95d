//! What the API server takes at most: new, plain objects of kind ConfigMap by server-side apply, over the client and with the concurrency
//! that the operator has.

use anyhow::Result;
use futures::{StreamExt as _, stream};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api, Client,
    api::{DeleteParams, ListParams},
};
use serde::Serialize;
use serde_json::json;
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use tokio::time::Instant;

use crate::place;

const NAMESPACE: &str = "raw";

/// For how long, and how many at a time.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(long)]
    seconds: u64,
    #[arg(long)]
    concurrency: usize,
}

/// What went through.
#[derive(Debug, Serialize)]
pub(crate) struct Raw {
    writes: u64,
    seconds: f64,
}

/// Writes for so many seconds, then takes away what it wrote.
pub(crate) async fn run(client: Client, args: &Args) -> Result<Raw> {
    place::namespace(&client, NAMESPACE).await?;
    let next = AtomicU64::new(0);
    let begun = Instant::now();
    let end = begun + Duration::from_secs(args.seconds);
    let writers = stream::iter(0..args.concurrency).map(|_| async {
        let mut writes = 0_u64;
        while Instant::now() < end {
            let name = format!("raw-{}", next.fetch_add(1, Ordering::Relaxed));
            // As large as a role's configuration.
            let body = json!({"data": {"crewdeck.toml": "a = \"b\"\n".repeat(100)}});
            place::apply::<ConfigMap>(&client, NAMESPACE, &name, body).await?;
            writes += 1;
        }
        anyhow::Ok(writes)
    });
    let done: Vec<_> = writers.buffer_unordered(args.concurrency).collect().await;
    let seconds = begun.elapsed().as_secs_f64();
    let mut all = 0;
    for written in done {
        all += written?;
    }
    let maps: Api<ConfigMap> = Api::namespaced(client, NAMESPACE);
    maps.delete_collection(&DeleteParams::default(), &ListParams::default())
        .await?;
    Ok(Raw {
        writes: all,
        seconds,
    })
}
