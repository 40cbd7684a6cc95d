//! The API server does not answer for more than a minute, or for five when there is time, or closes every connection. The
//! operator neither ends nor runs hot, and goes on as soon as it answers again.

use anyhow::{Context as _, Result, ensure};
use std::{process::Command, time::Duration};
use tests::{client::Api, cluster::Cluster, faults::is_long, platform::Platform, wait::wait_for};
use tokio::time::{Instant, sleep_until};

/// How long it is away.
fn away() -> Duration {
    Duration::from_secs(if is_long() { 300 } else { 75 })
}

/// How long it closes every connection.
const REFUSED: Duration = Duration::from_secs(40);
/// Until the operator has followed a change that was made at the first moment after that.
const CONVERGED: Duration = Duration::from_secs(30);
/// Lines of its log for each second that it is away: one try after the other, with growing pauses.
const LINES: u64 = 2;
/// Requests for each of these seconds, those that are cut off and made again included: a dozen watches, the Lease and the
/// passes, each with pauses that grow to ten seconds. Without a pause there would be hundreds.
const REQUESTS: u64 = 5;

/// An API server that is stopped, and goes on when this is dropped, whatever becomes of the test.
struct Frozen(Vec<String>);

impl Frozen {
    fn freeze() -> Result<Self> {
        let pids = processes("kube-apiserver")?;
        ensure!(!pids.is_empty(), "no API server was found");
        let frozen = Self(pids);
        frozen.signal("STOP")?;
        Ok(frozen)
    }

    fn signal(&self, signal: &str) -> Result<()> {
        let status = Command::new("kill")
            .args(["-s", signal])
            .args(&self.0)
            .status()?;
        ensure!(status.success(), "kill -s {signal} {:?}", self.0);
        Ok(())
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        // One that stays stopped fails every test after this one.
        let _ = self.signal("CONT");
    }
}

/// A filter of the node's network that closes the connections of one pod to the API server, old and new ones, until this is
/// dropped.
struct Refused;

impl Refused {
    const TABLE: &str = "inet crewdeck_e2e";

    async fn from(cluster: &Cluster, pod: &str) -> Result<Self> {
        let server = cluster.config().await?.cluster_url;
        let port = server.port_u16().unwrap_or(443);
        let table = Self::TABLE;
        // One of a run that was killed may be left.
        nft(&format!(
            "add table {table}; delete table {table}; add table {table}; \
             add chain {table} in {{ type filter hook input priority 0; }}; \
             add rule {table} in ip saddr {pod} tcp dport {port} reject with tcp reset"
        ))?;
        Ok(Self)
    }
}

impl Drop for Refused {
    fn drop(&mut self) {
        // One that stays keeps the operator from everything.
        let _ = nft(&format!("delete table {}", Self::TABLE));
    }
}

fn nft(commands: &str) -> Result<()> {
    let status = Command::new("/usr/sbin/nft").arg(commands).status()?;
    ensure!(status.success(), "nft {commands}");
    Ok(())
}

/// Processes of the local cluster with this name: its mark is in their environment.
fn processes(name: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let path = entry?.path();
        // A process may end while we look.
        let (Ok(command), Ok(environment)) = (
            std::fs::read_to_string(path.join("comm")),
            std::fs::read(path.join("environ")),
        ) else {
            continue;
        };
        let ours = environment
            .split(|byte| *byte == 0)
            .any(|variable| variable.starts_with(b"CREWDECK_CLUSTER="));
        if ours && command.trim() == name {
            found.extend(
                path.file_name()
                    .map(|pid| pid.to_string_lossy().into_owned()),
            );
        }
    }
    Ok(found)
}

/// The operator's pod, and how often its container was started again.
async fn operator(cluster: &Cluster) -> Result<(String, i32)> {
    let pods = cluster
        .pods("crewdeck-system", "app.kubernetes.io/component=operator")
        .await?;
    let pod = pods.into_iter().next().context("a pod of the operator")?;
    let statuses = pod.status.and_then(|status| status.container_statuses);
    let restarts = statuses
        .into_iter()
        .flatten()
        .map(|status| status.restart_count);
    Ok((pod.metadata.name.context("a name")?, restarts.sum()))
}

