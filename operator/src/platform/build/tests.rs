//! What every role's objects promise, and the golden files of two of them.

use common_auth::{AuthConfig, SigningConfig};
use common_config::Source;
use common_service::ServiceConfig;
use common_telemetry::TelemetryConfig;

use crds::{Autoscaling, EnvVariable};
use serde_json::json;

use super::*;
use crate::platform::validate::{
    Scale,
    sample::{checked, platform, sample},
};

fn all() -> Vec<(Role, RoleObjects)> {
    let p = sample();
    p.roles
        .iter()
        .map(|spec| (spec.role, role(&p, spec)))
        .collect()
}

fn yaml(value: &impl serde::Serialize) -> String {
    serde_yaml::to_string(value).expect("objects are YAML")
}

#[test]
fn web_in_whole() {
    let (_, web) = all().swap_remove(0);
    insta::assert_snapshot!("web_deployment", yaml(&web.deployment));
    insta::assert_snapshot!(
        "web_config",
        web.config_map.data.expect("data")["crewdeck.toml"]
    );
    insta::assert_snapshot!("web_service", yaml(&web.service));
}

#[test]
fn the_migration_in_whole() {
    let p = sample();
    insta::assert_snapshot!(
        "migration_job",
        yaml(&migration_job(&p, "demo-migrate-0a1b2c3d"))
    );
    insta::assert_snapshot!(
        "migration_config",
        migration(&p).1.data.expect("data")["crewdeck.toml"]
    );
}

#[test]
fn every_role_reads_the_sections_that_the_shared_crates_define() {
    for (role, objects) in all() {
        let text = &objects.config_map.data.as_ref().expect("data")["crewdeck.toml"];
        let file = std::env::temp_dir().join(format!(
            "crewdeck-{}-{}.toml",
            role.as_str(),
            std::process::id()
        ));
        std::fs::write(&file, text).expect("written");
        let source = Source::load(Some(&file), std::iter::empty()).expect("TOML");
        std::fs::remove_file(&file).expect("removed");
        source.section::<ServiceConfig>().expect("[service]");
        source.section::<TelemetryConfig>().expect("[telemetry]");
        if text.contains("[auth]") {
            let auth = source.section::<AuthConfig>().expect("[auth]");
            assert_eq!(auth.issuer, "https://crew.example.org");
        }
        if role == Role::Web {
            source.section::<SigningConfig>().expect("[signing]");
        }
    }
}

#[test]
fn only_web_mounts_the_signing_key_and_nobody_the_ring() {
    for (role, objects) in all() {
        let text = yaml(&objects.deployment);
        assert_eq!(text.contains("demo-signing"), role == Role::Web, "{role:?}");
        assert!(!text.contains("demo-keyring"), "{role:?}");
    }
}

#[test]
fn analytics_knows_nothing_of_the_primary() {
    for (role, objects) in all() {
        if matches!(role, Role::Analytics | Role::AnalyticsWorker) {
            let text = yaml(&objects.deployment) + &yaml(&objects.config_map);
            assert!(
                !text.contains("db-app") && !text.contains("db-migrator"),
                "{role:?}"
            );
        }
    }
}

#[test]
fn no_object_holds_a_secret() {
    let p = sample();
    let mut text = yaml(&migration_job(&p, "demo-migrate-0")) + &yaml(&migration(&p).1);
    for (_, objects) in all() {
        text += &yaml(&objects.deployment);
        text += &yaml(&objects.config_map);
    }
    assert!(!text.contains("canary"));
}

#[test]
fn a_changed_configuration_rolls_the_pods_and_nothing_else_does() {
    let before = sample();
    let annotation = |p: &ValidatedPlatform| {
        let template = role(p, &p.roles[0])
            .deployment
            .spec
            .expect("a spec")
            .template;
        template
            .metadata
            .and_then(|metadata| metadata.annotations)
            .expect("annotations")["crewdeck.io/config-hash"]
            .clone()
    };
    let mut after = before.clone();
    after.public_url = "https://other.example.org".to_owned();
    assert_ne!(annotation(&before), annotation(&after));
    after.public_url.clone_from(&before.public_url);
    after.generation += 1;
    assert_eq!(annotation(&before), annotation(&after));
}

#[test]
fn a_budget_exists_from_two_replicas_on() {
    let mut p = sample();
    assert!(role(&p, &p.roles[0]).disruption_budget.is_none());
    p.roles[0].scale = Scale::Fixed(2);
    assert!(role(&p, &p.roles[0]).disruption_budget.is_some());
}

#[test]
fn an_autoscaled_role_has_no_number_of_its_own() {
    let mut p = sample();
    for (least, budget) in [(1, false), (2, true)] {
        p.roles[0].scale = Scale::Automatic(Autoscaling {
            min_replicas: least,
            max_replicas: 4,
            target_cpu_utilization_percentage: 70,
        });
        let objects = role(&p, &p.roles[0]);
        assert_eq!(objects.deployment.spec.expect("a spec").replicas, None);
        assert_eq!(objects.disruption_budget.is_some(), budget);
        insta::assert_snapshot!(format!("web_autoscaler_{least}"), yaml(&objects.autoscaler));
    }
    assert!(role(&p, &p.roles[1]).autoscaler.is_none());
}

#[test]
fn no_variable_of_the_environment_wins_over_the_configuration() {
    for (role, objects) in all() {
        let text = &objects.config_map.data.expect("data")["crewdeck.toml"];
        let sections: toml::Table = text.parse().expect("TOML");
        for (section, values) in &sections {
            for key in values.as_table().expect("a section").keys() {
                let name = format!("CREWDECK_{section}_{key}").to_uppercase();
                assert!(EnvVariable::is_reserved(&name), "{role:?}: {name}");
            }
        }
    }
    assert!(!EnvVariable::is_reserved("CREWDECK_TELEMETRY_FILTER"));
}

#[test]
fn the_template_shapes_the_pods() {
    let mut platform = platform();
    platform.spec.roles_template = serde_json::from_value(json!({
        "resources": {"requests": {"cpu": "250m"}},
        "nodeSelector": {"pool": "crew"},
        "tolerations": [{"key": "spot", "operator": "Exists", "value": ""}],
        "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
            {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "noisy"}}},
        ]}},
        "topologySpreadConstraints": [
            {"maxSkew": 2, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "DoNotSchedule"},
        ],
        "priorityClassName": "high",
        "terminationGracePeriodSeconds": 60,
        "podLabels": {"team": "crew", "app.kubernetes.io/component": "stolen"},
        "podAnnotations": {"note": "here"},
        "extraEnv": [{"name": "CREWDECK_TELEMETRY_FILTER", "value": "debug"}, {"name": "EMPTY", "value": ""}],
    }))
    .expect("a template");
    let p = checked(&platform).expect("usable");
    let objects = role(&p, &p.roles[0]);
    insta::assert_snapshot!("shaped_deployment", yaml(&objects.deployment));
    let config = objects.config_map.data.expect("data");
    assert!(
        config["crewdeck.toml"].contains("drain_seconds = 50"),
        "{config:?}"
    );
}
