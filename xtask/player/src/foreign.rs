//! Objects that are none of the operator's business, in equal parts of the kinds ConfigMap, Secret and Deployment.

use anyhow::Result;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ConfigMap, Secret},
};
use kube::Client;
use serde::Serialize;
use serde_json::json;

use crate::place;

const NAMESPACE: &str = "foreign";
/// Made at a time.
const CONCURRENCY: usize = 16;

/// How many.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(long)]
    count: u32,
}

/// What was made.
#[derive(Debug, Serialize)]
pub(crate) struct Foreign {
    made: u32,
}

/// Makes them.
pub(crate) async fn run(client: Client, args: &Args) -> Result<Foreign> {
    place::namespace(&client, NAMESPACE).await?;
    stream::iter(0..args.count)
        .map(|number| make(&client, number))
        .buffer_unordered(CONCURRENCY)
        .try_collect::<()>()
        .await?;
    Ok(Foreign { made: args.count })
}

async fn make(client: &Client, number: u32) -> Result<()> {
    let name = format!("theirs-{number}");
    let text = "0123456789abcdef".repeat(128);
    match number % 3 {
        0 => {
            let body = json!({"data": {"text": text}});
            place::apply::<ConfigMap>(client, NAMESPACE, &name, body).await
        }
        1 => {
            let body = json!({"stringData": {"text": text}});
            place::apply::<Secret>(client, NAMESPACE, &name, body).await
        }
        _ => {
            let labels = json!({"app": name});
            let body = json!({"metadata": {"annotations": {"text": text}}, "spec": {
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {"containers": [{"name": "app", "image": "registry.example.org/theirs:1"}]},
                },
            }});
            place::apply::<Deployment>(client, NAMESPACE, &name, body).await
        }
    }
}
