//! The versions of what runs, asked of the processes themselves: what is wanted stands in `versions.rs`.

use super::{build, kubectl, paths, process};
use serde_json::{Value, json};
use std::{fs, path::Path, process::Command};

/// The version of each part; null for one that does not run.
pub(crate) fn versions() -> Value {
    let pods = process::output(kubectl().args([
        "-n",
        "kube-system",
        "get",
        "pods",
        "--field-selector=status.phase=Running",
        "-o",
        "jsonpath={range .items[*]}{.spec.containers[0].image}{\"\\n\"}{end}",
    ]))
    .unwrap_or_default();
    json!({
        "kubernetes": of_daemon("apiserver", build::KUBERNETES.name),
        "etcd": of_daemon("etcd", build::ETCD.name),
        "containerd": of_daemon("node-1.containerd", build::CONTAINERD.name),
        "coredns": of_image(&pods, &build::COREDNS),
        "metrics_server": of_image(&pods, &build::METRICS_SERVER),
        // It runs only while a chart is installed: this is the one that would.
        "helm": fs::canonicalize(paths::bin("helm")).ok().and_then(|program| in_path(&program.to_string_lossy(), build::HELM.name)),
        "postgres": super::backends::postgres_process().and_then(told),
        "redis": process::alive("redis").and_then(told),
        "kafka": of_daemon("kafka", build::KAFKA.name),
    })
}

/// The version of a component of ours that a daemon runs: it is in the path of its program, or among its arguments.
fn of_daemon(daemon: &str, component: &str) -> Option<String> {
    let pid = process::alive(daemon)?;
    let program = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
    let arguments = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let arguments = String::from_utf8_lossy(&arguments);
    std::iter::once(program.to_string_lossy().as_ref())
        .chain(arguments.split('\0'))
        .find_map(|path| in_path(path, component))
}

/// The version in the name of the cache's folder `<component>-<version>`, which may have a digest after it.
fn in_path(path: &str, component: &str) -> Option<String> {
    Path::new(path).components().find_map(|part| {
        let part = part.as_os_str().to_str()?;
        let version = part.strip_prefix(component)?.strip_prefix('-')?;
        let version = version.split('-').next()?;
        version
            .starts_with(|first: char| first.is_ascii_digit())
            .then(|| version.to_owned())
    })
}

/// The tag of a component's image among those of running pods.
fn of_image(images: &str, component: &build::Component) -> Option<String> {
    let wanted = component.image().ok()?;
    let (repository, _) = wanted.rsplit_once(':')?;
    images
        .lines()
        .filter_map(|image| image.rsplit_once(':'))
        .find(|(name, _)| *name == repository)
        .and_then(|(_, tag)| Some(tag.split('-').next()?.to_owned()))
}

/// What the program of a process says of its version, also when another one lies at its path by now.
fn told(pid: u32) -> Option<String> {
    let text = process::output(Command::new(format!("/proc/{pid}/exe")).arg("--version")).ok()?;
    in_words(&text)
}

/// The first word that is a version.
fn in_words(text: &str) -> Option<String> {
    text.split_whitespace()
        .map(|word| word.strip_prefix("v=").unwrap_or(word))
        .find(|word| word.starts_with(|first: char| first.is_ascii_digit()))
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_in_the_name_of_the_folder() {
        let of = |path: &str, component| in_path(path, component);
        let etcd = "/root/.cache/crewdeck/etcd-3.6.16-0a1b2c3d/etcd";
        assert_eq!(of(etcd, "etcd").as_deref(), Some("3.6.16"));
        assert_eq!(of("/c/kafka-4.4.0/*", "kafka").as_deref(), Some("4.4.0"));
        assert_eq!(of("/c/kafka-tools/kafka", "kafka"), None);
        assert_eq!(of(etcd, "kubernetes"), None);
    }

    #[test]
    fn an_image_is_one_of_a_running_pod() {
        let images = "crewdeck.io/metrics-server:0.8.0-0a1b2c3d\ncrewdeck.io/coredns:1.15.0\n";
        let of = |component| of_image(images, component);
        assert_eq!(of(&build::METRICS_SERVER).as_deref(), Some("0.8.0"));
        assert_eq!(of(&build::COREDNS).as_deref(), Some("1.15.0"));
        assert_eq!(of(&build::PAUSE), None);
    }

    #[test]
    fn a_server_tells_its_version_in_words_of_its_own() {
        let redis = "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64";
        assert_eq!(in_words(redis).as_deref(), Some("7.0.15"));
        let postgres = "postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)";
        assert_eq!(in_words(postgres).as_deref(), Some("15.14"));
        assert_eq!(in_words("no version"), None);
    }
}