/// Requests that the operator has made to the API server, by its own count. It is asked without that server.
async fn requests(cluster: &Cluster) -> Result<(String, u64)> {
    let pods = cluster
        .pods("crewdeck-system", "app.kubernetes.io/component=operator")
        .await?;
    let ips = pods.into_iter().filter_map(|pod| pod.status?.pod_ip);
    for ip in ips {
        let address = format!("{ip}:9000");
        let made = count(&address).await?;
        // With several pods it is the one that leads.
        if made > 0 {
            return Ok((address, made));
        }
    }
    anyhow::bail!("no pod of the operator tells of requests")
}

/// The sum of the counters of requests at this address.
async fn count(address: &str) -> Result<u64> {
    let text = Api::anonymous(address)?.text("/metrics").await?;
    let of_requests = text
        .lines()
        .filter(|line| line.starts_with("operator_api_requests_total{"))
        .filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok());
    Ok(of_requests.sum())
}

/// Has the operator follow a change that is made at the first moment, and tells how long that took; it must be the process
/// that it was.
async fn goes_on(
    cluster: &Cluster,
    platform: &Platform,
    before: &(String, i32),
) -> Result<Duration> {
    let back = Instant::now();
    let service = format!("{}-web", platform.name);
    let of = |verb: &'static str| ["-n", &platform.namespace, verb, "service", &service];
    wait_for("the API server answers", CONVERGED, async || {
        cluster.kubectl(&of("delete"))
    })
    .await?;
    wait_for(
        "the operator has put the Service back",
        CONVERGED,
        async || cluster.kubectl(&of("get")),
    )
    .await?;
    let converged = back.elapsed();
    ensure!(
        converged <= CONVERGED,
        "only after {} s",
        converged.as_secs()
    );
    platform.ready(CONVERGED).await?;
    ensure!(
        operator(cluster).await? == *before,
        "the operator was started again"
    );
    Ok(converged)
}

/// Judges what the operator asked for while nobody answered.
fn is_no_hot_loop(made: u64, most: u64, time: Duration) -> Result<()> {
    ensure!(
        made <= most * time.as_secs(),
        "{made} requests in {} s",
        time.as_secs()
    );
    Ok(())
}

#[tokio::test]
async fn e2e_the_api_server_is_away_for_a_while() -> Result<()> {
    let cluster = Cluster::connect().await?;
    let platform = Platform::ready_sample(&cluster).await?;
    let before = operator(&cluster).await?;
    let (address, made) = requests(&cluster).await?;
    let began = Instant::now();
    let frozen = Frozen::freeze()?;
    // Not a wait for a condition: the time that it is away is what is tested.
    sleep_until(began + away()).await;
    let made = count(&address).await? - made;
    drop(frozen);
    let converged = goes_on(&cluster, &platform, &before).await?;
    println!(
        "{made} requests in {} s without an answer; converged {} s after",
        away().as_secs(),
        converged.as_secs()
    );
    is_no_hot_loop(made, REQUESTS, away())?;

    let since = format!("--since={}s", began.elapsed().as_secs());
    let log = cluster.kubectl(&["-n", "crewdeck-system", "logs", &before.0, &since])?;
    let lines = log.lines().count();
    println!("{lines} lines of log meanwhile");
    ensure!(
        u64::try_from(lines)? <= LINES * away().as_secs(),
        "{lines} lines, such as {:?}",
        log.lines().next()
    );
    Ok(())
}

/// An API server whose connections are closed at once. Nothing hangs, so that only the operator's own pauses keep it from
/// asking again and again.
#[tokio::test]
async fn e2e_the_api_server_refuses_connections_for_a_while() -> Result<()> {
    let cluster = Cluster::connect().await?;
    let platform = Platform::ready_sample(&cluster).await?;
    let before = operator(&cluster).await?;
    let (address, made) = requests(&cluster).await?;
    let ip = address.split(':').next().context("an address")?;
    let began = Instant::now();
    let refused = Refused::from(&cluster, ip).await?;
    // As above: the time is what is tested.
    sleep_until(began + REFUSED).await;
    let made = count(&address).await? - made;
    drop(refused);
    ensure!(made > 0, "it has not even tried: nothing was refused");
    let converged = goes_on(&cluster, &platform, &before).await?;
    println!(
        "{made} requests in {} s of refusals; converged {} s after",
        REFUSED.as_secs(),
        converged.as_secs()
    );
    is_no_hot_loop(made, REQUESTS * 2, REFUSED)
}
