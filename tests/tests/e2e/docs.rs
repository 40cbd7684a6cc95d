//! The manual for operators, from front to back: every command of `docs/operator` is run on the local cluster, with the real
//! kubectl, helm and psql, and prints what its page shows. One Platform goes through it all, as that of a person would.

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};
use tests::{
    cluster::{Cluster, Status, new_name},
    commands::{Link, Page, headings, links, matches},
    leftovers,
    schema::FORMER_SCHEMA,
};

const MANUAL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operator");
const CHARTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../charts");
/// The pages in an order in which a person may need them. The first one makes the Platform that the others are about.
const PAGES: [&str; 10] = [
    "install.md",
    "README.md",
    "kubectl.md",
    "network-policies.md",
    "rotate.md",
    "alerts.md",
    "autoscaling.md",
    "upgrades.md",
    "back-up-and-restore.md",
    "delete.md",
];
/// Blocks that are not run, in all pages together. More of them need a reason that a reader of this line accepts.
const SKIPPED: usize = 6;
/// Name of the Platform.
const NAME: &str = "demo";
/// How long one page may take.
const PAGE: Duration = Duration::from_mins(4);

/// The pages, each as the file is now.
fn pages() -> Result<Vec<Page>> {
    let read = |name: &&str| {
        let file = Path::new(MANUAL).join(name);
        let text = fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
        Page::read(name, &text)
    };
    PAGES.iter().map(read).collect()
}

/// What differs from cluster to cluster, as it is here and for this page. Times are the shortest that the rules allow.
fn values(page: &Page, status: &Status, namespace: &str) -> Result<BTreeMap<&'static str, String>> {
    let servers = &status.backends;
    let (image, installed) = status.image.rsplit_once(':').context("a tag")?;
    let (_, next) = status.images.next.rsplit_once(':').context("a tag")?;
    let upgrades = page.name == "upgrades.md";
    let replica = servers.postgres.replica_port.context("a replica")?;
    let login = |to: &str| format!("{}{to}admin", namespace.replace('-', to));
    Ok([
        ("NAMESPACE", namespace.to_owned()),
        ("PLATFORM", NAME.to_owned()),
        ("OPERATOR_NAMESPACE", "crewdeck-system".to_owned()),
        ("CLUSTER_NAME", "local".to_owned()),
        ("IMAGE", image.to_owned()),
        ("TAG", if upgrades { next } else { installed }.to_owned()),
        ("FORMER_TAG", installed.to_owned()),
        ("PUBLIC_URL", format!("http://{NAME}-web.{namespace}.svc")),
        ("POSTGRES_HOST", "pg.backends.svc".to_owned()),
        ("POSTGRES_PORT", servers.postgres.port.to_string()),
        ("REPLICA_HOST", "pg.backends.svc".to_owned()),
        ("REPLICA_PORT", replica.to_string()),
        ("POSTGRES_LOGIN", login("_")),
        ("REDIS_HOST", "redis.backends.svc".to_owned()),
        ("REDIS_PORT", servers.redis.port.to_string()),
        ("REDIS_LOGIN", login("-")),
        (
            "KAFKA_SERVERS",
            format!("kafka.backends.svc:{}", servers.kafka.port),
        ),
        ("KAFKA_LOGIN", servers.kafka.admin.clone()),
        ("KAFKA_PASSWORD", servers.kafka.password.clone()),
        ("PGHOST", servers.postgres.host.clone()),
        ("PGPORT", servers.postgres.port.to_string()),
        ("PGUSER", servers.postgres.admin.clone()),
        ("PGPASSWORD", servers.postgres.password.clone()),
        ("PGSSLMODE", "verify-full".to_owned()),
        ("PGSSLROOTCERT", "ca.crt".to_owned()),
        ("REDIS_AT", servers.redis.host.clone()),
        ("REDIS_ADMIN", servers.redis.admin.clone()),
        ("REDISCLI_AUTH", servers.redis.password.clone()),
        ("PERIOD", "7200".to_owned()),
        ("LEAD", "10".to_owned()),
        ("RETENTION", "20".to_owned()),
        ("LOGIN_PERIOD", "86400".to_owned()),
    ]
    .into())
}

