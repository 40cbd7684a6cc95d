//! `report`: with a canary in every place where a secret may be.

use std::{collections::BTreeMap, io::Read as _};

use flate2::read::GzDecoder;

use super::*;

const CANARY: &str = "canary-4b1d";

/// The entries of a report.
fn unpack(bytes: &[u8]) -> BTreeMap<String, String> {
    let mut archive = tar::Archive::new(GzDecoder::new(bytes));
    let entries = archive.entries().expect("an archive");
    entries
        .map(|entry| {
            let mut entry = entry.expect("an entry");
            let name = entry.path().expect("a path").display().to_string();
            let mut text = String::new();
            entry.read_to_string(&mut text).expect("text");
            let (_, name) = name.split_once('/').expect("a folder");
            (name.to_owned(), text)
        })
        .collect()
}

/// A Platform with all that belongs to it, and canaries.
fn world() -> Api {
    let mut demo = ready();
    demo["metadata"]["annotations"] = json!({
        "kubectl.kubernetes.io/last-applied-configuration": CANARY, "crewdeck.io/force-release": "true",
    });
    demo["metadata"]["managedFields"] = json!([{"manager": CANARY}]);
    demo["spec"]["roles"]["web"]["template"]["podAnnotations"] = json!({"note": CANARY});
    demo["status"]["waitingOn"] = json!({
        "reason": "BackendUnreachable", "message": format!("cannot reach redis://:{CANARY}@redis:6379"),
        "since": ago(5), "attempts": 1,
    });
    let api = server(&[demo]);
    let canary_in_all = json!({
        "apiVersion": "v1", "kind": "Secret", "type": CANARY,
        "metadata": {
            "name": "demo-postgres", "namespace": "crewdeck", "creationTimestamp": ago(500),
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": CANARY}, "labels": {"x": CANARY},
        },
        "data": {"password": CANARY}, "stringData": {"password": CANARY},
    });
    api.insert(
        "/api/v1/namespaces/crewdeck/secrets/demo-postgres",
        canary_in_all,
    );
    let log = [
        format!("connecting to postgres://app:{CANARY}@pg/x"),
        format!(
            r#"{{"level":"INFO","password":"{CANARY}","message":"authorization: Bearer {CANARY}"}}"#
        ),
        format!("-----BEGIN PRIVATE KEY-----\n{CANARY}\n-----END PRIVATE KEY-----"),
        format!(r#"{{"kty":"RSA","d":"{CANARY}{CANARY}"}}"#),
        "the last line".to_owned(),
    ];
    pod(&api, "web", "6-x7k2p", 50, &log.join("\n"));
    api.put("/api/v1/namespaces/crewdeck/pods/demo-web-6-x7k2p", |pod| {
        pod["metadata"]["annotations"] = json!({"sidecar/config": CANARY});
        pod["spec"] = json!({"containers": [{"name": "crewdeck", "env": [
            {"name": "ROLE", "value": "web"}, {"name": "X", "value": CANARY},
        ], "args": [format!("--token={CANARY}")]}]});
        pod["status"]["containerStatuses"][0]["restartCount"] = json!(1);
    });
    event(
        &api,
        &uid(),
        5,
        "BackendUnreachable",
        &format!("password={CANARY} refused"),
    );
    api.insert(
        "/api/v1/namespaces/crewdeck/configmaps/demo-external",
        json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "demo-external", "annotations": {"x": CANARY}},
            "data": {"ledger.json": "[]"},
        }),
    );
    api.insert("/version", json!({
        "major": "1", "minor": "36", "gitVersion": "v1.36.3", "gitCommit": "", "gitTreeState": "", "buildDate": "",
        "goVersion": "", "compiler": "", "platform": "",
    }));
    api.forbid("/api/v1/namespaces/crewdeck-system/pods");
    api
}

#[tokio::test]
async fn no_secret_is_in_it() {
    let said = ask(&world(), "report demo -f -").await;
    said.outcome.as_ref().expect("done");
    let entries = unpack(&said.out);
    for (name, text) in &entries {
        assert!(!text.contains(CANARY), "{name}: {text}");
    }
    // The lines that are no secret are there, and so is what tells one thing from another.
    assert!(entries["logs/demo-web-6-x7k2p.crewdeck.log"].contains("the last line"));
    assert!(entries["secrets.yaml"].contains("demo-postgres"));
    assert!(entries["platform.yaml"].contains("crewdeck.io/force-release"));
    assert!(entries["pods.yaml"].contains("value: web"));
    assert!(entries["versions.yaml"].contains("v1.36.3"));
    assert!(entries["not-readable.txt"].contains("pods of namespace crewdeck-system"));
}

#[tokio::test]
async fn its_entries_are_those_that_it_says() {
    let said = ask(&world(), "report demo -f -").await;
    let names: Vec<String> = unpack(&said.out).into_keys().collect();
    insta::with_settings!({omit_expression => true}, {
        insta::assert_snapshot!("report_entries", names.join("\n"));
    });
}

#[tokio::test]
async fn a_file_that_is_there_is_not_overwritten() {
    let file = std::env::temp_dir().join(format!("crewdeck-report-{}.tar.gz", std::process::id()));
    let line = format!("report demo -f {}", file.display());
    let first = ask(&world(), &line).await;
    let second = ask(&world(), &line).await;
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
    std::fs::remove_file(&file).unwrap();
    assert!(
        first.text().contains("look through it before you send it"),
        "{}",
        first.text()
    );
    assert_eq!(mode & 0o777, 0o600);
    assert!(second.refusal().contains("-f"), "{}", second.refusal());
}
