//! The forgery matrix and the life of a key set, with both sources.

use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta};
use common_auth::keys::SigningKey;
use common_auth::{AuthError, Claims, FileSource, HttpSource, Signer, SourceError, Verifier};
use common_clock::{Clock as _, Ids as _, ManualClock, SystemIds};
use common_outbound::{Outbound, OutboundConfig};
use metrics_exporter_prometheus::PrometheusBuilder;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, ResponseTemplate};

const ISSUER: &str = "https://crew.example.org";

/// A folder as the roles mount it, a clock, and a signer.
struct Rig {
    folder: PathBuf,
    clock: Arc<ManualClock>,
    key: SigningKey,
}

impl Rig {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("crewdeck-auth-{}", SystemIds.uuid()));
        std::fs::create_dir_all(&folder).expect("a temporary folder");
        let key = SigningKey::generate(2048, &SystemIds).expect("a key");
        let start = DateTime::from_timestamp(1_800_000_000, 0).expect("in range");
        let rig = Self {
            folder,
            clock: Arc::new(ManualClock::new(start)),
            key,
        };
        rig.publish(&[&rig.key], &[], 1);
        std::fs::write(
            rig.folder.join("signing.jwk"),
            rig.key.private_jwk().expose_secret(),
        )
        .expect("writable");
        rig
    }

    /// Replaces the set; the clock moves past the source's pause, so that the next look sees it.
    fn publish(&self, keys: &[&SigningKey], revoked: &[&str], epoch: u64) {
        let jwks = json!({"keys": keys.iter().map(|key| key.public_jwk()).collect::<Vec<_>>()});
        let meta = json!({"epoch": epoch, "revoked": revoked});
        std::fs::write(self.folder.join("meta.json"), meta.to_string()).expect("writable");
        std::fs::write(self.folder.join("jwks.json"), jwks.to_string()).expect("writable");
        self.clock.advance(TimeDelta::seconds(2));
    }

    async fn verifier(&self) -> Verifier {
        let source = FileSource::new(self.folder.join("jwks.json"));
        Verifier::new(source, ISSUER, "crewdeck", self.clock.clone())
            .await
            .expect("a verifier")
    }

    fn signer(&self) -> Signer {
        Signer::from_file(self.folder.join("signing.jwk")).expect("a signer")
    }

    fn claims(&self) -> Claims {
        let now = self.clock.now().timestamp();
        Claims {
            iss: ISSUER.to_owned(),
            aud: vec!["crewdeck".to_owned()],
            sub: SystemIds.uuid(),
            exp: now + 600,
            iat: now,
            nbf: now,
            jti: SystemIds.uuid(),
            sid: SystemIds.uuid(),
            adm: false,
        }
    }

    /// Signs any header and any claims with the real key.
    fn forge(&self, header: &str, claims: &Value) -> String {
        let message = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header),
            URL_SAFE_NO_PAD.encode(claims.to_string())
        );
        let jwk: Value =
            serde_json::from_str(self.key.private_jwk().expose_secret()).expect("JSON");
        let part = |name: &str| {
            URL_SAFE_NO_PAD
                .decode(jwk[name].as_str().expect("text"))
                .expect("base64url")
        };
        let pair = aws_lc_rs::rsa::KeyPair::from_components(&aws_lc_rs::rsa::KeyPairComponents {
            public_key: aws_lc_rs::rsa::PublicKeyComponents {
                n: part("n"),
                e: part("e"),
            },
            d: part("d"),
            p: part("p"),
            q: part("q"),
            dP: part("dp"),
            dQ: part("dq"),
            qInv: part("qi"),
        })
        .expect("a key pair");
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(
            &aws_lc_rs::signature::RSA_PKCS1_SHA256,
            &aws_lc_rs::rand::SystemRandom::new(),
            message.as_bytes(),
            &mut signature,
        )
        .expect("signed");
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn header(&self) -> String {
        json!({"alg": "RS256", "typ": "at+jwt", "kid": self.key.kid()}).to_string()
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[tokio::test]
async fn how_old_the_set_is_can_be_measured() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _here = metrics::set_default_local_recorder(&recorder);
    let rig = Rig::new();
    let made = |at: &str, epoch: u64| {
        let meta = json!({"epoch": epoch, "dataTimestamp": at});
        std::fs::write(rig.folder.join("meta.json"), meta.to_string()).expect("writable");
        rig.clock.advance(TimeDelta::seconds(2));
    };
    let told = |seconds: u32| {
        let (page, line) = (
            recorder.handle().render(),
            format!("jwks_data_timestamp_seconds {seconds}"),
        );
        assert!(page.lines().any(|told| told == line), "{line}\n{page}");
    };
    made("2026-03-01T00:00:00Z", 1);
    let verifier = rig.verifier().await;
    told(1_772_323_200);
    made("2026-03-02T00:00:00Z", 2);
    let token = rig.signer().sign(&rig.claims()).expect("signed");
    verifier.verify(&token).await.expect("valid");
    told(1_772_409_600);
}

