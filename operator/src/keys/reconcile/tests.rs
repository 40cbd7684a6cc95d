//! A whole pass over the keys, on an API server in memory that has a Platform and nothing else.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::TimeDelta;
use common_clock::ManualClock;
use crds::Reason;
use http::{HeaderMap, header};
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};

use super::*;
use crate::{
    platform::{
        metadata::selector,
        validate::{Role, sample::platform},
    },
    testing::Api,
    told::is_told,
};

/// Whoever wants keys while others are made has to come again: one test at a time makes some.
static MAKING: Mutex<()> = Mutex::const_new(());

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
    let _making = MAKING.lock().await;
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

/// A Platform whose keys were just made, and a clock that is moved by hand.
struct World {
    api: Api,
    cx: Context,
    clock: Arc<ManualClock>,
    memory: Memory,
    _making: MutexGuard<'static, ()>,
}

impl World {
    async fn born() -> Self {
        let making = MAKING.lock().await;
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
            _making: making,
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
async fn clocks_that_differ_are_told_and_keep_the_keys_as_they_are() {
    let mut world = World::born().await;
    let ahead = world.cx.clock.now() + TimeDelta::minutes(5);
    let date = ahead.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let headers = HeaderMap::from_iter([(header::DATE, date.parse().expect("a value"))]);
    world.cx.server_clock.hear(&headers, world.cx.clock.now());
    let (status, reason, message) = world.pass().await;
    assert_eq!(status, "True");
    is_told(Reason::ClockSkew, &reason);
    assert!(message.contains("by 300 s"), "{message}");
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
