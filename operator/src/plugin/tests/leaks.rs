//! `leaks`.

use super::*;

/// A ledger of `name` that belongs to the Platform with this uid.
fn ledger(api: &Api, name: &str, owner: Option<&str>, content: &str) {
    let owners = owner.map(|uid| json!([{"apiVersion": "crewdeck.io/v1beta1", "kind": "Platform", "name": name, "uid": uid}]));
    api.insert(
        &format!("/api/v1/namespaces/crewdeck/configmaps/{name}-external"),
        json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {
                "name": format!("{name}-external"), "namespace": "crewdeck", "ownerReferences": owners,
                "labels": {"app.kubernetes.io/part-of": "crewdeck", "app.kubernetes.io/instance": name},
            },
            "data": {"ledger.json": content},
        }),
    );
}

const THINGS: &str = r#"[{"server":"postgres","kind":"database","name":"crewdeck_demo_1","created":true},
    {"server":"kafka","kind":"topic","name":"crewdeck-demo-1.task-events","created":false}]"#;

#[tokio::test]
async fn what_a_platform_holds_is_no_leak() {
    golden("leaks_none", "leaks", || {
        let api = server(&[ready()]);
        ledger(&api, "demo", Some(&uid()), THINGS);
        // One that was put back from a backup has lost its owner.
        ledger(&api, "demo", None, THINGS);
        event(
            &api,
            &uid(),
            30,
            "Ready",
            "every role runs the wanted version",
        );
        api
    })
    .await;
}

#[tokio::test]
async fn what_nobody_holds_and_what_was_told_is_listed() {
    golden("leaks", "leaks", || {
        let mut leaving = platform("leaving");
        leaving["metadata"]["deletionTimestamp"] = json!(ago(60));
        let api = server(&[ready(), leaving]);
        ledger(&api, "demo", Some("of-an-earlier-one"), THINGS);
        ledger(&api, "gone", None, THINGS);
        ledger(&api, "leaving", Some(&uid()), THINGS);
        let left = "kafka does not answer. Left there: topic crewdeck-demo-1.task-events";
        event(&api, "of-an-earlier-one", 600, "LeftBehind", left);
        event(
            &api,
            &uid(),
            30,
            "Ready",
            "every role runs the wanted version",
        );
        api
    })
    .await;
}

#[tokio::test]
async fn only_of_the_one_that_is_named() {
    let api = server(&[]);
    ledger(&api, "gone", None, THINGS);
    ledger(&api, "other", None, THINGS);
    let text = ask(&api, "leaks other").await.text();
    assert!(text.contains("other") && !text.contains("gone"), "{text}");
}

#[tokio::test]
async fn a_damaged_ledger_is_named() {
    let api = server(&[]);
    ledger(&api, "gone", None, "{");
    assert!(
        ask(&api, "leaks")
            .await
            .refusal()
            .contains("ConfigMap crewdeck/gone-external")
    );
}
