//! A whole pass over the keys, on an API server in memory that has a Platform and nothing else.

use serde_json::{Value, json};

use super::*;
use crate::{platform::validate::sample::platform, testing::Api};

const PLATFORM: &str = "/apis/crewdeck.io/v1beta1/namespaces/crewdeck/platforms/demo";

/// The resource as the API server has it now.
fn read(api: &Api) -> Platform {
    serde_json::from_value(api.object(PLATFORM).expect("there")).expect("a Platform")
}

fn condition(api: &Api) -> Value {
    let status = &api.object(PLATFORM).expect("there")["status"];
    let conditions = status["conditions"].as_array().expect("conditions");
    let found = conditions
        .iter()
        .find(|found| found["type"] == "SigningKeyReady");
    found.expect("SigningKeyReady").clone()
}

#[tokio::test]
async fn keys_need_no_server_and_are_revoked_without_one() {
    let api = Api::default();
    let cx = api.context();
    // None of the Secrets that it names exists.
    api.insert(PLATFORM, serde_json::to_value(platform()).expect("JSON"));
    let mut memory = Memory::default();
    reconcile_keys(&read(&api), &cx, &mut memory)
        .await
        .expect("told");
    assert_eq!(condition(&api)["status"], "True", "{}", condition(&api));
    let kids = |api: &Api| -> Vec<(String, String)> {
        let keys = read(api).status.unwrap_or_default().signing_keys;
        keys.into_iter().map(|key| (key.kid, key.phase)).collect()
    };
    let born = kids(&api);
    assert_eq!(born.len(), 2);
    let writes = api.writes();
    reconcile_keys(&read(&api), &cx, &mut memory)
        .await
        .expect("told");
    assert_eq!(api.writes(), writes, "an idle pass wrote");

    let signs = born
        .iter()
        .find(|(_, phase)| phase == "Active")
        .expect("one signs");
    api.put(PLATFORM, |platform| {
        platform["spec"]["signing"]["revoke"] = json!([{"kid": signs.0, "reason": "stolen"}]);
        platform["metadata"]["generation"] = 2.into();
    });
    reconcile_keys(&read(&api), &cx, &mut memory)
        .await
        .expect("told");
    let now = kids(&api);
    assert!(
        now.contains(&(signs.0.clone(), "Revoked".to_owned())),
        "{now:?}"
    );
    assert!(
        now.iter()
            .any(|(kid, phase)| phase == "Active" && *kid != signs.0)
    );
    assert_eq!(condition(&api)["observedGeneration"], 2);
}

#[tokio::test]
async fn a_paused_platform_keeps_its_keys_as_they_are() {
    let api = Api::default();
    let cx = api.context();
    let mut paused = platform();
    paused.spec.suspend = true;
    api.insert(PLATFORM, serde_json::to_value(paused).expect("JSON"));
    let next = reconcile_keys(&read(&api), &cx, &mut Memory::default()).await;
    assert_eq!(next.expect("told"), None);
    let told = condition(&api);
    assert_eq!(
        (&told["status"], &told["reason"]),
        (&json!("Unknown"), &json!("Suspended"))
    );
    assert_eq!(api.paths(), [PLATFORM], "nothing was made");
}
