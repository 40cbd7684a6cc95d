//! What is compiled or fetched before the cluster can start, each in its own folder of the cache: `<name>-<version>/`, and of a
//! program in Go `<name>-<version>-<digest of what its module pins>/`. A folder appears by a rename when it is whole, so that one
//! that is there is finished.

use super::{
    image, paths,
    process::{self, logged},
    progress::Step,
    versions,
};
use crate::repo;
use anyhow::{Context as _, Result};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The definition of `HTTPRoute`, as its module names the file.
const ROUTES: &str = "gateway.networking.k8s.io_httproutes.yaml";

/// Something that the cluster runs.
pub(crate) struct Component {
    /// Its name in the cache and on the screen.
    pub(crate) name: &'static str,
    /// Its version.
    pub(crate) version: &'static str,
    from: From,
    make: fn(&Build<'_>) -> Result<()>,
}

/// What decides what a component is, beside its version.
enum From {
    /// The Go module of all programs in Go.
    Go,
    /// Nothing.
    Version,
}

/// A component being made.
struct Build<'a> {
    component: &'a Component,
    folder: &'a Path,
    log: &'a Path,
}

pub(crate) const KUBERNETES: Component = Component {
    name: "kubernetes",
    version: versions::KUBERNETES,
    from: From::Go,
    make: kubernetes,
};
pub(crate) const ETCD: Component = Component {
    name: "etcd",
    version: versions::ETCD,
    from: From::Go,
    make: |build| build.go("etcd", "", &["go.etcd.io/etcd/server/v3"]),
};
pub(crate) const CONTAINERD: Component = Component {
    name: "containerd",
    version: versions::CONTAINERD,
    from: From::Go,
    make: containerd,
};
pub(crate) const COREDNS: Component = Component {
    name: "coredns",
    version: versions::COREDNS,
    from: From::Go,
    make: |build| {
        build.go("", "", &["./coredns"])?;
        build.image(&build.folder.join("coredns"), &[])
    },
};
pub(crate) const METRICS_SERVER: Component = Component {
    name: "metrics-server",
    version: versions::METRICS_SERVER,
    from: From::Go,
    make: |build| {
        build.go("", "", &["sigs.k8s.io/metrics-server/cmd/metrics-server"])?;
        build.image(&build.folder.join("metrics-server"), &[])
    },
};
pub(crate) const HELM: Component = Component {
    name: "helm",
    version: versions::HELM,
    from: From::Go,
    make: helm_program,
};
/// Not installed: a test does that, and takes it away again.
pub(crate) const GATEWAY_API: Component = Component {
    name: "gateway-api",
    version: versions::GATEWAY_API,
    from: From::Version,
    make: gateway_api,
};
pub(crate) const PAUSE: Component = Component {
    name: "pause",
    version: versions::PAUSE,
    from: From::Version,
    // `-P`: stay, and reap what is left over.
    make: |build| build.image(Path::new("/usr/bin/catatonit"), &["-P"]),
};
pub(crate) const KAFKA: Component = Component {
    name: "kafka",
    version: versions::KAFKA,
    from: From::Version,
    make: kafka,
};

/// All of them, those that take longest first.
pub(crate) const COMPONENTS: [&Component; 9] = [
    &KUBERNETES,
    &METRICS_SERVER,
    &HELM,
    &COREDNS,
    &CONTAINERD,
    &ETCD,
    &KAFKA,
    &GATEWAY_API,
    &PAUSE,
];

impl Component {
    /// Its folder in the cache.
    pub(crate) fn folder(&self) -> Result<PathBuf> {
        Ok(repo::cache()?.join(format!("{}-{}", self.name, self.tag()?)))
    }

    /// Its version, with what else decides what it is.
    pub(crate) fn tag(&self) -> Result<String> {
        Ok(match self.from {
            From::Version => self.version.to_owned(),
            From::Go => format!("{}-{}", self.version, pins()?),
        })
    }

