//! `plan`.

use super::*;

const HASH: &str = "8c1f2a90d4e6b375";

/// A Platform on its way to 0.2.0.
fn upgrading(migration: &Value) -> Value {
    let mut platform = ready();
    platform["spec"]["migration"] = migration.clone();
    platform["status"]["plan"] = json!({
        "hash": HASH, "version": "0.2.0", "roles": ["web", "worker"], "migrations": [
            {"database": "application", "name": "0008_expand_index", "phase": "expand"},
            {"database": "application", "name": "0009_contract_index", "phase": "contract"},
        ],
    });
    platform
}

#[tokio::test]
async fn the_plan_is_told() {
    let manual = json!({"approval": "Manual"});
    golden("plan_waits", "plan", || server(&[upgrading(&manual)])).await;
    golden("plan_automatic", "plan demo", || {
        server(&[upgrading(&json!({}))])
    })
    .await;
    golden("plan_none", "plan demo", || server(&[ready()])).await;
}

#[tokio::test]
async fn an_approval_is_for_the_plan_that_was_told() {
    let manual = json!({"approval": "Manual"});
    golden("plan_approve", "plan demo --approve", || {
        server(&[upgrading(&manual)])
    })
    .await;
    let api = server(&[upgrading(&manual)]);
    ask(&api, "plan demo --approve")
        .await
        .outcome
        .expect("done");
    let after = api.object(&format!("{PLATFORMS}/demo")).expect("there");
    assert_eq!(after["spec"]["migration"]["approvedPlan"], HASH);

    let refused = |platform| async move { ask(&server(&[platform]), "plan demo --approve").await };
    let words = refused(ready()).await.refusal();
    assert!(words.contains("has no plan to approve"), "{words}");
    let words = refused(upgrading(&json!({}))).await.refusal();
    assert!(words.contains("asks for no approval"), "{words}");
}