#[tokio::test]
async fn a_signed_token_verifies_and_its_second_use_is_remembered() {
    let rig = Rig::new();
    let (verifier, claims) = (rig.verifier().await, rig.claims());
    let token = rig.signer().sign(&claims).expect("signed");
    assert_eq!(*verifier.verify(&token).await.expect("valid"), claims);
    assert_eq!(*verifier.verify(&token).await.expect("remembered"), claims);
    rig.clock.advance(TimeDelta::seconds(600 + 61));
    assert_eq!(
        verifier.verify(&token).await,
        Err(AuthError::Time("expired"))
    );
}

#[tokio::test]
async fn every_forged_header_is_refused_before_any_cryptography() {
    let rig = Rig::new();
    let verifier = rig.verifier().await;
    let claims = json!(rig.claims());
    let kid = rig.key.kid();
    let headers = [
        json!({"alg": "none", "typ": "at+jwt", "kid": kid}).to_string(),
        json!({"alg": "HS256", "typ": "at+jwt", "kid": kid}).to_string(),
        json!({"alg": "RS512", "typ": "at+jwt", "kid": kid}).to_string(),
        json!({"alg": "rs256", "typ": "at+jwt", "kid": kid}).to_string(),
        json!({"alg": "RS256", "typ": "JWT", "kid": kid}).to_string(),
        json!({"alg": "RS256", "kid": kid}).to_string(),
        json!({"alg": "RS256", "typ": "at+jwt"}).to_string(),
        json!({"alg": "RS256", "typ": "at+jwt", "kid": "../../etc/passwd"}).to_string(),
        json!({"alg": "RS256", "typ": "at+jwt", "kid": 7}).to_string(),
        json!({"alg": "RS256", "typ": "at+jwt", "kid": kid, "jku": "https://evil.example"})
            .to_string(),
        json!({"alg": "RS256", "typ": "at+jwt", "kid": kid, "jwk": rig.key.public_jwk()})
            .to_string(),
        json!({"alg": "RS256", "typ": "at+jwt", "kid": kid, "x5u": "https://evil.example"})
            .to_string(),
        json!({"alg": "RS256", "typ": "at+jwt", "kid": kid, "x5c": []}).to_string(),
        json!({"alg": "RS256", "typ": "at+jwt", "kid": kid, "crit": ["exp"]}).to_string(),
        json!({"alg": "RS256", "typ": "at+jwt", "kid": kid, "b64": false}).to_string(),
        json!({"alg": "RS256", "typ": "at+jwt", "kid": kid, "zip": "DEF"}).to_string(),
        format!(r#"{{"alg":"none","alg":"RS256","typ":"at+jwt","kid":"{kid}"}}"#),
        format!(
            r#"{{"alg":"RS256","typ":"at+jwt","kid":"{kid}"}}{}"#,
            " ".repeat(512)
        ),
    ];
    for header in headers {
        let refused = verifier.verify(&rig.forge(&header, &claims)).await;
        assert!(
            matches!(refused, Err(AuthError::Malformed(_))),
            "{header}: {refused:?}"
        );
    }
    for token in ["", "a.b", "a.b.c", "a.b.c.d", &"x".repeat(5000)] {
        let refused = verifier.verify(token).await;
        assert!(
            matches!(refused, Err(AuthError::Malformed(_))),
            "{token}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn every_forged_claim_is_refused() {
    let rig = Rig::new();
    let verifier = rig.verifier().await;
    let now = rig.clock.now().timestamp();
    let changes: [(&str, Value); 19] = [
        ("iss", json!("https://evil.example")),
        ("iss", json!([ISSUER])),
        ("iss", Value::Null),
        ("aud", json!(["other"])),
        ("aud", json!([])),
        ("aud", Value::Null),
        ("sub", json!("not-a-uuid")),
        ("sub", Value::Null),
        ("exp", json!(now - 61)),
        ("exp", json!("9999999999")),
        ("exp", Value::Null),
        ("nbf", json!(now + 61)),
        ("nbf", Value::Null),
        ("iat", json!(now + 61)),
        ("iat", Value::Null),
        ("jti", Value::Null),
        ("jti", json!(7)),
        ("sid", Value::Null),
        ("adm", json!("true")),
    ];
    for (name, value) in changes {
        let mut claims = json!(rig.claims());
        let members = claims.as_object_mut().expect("an object");
        match &value {
            Value::Null => members.remove(name),
            other => members.insert(name.to_owned(), other.clone()),
        };
        let refused = verifier.verify(&rig.forge(&rig.header(), &claims)).await;
        assert!(
            matches!(refused, Err(AuthError::Invalid(_) | AuthError::Time(_))),
            "{name} = {value}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn a_changed_payload_and_a_foreign_key_are_refused() {
    let rig = Rig::new();
    let verifier = rig.verifier().await;
    let token = rig.signer().sign(&rig.claims()).expect("signed");
    let parts: Vec<_> = token.split('.').collect();
    let mut other = rig.claims();
    other.adm = true;
    let swapped = format!(
        "{}.{}.{}",
        parts[0],
        URL_SAFE_NO_PAD.encode(json!(other).to_string()),
        parts[2]
    );
    assert!(matches!(
        verifier.verify(&swapped).await,
        Err(AuthError::Invalid(_))
    ));

    let stranger = SigningKey::generate(2048, &SystemIds).expect("a key");
    let header = json!({"alg": "RS256", "typ": "at+jwt", "kid": stranger.kid()}).to_string();
    let token = rig.forge(&header, &json!(rig.claims()));
    assert_eq!(verifier.verify(&token).await, Err(AuthError::UnknownKey));
}

#[tokio::test]
async fn a_new_kid_verifies_after_one_refresh_and_a_revoked_one_stops() {
    let rig = Rig::new();
    let verifier = rig.verifier().await;
    let old = rig.signer().sign(&rig.claims()).expect("signed");
    verifier.verify(&old).await.expect("valid");

    let next = SigningKey::generate(2048, &SystemIds).expect("a key");
    std::fs::write(
        rig.folder.join("signing.jwk"),
        next.private_jwk().expose_secret(),
    )
    .expect("writable");
    rig.publish(&[&rig.key, &next], &[], 2);
    let new = rig.signer().sign(&rig.claims()).expect("signed");
    verifier.verify(&new).await.expect("the new key is found");
    assert_eq!(verifier.key_set().epoch(), 2);
    verifier
        .verify(&old)
        .await
        .expect("the old key still verifies");

    rig.publish(&[&next], &[rig.key.kid()], 3);
    assert_eq!(verifier.verify(&old).await, Err(AuthError::RevokedKey));
    verifier
        .verify(&new)
        .await
        .expect("the new key still verifies");
}

#[tokio::test]
async fn a_broken_or_empty_set_is_refused_and_the_last_good_one_kept() {
    let rig = Rig::new();
    let verifier = rig.verifier().await;
    let token = rig.signer().sign(&rig.claims()).expect("signed");
    for broken in [r#"{"keys":[]}"#.to_owned(), "{".to_owned(), json!({"keys": [serde_json::from_str::<Value>(rig.key.private_jwk().expose_secret()).expect("JSON")]}).to_string()] {
        std::fs::write(rig.folder.join("jwks.json"), &broken).expect("writable");
        rig.clock.advance(TimeDelta::seconds(2));
        verifier.verify(&token).await.expect("the last good set stays");
    }
    let source = FileSource::new(rig.folder.join("absent.json"));
    let refused = Verifier::new(source, ISSUER, "crewdeck", rig.clock.clone()).await;
    assert!(matches!(refused.err(), Some(SourceError::File { .. })));
}

#[tokio::test]
async fn the_url_is_asked_once_per_pause_and_fails_closed_after_its_hard_life() {
    let rig = Rig::new();
    let server = MockServer::start().await;
    let document = std::fs::read_to_string(rig.folder.join("jwks.json")).expect("readable");
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(200).set_body_string(document))
        .mount(&server)
        .await;
    let config = OutboundConfig {
        private_hosts: vec!["127.0.0.1".to_owned()],
        ..OutboundConfig::default()
    };
    let source = HttpSource::new(server.uri(), Outbound::new(config).expect("a client"));
    let verifier = Verifier::new(source, ISSUER, "crewdeck", rig.clock.clone())
        .await
        .expect("a verifier");
    let token = rig.signer().sign(&rig.claims()).expect("signed");
    verifier.verify(&token).await.expect("valid");

    rig.clock.advance(TimeDelta::seconds(31));
    for _ in 0..20 {
        let stranger = SigningKey::generate(2048, &SystemIds).expect("a key");
        let header = json!({"alg": "RS256", "typ": "at+jwt", "kid": stranger.kid()}).to_string();
        assert_eq!(
            verifier
                .verify(&rig.forge(&header, &json!(rig.claims())))
                .await,
            Err(AuthError::UnknownKey)
        );
    }
    assert_eq!(server.received_requests().await.expect("recorded").len(), 2);

    drop(server);
    rig.clock.advance(TimeDelta::hours(25));
    let late = rig.signer().sign(&rig.claims()).expect("signed");
    assert_eq!(verifier.verify(&late).await, Err(AuthError::UnknownKey));
}
