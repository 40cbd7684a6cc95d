//! What is said when nothing can be done.

use rstest::rstest;

use super::*;

#[rstest]
#[case("status")]
#[case("keys")]
#[case("credentials demo")]
#[case("logs web")]
#[case("leaks")]
#[case("grant demo")]
#[case("report demo")]
#[tokio::test]
async fn a_cluster_without_the_resource_is_told_with_the_command(#[case] line: &str) {
    let api = Api::default();
    api.undefine("/apis/crewdeck.io/");
    let said = ask(&api, line).await;
    assert!(
        matches!(said.outcome, Err(Error::NotDefined)),
        "{:?}",
        said.outcome
    );
}

#[tokio::test]
async fn a_missing_right_is_named() {
    let api = server(&[ready()]);
    api.forbid(PLATFORMS);
    let refusal = ask(&api, "status").await.refusal();
    assert!(
        refusal.contains("auth can-i list platforms.crewdeck.io --namespace crewdeck"),
        "{refusal}"
    );
    let refusal = ask(&api, "keys demo").await.refusal();
    assert!(
        refusal.contains("auth can-i get platforms.crewdeck.io"),
        "{refusal}"
    );
}

#[tokio::test]
async fn a_name_that_is_none_leads_to_those_that_are() {
    let api = server(&[ready(), platform("other")]);
    let refusal = ask(&api, "keys dmeo").await.refusal();
    assert_eq!(
        refusal,
        "namespace crewdeck has no Platform dmeo; it has: demo, other"
    );
    let refusal = ask(&api, "keys").await.refusal();
    assert_eq!(
        refusal,
        "namespace crewdeck has 2 Platforms: demo, other; say which one is meant"
    );
    for line in ["keys -n empty", "status -n empty", "keys demo -n empty"] {
        let refusal = ask(&api, line).await.refusal();
        assert_eq!(
            refusal,
            "namespace empty has no Platform; there are: --namespace crewdeck: demo, --namespace crewdeck: other"
        );
    }
    api.forbid("/apis/crewdeck.io/v1beta1/platforms");
    let refusal = ask(&api, "keys -n empty").await.refusal();
    assert_eq!(
        refusal,
        "namespace empty has no Platform; name another one with --namespace"
    );
}

#[tokio::test]
async fn a_kubeconfig_that_is_not_there_is_named() {
    let Cli { args } =
        Cli::try_parse_from(["x", "status", "--kubeconfig", "/no/such/file"]).expect("a command");
    let clock = Arc::new(common_clock::SystemClock);
    let error = Session::open(&args.global, clock, false)
        .await
        .err()
        .expect("refused");
    let words = error.to_string();
    assert!(
        words.contains("/no/such/file") && words.contains("--kubeconfig"),
        "{words}"
    );
}
