//! What all pods of a Platform have in common: one image, no rights, credentials as files.

use k8s_openapi::api::core::v1::{
    Capabilities, ConfigMapVolumeSource, Container, EnvVar, LocalObjectReference,
    PodSecurityContext, PodSpec, SeccompProfile, SecretVolumeSource, SecurityContext, Volume,
    VolumeMount,
};

use super::{Client, config_map::FILE};
use crate::platform::validate::ValidatedPlatform;

/// Name of our container in every pod.
pub const CONTAINER: &str = "crewdeck";
/// The user and group of every process.
const NOBODY: i64 = 65_532;
/// Readable for the user through its group, for nobody else.
const FILE_MODE: i32 = 0o440;

/// Port of probes, metrics and state, of every role.
pub(super) const PROBE_PORT: i32 = 9000;

/// A folder of files in a container.
pub(super) struct Files {
    /// Name of the volume.
    pub(super) volume: &'static str,
    /// Where it is mounted.
    pub(super) path: String,
    /// What it holds.
    pub(super) from: From,
}

/// What a folder holds.
pub(super) enum From {
    /// A ConfigMap of this name.
    ConfigMap(String),
    /// A Secret of this name.
    Secret(String),
    /// A Secret of this name, or nothing.
    SecretIfThere(String),
}

impl Files {
    pub(super) fn config(name: String) -> Self {
        Self {
            volume: "config",
            path: "/etc/crewdeck/config".to_owned(),
            from: From::ConfigMap(name),
        }
    }

    pub(super) fn credentials(p: &ValidatedPlatform, client: Client) -> Self {
        let from = From::Secret(format!("{}-{}", p.name, client.as_str()));
        Self {
            volume: client.as_str(),
            path: client.directory(),
            from,
        }
    }

    /// The Secret or ConfigMap `P-<volume>`, below a directory of its own.
    pub(super) fn of(
        p: &ValidatedPlatform,
        volume: &'static str,
        from: fn(String) -> From,
    ) -> Self {
        Self {
            volume,
            path: format!("/etc/crewdeck/{volume}"),
            from: from(format!("{}-{volume}", p.name)),
        }
    }

    fn volume(&self) -> Volume {
        let mut volume = Volume {
            name: self.volume.to_owned(),
            ..Volume::default()
        };
        match &self.from {
            From::ConfigMap(name) => {
                volume.config_map = Some(ConfigMapVolumeSource {
                    name: name.clone(),
                    ..ConfigMapVolumeSource::default()
                });
            }
            From::Secret(name) | From::SecretIfThere(name) => {
                volume.secret = Some(SecretVolumeSource {
                    secret_name: Some(name.clone()),
                    default_mode: Some(FILE_MODE),
                    optional: matches!(self.from, From::SecretIfThere(_)).then_some(true),
                    ..SecretVolumeSource::default()
                });
            }
        }
        volume
    }

    fn mount(&self) -> VolumeMount {
        VolumeMount {
            name: self.volume.to_owned(),
            mount_path: self.path.clone(),
            read_only: Some(true),
            ..VolumeMount::default()
        }
    }
}

/// The container that runs `role` of the image on these files.
pub(super) fn container(p: &ValidatedPlatform, role: &str, files: &[Files]) -> Container {
    let variable = |name: &str, value: String| EnvVar {
        name: name.to_owned(),
        value: Some(value),
        value_from: None,
    };
    Container {
        name: CONTAINER.to_owned(),
        image: Some(p.image.reference.clone()),
        image_pull_policy: Some(p.image.pull_policy.to_owned()),
        env: Some(vec![
            variable("ROLE", role.to_owned()),
            variable("CREWDECK_CONFIG", format!("/etc/crewdeck/config/{FILE}")),
        ]),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            read_only_root_filesystem: Some(true),
            capabilities: Some(Capabilities {
                drop: Some(vec!["ALL".to_owned()]),
                add: None,
            }),
            ..SecurityContext::default()
        }),
        volume_mounts: Some(files.iter().map(Files::mount).collect()),
        ..Container::default()
    }
}

/// The pod around it: under Pod Security `restricted`, without a token.
pub(super) fn pod(
    p: &ValidatedPlatform,
    service_account: String,
    container: Container,
    files: &[Files],
) -> PodSpec {
    let secrets = p
        .image
        .pull_secrets
        .iter()
        .map(|name| LocalObjectReference { name: name.clone() });
    PodSpec {
        service_account_name: Some(service_account),
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        image_pull_secrets: Some(secrets.collect()),
        security_context: Some(PodSecurityContext {
            run_as_non_root: Some(true),
            run_as_user: Some(NOBODY),
            run_as_group: Some(NOBODY),
            fs_group: Some(NOBODY),
            seccomp_profile: Some(SeccompProfile {
                type_: "RuntimeDefault".to_owned(),
                localhost_profile: None,
            }),
            ..PodSecurityContext::default()
        }),
        volumes: Some(files.iter().map(Files::volume).collect()),
        containers: vec![container],
        ..PodSpec::default()
    }
}
