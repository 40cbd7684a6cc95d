//! The logins: a password, its proof on every server where it is used, then the Secret.

use std::time::Duration;

use crds::Reason;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::PgConnection;

use super::{
    facts::Facts,
    former,
    lag::unreplayed,
    names::{LoginSpec, Place},
    server::{Address, Refusal, close, ident, literal, log_in, primary, replica, run},
};
use crate::{
    credentials::{
        Found, Issue, Keys, Login, Rotation, Settled, Store, free_slot, other_slot, subject, url,
        verifier,
    },
    platform::{
        StepError,
        validate::{PostgresServer, Tls},
    },
};

/// How long one pass waits for the replica. After that the next pass looks again.
const REPLAY: Duration = Duration::from_secs(2);
/// The same for a password that was just set: it is in no Secret yet, and the next pass would have to set it again.
const REPLAY_OF_CHANGE: Duration = Duration::from_secs(20);

/// Makes one login work and keeps it in its Secret; changes it for the other one when that is due, and ends the former
/// one when nobody uses it any more. Changes nothing if there is nothing to do.
pub(super) async fn settle(
    server: &PostgresServer,
    connection: &mut PgConnection,
    facts: &Facts,
    spec: &LoginSpec,
    store: &mut dyn Store,
    rotation: &Rotation<'_>,
) -> Result<Settled, StepError> {
    let kept = store.secret(spec.client).await?;
    let client = spec.client;
    let known = rotation.find(store, client, &spec.slots, kept.as_ref());
    let known = known.await?;
    let is_open = |slot: &String| facts.roles.get(slot).is_some_and(|role| role.login);
    let proved = known.as_ref().is_some_and(|Found { login, .. }| {
        let wanted = keys(server, spec, login);
        rotation.is_proved(
            kept.as_ref(),
            &wanted,
            login,
            subject_of(server, spec, login),
        )
    });
    let works = match &known {
        Some(Found { login, .. }) => {
            is_open(&login.user) && (proved || accepted(server, spec, login).await?)
        }
        None => false,
    };
    if let (Some(Found { login, .. }), false) = (&known, works) {
        // Refused by a replica that is behind: it is not wrong, it is early.
        replayed(server, connection, spec, &login.user, REPLAY).await?;
    }
    let free = || free_slot(&spec.slots, is_open);
    let (login, made) = match known {
        None => (rotation.claim(store, client, free(), 0).await?, true),
        // The Secret is lost, and so is what the claim was for: the open one is not touched, pods may use it.
        Some(Found {
            login,
            claimed_after: Some(after),
        }) if !works && is_open(&login.user) => {
            let claim = rotation.claim(store, client, free(), after.saturating_add(1));
            (claim.await?, true)
        }
        Some(Found { login, .. }) => {
            let other = other_slot(&spec.slots, &login.user);
            let after = Issue::epoch_of(kept.as_ref());
            let begun = rotation.takes_over(store, client, other, after).await?;
            // One change at a time: the former one ends first.
            let due = begun || facts.is_ended(other) && rotation.is_due(kept.as_ref());
            // A replica that is behind keeps the change waiting, not the Platform.
            if works && due && is_replayed(server, connection, spec, other).await? {
                (rotation.claim(store, client, other, after).await?, true)
            } else {
                (login, !works)
            }
        }
    };
    if made {
        open(server, connection, spec, &login, rotation).await?;
    }
    if made || !proved {
        only_on_the_replica(server, facts, spec, &login).await?;
        rotation.proved(&login, subject_of(server, spec, &login));
    }
    let wanted = keys(server, spec, &login);
    let (issue, written) = rotation
        .keep(store, spec.client, kept.as_ref(), wanted)
        .await?;
    rotation.remember(store, client, &login, &issue).await?;
    let other = other_slot(&spec.slots, &login.user);
    let draining = if facts.is_ended(other) {
        None
    } else if rotation
        .takes_over(store, client, other, issue.epoch)
        .await?
    {
        Some(format!("{other} is about to take over"))
    } else {
        let waits = rotation.waits_for_pods(spec.client, other, &issue, written);
        match waits.await? {
            None => former::end(server, connection, other, &issue, rotation).await?,
            waits => waits,
        }
    };
    Ok(Settled {
        user: login.user,
        issue,
        draining,
    })
}

/// Sets the password of a login, and proves it where it is used.
async fn open(
    server: &PostgresServer,
    connection: &mut PgConnection,
    spec: &LoginSpec,
    login: &Login,
    rotation: &Rotation<'_>,
) -> Result<(), StepError> {
    let sql = format!(
        "alter role {} login password {}",
        ident(&login.user),
        literal(verifier(&login.password, rotation.ids).expose_secret())
    );
    let object = format!("the password of {}", login.user);
    run(connection, primary(server), "setting", object, sql).await?;
    replayed(server, connection, spec, &login.user, REPLAY_OF_CHANGE).await?;
    if accepted(server, spec, login).await? {
        return Ok(());
    }
    Err(StepError::transient(
        Reason::BackendRefused,
        format!(
            "PostgreSQL refuses the login {} that was just made: check that pg_hba.conf lets it into database {} from the \
             operator's and the pods' addresses with scram-sha-256",
            login.user, spec.database
        ),
    ))
}

