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
    let line = format!("plan demo --approve {HASH}");
    golden("plan_approve", &line, || server(&[upgrading(&manual)])).await;
    let api = server(&[upgrading(&manual)]);
    ask(&api, &line).await.outcome.expect("done");
    let after = api.object(&format!("{PLATFORMS}/demo")).expect("there");
    assert_eq!(after["spec"]["migration"]["approvedPlan"], HASH);

    let cases = [
        (
            upgrading(&manual),
            "0123456789abcdef",
            "is 8c1f2a90d4e6b375 now",
        ),
        (ready(), HASH, "has no plan to approve"),
        (upgrading(&json!({})), HASH, "asks for no approval"),
    ];
    for (platform, hash, words) in cases {
        let line = format!("plan demo --approve {hash}");
        let refusal = ask(&server(&[platform]), &line).await.refusal();
        assert!(refusal.contains(words), "{refusal}");
    }
}
