//! What a Platform keeps for itself, lost or edited: logins, what it has on the servers, how far an upgrade is. All of it comes
//! back, and no role is rolled for it.

use super::{READY, SOON, Target};
use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tests::{
    backends::{self, Server},
    wait::wait_for,
};

/// A login of each server: its Secret, a key that tells of it, and one without which it is no login.
const LOGINS: [(&str, &str, &str); 3] = [
    ("db-app", "url", "url"),
    ("redis-app", "url", "url"),
    ("kafka-app", "password", "username"),
];
/// One that no pod uses while nothing is migrated.
const UNUSED: &str = "db-migrator";

impl Target {
    /// The login in a Secret that is lost, or names nobody any more, is written down elsewhere: what comes back is what the
    /// pods have in their files.
    pub(super) async fn logins_come_back(&self) -> Result<()> {
        for (client, key, name) in LOGINS {
            let edited = json!({"stringData": {(name): "by hand"}});
            let edited = format!("-p={edited}");
            let secret = self.platform.secret(client);
            for act in [
                &["delete", "secret", &secret][..],
                &["patch", "secret", &secret, "--type=merge", &edited],
            ] {
                self.login_comes_back(client, [key, name], act).await?;
            }
        }
        Ok(())
    }

    async fn login_comes_back(&self, client: &str, keys: [&str; 2], act: &[&str]) -> Result<()> {
        let (cluster, namespace) = (&self.cluster, &self.platform.namespace);
        let name = self.platform.secret(client);
        let before = cluster.secret(namespace, &name).await?;
        self.kubectl(act)?;
        let what = format!("{name} comes back after {}", act[0]);
        wait_for(&what, SOON, async || {
            let now = cluster.secret(namespace, &name).await?;
            for key in keys {
                ensure!(now.get(key) == before.get(key), "it has another {key}");
            }
            // The generation of its content: what was not changed has not come back.
            ensure!(now.get("epoch") != before.get("epoch"), "nobody wrote it");
            Ok(())
        })
        .await
    }

    /// Where a Secret names a login of ours with another password, the server is given that one: pods have it in their files,
    /// whoever wrote it there.
    pub(super) async fn the_password_of_a_secret_counts(&self) -> Result<()> {
        let (cluster, namespace) = (&self.cluster, &self.platform.namespace);
        let name = self.platform.secret(UNUSED);
        let mut secret = cluster.secret(namespace, &name).await?;
        let former = secret.remove("url").context("url")?;
        let edited = with_password(&former, "by-hand")?;
        let patch = format!("-p={}", json!({"stringData": {"url": edited}}));
        self.kubectl(&["patch", "secret", &name, "--type=merge", &patch])?;
        let server = &cluster.status.backends.postgres;
        let login = backends::postgres_options(server, &edited, Server::Primary)?;
        wait_for("the server lets in who is named", SOON, async || {
            backends::postgres(&login).await.map(drop)
        })
        .await?;
        let login = backends::postgres_options(server, &former, Server::Primary)?;
        ensure!(
            backends::postgres(&login).await.is_err(),
            "the former password still works"
        );
        let now = cluster.secret(namespace, &name).await?;
        ensure!(now.get("url") == Some(&edited), "{name} was changed back");
        Ok(())
    }

    /// What was made on the servers is written down again, from what is there.
    pub(super) async fn the_ledger_comes_back(&self) -> Result<()> {
        let ledger = "configmap/p-external";
        self.put_back(ledger, &["delete"]).await.map(drop)
    }

    /// The way to the image is gone again, and every step finds itself done: no pod is replaced.
    pub(super) async fn the_release_comes_back(&self) -> Result<()> {
        self.platform.ready(READY).await?;
        let (release, shapes) = (self.release().await?, self.shapes()?);
        self.kubectl(&["delete", "configmap/p-release"])?;
        wait_for("the way to the image is gone again", READY, async || {
            let now = self.release().await?;
            ensure!(
                now["good"] == release["good"] && now["upgrade"].is_null(),
                "{now}"
            );
            Ok(())
        })
        .await?;
        self.platform.ready(READY).await?;
        let now = self.shapes()?;
        ensure!(now == shapes, "a role rolled: {shapes} before, {now} now");
        Ok(())
    }

    /// How far the upgrade is.
    async fn release(&self) -> Result<Value> {
        let (namespace, name) = (&self.platform.namespace, self.platform.secret("release"));
        let text = self.cluster.config_file(namespace, &name, "release.json");
        Ok(serde_json::from_str(&text.await?)?)
    }

    /// Each Deployment, and how often it was changed.
    fn shapes(&self) -> Result<String> {
        self.kubectl(&[
            "get",
            "deployments",
            "-o",
            "jsonpath={range .items[*]}{.metadata.uid} {.metadata.generation} {end}",
        ])
    }
}

/// An address with another password.
fn with_password(url: &str, password: &str) -> Result<String> {
    let (scheme, rest) = url.split_once("://").context("a scheme")?;
    let (login, place) = rest.split_once('@').context("a login")?;
    let (user, _) = login.split_once(':').context("a password")?;
    Ok(format!("{scheme}://{user}:{password}@{place}"))
}

#[test]
fn only_the_password_is_another_one() -> Result<()> {
    let changed = with_password("postgres://demo_a:p-w@pg:5432/demo?sslmode=x", "other")?;
    assert_eq!(changed, "postgres://demo_a:other@pg:5432/demo?sslmode=x");
    Ok(())
}