/// What a page says has to be so before a block, as commands. They may use the names of the page.
fn givens(status: &Status) -> BTreeMap<&'static str, String> {
    let postgres = &status.backends.postgres;
    let statements: String = FORMER_SCHEMA.map(|sql| format!("{sql};\n")).concat();
    let database = r#"$(kubectl get configmap "$PLATFORM-external" -o jsonpath='{.data.ledger\.json}' |
        jq -r '[.[] | select(.kind == "database").name] | min_by(length)')"#;
    let login = |key: &str| {
        format!(
            "$(kubectl get secret \"$PLATFORM-postgres\" -o go-template='{{{{.data.{key} | base64decode}}}}')"
        )
    };
    [
        (
            "keys that rotate within seconds",
            // And the label by which the next run finds it should this one be killed: the page made the namespace.
            format!(
                "kubectl label namespace \"$NAMESPACE\" {}=docs\n\
                 cat >>values.yaml <<'EOF'\n  signing: {{accessTokenSeconds: 10, jwksMaxAgeSeconds: 1, clockSkewSeconds: 2, \
                 propagationSeconds: 5, publishLeadSeconds: 10, retentionSeconds: 20, rotationPeriodSeconds: 3600}}\nEOF",
                leftovers::LABEL
            ),
        ),
        (
            "a release with two more migrations",
            format!(
                "DATABASE={database}\n\
                 PGHOST={host} PGPORT={port} PGSSLMODE=verify-full PGSSLROOTCERT=ca.crt PGUSER={user} PGPASSWORD={password} \
                 psql -X -v ON_ERROR_STOP=1 -d \"$DATABASE\" <<EOF\nset role \"${{DATABASE}}_owner\";\n{statements}EOF",
                host = postgres.host,
                port = postgres.port,
                user = login("username"),
                password = login("password"),
            ),
        ),
        (
            "the Redis server is gone",
            "kubectl patch secret \"$PLATFORM-redis\" -p '{\"stringData\": {\"port\": \"6399\"}}'".to_owned(),
        ),
    ]
    .into()
}

/// A status of no cluster, to read the pages with.
fn nowhere() -> Status {
    let server = json!({"host": "h", "port": 1, "replica_port": 2, "admin": "a", "password": "p", "ca": "c"});
    serde_json::from_value(json!({
        "login": "l", "password": "p", "admin_kubeconfig": "k", "namespace": "n", "platform": "p", "bin": "b",
        "binary": "b", "http_routes": "h", "image": "i:1", "images": {"next": "i:2", "broken": "i:3"},
        "backends": {"postgres": server, "redis": server, "kafka": server},
    }))
    .expect("a status")
}

#[test]
fn the_manual_can_be_run() -> Result<()> {
    let pages = pages()?;
    let files = fs::read_dir(MANUAL)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<Result<BTreeSet<_>>>()?;
    let known: BTreeSet<String> = PAGES.map(str::to_owned).into();
    ensure!(files == known, "{files:?} are not {known:?}");
    let status = nowhere();
    for page in &pages {
        let script = page.script(&values(page, &status, "n")?, &givens(&status))?;
        let read = Command::new("bash").args(["-n", "-c", &script]).output()?;
        let words = String::from_utf8_lossy(&read.stderr);
        ensure!(read.status.success(), "{}: {words}", page.name);
    }
    let skipped: usize = pages.iter().map(|page| skipped(page).count()).sum();
    ensure!(skipped <= SKIPPED, "{skipped} blocks are not run");
    Ok(())
}

#[test]
fn the_links_of_the_manual_lead_somewhere() -> Result<()> {
    for name in PAGES {
        let text = fs::read_to_string(Path::new(MANUAL).join(name))?;
        for Link { file, heading } in links(&text) {
            let target = Path::new(MANUAL).join(if file.is_empty() { name } else { file });
            let there = match heading {
                None => target.exists(),
                Some(heading) => {
                    let text = fs::read_to_string(&target).unwrap_or_default();
                    headings(&text).any(|found| found == heading)
                }
            };
            ensure!(
                there,
                "docs/operator/{name}: {file} {heading:?} leads nowhere"
            );
        }
    }
    Ok(())
}

/// Where each block stands that is not run, and why.
fn skipped(page: &Page) -> impl Iterator<Item = (usize, &str)> {
    let blocks = page.blocks.iter();
    blocks.filter_map(|block| Some((block.line, block.skipped.as_deref()?)))
}

/// A folder in which a person works: the tools, a kubeconfig of their own, the charts, the certificate.
struct Desk {
    folder: PathBuf,
}