    /// Makes it unless it is there.
    pub(crate) fn ensure(&self, step: &Step) -> Result<PathBuf> {
        let done = self.folder()?;
        if done.exists() {
            return Ok(done);
        }
        step.say(format!("build {} {}", self.name, self.version));
        let cache = repo::cache()?;
        let folder = cache.join(format!(".new-{}-{}", self.name, std::process::id()));
        let log = cache.join("log").join(format!("{}.log", self.name));
        fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
        let made = (self.make)(&Build {
            component: self,
            folder: &folder,
            log: &log,
        });
        if let Err(error) = made {
            let _ = fs::remove_dir_all(&folder);
            return Err(error.context(format!("build {} {}", self.name, self.version)));
        }
        if let Err(error) = fs::rename(&folder, &done) {
            // Somebody else finished it first.
            let _ = fs::remove_dir_all(&folder);
            anyhow::ensure!(done.exists(), "make {}: {error}", done.display());
        }
        Ok(done)
    }

    /// The archive with its image, for the components that run in pods.
    pub(crate) fn archive(&self) -> Result<PathBuf> {
        Ok(self.folder()?.join("image.tar"))
    }

    /// The name of its image.
    pub(crate) fn image(&self) -> Result<String> {
        Ok(format!("crewdeck.io/{}:{}", self.name, self.tag()?))
    }
}

/// A digest of everything that the Go module pins, and of its own source: another library is another program.
fn pins() -> Result<String> {
    let read = |file: &str| {
        let path = paths::source("go").join(file);
        fs::read(&path).with_context(|| format!("read {}", path.display()))
    };
    let files = ["go.mod", "go.sum", "coredns/main.go"].map(read);
    let digest = process::digest(&files.into_iter().collect::<Result<Vec<_>>>()?);
    Ok(digest[..8].to_owned())
}

/// The file with the definition of `HTTPRoute`.
pub(crate) fn http_routes() -> Result<PathBuf> {
    Ok(GATEWAY_API.folder()?.join(ROUTES))
}

/// Helm, for those who need no cluster: from the cache, built when it is missing.
pub(crate) fn helm() -> Result<PathBuf> {
    let folder = HELM.ensure(&Step::plain())?;
    Ok(folder.join("helm"))
}

/// Builds what is missing, removes what a killed build left, and links the programs into one folder.
pub(crate) fn ensure_all(step: &Step) -> Result<()> {
    sweep(&repo::cache()?)?;
    let bin = paths::state("bin");
    fs::create_dir_all(&bin)?;
    for component in COMPONENTS {
        let folder = component.ensure(step)?;
        for entry in fs::read_dir(&folder)?.flatten() {
            let name = entry.file_name();
            if Path::new(&name).extension().is_none() {
                let (link, new) = (bin.join(&name), bin.join(".new"));
                let _ = fs::remove_file(&new);
                std::os::unix::fs::symlink(entry.path(), &new)?;
                fs::rename(&new, &link)?;
            }
        }
    }
    Ok(())
}

