//! What every role's objects promise, and the golden files of two of them.

use common_auth::{AuthConfig, SigningConfig};
use common_config::{KEYS, Source};
use common_service::ServiceConfig;
use common_telemetry::TelemetryConfig;

use std::collections::BTreeSet;

use crds::EnvVariable;
use serde_json::json;

use super::*;
use crate::platform::validate::{
    Autoscaling, Scale,
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
        yaml(&migration_job(
            &p,
            "demo-expand-0a1b2c3d-1",
            "0a1b2c3d",
            &MigrationStep::Expand("0001_expand_users:a1b2c3d4e5f6".to_owned())
        ))
    );
    let whole = migration_job(
        &p,
        "demo-migrate-0a1b2c3d-1",
        "0a1b2c3d",
        &MigrationStep::Whole,
    );
    let args = whole
        .spec
        .and_then(|spec| spec.template.spec?.containers[0].args.clone());
    assert_eq!(args.expect("arguments"), ["migrate", "apply"]);
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
    let mut text = yaml(&migration_job(
        &p,
        "demo-plan-0-1",
        "0",
        &MigrationStep::Plan,
    )) + &yaml(&migration(&p).1);
    for (_, objects) in all() {
        text += &yaml(&objects.deployment);
        text += &yaml(&objects.config_map);
    }
    assert!(!text.contains("canary"));
}

/// Web behind a proxy.
fn exposed() -> RoleObjects {
    let mut p = sample();
    p.trusted_hops = 1;
    role(&p, &p.roles[0])
}

#[test]
fn web_believes_the_proxies_that_are_before_it() {
    let text =
        |objects: RoleObjects| objects.config_map.data.expect("data")["crewdeck.toml"].clone();
    let sections: toml::Table = text(exposed()).parse().expect("TOML");
    assert_eq!(sections["http"]["trusted_hops"].as_integer(), Some(1));
    let (_, alone) = all().swap_remove(0);
    assert!(!text(alone).contains("trusted_hops"));
}

/// Every key that the operator writes into a file of these.
fn keys_written(configs: impl IntoIterator<Item = ConfigMap>) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    for config in configs {
        let text = &config.data.expect("data")["crewdeck.toml"];
        let mut sections: toml::Table = text.parse().expect("TOML");
        assert_eq!(sections.remove("schema"), Some(KEYS.into()), "{text}");
        for (section, values) in &sections {
            for (key, value) in values.as_table().expect("a section") {
                assert!(
                    !value.is_table(),
                    "only a flat file is passed over: {section}.{key}"
                );
                keys.insert(format!("{section}.{key}"));
            }
        }
    }
    keys
}

/// An image that is older than the operator passes over what it does not know, by the number at the file's head. Where this
/// fails: a key that no released image knows needs a higher `common_config::KEYS`, and then a list of its own.
#[test]
fn the_keys_of_a_number_are_written_down() {
    let roles = all().into_iter().map(|(_, objects)| objects.config_map);
    let web = exposed().config_map;
    let keys = keys_written(roles.chain([web, migration(&sample()).1]));
    let lines: Vec<String> = keys.into_iter().collect();
    insta::assert_snapshot!(format!("keys_{KEYS}"), lines.join("\n"));
}

/// Of what an operator writes, the number of its keys alone rolls nothing.
#[test]
fn a_higher_number_alone_is_no_other_setting() {
    let (_, web) = all().swap_remove(0);
    let text = &web.config_map.data.expect("data")["crewdeck.toml"];
    let settings = config_map::settings(text);
    assert!(settings.starts_with("[auth]"), "{settings}");
    assert_eq!(format!("schema = {KEYS}\n\n{settings}"), *text);
}

/// The roles whose pods roll when this is changed.
fn rolls(change: impl Fn(&mut ValidatedPlatform)) -> Vec<Role> {
    let before = sample();
    let mut after = before.clone();
    change(&mut after);
    let template = |p: &ValidatedPlatform, index: usize| {
        let deployment = role(p, &p.roles[index]).deployment;
        yaml(&deployment.spec.expect("a spec").template)
    };
    let roles = Role::ALL.into_iter().enumerate();
    roles
        .filter(|(index, _)| template(&before, *index) != template(&after, *index))
        .map(|(_, role)| role)
        .collect()
}

