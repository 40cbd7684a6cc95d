//! Both objects in whole, and what each alert does, in the words of Prometheus' own tool.

use std::{collections::BTreeMap, fs};

use chrono::TimeDelta;
use common_scratch::{Folder, Promtool};

use super::*;
use crate::platform::validate::{Role, Scale, sample::sample};

/// What is wrong with the operator itself, as the chart has it.
const OF_OPERATOR: &str = include_str!("../../../../../charts/crewdeck-operator/alerts.yaml");
/// What happens, and which alerts there are then.
const CASES: &str = include_str!("alerts.test.yaml");

fn yaml(value: &impl serde::Serialize) -> String {
    serde_yaml::to_string(value).expect("objects are YAML")
}

/// The groups of both as Prometheus reads them. A rotation comes every two hours.
fn rules() -> [String; 2] {
    let mut p = sample();
    p.signing.timings.period = TimeDelta::hours(2);
    let of_operator = OF_OPERATOR
        .replace("$of", "job=\"crewdeck-system/crewdeck-operator\"")
        .replace("$documentation", &p.documentation);
    [yaml(&prometheus_rule(&p).spec), of_operator]
}

/// The names of all alerts, in their order.
fn names() -> Vec<String> {
    let mut names = Vec::new();
    for text in rules() {
        let read: Value = serde_yaml::from_str(&text).expect("YAML");
        let rules = read["groups"][0]["rules"].as_array().expect("rules");
        let of = rules.iter().map(|rule| rule["alert"].as_str());
        names.extend(of.map(|name| name.expect("a name").to_owned()));
    }
    names
}

#[test]
fn both_in_whole() {
    let mut p = sample();
    p.monitoring.labels = [
        ("release", "prometheus"),
        ("app.kubernetes.io/part-of", "stolen"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into();
    insta::assert_snapshot!("pod_monitor", yaml(&pod_monitor(&p)));
    insta::assert_snapshot!("prometheus_rule", yaml(&prometheus_rule(&p)));
}

#[test]
fn a_role_that_is_switched_off_is_not_missed() {
    let mut p = sample();
    let realtime = p.roles.iter_mut().find(|spec| spec.role == Role::Realtime);
    realtime.expect("the role").scale = Scale::Fixed(0);
    let text = yaml(&prometheus_rule(&p));
    assert!(text.contains("role=\"web\"") && !text.contains("role=\"realtime\""));
}

#[test]
fn how_far_the_replica_may_be_behind_is_the_specs_to_say() {
    let mut p = sample();
    p.maximum_replica_lag = TimeDelta::minutes(5);
    let text = yaml(&prometheus_rule(&p));
    let bound = r#"max(analytics_replica_lag_seconds{namespace="crewdeck",platform="demo"}) > 300"#;
    assert!(text.contains(bound), "{text}");
}

#[test]
fn each_alert_is_explained() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operator/alerts.md");
    let text = fs::read_to_string(file).expect("the page");
    let sections: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .collect();
    assert_eq!(sections, names());
}

#[test]
fn alerts_fire_when_they_should_and_not_before() {
    let folder = Folder::new("alerts").expect("a folder");
    let [of_platform, of_operator] = rules();
    for (name, text) in [
        ("platform.yaml", of_platform.as_str()),
        ("operator.yaml", of_operator.as_str()),
        ("cases.yaml", CASES),
    ] {
        fs::write(folder.path().join(name), text).expect(name);
    }
    let cases = folder.path().join("cases.yaml");
    if let Err(words) = Promtool::test_rules(&cases) {
        panic!("{words:#}");
    }
}

/// Of each alert there is a case that fires, the minute before it, and one in which all is well.
#[test]
fn no_alert_is_without_its_cases() {
    let read: Value = serde_yaml::from_str(CASES).expect("YAML");
    // By alert: whether a minute decides, and whether a whole case is quiet.
    let mut seen: BTreeMap<String, (bool, bool)> = BTreeMap::new();
    for case in read["tests"].as_array().expect("cases") {
        let mut looks: BTreeMap<&str, Vec<(u32, bool)>> = BTreeMap::new();
        for look in case["alert_rule_test"].as_array().expect("looks") {
            let minute = look["eval_time"].as_str().expect("a time");
            let minute = minute.strip_suffix('m').expect("minutes");
            let fires = look["exp_alerts"]
                .as_array()
                .is_some_and(|all| !all.is_empty());
            let alert = look["alertname"].as_str().expect("a name");
            let looks = looks.entry(alert).or_default();
            looks.push((minute.parse().expect("a number"), fires));
        }
        for (alert, looks) in looks {
            let seen = seen.entry(alert.to_owned()).or_default();
            let fires_first = |minute: u32| looks.contains(&(minute + 1, true));
            let mut quiet = looks.iter().filter(|(_, fires)| !fires);
            seen.0 |= quiet.any(|(minute, _)| fires_first(*minute));
            seen.1 |= looks.iter().all(|(_, fires)| !fires);
        }
    }
    for name in names() {
        assert_eq!(seen.get(&name), Some(&(true, true)), "{name}");
    }
}
