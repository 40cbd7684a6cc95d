//! Users: rights first, then the login, then the proof at every broker, then the Secret.

use std::collections::BTreeMap;

use common_clock::Ids;
use common_kafka::{
    Connection, KafkaError,
    admin::{Admin, Broker, Rights},
    prove::{Expected, prove},
};
use crds::Reason;
use secrecy::{ExposeSecret as _, SecretString};

use super::{
    changes, failed,
    rights::{ClientSpec, Wanted},
};
use crate::{
    credentials::{
        Found, Issue, Keys, Login, Rotation, Settled, Store, free_slot, other_slot, subject,
    },
    platform::{
        StepError,
        apply::ledger::{Kind, Server, Thing, list},
    },
};

/// The cluster of a pass.
#[derive(Clone, Copy)]
pub(super) struct Cluster<'a> {
    /// Its addresses and settings.
    pub(super) connection: &'a Connection,
    /// Who changes it.
    pub(super) admin: &'a Admin,
    /// Where each login is proved.
    pub(super) brokers: &'a [Broker],
}

/// A user as it is.
pub(super) struct UserFacts {
    login: bool,
    rights: Rights,
}

/// Looks, and refuses what is there and not ours: a login that has none of our rights.
pub(super) async fn look(
    admin: &Admin,
    wanted: &Wanted,
    store: &dyn Store,
) -> Result<BTreeMap<String, UserFacts>, StepError> {
    let mut users = BTreeMap::new();
    let mut foreign = Vec::new();
    let slots: Vec<String> = wanted
        .clients
        .iter()
        .flat_map(|client| client.slots.clone())
        .collect();
    let logins = admin.logins(&slots).await.map_err(|error| failed(&error))?;
    for client in &wanted.clients {
        for user in &client.slots {
            let facts = UserFacts {
                login: logins.contains(user),
                rights: admin.rights(user).await.map_err(|error| failed(&error))?,
            };
            let thing = Thing::new(Server::Kafka, Kind::Login, user);
            let ours = facts
                .rights
                .acls
                .iter()
                .any(|acl| client.acls.contains(acl));
            if facts.login && !ours && !store.knows(&thing) {
                foreign.push(thing);
            }
            users.insert(user.clone(), facts);
        }
    }
    if foreign.is_empty() {
        return Ok(users);
    }
    Err(StepError::transient(
        Reason::NotOurs,
        format!(
            "Kafka has {} without any right on this Platform's topics: it is not touched. Delete it with: kafka-configs.sh \
             --bootstrap-server HOST:PORT --command-config FILE --alter --delete-config SCRAM-SHA-512 --entity-type users \
             --entity-name {}",
            list(&foreign),
            foreign[0].name
        ),
    ))
}

/// One client: a user that is proved, and its Secret. Its other user takes over when that is due, and the former one ends
/// when every pod uses its successor. Changes nothing if there is nothing to do.
pub(super) async fn settle(
    cluster: &Cluster<'_>,
    wanted: &Wanted,
    client: &ClientSpec,
    users: &BTreeMap<String, UserFacts>,
    store: &mut dyn Store,
    rotation: &Rotation<'_>,
) -> Result<Settled, StepError> {
    let Cluster {
        connection, admin, ..
    } = *cluster;
    let kept = store.secret(client.secret).await?;
    let (secret, slots) = (client.secret, &client.slots);
    let known = rotation.find(store, secret, slots, kept.as_ref());
    let known = known.await?;
    let has_login = |user: &String| users.get(user).is_some_and(|facts| facts.login);
    let free = || free_slot(slots, has_login);
    let works = match &known {
        None => false,
        Some(Found { login, .. }) if !has_login(&login.user) => false,
        // Kafka does not tell which password a user has.
        Some(found) if found.claimed_after.is_some() => {
            let expected = expected(wanted, client);
            let as_client = as_client(connection, &found.login);
            let proof = prove(&as_client, cluster.brokers, &expected).await;
            !matches!(proof, Err(KafkaError::LoginRefused { .. }))
        }
        Some(_) => true,
    };
    let (login, made) = match known {
        None => (rotation.claim(store, secret, free(), 0).await?, true),
        // The Secret is lost, and so is what the claim was for: the user that is there is not touched, pods may use it.
        Some(Found {
            login,
            claimed_after: Some(after),
        }) if !works && has_login(&login.user) => {
            let claim = rotation.claim(store, secret, free(), after.saturating_add(1));
            (claim.await?, true)
        }
        Some(Found { login, .. }) => {
            let other = other_slot(slots, &login.user);
            let after = Issue::epoch_of(kept.as_ref());
            let begun = rotation.takes_over(store, secret, other, after).await?;
            // One change at a time: the former user ends first.
            let due = begun || !has_login(other) && rotation.is_due(kept.as_ref());
            if works && due {
                (rotation.claim(store, secret, other, after).await?, true)
            } else {
                (login, !works)
            }
        }
    };
    let has = users.get(&login.user).map(|facts| &facts.rights);
    let granted = grant(admin, client, &login.user, has).await?;
    let content = keys(connection, &login);
    let proof = subject((
        &connection.bootstrap_servers,
        login.password.expose_secret(),
    ));
    if made || granted || !rotation.is_proved(kept.as_ref(), &content, &login, proof) {
        open(cluster, wanted, client, &login, made, rotation.ids).await?;
        rotation.proved(&login, proof);
    }
    let (issue, written) = rotation
        .keep(store, client.secret, kept.as_ref(), content)
        .await?;
    rotation.remember(store, secret, &login, &issue).await?;
    let other = other_slot(slots, &login.user);
    let is_there =
        |found: &UserFacts| found.login || found.rights.others > 0 || !found.rights.acls.is_empty();
    let takes_over = rotation
        .takes_over(store, secret, other, issue.epoch)
        .await?;
    let draining = match users.get(other).filter(|found| is_there(found)) {
        None => None,
        Some(_) if takes_over => Some(format!("{other} is about to take over")),
        Some(found) => {
            let waits = rotation.waits_for_pods(client.secret, other, &issue, written);
            let waits = waits.await?;
            if waits.is_none() {
                end(admin, other, found).await?;
            }
            waits
        }
    };
    Ok(Settled {
        user: login.user,
        issue,
        draining,
    })
}

