//! A Platform that this operator cannot read: for a moment the definition lets anything pass in one field, as a newer one may.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use std::time::Duration;
use tests::{cluster::Cluster, wait::wait_for};

/// Until the API server follows a changed definition, and until the operator has told.
const FOLLOWED: Duration = Duration::from_mins(1);
/// The definition, and the field that is loosened in it.
const DEFINITION: &str = "customresourcedefinition/platforms.crewdeck.io";
const FIELD: &str = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/suspend";

/// A definition with a field that takes anything. It is put back when this is dropped, whatever becomes of the test.
struct Loosened<'a> {
    cluster: &'a Cluster,
    before: Value,
}

impl<'a> Loosened<'a> {
    fn of(cluster: &'a Cluster) -> Result<Self> {
        let text = cluster.kubectl(&["get", DEFINITION, "-o", "json"])?;
        let definition: Value = serde_json::from_str(&text)?;
        let before = definition.pointer(FIELD).context("the field")?.clone();
        let loosened = Self { cluster, before };
        loosened.set(&json!({"x-kubernetes-preserve-unknown-fields": true}))?;
        Ok(loosened)
    }

    fn set(&self, schema: &Value) -> Result<()> {
        let change = json!([{"op": "replace", "path": FIELD, "value": schema}]);
        let change = format!("-p={change}");
        self.cluster
            .kubectl(&["patch", DEFINITION, "--type=json", &change])
            .map(drop)
    }
}

impl Drop for Loosened<'_> {
    fn drop(&mut self) {
        // One that stays loosened fails every test of what is refused.
        let _ = self.set(&self.before);
    }
}

/// Makes a Platform like `spec` that cannot be read. Gives what is told of it.
pub(crate) async fn make_unreadable(
    cluster: &Cluster,
    namespace: &str,
    spec: &Value,
) -> Result<Value> {
    let name = "unreadable";
    let mut object = json!({
        "apiVersion": "crewdeck.io/v1beta1", "kind": "Platform",
        "metadata": {"name": name, "namespace": namespace}, "spec": spec,
    });
    object["spec"]["suspend"] = json!("perhaps");
    let file = std::env::temp_dir().join(format!("{namespace}-{name}.json"));
    std::fs::write(&file, object.to_string())?;
    let path = file.to_string_lossy().into_owned();
    let loosened = Loosened::of(cluster)?;
    let made = wait_for("the definition takes it", FOLLOWED, async || {
        cluster.kubectl(&["create", "-f", &path])
    })
    .await;
    std::fs::remove_file(&file)?;
    made?;
    let get = |what: &str| {
        let what = format!("jsonpath={{{what}}}");
        cluster.kubectl(&["-n", namespace, "get", "platform", name, "-o", &what])
    };
    let told = wait_for("it is told that it cannot be read", FOLLOWED, async || {
        let told: Value = serde_json::from_str(&get(".status.waitingOn")?)?;
        ensure!(told["reason"] == "InvalidSpec", "{told}");
        Ok(told)
    })
    .await?;
    drop(loosened);
    // It stays as it is, also for a definition that would not let it pass.
    let kept = get(".spec.suspend")?;
    ensure!(kept == "perhaps", "spec.suspend is {kept}");
    Ok(told)
}
