//! Takes out of texts and objects whatever could be a secret. Pure. Rather too much than too little: a report goes to
//! people outside.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

/// What stands in place of a secret.
pub(super) const REDACTED: &str = "<redacted>";

/// Words of a name whose value is a secret.
const NAMES: &str = "pass(?:word|wd|phrase)?|pwd|secret|token|credentials?|api[_-]?key|access[_-]?key|private[_-]?key|authorization|cookie|jaas[._-]config";

/// What a secret looks like in a text, and what stays of it.
static RULES: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    let rules = [
        // A private key, in lines or with `\n` for their ends; also one whose first lines or last ones are cut off.
        (
            r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z ]*PRIVATE KEY-----|\z)"
                .to_owned(),
            "<redacted>",
        ),
        (
            r"(?:[A-Za-z0-9+/=]+(?:\s|\\+[nr])+)+-----END [A-Z ]*PRIVATE KEY-----".to_owned(),
            "<redacted>",
        ),
        // The login of a URL; up to the last @, since a password may have one.
        (
            r#"([A-Za-z][A-Za-z0-9+.-]*://)[^\s"'<>\\]*@"#.to_owned(),
            "${1}<redacted>@",
        ),
        (
            r"(?i)\b(bearer|basic|negotiate|digest)[ \t]+[A-Za-z0-9._~+/=-]{6,}".to_owned(),
            "${1} <redacted>",
        ),
        // A signed token (RFC 7519), wherever it stands.
        (
            r"\beyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*".to_owned(),
            "<redacted>",
        ),
        // The private members of a JWK (RFC 7518, 6.2.2, 6.3.2 and 6.4), however often they are quoted.
        (
            r#"(\b(?:d|p|q|dp|dq|qi|k|t|r)\\*["']?\s*[:=]\s*\\*["']?)[A-Za-z0-9_-]{16,}"#
                .to_owned(),
            "${1}<redacted>",
        ),
        // Stored forms of passwords.
        (
            r#"\$?\b(?:argon2[a-z]*|2[abxy]|scrypt|pbkdf2[a-z0-9-]*|SCRAM-SHA-\d+)\$[^\s"'\\]+"#
                .to_owned(),
            "<redacted>",
        ),
        // Whole headers (RFC 9110), to the end of the line.
        (
            r#"(?i)\b((?:set-)?cookie|(?:proxy-)?authorization)([ \t]*[:=][ \t]*)[^"'\r\n]+"#
                .to_owned(),
            "${1}${2}<redacted>",
        ),
        // name=value, name: value, "name": "value", --name value; quoted once, more often, or not.
        (
            format!(
                r#"(?i)([A-Za-z0-9_.-]*(?:{NAMES})[A-Za-z0-9_.-]*\\*["']?[ \t]*[:=][ \t]*)(?:"(?:[^"\\]|\\.)*"|\\+"(?:[^"\\]|\\{{3,}}"|\\[^"])*\\+"|'[^']*'|[^\s"',;&{{}}\[\]()]+)"#
            ),
            "${1}<redacted>",
        ),
        (
            format!(r"(?i)(--[a-z-]*(?:{NAMES})[ \t]+)[^\s]+"),
            "${1}<redacted>",
        ),
    ];
    let compiled = rules.into_iter().map(|(pattern, with)| {
        let regex = Regex::new(&pattern).expect("the patterns are constant, and a test uses each");
        (regex, with)
    });
    compiled.collect()
});

/// A text without what looks like a secret.
pub(super) fn text(text: &str) -> String {
    RULES.iter().fold(text.to_owned(), |text, (regex, with)| {
        regex.replace_all(&text, *with).into_owned()
    })
}