#[test]
fn only_the_roles_that_use_a_setting_and_cannot_read_it_again_roll() {
    use Role::{Analytics, AnalyticsWorker, Realtime, Web, Worker};
    type Change = fn(&mut ValidatedPlatform);
    let other = || "other.example.org".to_owned();
    let cases: [(&str, Change, &[Role]); 12] = [
        ("nothing", |p| p.generation += 1, &[]),
        // In the files of a login, which are read again.
        (
            "Kafka's address",
            |p| p.kafka.bootstrap_servers = "other:9092".to_owned(),
            &[],
        ),
        (
            "PostgreSQL's address",
            |p| p.postgres.host = "other".to_owned(),
            &[],
        ),
        ("the replica", |p| p.postgres.replica = None, &[]),
        ("Redis' address", |p| p.redis.port = 6380, &[]),
        (
            "an admin's password",
            |p| p.redis.password = "other".to_owned().into(),
            &[],
        ),
        ("a rotation", |p| p.signing.rotation += 1, &[]),
        ("the topics", |p| p.topics[0].partitions += 1, &[]),
        // In the configuration of those that verify tokens, and of those that send events.
        (
            "a token's life",
            |p| p.signing.timings.token = chrono::TimeDelta::hours(1),
            &[Web, Analytics],
        ),
        (
            "the authority of Redis",
            |p| p.redis.ca_pem = None,
            &[Web, Realtime, Analytics],
        ),
        ("the proxies before it", |p| p.trusted_hops = 2, &[Web]),
        (
            "a role's own pods",
            |p| {
                p.roles[1]
                    .template
                    .pod_annotations
                    .insert("a".to_owned(), "b".to_owned());
            },
            &[Worker],
        ),
    ];
    for (what, change, expected) in cases {
        assert_eq!(rolls(change), expected, "{what}");
    }
    let address = rolls(|p| p.public_url = format!("https://{}", other()));
    assert_eq!(address, [Web, Worker, Realtime, Analytics, AnalyticsWorker]);
    let image = rolls(|p| p.image.reference = other());
    assert_eq!(image, Role::ALL);
}

#[test]
fn a_budget_exists_from_two_replicas_on() {
    let mut p = sample();
    assert!(role(&p, &p.roles[0]).disruption_budget.is_none());
    p.roles[0].scale = Scale::Fixed(2);
    assert!(role(&p, &p.roles[0]).disruption_budget.is_some());
    p.disruption_budget.enabled = false;
    assert!(role(&p, &p.roles[0]).disruption_budget.is_none());
}

#[test]
fn an_autoscaled_role_has_no_number_of_its_own() {
    let mut p = sample();
    for (least, budget) in [(1, false), (2, true)] {
        p.roles[0].scale = Scale::Automatic(Autoscaling {
            min_replicas: least,
            max_replicas: 4,
            target_cpu_utilization_percentage: 70,
            target_oldest_job_seconds: None,
        });
        let objects = role(&p, &p.roles[0]);
        assert_eq!(objects.deployment.spec.expect("a spec").replicas, None);
        assert_eq!(objects.disruption_budget.is_some(), budget);
        // It has no jobs, whatever is measured elsewhere.
        let autoscaler = autoscaler(&p, &p.roles[0], true);
        insta::assert_snapshot!(format!("web_autoscaler_{least}"), yaml(&autoscaler));
    }
    assert!(autoscaler(&p, &p.roles[1], true).is_none());
}

#[test]
fn the_worker_follows_its_jobs_where_they_are_measured() {
    let mut p = sample();
    p.roles[1].scale = Scale::Automatic(Autoscaling {
        min_replicas: 1,
        max_replicas: 8,
        target_cpu_utilization_percentage: 80,
        target_oldest_job_seconds: Some(60),
    });
    for (measured, name) in [
        (true, "worker_autoscaler"),
        (false, "worker_autoscaler_cpu"),
    ] {
        let autoscaler = autoscaler(&p, &p.roles[1], measured).expect("an autoscaler");
        assert_eq!(follows_jobs(&autoscaler), measured);
        insta::assert_snapshot!(name, yaml(&autoscaler.spec));
    }
}

#[test]
fn no_variable_of_the_environment_wins_over_the_configuration() {
    for (role, objects) in all().into_iter().chain([(Role::Web, exposed())]) {
        let text = &objects.config_map.data.expect("data")["crewdeck.toml"];
        let sections: toml::Table = text.parse().expect("TOML");
        for (section, values) in &sections {
            // All but the number at the head.
            for key in values.as_table().into_iter().flat_map(toml::Table::keys) {
                let name = format!("CREWDECK_{section}_{key}").to_uppercase();
                // Platforms that named their proxies before there was a field for them are as usable as before.
                if name == "CREWDECK_HTTP_TRUSTED_HOPS" {
                    continue;
                }
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
