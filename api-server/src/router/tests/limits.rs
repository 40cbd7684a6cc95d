//! Every operation is limited, in the way that the document tells.

use std::collections::BTreeSet;

use common_http::document::testing::resolve;

use super::*;

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn whatever_is_asked_once_too_often_is_refused_as_it_is_told(pool: PgPool) {
    let folder = Folder::new("limits").expect("a folder");
    let World { app, token, .. } = world_with(&pool, folder.path(), NonZeroU32::MIN).await;
    let bearer = format!("Bearer {token}");
    let known = [("authorization", bearer.as_str())];
    let ask = async |headers: &[(&str, &str)], method: &str, path: &str| {
        send(&app, request(method, path, headers, &Value::Null)).await
    };
    // What there is not counts like everything else.
    let used_up = [
        (&known[..], "GET", "read"),
        (&known[..], "POST", "write"),
        (&[], "GET", "anonymous"),
    ];
    for (headers, method, policy) in used_up {
        let last = ask(headers, method, "/no-such-path").await;
        last.refused(404, "no_such_path");
        let told = last.header("ratelimit");
        assert!(told.starts_with(&format!("\"{policy}\";r=0;t=")), "{told}");
    }
    let document = told();
    let mut policies = BTreeSet::new();
    for told in operations(&document) {
        let at = format!("{} {}", told.method, told.path);
        for headers in [&known[..], &[]] {
            let answer = ask(headers, &told.method, &told.path).await;
            answer.refused(429, "rate_limited");
            let policy = answer.header("ratelimit-policy").to_owned();
            let kind = if headers.is_empty() {
                "anonymous"
            } else if told.method == "GET" {
                "read"
            } else {
                "write"
            };
            assert_eq!(policy, format!("\"{kind}\";q=1;w=60"), "{at}");
            policies.insert(policy);
            let wait: u8 = answer.header("retry-after").parse().expect("seconds");
            assert!((1..=60).contains(&wait), "{at}: {wait}");
            assert_eq!(answer.header("cache-control"), "no-store", "{at}");
            let known = resolve(&document, &told.operation["responses"]["429"]);
            for name in ["RateLimit", "RateLimit-Policy", "Retry-After"] {
                assert!(known["headers"][name].is_object(), "{at}: {name}");
            }
        }
    }
    assert_eq!(policies.len(), 3);
}
