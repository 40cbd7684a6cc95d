//! `grant`.

use serde::Deserialize as _;

use super::*;

/// The documents of a YAML text that are rights.
fn rights(text: &str) -> Vec<Value> {
    serde_yaml::Deserializer::from_str(text)
        .map(|document| Value::deserialize(document).expect("YAML"))
        .filter(|object| object["apiVersion"] == "rbac.authorization.k8s.io/v1")
        .collect()
}

#[tokio::test]
async fn it_grants_what_the_chart_grants() {
    // manifests/ is rendered from the charts, and CI fails when it differs.
    let manifest = include_str!("../../../../manifests/crewdeck-platform.yaml");
    let chart = rights(manifest);
    let said = ask(&server(&[ready()]), "grant demo").await;
    said.outcome.as_ref().expect("done");
    assert_eq!(chart.len(), 2, "a Role and a RoleBinding");
    assert_eq!(rights(&said.text()), chart);
    let json = ask(&server(&[ready()]), "grant demo -o json").await.text();
    let list: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(list["items"], json!(chart));
}

#[tokio::test]
async fn it_is_for_the_names_of_one_platform_alone() {
    golden(
        "grant",
        "grant other --operator-namespace ops --operator-service-account op",
        || {
            let mut other = platform("other");
            other["spec"]["database"]["secretRef"]["name"] = "shared-postgres".into();
            server(&[other])
        },
    )
    .await;
}

#[tokio::test]
async fn who_writes_a_platform_cannot_write_rights() {
    let mut demo = platform("demo");
    demo["spec"]["redis"]["secretRef"]["name"] =
        "x\n  - apiGroups: [\"*\"]\n    resources: [\"*\"]".into();
    let said = ask(&server(&[demo]), "grant demo").await;
    assert!(
        said.refusal().contains("no name of an object"),
        "{}",
        said.refusal()
    );
    assert!(said.out.is_empty());
}
