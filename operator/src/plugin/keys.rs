//! `kubectl crewdeck keys`: the signing keys, and the two things a person does to them.

use std::fmt::Write as _;

use crds::{Platform, RevokedKey, SigningKeyStatus};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt as _;
use serde::Serialize;
use serde_json::json;

use super::{
    Error,
    change::{OWNERS, change},
    find,
    output::{Output, or_none, table, visible},
    session::Session,
    time::relative,
};

/// Which Platform, and what to do.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("\
A key is made (Pending), published in the key set, signs (Active) from its date on, and goes on
verifying (Retiring) until no token of it can be valid. --rotate asks for the next change now:
the key must have been published for its time all the same, and nobody notices. --revoke denies
a key at once and for good, as after a theft, also while spec.suspend is set: every token that
it signed is refused within seconds, and people stay signed in through their sessions. A revoked
key cannot be taken back. FOLLOWED counts the pods that have followed a key's phase.

{OWNERS}

Examples:
  kubectl crewdeck keys
  kubectl crewdeck keys demo --rotate
  kubectl crewdeck keys demo --revoke Zk3vb1 --reason \"laptop of an administrator was stolen\"
  kubectl crewdeck keys demo -o json | jq -r '.keys[] | select(.phase == \"Active\").kid'"))]
pub(super) struct Args {
    /// Name of the Platform [default: the only one of the namespace]
    name: Option<String>,
    /// Rotate before the date: raises spec.signing.rotation by one
    #[arg(long, conflicts_with = "revoke")]
    rotate: bool,
    /// Deny this key: its kid, or the beginning of it that no other has
    #[arg(
        long,
        value_name = "KID",
        requires = "reason",
        allow_hyphen_values = true
    )]
    revoke: Option<String>,
    /// Why; it is told in an Event
    #[arg(long, requires = "revoke")]
    reason: Option<String>,
    /// Revoke without being asked
    #[arg(long, requires = "revoke")]
    yes: bool,
}

/// The answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    namespace: &'a str,
    name: String,
    keys: &'a [SigningKeyStatus],
    next_rotation_time: Option<&'a Time>,
    /// How often a rotation was asked for.
    rotation: i64,
    /// What the spec denies.
    revoke: &'a [RevokedKey],
}

/// Does it.
pub(super) async fn run(args: &Args, session: &Session, out: &mut Output<'_>) -> Result<(), Error> {
    let platform = find::platform(session, args.name.as_deref()).await?;
    match (&args.revoke, &args.reason) {
        (Some(kid), Some(reason)) => {
            let revoked = RevokedKey {
                kid: full(known(&platform), kid)?.to_owned(),
                reason: reason.clone(),
            };
            revoke(session, &platform, revoked, args.yes, out).await
        }
        _ if args.rotate => rotate(session, &platform, out).await,
        _ => list(session, &platform, out),
    }
}

fn list(session: &Session, platform: &Platform, out: &mut Output<'_>) -> Result<(), Error> {
    let status = platform.status.as_ref();
    let answer = Answer {
        namespace: &session.namespace,
        name: platform.name_any(),
        keys: known(platform),
        next_rotation_time: status.and_then(|status| status.next_rotation_time.as_ref()),
        rotation: platform.spec.signing.rotation,
        revoke: &platform.spec.signing.revoke,
    };
    out.answer(&answer, |_| text(&answer, session.now()))
}

fn text(answer: &Answer<'_>, now: Timestamp) -> String {
    let time = |at: Option<&Time>| or_none(at.map(|at| relative(at, now)).as_deref());
    let rows: Vec<[String; 6]> = answer
        .keys
        .iter()
        .map(|key| {
            [
                key.kid.clone(),
                key.phase.clone(),
                time(key.published_at.as_ref()),
                time(key.activated_at.as_ref()),
                time(key.quiet_at.as_ref()),
                or_none(key.acknowledged.as_deref()),
            ]
        })
        .collect();
    let headings = [
        "KID",
        "PHASE",
        "PUBLISHED",
        "ACTIVATED",
        "QUIET",
        "FOLLOWED",
    ];
    let next = answer.next_rotation_time;
    let mut text = format!(
        "{}\nThe next key takes over: {}\n",
        table(headings, &rows),
        next.map_or_else(
            || "no date yet".to_owned(),
            |at| format!("{} ({})", relative(at, now), at.0)
        )
    );
    for revoked in answer.revoke {
        let reason = visible(&revoked.reason);
        // Writing to a String does not fail.
        let _ = writeln!(text, "Denied by the spec: {}, {reason}", revoked.kid);
    }
    text
}

