//! A server whose user `default` lets somebody in is used all the same, and that is told with the remedy.

use super::*;

#[tokio::test]
async fn a_server_that_lets_everybody_in_is_told_and_used() {
    let redis = common_scratch::Redis::start().unwrap();
    let everybody = at(&redis.url());
    let mut root = admin(&everybody).await.unwrap();
    let clients = clients(&ExternalNames::of("tests", "redis", "everybody"));
    let mut set = async |user: &str, rules: &[&str]| {
        let mut command = redis::cmd("ACL");
        command.arg("SETUSER").arg(user).arg(rules);
        let () = command.query_async(&mut root).await.unwrap();
    };
    set("root", &["on", ">root", "~*", "&*", "+@all"]).await;
    let administrator = RedisServer {
        username: "root".to_owned(),
        password: SecretString::from("root"),
        ..everybody.clone()
    };
    let mut store = MemoryStore::default();
    let mut told = async |server: &RedisServer| {
        let applied = converge(server, &clients, &mut store, &at_rest()).await;
        let applied = applied.unwrap();
        assert_eq!(applied.logins.len(), 2);
        applied.warning
    };

    for server in [&everybody, &administrator] {
        let words = told(server).await.unwrap();
        assert!(words.contains("needs no password"), "{words}");
        assert!(words.contains("ACL SETUSER default off"), "{words}");
    }
    set("default", &["resetpass", ">secret"]).await;
    let with_password = RedisServer {
        password: SecretString::from("secret"),
        ..everybody
    };
    let words = told(&administrator).await.unwrap();
    assert!(words.contains("is on"), "{words}");
    assert_eq!(told(&with_password).await, None, "it is the administrator");
    set("default", &["off"]).await;
    assert_eq!(told(&administrator).await, None);
}