/// Proves the login at every broker; sets its password first, if it was just made or is refused.
async fn open(
    cluster: &Cluster<'_>,
    wanted: &Wanted,
    client: &ClientSpec,
    login: &Login,
    mut set: bool,
    ids: &dyn Ids,
) -> Result<(), StepError> {
    let expected = expected(wanted, client);
    let as_client = as_client(cluster.connection, login);
    loop {
        if set {
            changes::set_login(cluster.admin, login, ids).await?;
        }
        match prove(&as_client, cluster.brokers, &expected).await {
            Ok(()) => return Ok(()),
            // Somebody changed the password: the Secret's is set again, once.
            Err(KafkaError::LoginRefused { .. }) if !set => set = true,
            Err(error) => return Err(unproved(error)),
        }
    }
}

/// What a client may do, and what not.
fn expected(wanted: &Wanted, client: &ClientSpec) -> Expected {
    Expected {
        acls: client.acls.clone(),
        no_topics: wanted.not_for(client),
        no_groups: wanted.no_groups(client),
    }
}

fn as_client(connection: &Connection, login: &Login) -> Connection {
    connection.with_login(&login.user, login.password.clone())
}

/// Ends a former user. Kafka does not tell its sessions: one that is left can do nothing without rights, and ends when it
/// has to log in again.
async fn end(admin: &Admin, user: &str, found: &UserFacts) -> Result<(), StepError> {
    if found.login {
        changes::delete_login(admin, user).await?;
    }
    changes::revoke_all(admin, user).await?;
    tracing::info!(user, "a former user was ended");
    Ok(())
}

/// A login of ours that does not do what it should: not the admin login's fault.
fn unproved(error: KafkaError) -> StepError {
    match error {
        KafkaError::LoginRefused { .. } => StepError::waiting(
            Reason::BackendRefused,
            format!(
                "{error}; the login was just set and is not known to this broker yet; it is looked at again"
            ),
        ),
        error => failed(&error),
    }
}

/// Exactly the client's rights. `false`: they were that.
async fn grant(
    admin: &Admin,
    client: &ClientSpec,
    user: &str,
    has: Option<&Rights>,
) -> Result<bool, StepError> {
    let none = Rights {
        acls: Vec::new(),
        others: 0,
    };
    let has = has.unwrap_or(&none);
    let surplus = has.others > 0 || has.acls.iter().any(|acl| !client.acls.contains(acl));
    let missing = |acl: &&common_kafka::admin::Acl| surplus || !has.acls.contains(acl);
    if surplus {
        changes::revoke_all(admin, user).await?;
    }
    let missing: Vec<_> = client.acls.iter().filter(missing).cloned().collect();
    if !missing.is_empty() {
        changes::grant(admin, user, &missing).await?;
    }
    Ok(surplus || !missing.is_empty())
}

/// Withdraws every right of a user, if it has any.
pub(super) async fn withdraw(admin: &Admin, user: &str) -> Result<(), StepError> {
    let rights = admin.rights(user).await.map_err(|error| failed(&error))?;
    if rights.acls.is_empty() && rights.others == 0 {
        return Ok(());
    }
    changes::revoke_all(admin, user).await
}

/// The content of the client's Secret, without what tells how it stands.
fn keys(connection: &Connection, login: &Login) -> Keys {
    let mut keys = Keys::new();
    let mut add = |name: &str, value: &str| {
        keys.insert(name.to_owned(), SecretString::from(value));
    };
    add("bootstrap-servers", &connection.bootstrap_servers);
    add("username", &login.user);
    let settings = [
        ("security-protocol", &connection.security_protocol),
        ("sasl-mechanism", &connection.sasl_mechanism),
        ("ca.crt", &connection.ca_pem),
    ];
    for (name, value) in settings {
        if let Some(value) = value {
            add(name, value);
        }
    }
    keys.insert("password".to_owned(), login.password.clone());
    keys
}
