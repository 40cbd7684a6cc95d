//! `credentials`.

use rstest::rstest;

use super::*;

#[tokio::test]
async fn the_logins_are_listed() {
    golden("credentials", "credentials", || server(&[ready()])).await;
}

#[rstest]
#[case("database", "/spec/database/credentials/rotation")]
#[case("redis", "/spec/redis/credentials/rotation")]
#[case("events", "/spec/events/kafka/credentials/rotation")]
#[tokio::test]
async fn a_rotation_raises_the_number_of_one_server(#[case] which: &str, #[case] pointer: &str) {
    let line = format!("credentials demo --rotate {which}");
    golden(&format!("credentials_rotate_{which}"), &line, || {
        server(&[ready()])
    })
    .await;
    let api = server(&[ready()]);
    let before = api.object(&format!("{PLATFORMS}/demo")).expect("there");
    ask(&api, &line).await.outcome.expect("done");
    let mut after = api.object(&format!("{PLATFORMS}/demo")).expect("there");
    let rotation = after.pointer_mut(pointer).expect("a number");
    assert_eq!(*rotation, 1);
    *rotation = 0.into();
    assert_eq!(after["spec"], before["spec"], "nothing else changes");
}