/// The servers on which the login is used.
fn places<'a>(server: &'a PostgresServer, spec: &LoginSpec) -> Vec<Address<'a>> {
    let (primary, replica) = (primary(server), replica(server));
    match spec.place {
        Place::Primary => vec![primary],
        Place::Both => [primary].into_iter().chain(replica).collect(),
        Place::Replica => vec![replica.unwrap_or(primary)],
    }
}

/// Whether every server where the login is used lets it in.
async fn accepted(
    server: &PostgresServer,
    spec: &LoginSpec,
    login: &Login,
) -> Result<bool, StepError> {
    for at in places(server, spec) {
        match log_in(server, at, login, &spec.database).await {
            Ok(connection) => close(connection).await,
            Err(Refusal::Full(_)) => {}
            Err(Refusal::Login(_)) => return Ok(false),
            Err(Refusal::Other(error)) => return Err(error),
        }
    }
    Ok(true)
}

/// What a proof of the login is of.
fn subject_of(server: &PostgresServer, spec: &LoginSpec, login: &Login) -> u64 {
    let places = places(server, spec);
    let places: Vec<_> = places.iter().map(|at| (at.host, at.port)).collect();
    subject((places, &spec.database, login.password.expose_secret()))
}

/// Waits until the replica, if the login is used there, has replayed what the primary has written up to now.
async fn replayed(
    server: &PostgresServer,
    connection: &mut PgConnection,
    spec: &LoginSpec,
    user: &str,
    limit: Duration,
) -> Result<(), StepError> {
    let Some(at) = replica(server).filter(|_| spec.place != Place::Primary) else {
        return Ok(());
    };
    let behind = unreplayed(server, connection, at, limit).await?;
    require_replayed(at, behind, user)
}

/// Sees that a replica that is so many bytes `behind` knows the login.
fn require_replayed(at: Address<'_>, behind: i64, user: &str) -> Result<(), StepError> {
    if behind == 0 {
        return Ok(());
    }
    Err(StepError::waiting(
        Reason::ReplicaLagging,
        format!(
            "the replica at {at} is behind by {behind} bytes of log and does not know the login {user} yet; it is looked at \
             again. Check that its replay is not paused"
        ),
    ))
}

/// Whether the replica, if the login is used there, keeps up with the primary.
async fn is_replayed(
    server: &PostgresServer,
    connection: &mut PgConnection,
    spec: &LoginSpec,
    user: &str,
) -> Result<bool, StepError> {
    match replayed(server, connection, spec, user, REPLAY).await {
        Err(error) if error.reason == Reason::ReplicaLagging => {
            tracing::warn!(error = error.message, "a change of login waits");
            Ok(false)
        }
        done => done.map(|()| true),
    }
}

/// Where the server's administrator has set it up, the primary must refuse who may only read the replica.
async fn only_on_the_replica(
    server: &PostgresServer,
    facts: &Facts,
    spec: &LoginSpec,
    login: &Login,
) -> Result<(), StepError> {
    if spec.place != Place::Replica || !facts.replica_only || server.replica.is_none() {
        return Ok(());
    }
    let at = primary(server);
    match log_in(server, at, login, &spec.database).await {
        Err(Refusal::Login(_)) => return Ok(()),
        Err(Refusal::Other(error)) => return Err(error),
        Err(Refusal::Full(_)) => {}
        Ok(connection) => close(connection).await,
    }
    Err(StepError::transient(
        Reason::BackendRefused,
        format!(
            "PostgreSQL at {at} lets the login {} in, which is for the replica only: reject members of \
             crewdeck_replica_only in the primary's pg_hba.conf, or drop that role",
            login.user
        ),
    ))
}

/// The content of the login's Secret, without what tells how it stands.
fn keys(server: &PostgresServer, spec: &LoginSpec, login: &Login) -> Keys {
    let at = places(server, spec).into_iter().next();
    let at = at.unwrap_or(primary(server));
    let client = spec.client;
    let query = match server.tls {
        Tls::Verify if server.ca_pem.is_some() => {
            format!("sslmode=verify-full&sslrootcert=/etc/crewdeck/credentials/{client}/ca.crt")
        }
        Tls::Verify => "sslmode=verify-full".to_owned(),
        Tls::Disabled => "sslmode=disable".to_owned(),
    };
    let path = format!("{}?{query}", spec.database);
    let mut keys = Keys::from([(
        "url".to_owned(),
        url("postgres", login, at.host, at.port, &path),
    )]);
    if let Some(ca) = &server.ca_pem {
        keys.insert("ca.crt".to_owned(), SecretString::from(ca.clone()));
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::told::is_told;

    #[test]
    fn a_login_waits_for_the_replica_to_know_it() {
        let at = Address {
            host: "replica",
            port: 5433,
        };
        assert_eq!(require_replayed(at, 0, "demo_app_a"), Ok(()));
        let error = require_replayed(at, 4_096, "demo_app_a").expect_err("behind");
        is_told(Reason::ReplicaLagging, error.reason.as_str());
        for part in ["replica:5433", "4096 bytes", "demo_app_a", "paused"] {
            assert!(error.message.contains(part), "{part}: {error}");
        }
    }
}