async fn rotate(session: &Session, platform: &Platform, out: &mut Output<'_>) -> Result<(), Error> {
    let rotation = platform.spec.signing.rotation.saturating_add(1);
    change(
        session,
        platform,
        json!({"signing": {"rotation": rotation}}),
    )
    .await?;
    let name = platform.name_any();
    let answer = json!({"namespace": session.namespace, "name": name, "rotation": rotation});
    let paused = if platform.spec.suspend {
        ", and not before spec.suspend is taken out"
    } else {
        ""
    };
    out.answer(&answer, |_| {
        format!(
            "spec.signing.rotation of Platform {}/{name} is {rotation}: the next key takes over as soon as it has been \
             published for {} s{paused}. Watch it with: kubectl crewdeck keys {name} --namespace {}\n",
            session.namespace, platform.spec.signing.publish_lead_seconds, session.namespace
        )
    })
}

async fn revoke(
    session: &Session,
    platform: &Platform,
    revoked: RevokedKey,
    sure: bool,
    out: &mut Output<'_>,
) -> Result<(), Error> {
    let name = platform.name_any();
    let RevokedKey { kid, .. } = &revoked;
    let mut list = platform.spec.signing.revoke.clone();
    let is_new = list.iter().all(|denied| denied.kid != *kid);
    if is_new {
        let signs = known(platform)
            .iter()
            .any(|key| key.kid == *kid && key.phase == "Active");
        let what = if signs {
            "It signs now; the next key takes its place."
        } else {
            "It does not sign."
        };
        let question = format!(
            "Deny key {kid} of Platform {}/{name} for good? {what} Every token that it signed is refused.",
            session.namespace
        );
        if !sure {
            match out.confirmed(&question)? {
                Some(true) => {}
                Some(false) => return Err(Error::refused("nothing was done")),
                None => {
                    return Err(Error::refused(
                        "nobody is there to be asked; nothing was done. Say --yes to revoke without being asked",
                    ));
                }
            }
        }
        list.push(revoked.clone());
        change(session, platform, json!({"signing": {"revoke": list}})).await?;
    }
    let answer =
        json!({"namespace": session.namespace, "name": name, "revoked": kid, "changed": is_new});
    out.answer(&answer, |_| {
        if is_new {
            format!(
                "spec.signing.revoke of Platform {}/{name} has {kid}: the operator denies it now. Watch it with: \
                 kubectl crewdeck keys {name} --namespace {}\n",
                session.namespace, session.namespace
            )
        } else {
            format!("spec.signing.revoke has {kid} already; nothing was changed\n")
        }
    })
}

/// The keys that the operator told of.
fn known(platform: &Platform) -> &[SigningKeyStatus] {
    let status = platform.status.as_ref();
    status.map_or(&[], |status| status.signing_keys.as_slice())
}

/// The one kid that begins with this.
fn full<'a>(keys: &'a [SigningKeyStatus], prefix: &str) -> Result<&'a str, Error> {
    let found: Vec<&str> = keys
        .iter()
        .map(|key| key.kid.as_str())
        .filter(|kid| !prefix.is_empty() && kid.starts_with(prefix))
        .collect();
    let list = |kids: &[&str]| kids.join(", ");
    match found.as_slice() {
        [kid] => Ok(kid),
        [] => {
            let kids: Vec<&str> = keys.iter().map(|key| key.kid.as_str()).collect();
            Err(Error::refused(format!(
                "no key of this Platform begins with \"{prefix}\"; it has: {}",
                or_none(Some(&list(&kids)))
            )))
        }
        several => Err(Error::refused(format!(
            "{} keys begin with \"{prefix}\": {}; give more of the one that is meant",
            several.len(),
            list(several)
        ))),
    }
}
