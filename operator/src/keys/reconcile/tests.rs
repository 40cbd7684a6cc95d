//! A whole pass over the keys, on an API server in memory that has a Platform and nothing else.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::TimeDelta;
use common_clock::{Clock as _, ManualClock};
use crds::Reason;
use serde_json::{Value, json};

use super::*;
use crate::{
    platform::{
        metadata::selector,
        validate::{Role, sample::platform},
    },
    testing::Api,
    told::is_told,
};

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

/// Kid and phase of each key that the status tells.
fn kids(api: &Api) -> Vec<(String, String)> {
    let keys = read(api).status.unwrap_or_default().signing_keys;
    keys.into_iter().map(|key| (key.kid, key.phase)).collect()
}

/// The kid of the key in this phase.
fn kid(api: &Api, phase: &str) -> String {
    let mut keys = kids(api).into_iter();
    let found = keys.find(|(_, found)| found == phase);
    found
        .unwrap_or_else(|| panic!("{phase}: {:?}", kids(api)))
        .0
}

async fn pass(api: &Api, cx: &Context, memory: &mut Memory) {
    let passed = reconcile_keys(&read(api), cx, memory).await;
    passed.expect("told");
}

/// Has the resource name a key to deny.
fn deny(api: &Api, kid: &str) {
    api.put(PLATFORM, |platform| {
        platform["spec"]["signing"]["revoke"] = json!([{"kid": kid, "reason": "a laptop is gone"}]);
        let generation = &mut platform["metadata"]["generation"];
        *generation = (generation.as_i64().unwrap_or_default() + 1).into();
    });
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

/// A Platform whose keys were just made, and a clock that is moved by hand.
struct World {
    api: Api,
    cx: Context,
    clock: Arc<ManualClock>,
    memory: Memory,
}

impl World {
    async fn born() -> Self {
        let api = Api::default();
        let start = DateTime::from_timestamp(1_800_000_000, 0).expect("in range");
        let clock = Arc::new(ManualClock::new(start));
        let cx = Context {
            clock: clock.clone(),
            ..api.context()
        };
        api.insert(PLATFORM, serde_json::to_value(platform()).expect("JSON"));
        let mut world = Self {
            api,
            cx,
            clock,
            memory: Memory::default(),
        };
        let (status, reason, _) = world.pass().await;
        assert_eq!((status.as_str(), reason.as_str()), ("True", "Ready"));
        world
    }

    /// A pass; gives status, reason and message of `SigningKeyReady` after it.
    async fn pass(&mut self) -> (String, String, String) {
        let told = reconcile_keys(&read(&self.api), &self.cx, &mut self.memory).await;
        told.expect("told");
        let told = condition(&self.api);
        let word = |key: &str| told[key].as_str().expect("a word").to_owned();
        (word("status"), word("reason"), word("message"))
    }

    /// Has somebody change one document in an object of the Platform.
    fn edit(&self, path: &str, key: &str, encoded: bool, change: impl FnOnce(&mut Value)) {
        let path = format!("/api/v1/namespaces/crewdeck/{path}");
        self.api.put(&path, |object| {
            let text = object["data"][key].as_str().expect("a document").to_owned();
            let text = if encoded {
                String::from_utf8(STANDARD.decode(text).expect("base64")).expect("text")
            } else {
                text
            };
            let mut document: Value = serde_json::from_str(&text).expect("JSON");
            change(&mut document);
            let text = document.to_string();
            object["data"][key] = if encoded { STANDARD.encode(text) } else { text }.into();
        });
    }
}

#[tokio::test]
async fn a_ring_without_its_private_half_is_told_with_the_way_out() {
    let mut world = World::born().await;
    world.edit("secrets/demo-keyring", "ring.json", true, |ring| {
        ring["keys"][0]["privateJwk"].take();
    });
    let (status, reason, message) = world.pass().await;
    assert_eq!(status, "False");
    is_told(Reason::SigningKeyInvalid, &reason);
    assert!(message.contains("delete that Secret"), "{message}");

    world
        .api
        .remove("/api/v1/namespaces/crewdeck/secrets/demo-keyring");
    let (status, reason, message) = world.pass().await;
    assert_eq!(
        (status.as_str(), reason.as_str()),
        ("True", "Ready"),
        "{message}"
    );
}

#[tokio::test]
async fn a_rotation_that_came_to_its_date_unprepared_is_overdue() {
    let mut world = World::born().await;
    world.clock.advance(TimeDelta::days(40));
    // Nobody has the next key: it is published anew, and waits its time.
    world.edit("configmaps/demo-jwks", "jwks.json", false, |set| {
        set["keys"].as_array_mut().expect("keys").truncate(1);
    });
    let (status, reason, message) = world.pass().await;
    assert_eq!(status, "True");
    is_told(Reason::RotationOverdue, &reason);
    let due = (world.cx.clock.now() + TimeDelta::hours(24)).to_rfc3339();
    assert!(message.contains(&due), "{due}: {message}");
}

#[tokio::test]
async fn pods_that_hold_a_rotation_back_are_named() {
    let mut world = World::born().await;
    // It has no address, so that it tells nothing.
    world.api.insert(
        "/api/v1/namespaces/crewdeck/pods/demo-web-1",
        json!({
            "metadata": {"name": "demo-web-1", "namespace": "crewdeck", "labels": selector("demo", Some(Role::Web))},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
        }),
    );
    world
        .clock
        .advance(TimeDelta::days(30) + TimeDelta::hours(1));
    let (status, reason, message) = world.pass().await;
    assert_eq!(status, "True");
    is_told(Reason::KeyPropagation, &reason);
    let words = "pods that do not use the newest key set: demo-web-1.";
    assert!(message.starts_with(words), "{message}");
}

#[tokio::test]
async fn in_a_pause_a_key_is_denied_and_nothing_else_is_done() {
    let api = Api::default();
    let cx = api.context();
    api.insert(PLATFORM, serde_json::to_value(platform()).expect("JSON"));
    let mut memory = Memory::default();
    pass(&api, &cx, &mut memory).await;
    let (stolen, next) = (kid(&api, "Active"), kid(&api, "Published"));
    api.put(PLATFORM, |platform| {
        platform["spec"]["suspend"] = true.into();
    });
    deny(&api, &stolen);
    pass(&api, &cx, &mut memory).await;

    let phase = |kid: &str, phase: &str| (kid.to_owned(), phase.to_owned());
    assert_eq!(
        kids(&api),
        [phase(&stolen, "Revoked"), phase(&next, "Active")]
    );
    let told = condition(&api);
    assert_eq!(
        (&told["status"], &told["reason"]),
        (&json!("Unknown"), &json!("Suspended"))
    );
    let set = api
        .object("/api/v1/namespaces/crewdeck/configmaps/demo-jwks")
        .expect("there");
    let file = |name: &str| set["data"][name].as_str().expect("text").to_owned();
    assert!(!file("jwks.json").contains(&stolen) && file("meta.json").contains(&stolen));
    // Why is told as it was promised.
    let keys = read(&api).status.unwrap_or_default().signing_keys;
    assert_eq!(keys[0].reason.as_deref(), Some("a laptop is gone"));
    let notes: Vec<Value> = api
        .paths()
        .iter()
        .filter(|path| path.contains("/events/"))
        .filter_map(|path| Some(api.object(path)?["note"].take()))
        .collect();
    let note = format!("key {stolen} is denied: a laptop is gone");
    assert!(notes.contains(&json!(note)), "{notes:?}");

    api.put(PLATFORM, |platform| {
        platform["spec"]["suspend"] = false.into();
    });
    pass(&api, &cx, &mut memory).await;
    assert_ne!(kid(&api, "Published"), next, "work goes on");
}

#[tokio::test]
async fn while_clocks_differ_keys_stay_and_a_stolen_one_does_not() {
    let api = Api::default();
    let clock = Arc::new(ManualClock::new(
        DateTime::from_timestamp(1_800_000_000, 0).expect("in range"),
    ));
    let cx = Context {
        clock: clock.clone(),
        ..api.context()
    };
    let ahead = |seconds| {
        let date = clock.now() + TimeDelta::seconds(seconds);
        let date = date.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let date = [(http::header::DATE, date.parse().expect("a value"))];
        cx.server_clock
            .hear(&http::HeaderMap::from_iter(date), clock.now());
    };
    api.insert(PLATFORM, serde_json::to_value(platform()).expect("JSON"));
    let mut memory = Memory::default();
    pass(&api, &cx, &mut memory).await;
    let born = kids(&api);

    // Its date has come by the operator's clock, and not by the API server's.
    clock.advance(TimeDelta::days(30) + TimeDelta::seconds(10));
    ahead(-20);
    pass(&api, &cx, &mut memory).await;
    assert_eq!(kids(&api), born, "it is not time yet");
    // It has come by both.
    clock.advance(TimeDelta::days(1));
    ahead(200);
    pass(&api, &cx, &mut memory).await;
    assert_eq!(kids(&api), born, "the ring is frozen");
    let told = condition(&api);
    is_told(Reason::ClockSkew, told["reason"].as_str().expect("a word"));
    assert_eq!(told["status"], "True");
    ahead(0);
    pass(&api, &cx, &mut memory).await;
    assert_eq!(kid(&api, "Active"), born[1].0, "it was only the clock");
    assert_eq!(condition(&api)["reason"], "Ready");

    ahead(-200);
    let (stolen, next) = (kid(&api, "Active"), kid(&api, "Published"));
    deny(&api, &stolen);
    pass(&api, &cx, &mut memory).await;
    assert_eq!(kid(&api, "Revoked"), stolen);
    assert_eq!(kid(&api, "Active"), next);
    let made = kid(&api, "Pending");
    ahead(0);
    pass(&api, &cx, &mut memory).await;
    assert_eq!(kid(&api, "Published"), made);
}
