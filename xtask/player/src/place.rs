//! Sending an object as the operator does.

use anyhow::Result;
use k8s_openapi::{NamespaceResourceScope, api::core::v1::Namespace};
use kube::{
    Api, Client, Resource,
    api::{Patch, PatchParams},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::names::MANAGER;

/// Applies an object on the server; it has the kind's `apiVersion` and `kind` afterwards.
pub(crate) async fn apply<K>(
    client: &Client,
    namespace: &str,
    name: &str,
    body: Value,
) -> Result<()>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + DeserializeOwned
        + std::fmt::Debug,
{
    let mut body = body;
    body["apiVersion"] = json!(K::api_version(&()));
    body["kind"] = json!(K::kind(&()));
    body["metadata"]["name"] = json!(name);
    let api: Api<K> = Api::namespaced(client.clone(), namespace);
    let parameters = PatchParams::apply(MANAGER).force();
    api.patch(name, &parameters, &Patch::Apply(&body)).await?;
    Ok(())
}

/// Makes a namespace unless it is there.
pub(crate) async fn namespace(client: &Client, name: &str) -> Result<()> {
    let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    let api: Api<Namespace> = Api::all(client.clone());
    let parameters = PatchParams::apply(MANAGER).force();
    api.patch(name, &parameters, &Patch::Apply(&body)).await?;
    Ok(())
}
