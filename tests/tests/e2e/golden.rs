//! What `kubectl` shows of a platform, compared with files: columns, explanations and words are an interface too.

use anyhow::{Result, ensure};
use tests::{cluster::Cluster, platform::Platform};

async fn sample() -> Result<(Cluster, Platform)> {
    let cluster = Cluster::connect().await?;
    let platform = Platform::ready_sample(&cluster).await?;
    Ok((cluster, platform))
}

/// Replaces what differs from run to run.
fn settings() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_snapshot_path("golden");
    settings.set_omit_expression(true);
    for (pattern, replacement) in [
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "<time>"),
        (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "<uid>"),
        // It may begin or end with a dash, where `\b` sees no boundary.
        (r"(?m)(^|[^\w-])[\w-]{43}($|[^\w-])", "$1<kid>$2"),
        (r"\bResource Version:\s+\d+", "Resource Version: <n>"),
        (r"\b(\d+d)?(\d+h)?(\d+m)?\d+s\b|\b\d+(m|h|d)\b", "<age>"),
        (r"0\.1\.0[-+.\w]*", "<version>"),
        (r"Generation:\s+\d+", "Generation: <n>"),
        (r"Epoch:\s+\d+", "Epoch: <n>"),
        (r"Login:\s+\S+", "Login: <login>"),
        (r"Acknowledged:\s+\d+/\d+", "Acknowledged: <n>"),
        (
            r"demo-(migrate|plan|expand|contract)-[0-9a-f]{8}-\d",
            "demo-<step>-<upgrade>",
        ),
        (r" +", " "),
    ] {
        settings.add_filter(pattern, replacement);
    }
    settings
}

#[tokio::test]
async fn e2e_kubectl_get() -> Result<()> {
    let (cluster, platform) = sample().await?;
    let text = cluster.kubectl(&["-n", &platform.namespace, "get", "platform", &platform.name])?;
    settings().bind(|| insta::assert_snapshot!("get", text));
    let text = cluster.kubectl(&["-n", &platform.namespace, "get", "crewdeck"])?;
    ensure!(
        text.contains(&platform.name),
        "the category crewdeck lists platforms: {text}"
    );
    Ok(())
}

/// Nothing is waited for, so its message is empty.
#[tokio::test]
async fn e2e_kubectl_get_wide() -> Result<()> {
    let (cluster, platform) = sample().await?;
    let text = cluster.kubectl(&[
        "-n",
        &platform.namespace,
        "get",
        "platform",
        &platform.name,
        "-o",
        "wide",
    ])?;
    settings().bind(|| insta::assert_snapshot!("wide", text));
    Ok(())
}

#[tokio::test]
async fn e2e_kubectl_explain() -> Result<()> {
    let (cluster, _) = sample().await?;
    let text = cluster.kubectl(&["explain", "platform.spec", "--recursive"])?;
    settings().bind(|| insta::assert_snapshot!("explain", text));
    Ok(())
}

#[tokio::test]
async fn e2e_kubectl_conditions() -> Result<()> {
    let (cluster, platform) = sample().await?;
    let text = cluster.kubectl(&[
        "-n",
        &platform.namespace,
        "get",
        "platform",
        &platform.name,
        "-o",
        "jsonpath={range .status.conditions[*]}{.type}={.status} {.reason}: {.message}{\"\\n\"}{end}",
    ])?;
    settings().bind(|| insta::assert_snapshot!("conditions", text));
    Ok(())
}

#[tokio::test]
async fn e2e_kubectl_wait() -> Result<()> {
    let (cluster, platform) = sample().await?;
    let text = cluster.kubectl(&[
        "-n",
        &platform.namespace,
        "wait",
        "--for=condition=Ready",
        "--timeout=10s",
        &format!("platform/{}", platform.name),
    ])?;
    settings().bind(|| insta::assert_snapshot!("wait", text));
    Ok(())
}

/// Without the events, whose order and count differ from run to run.
#[tokio::test]
async fn e2e_kubectl_describe() -> Result<()> {
    let (cluster, platform) = sample().await?;
    let text = cluster.kubectl(&[
        "-n",
        &platform.namespace,
        "describe",
        "platform",
        &platform.name,
        "--show-events=false",
    ])?;
    settings().bind(|| insta::assert_snapshot!("describe", text));
    Ok(())
}