/// An object of Kubernetes without what looks like a secret, without free text in which anything may stand (values of
/// annotations and of variables that are not ours), and without the bookkeeping of the API server.
pub(super) fn object(object: &mut Value) {
    match object {
        Value::Object(fields) => {
            fields.remove("managedFields");
            for (name, value) in fields {
                match name.as_str() {
                    "annotations" | "podAnnotations" => annotations(value),
                    "env" => value
                        .as_array_mut()
                        .into_iter()
                        .flatten()
                        .for_each(variable),
                    _ => {}
                }
                self::object(value);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(self::object),
        Value::String(string) => *string = text(string),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Keeps the values of annotations that our operator, the controllers of Kubernetes and Helm write.
fn annotations(annotations: &mut Value) {
    const KEPT: [&str; 4] = [
        "crewdeck.io/",
        "deployment.kubernetes.io/",
        "helm.sh/",
        "meta.helm.sh/",
    ];
    for (name, value) in annotations.as_object_mut().into_iter().flatten() {
        if !KEPT.iter().any(|prefix| name.starts_with(prefix)) {
            *value = REDACTED.into();
        }
    }
}

/// Keeps the values of the two variables that the operator sets.
fn variable(variable: &mut Value) {
    let is_ours = matches!(variable["name"].as_str(), Some("ROLE" | "CREWDECK_CONFIG"));
    if let Some(value) = variable.get_mut("value").filter(|_| !is_ours) {
        *value = REDACTED.into();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case::login("cannot reach postgres://app:canary@pg:5432/x")]
    #[case::login_with_an_at("redis://:can@ary/canary@host:1 refused")]
    #[case::login_of_a_user_alone("amqp://canary@host/")]
    #[case::password("user=app password=canary host=pg")]
    #[case::quoted("password='canary canary' host=pg")]
    #[case::json(r#"{"level":"INFO","db_password":"canary \"canary\" x"}"#)]
    #[case::json_in_json(r#"{"message":"got {\"password\":\"canary\"}"}"#)]
    #[case::debug(r#"Login { user: "app", password: "canary" }"#)]
    #[case::yaml("  admin-password: canary")]
    #[case::variable("PGPASSWORD=canary psql")]
    #[case::option("crewdeck --api-token canary run")]
    #[case::query("GET /x?access_token=canary&y=1")]
    #[case::bearer("authorization: Bearer canary.canary-canary")]
    #[case::basic("Authorization: Basic Y2FuYXJ5canary==")]
    #[case::cookie("cookie: session=canary; x=canary")]
    #[case::jaas(
        "sasl.jaas.config=org.x.ScramLoginModule required username=\"a\" password=\"canary\";"
    )]
    #[case::jwt("token eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.canary-canary")]
    #[case::jwk(
        r#"{"kty":"RSA","n":"AQAB","d":"canarycanarycanarycanary","p":"canarycanarycanarycanary"}"#
    )]
    #[case::jwk_in_json(r#"{"message":"{\"d\": \"canarycanarycanarycanary\"}"}"#)]
    #[case::pem("-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----\nafter")]
    #[case::pem_in_json(
        r#"{"key":"-----BEGIN RSA PRIVATE KEY-----\ncanary\n-----END RSA PRIVATE KEY-----"}"#
    )]
    #[case::pem_without_an_end("-----BEGIN EC PRIVATE KEY-----\ncanary")]
    #[case::pem_without_a_beginning(
        "canarycanarycanary\ncanarycanarycanary==\n-----END PRIVATE KEY-----"
    )]
    #[case::argon("hash $argon2id$v=19$m=19456,t=2,p=1$canary$canary")]
    #[case::scram("SCRAM-SHA-256$4096:canary$canary:canary")]
    fn a_secret_is_taken_out(#[case] line: &str) {
        let redacted = text(line);
        assert!(!redacted.contains("canary"), "{redacted}");
        assert!(redacted.contains(REDACTED), "{redacted}");
    }

    #[rstest]
    #[case("the databases have the schema of 0.1.0")]
    #[case("database needs Secret demo-postgres in namespace crewdeck")]
    #[case("publicURL is https://crew.example.org/x?y=1")]
    #[case("web 503: replica lag 3.5s, d: 7, p=2")]
    fn what_is_no_secret_stays(#[case] line: &str) {
        assert_eq!(text(line), line);
    }

    proptest! {
        /// Whatever a password is made of.
        #[test]
        fn no_password_of_a_url_is_left(password in "[!-~&&[^\"'<>\\\\]]{1,40}") {
            let line = format!("cannot reach postgres://app:{password}XcanaryX@pg:5432/app?x=1, gave up");
            prop_assert!(!text(&line).contains("canary"), "{}", text(&line));
        }
    }

    #[test]
    fn free_text_of_an_object_is_taken_out_and_ours_stays() {
        let mut pod = json!({
            "metadata": {
                "annotations": {"crewdeck.io/config-hash": "ab12", "vault/inject": "canary"},
                "managedFields": [{"manager": "canary"}],
                "labels": {"app.kubernetes.io/component": "web"},
            },
            "spec": {"containers": [{"env": [
                {"name": "ROLE", "value": "web"},
                {"name": "PLUGIN", "value": "canary"},
                {"name": "REF", "valueFrom": {"secretKeyRef": {"name": "demo-web", "key": "x"}}},
            ], "args": ["--password=canary"]}]},
            "template": {"podAnnotations": {"note": "canary"}},
        });
        object(&mut pod);
        let text = pod.to_string();
        assert!(!text.contains("canary"), "{text}");
        for kept in ["ab12", "\"web\"", "demo-web", "valueFrom"] {
            assert!(text.contains(kept), "{kept}: {text}");
        }
    }
}
