//! `keys`.

use rstest::rstest;
use serde_json::json;

use super::*;

const DEMO: &str = "/apis/crewdeck.io/v1beta1/namespaces/crewdeck/platforms/demo";

fn signing(api: &Api) -> Value {
    api.object(DEMO).expect("there")["spec"]["signing"].clone()
}

#[tokio::test]
async fn the_keys_are_listed() {
    golden("keys", "keys", || {
        let mut platform = ready();
        platform["spec"]["signing"]["revoke"] =
            json!([{"kid": RETIRING, "reason": "a stolen laptop"}]);
        server(&[platform])
    })
    .await;
}

#[tokio::test]
async fn a_rotation_raises_its_number() {
    golden("keys_rotate", "keys demo --rotate", || server(&[ready()])).await;
    let api = server(&[ready()]);
    for rotation in 1..=2 {
        ask(&api, "keys --rotate").await.outcome.expect("done");
        assert_eq!(signing(&api)["rotation"], rotation);
    }
    assert_eq!(api.writes(), 2);
}

#[tokio::test]
async fn a_pause_holds_a_rotation_back_and_no_revocation() {
    let paused = || {
        let mut platform = ready();
        platform["spec"]["suspend"] = json!(true);
        server(&[platform])
    };
    let words = "not before spec.suspend is taken out";
    let rotated = ask(&paused(), "keys --rotate").await.text();
    assert!(rotated.contains(words), "{rotated}");
    let line = "keys --revoke Zk3v --reason stolen --yes";
    let revoked = ask(&paused(), line).await.text();
    assert!(
        revoked.contains("denies it now") && !revoked.contains(words),
        "{revoked}"
    );
}

#[tokio::test]
async fn a_key_is_revoked_by_the_beginning_of_its_name() {
    let line = "keys demo --revoke Zk3v --reason stolen --yes";
    golden("keys_revoke", line, || server(&[ready()])).await;

    let api = server(&[ready()]);
    ask(&api, "keys --revoke -a1 --reason first --yes")
        .await
        .outcome
        .expect("done");
    ask(&api, line).await.outcome.expect("done");
    let both = json!([{"kid": RETIRING, "reason": "first"}, {"kid": ACTIVE, "reason": "stolen"}]);
    assert_eq!(signing(&api)["revoke"], both);
    // Once more changes nothing, and nobody is asked.
    let again = ask(&api, "keys --revoke Zk3v --reason again").await;
    assert!(again.text().contains("already"), "{}", again.text());
    assert_eq!((signing(&api)["revoke"].clone(), api.writes()), (both, 2));
}

#[rstest]
#[case::unknown("nope", "no key of this Platform begins with \"nope\"; it has: ")]
#[case::ambiguous("Zk3", "2 keys begin with \"Zk3\": ")]
#[tokio::test]
async fn a_key_that_is_not_meant_for_certain_is_not_revoked(
    #[case] kid: &str,
    #[case] words: &str,
) {
    let api = server(&[ready()]);
    let said = ask(&api, &format!("keys --revoke {kid} --reason stolen --yes")).await;
    let refusal = said.refusal();
    assert!(
        refusal.starts_with(words) && refusal.contains(ACTIVE),
        "{refusal}"
    );
    assert_eq!(api.writes(), 0);
}

#[tokio::test]
async fn nobody_revokes_by_accident() {
    let line = "keys --revoke Zk3v --reason stolen";
    let api = server(&[ready()]);
    assert!(ask(&api, line).await.refusal().contains("--yes"));
    let said = as_person(&api, line, Some("n\n")).await;
    assert_eq!(said.refusal(), "nothing was done");
    assert!(
        said.notes.contains(ACTIVE) && said.notes.contains("It signs now"),
        "{}",
        said.notes
    );
    assert_eq!(api.writes(), 0);
    as_person(&api, line, Some("y\n"))
        .await
        .outcome
        .expect("done");
    assert_eq!(signing(&api)["revoke"][0]["kid"], ACTIVE);
}

#[test]
fn a_reason_is_required() {
    let words = ["kubectl-crewdeck", "keys", "--revoke", "Zk3v"];
    let error = Cli::try_parse_from(words).err().expect("refused");
    assert!(error.to_string().contains("--reason"), "{error}");
}

#[tokio::test]
async fn a_write_of_the_status_meanwhile_is_no_obstacle() {
    let api = server(&[ready()]);
    api.meanwhile(|objects| {
        objects.get_mut(DEMO).unwrap()["metadata"]["resourceVersion"] = json!("2");
    });
    ask(&api, "keys --rotate").await.outcome.expect("done");
    assert_eq!(signing(&api)["rotation"], 1);
}

#[tokio::test]
async fn what_somebody_else_changes_meanwhile_is_not_lost() {
    let api = server(&[ready()]);
    api.meanwhile(|objects| {
        let demo = objects.get_mut(DEMO).unwrap();
        demo["metadata"]["resourceVersion"] = json!("2");
        demo["metadata"]["generation"] = json!(4);
        demo["spec"]["signing"]["revoke"] = json!([{"kid": RETIRING, "reason": "theirs"}]);
    });
    let said = ask(&api, "keys --revoke Zk3v --reason ours --yes").await;
    assert!(
        said.refusal().contains("meanwhile; nothing was done"),
        "{}",
        said.refusal()
    );
    assert_eq!(
        signing(&api)["revoke"],
        json!([{"kid": RETIRING, "reason": "theirs"}])
    );
}
