//! `status`.

use serde_json::json;

use super::*;

const PROXY: &str = "/api/v1/namespaces/crewdeck/pods";

#[tokio::test]
async fn a_ready_platform() {
    golden("status_ready", "status", || {
        let api = server(&[ready()]);
        event(&api, &uid(), 300, "KeyActivated", "key Zk3vb1 signs");
        event(&api, "another", 10, "Ready", "of one that is gone");
        pod(&api, "worker", "5-a", 9, "");
        pod(&api, "worker", "5-b", 9, "");
        pod(&api, "analytics", "5-c", 9, "");
        for (pod, metrics) in [
            (
                "worker-5-a",
                "jobs_oldest_runnable_seconds{queue=\"default\"} 0.25\n",
            ),
            (
                "worker-5-b",
                "jobs_oldest_runnable_seconds{queue=\"default\"} 7\nevents_relay_lag_seconds 0\n",
            ),
            ("analytics-5-c", "# nothing is measured yet\n"),
        ] {
            api.insert(
                &format!("{PROXY}/demo-{pod}:9000/proxy/metrics"),
                json!(metrics),
            );
        }
        api
    })
    .await;
}

#[tokio::test]
async fn a_platform_that_waits_says_first_for_what() {
    golden("status_waiting", "status demo", || {
        let mut platform = ready();
        let message = "database needs Secret demo-postgres in namespace crewdeck; create it with: kubectl create secret \
                       generic demo-postgres";
        platform["status"]["waitingOn"] = json!({
            "reason": "SecretNotFound", "message": message, "since": ago(200), "nextActionTime": ago(-12), "attempts": 4,
            "documentation": "https://docs.example.org/reasons/SecretNotFound.md",
        });
        platform["status"]["conditions"] = json!([
            condition("Ready", "False", "SecretNotFound", message),
            condition("Reconciling", "True", "Progressing", message),
            condition("DatabaseReady", "False", "SecretNotFound", message),
            condition("RedisReady", "Unknown", "NotReached", "comes after SecretNotFound"),
        ]);
        let api = server(&[platform]);
        api.forbid("/api/v1/namespaces/crewdeck/events");
        pod(&api, "worker", "5-a", 9, "");
        api
    })
    .await;
}

#[tokio::test]
async fn what_was_tried_once_is_told_so_and_without_a_link_the_page_is_named() {
    let mut platform = ready();
    platform["status"]["waitingOn"] = json!({
        "reason": "TopicsPending", "message": "soon", "since": ago(2), "nextActionTime": ago(-1), "attempts": 1,
    });
    let text = ask(&server(&[platform]), "status").await.text();
    let line = "tried once, next look in 1s; about this reason: docs/reasons/TopicsPending.md";
    assert!(text.contains(line), "{text}");
}

#[tokio::test]
async fn copies_that_are_behind_are_counted() {
    let mut platform = ready();
    platform["status"]["topics"]["underReplicated"] = json!(3);
    let text = ask(&server(&[platform]), "status").await.text();
    let line = "8/8 ready, 3 partitions are under-replicated";
    assert!(text.contains(line), "{text}");
}

#[tokio::test]
async fn one_of_several_is_chosen_from_a_list() {
    golden("status_several", "status", || {
        let mut other = platform("other");
        other["status"] = json!({"waitingOn": {
            "reason": "MigrationFailed", "message": "mend it", "since": ago(7_300), "attempts": 2,
        }});
        server(&[ready(), other])
    })
    .await;
}

#[tokio::test]
async fn what_is_ready_for_an_older_spec_is_not_ready() {
    let mut platform = ready();
    platform["metadata"]["generation"] = json!(4);
    let said = ask(&server(&[platform]), "status").await;
    assert!(matches!(said.outcome, Err(Error::NotReady)));
    let text = said.text();
    assert!(
        text.contains("is not Ready") && text.contains("generation 3 of 4"),
        "{text}"
    );
}

#[tokio::test]
async fn without_an_operator_it_says_where_to_look_for_one() {
    let said = ask(&server(&[platform("demo")]), "status").await;
    assert!(matches!(said.outcome, Err(Error::NotReady)));
    assert!(
        said.text().contains("component=operator"),
        "{}",
        said.text()
    );
}

#[tokio::test]
async fn suspension_and_deletion_are_told() {
    let mut platform = ready();
    platform["spec"]["suspend"] = json!(true);
    platform["metadata"]["deletionTimestamp"] = json!(ago(5));
    let text = ask(&server(&[platform]), "status").await.text();
    assert!(
        text.contains("being deleted") && text.contains("spec.suspend"),
        "{text}"
    );
}
