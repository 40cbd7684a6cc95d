//! What every role's objects promise, and the golden files of two of them.

use common_auth::{AuthConfig, SigningConfig};
use common_config::Source;
use common_service::ServiceConfig;
use common_telemetry::TelemetryConfig;

use super::*;
use crate::platform::validate::sample::sample;

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
        yaml(&migration_job(&p, "demo-expand-0a1b2c3d-1", "0a1b2c3d", &MigrationStep::Expand("0001_expand_users:a1b2c3d4e5f6".to_owned())))
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
    let mut text = yaml(&migration_job(&p, "demo-plan-0-1", "0", &MigrationStep::Plan)) + &yaml(&migration(&p).1);
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
    p.roles[0].replicas = 2;
    let objects = role(&p, &p.roles[0]);
    assert!(objects.disruption_budget.is_some());
    assert!(yaml(&objects.deployment).contains("topologySpreadConstraints"));
}