impl Desk {
    fn new(cluster: &Cluster, namespace: &str) -> Result<Self> {
        let folder = std::env::temp_dir().join(namespace);
        let bin = folder.join("bin");
        fs::create_dir_all(&bin)?;
        let desk = Self { folder };
        let status = &cluster.status;
        for (name, program) in [
            ("kubectl", status.bin.join("kubectl")),
            ("helm", status.bin.join("helm")),
            ("kubectl-crewdeck", status.binary.clone()),
        ] {
            symlink(program, bin.join(name))?;
        }
        symlink(CHARTS, desk.folder.join("charts"))?;
        fs::copy(&status.admin_kubeconfig, desk.folder.join("kubeconfig"))?;
        fs::write(
            desk.folder.join("ca.crt"),
            status.backends.postgres.ca_pem()?,
        )?;
        Ok(desk)
    }

    /// Runs a page; gives the seconds it took.
    fn run(&self, page: &Page, script: &str) -> Result<f64> {
        let printed = self.folder.join("printed").join(&page.name);
        fs::create_dir_all(&printed)?;
        let file = printed.join("script");
        fs::write(&file, script)?;
        let limit = PAGE.as_secs().to_string();
        let status = Command::new("timeout")
            .args(["--kill-after=5", &limit, "bash"])
            .arg(&file)
            .current_dir(&self.folder)
            .env_clear()
            .env(
                "PATH",
                format!("{}:/usr/bin:/bin", self.folder.join("bin").display()),
            )
            .env("HOME", &self.folder)
            .env("LC_ALL", "C.UTF-8")
            .env("KUBECONFIG", self.folder.join("kubeconfig"))
            .env("PRINTED", &printed)
            .stdin(Stdio::null())
            .status()
            .context("run bash")?;
        let begun = fs::read_to_string(printed.join("begun")).unwrap_or_default();
        let begun: Vec<(&str, f64)> = begun
            .lines()
            .filter_map(|line| {
                let (number, at) = line.split_once(' ')?;
                Some((number, at.parse().ok()?))
            })
            .collect();
        let read = |name: &str| fs::read_to_string(printed.join(name)).unwrap_or_default();
        for (at, (number, _)) in begun.iter().enumerate() {
            let Some(block) = number
                .parse::<usize>()
                .ok()
                .and_then(|number| page.blocks.get(number))
            else {
                continue;
            };
            let here = format!("docs/operator/{}:{}", page.name, block.line);
            let out = read(&format!("{number}.out"));
            if at + 1 == begun.len() {
                bail!(
                    "{here}: ended with {status}\n{}\n--- given\n{}--- printed\n{out}",
                    block.code,
                    read("given.out")
                );
            }
            if let Some(shown) = &block.output {
                matches(shown, &out).with_context(|| here)?;
            }
        }
        let (Some((_, first)), Some((_, last))) = (begun.first(), begun.last()) else {
            bail!("{} did not begin: {status}", page.name);
        };
        Ok(last - first)
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        // What is left in a folder for temporary files harms nobody.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[tokio::test]
async fn e2e_the_manual_holds_from_front_to_back() -> Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = new_name("docs");
    let desk = Desk::new(&cluster, &namespace)?;
    let mut told = Vec::new();
    let done = read_along(&cluster, &desk, &namespace, &mut told);
    println!("{}", told.join("\n"));
    // Nothing stays, wherever the course ended.
    let cleared = leftovers::clear_namespace(&cluster, &namespace).await;
    done?;
    cleared
}

/// Every page in its order; tells how long each took, and what of it is not run.
fn read_along(
    cluster: &Cluster,
    desk: &Desk,
    namespace: &str,
    told: &mut Vec<String>,
) -> Result<()> {
    #[expect(
        clippy::disallowed_methods,
        reason = "for whoever writes a page: which ones to run after the first"
    )]
    let wanted = std::env::var("CREWDECK_PAGES").ok();
    let givens = givens(&cluster.status);
    let (mut blocks, mut seconds) = (0, 0.0);
    for page in pages()? {
        let is_wanted = |wanted: &String| wanted.split(',').any(|name| name == page.name);
        if page.name != PAGES[0] && !wanted.as_ref().is_none_or(is_wanted) {
            continue;
        }
        let values = values(&page, &cluster.status, namespace)?;
        let took = desk.run(&page, &page.script(&values, &givens)?)?;
        let run = page.blocks.len() - skipped(&page).count();
        told.push(format!("{:<24} {run:>3} blocks in {took:.1} s", page.name));
        for (line, reason) in skipped(&page) {
            told.push(format!("    line {line} is not run: {reason}"));
        }
        blocks += run;
        seconds += took;
    }
    told.push(format!("the manual: {blocks} blocks in {seconds:.0} s"));
    Ok(())
}