/// Removes the unfinished folders of builds that are no more.
fn sweep(cache: &Path) -> Result<()> {
    for entry in fs::read_dir(cache)?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name
            .strip_prefix(".new-")
            .and_then(|rest| rest.rsplit_once('-'))
            .map(|(_, pid)| pid.to_owned());
        if owner.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

fn kubernetes(build: &Build<'_>) -> Result<()> {
    let version = build.component.version;
    let (major, minor) = major_minor(version);
    let flags = format!(
        "-X k8s.io/component-base/version.gitVersion=v{version} -X k8s.io/component-base/version.gitMajor={major} \
         -X k8s.io/component-base/version.gitMinor={minor} -X k8s.io/client-go/pkg/version.gitVersion=v{version}"
    );
    let packages = [
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
        "kubelet",
        "kube-proxy",
        "kubectl",
    ]
    .map(|command| format!("k8s.io/kubernetes/cmd/{command}"));
    let packages: Vec<&str> = packages.iter().map(String::as_str).collect();
    build.go("", &flags, &packages)
}

fn containerd(build: &Build<'_>) -> Result<()> {
    const MODULE: &str = "github.com/containerd/containerd/v2";
    let packages = ["containerd", "containerd-shim-runc-v2", "ctr"]
        .map(|command| format!("{MODULE}/cmd/{command}"));
    let packages: Vec<&str> = packages.iter().map(String::as_str).collect();
    let flags = format!("-X {MODULE}/version.Version={}", build.component.version);
    build.go("", &flags, &packages)
}

fn helm_program(build: &Build<'_>) -> Result<()> {
    let version = build.component.version;
    let flags = format!("-X helm.sh/helm/v4/internal/version.version=v{version}");
    build.go("", &flags, &["helm.sh/helm/v4/cmd/helm"])
}

/// The definition of a route, out of the module that has it.
fn gateway_api(build: &Build<'_>) -> Result<()> {
    let module = format!("sigs.k8s.io/gateway-api@v{}", build.component.version);
    let told = process::output(Command::new("go").args(["mod", "download", "-json", &module]))
        .context("check that `go` reaches its module proxy (`go env GOPROXY`), then run the command again")?;
    let told: serde_json::Value = serde_json::from_str(&told)?;
    let folder = told["Dir"]
        .as_str()
        .context("`go mod download` names the folder")?;
    let from = Path::new(folder).join("config/crd/standard").join(ROUTES);
    fs::copy(&from, build.folder.join(ROUTES))
        .with_context(|| format!("copy {}", from.display()))?;
    Ok(())
}

fn kafka(build: &Build<'_>) -> Result<()> {
    logged(
        Command::new("mvn")
            .args(["-q", "-B", "-f"])
            .arg(paths::source("kafka/pom.xml"))
            .arg(format!("-Dkafka.version={}", build.component.version))
            .args(["dependency:copy-dependencies", "-DincludeScope=runtime"])
            .arg(format!("-DoutputDirectory={}", build.folder.display())),
        build.log,
        "check that Maven reaches its repository (settings in ~/.m2), then run the command again",
    )
}

impl Build<'_> {
    /// Compiles packages of the module that pins them all; `out` empty: each under its own name.
    fn go(&self, out: &str, flags: &str, packages: &[&str]) -> Result<()> {
        logged(
            Command::new("go")
                .current_dir(paths::source("go"))
                .args(["build", "-ldflags", &format!("-s -w {flags}")])
                // containerd without the snapshotters that need C libraries.
                .args(["-tags", "no_btrfs no_devmapper no_zfs"])
                .args(["-o", &format!("{}/{out}", self.folder.display())])
                .args(packages)
                .env("CGO_ENABLED", "0")
                .env("GOFLAGS", "-trimpath -buildvcs=false")
                // A compiler ends before its garbage is worth collecting: a quarter of the time. The limit keeps the few
                // that grow large, which are linkers, within what a small machine has.
                .env("GOGC", "off")
                .env("GOMEMLIMIT", "2GiB"),
            self.log,
            "check that `go` is 1.26 or newer and reaches its module proxy (`go env GOPROXY`), then run the command again",
        )
    }

    /// Packs a program as the component's image.
    fn image(&self, program: &Path, arguments: &[&str]) -> Result<()> {
        let text = image::containerfile(program, arguments);
        let archive = self.folder.join("image.tar");
        image::pack(
            &text,
            Some(program),
            &self.component.image()?,
            &archive,
            self.log,
        )
    }
}

/// `1.36.3` → `("1", "36")`.
fn major_minor(version: &str) -> (&str, &str) {
    let mut parts = version.split('.');
    (parts.next().unwrap_or(""), parts.next().unwrap_or(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_split() {
        assert_eq!(major_minor("1.36.3"), ("1", "36"));
    }

    #[test]
    fn components_have_distinct_folders() {
        let mut names: Vec<&str> = COMPONENTS.iter().map(|component| component.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), COMPONENTS.len());
    }
}
