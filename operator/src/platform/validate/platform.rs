//! From the resource and the servers it names to what the following stages work with.

use std::time::Duration;

use chrono::TimeDelta;
use crds::{
    DeletionPolicy, DisruptionBudgetSpec, MigrationSpec, MonitoringSpec, NetworkPolicySpec,
    Platform, Reason, RolloutSpec, TopicName, TopicSetting, TopicSpec,
};

use super::{
    Exposure, ExternalNames, Identity, Image, KafkaCluster, PostgresServer, RedisServer, RoleSpec,
};
use crate::{OperatorConfig, credentials::Schedule, keys::Wish, platform::StepError};

/// How far the replica may be behind when the spec does not say.
const REPLICA_LAG: TimeDelta = TimeDelta::minutes(1);

/// A Platform whose every value is known to be usable.
#[derive(Debug, Clone)]
pub struct ValidatedPlatform {
    /// `metadata.name`: prefix of every object's name.
    pub name: String,
    /// `metadata.namespace`.
    pub namespace: String,
    /// `metadata.uid`, for owner references.
    pub uid: String,
    /// `metadata.generation` this was made from.
    pub generation: i64,
    /// The image.
    pub image: Image,
    /// Issuer of tokens; no `/` at the end.
    pub public_url: String,
    /// Names on the servers.
    pub external: ExternalNames,
    /// PostgreSQL.
    pub postgres: PostgresServer,
    /// Redis.
    pub redis: RedisServer,
    /// Kafka.
    pub kafka: KafkaCluster,
    /// All four topics.
    pub topics: Vec<Topic>,
    /// All six roles, in the order of a roll-out.
    pub roles: Vec<RoleSpec>,
    /// Who may reach the pods.
    pub network_policy: NetworkPolicySpec,
    /// How many pods of a role may be away at once.
    pub disruption_budget: DisruptionBudgetSpec,
    /// What a Prometheus is told.
    pub monitoring: MonitoringSpec,
    /// The way in from outside.
    pub exposure: Exposure,
    /// Proxies before web whose entries in `X-Forwarded-For` are believed.
    pub trusted_hops: i32,
    /// Where the documentation is read.
    pub documentation: String,
    /// Where the operator runs, who asks the pods how they are.
    pub operator_namespace: String,
    /// Connections that each login on PostgreSQL may have at each server; `None` is no limit.
    pub connection_limit: Option<i32>,
    /// How far the replica may be behind.
    pub maximum_replica_lag: TimeDelta,
    /// What becomes of the databases.
    pub database_policy: DeletionPolicy,
    /// What becomes of the Redis namespaces.
    pub redis_policy: DeletionPolicy,
    /// What becomes of the topics.
    pub events_policy: DeletionPolicy,
    /// What becomes of the signing keys, and when.
    pub signing: Wish,
    /// When logins on PostgreSQL change.
    pub database_credentials: Schedule,
    /// When logins on Redis change.
    pub redis_credentials: Schedule,
    /// When logins on Kafka change.
    pub events_credentials: Schedule,
    /// How the databases are migrated.
    pub migration: MigrationSpec,
    /// How the roles come to another image.
    pub rollout: RolloutSpec,
}

/// One topic; its dead-letter topic has the same settings and one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// Which.
    pub name: TopicName,
    /// Whether the spec names it: its numbers are a person's, not the defaults.
    pub is_named: bool,
    /// Partitions.
    pub partitions: i32,
    /// Whether it may get more of them when it is there.
    pub may_grow: bool,
    /// Copies of each partition.
    pub replicas: i32,
    /// How long messages are kept.
    pub retention: Duration,
    /// Further settings, by their names.
    pub config: Vec<(String, String)>,
}

impl ValidatedPlatform {
    /// Which Platform it is.
    #[must_use]
    pub fn identity(&self) -> Identity {
        Identity {
            name: self.name.clone(),
            namespace: self.namespace.clone(),
            uid: self.uid.clone(),
            version: self.image.version.clone(),
        }
    }
}

/// Checks the resource and joins it with its servers.
///
/// # Errors
/// `InvalidSpec`, naming the field, what was given and what is allowed. The definition's rules refuse most of it
/// before; what an older definition let through is refused here.
pub fn validate(
    platform: &Platform,
    config: &OperatorConfig,
    postgres: PostgresServer,
    redis: RedisServer,
    kafka: KafkaCluster,
) -> Result<ValidatedPlatform, StepError> {
    let invalid = |message: String| StepError::terminal(Reason::InvalidSpec, message);
    let spec = &platform.spec;
    let Identity {
        name,
        namespace,
        uid,
        ..
    } = Identity::of(platform)?;
    let url = spec.public_url.as_str();
    if !(url.starts_with("https://") || url.starts_with("http://")) || url.ends_with('/') {
        return Err(invalid(format!(
            "spec.publicURL is {url}; give an absolute http or https URL without a slash at the end"
        )));
    }
    let events = spec.events.kafka.as_ref();
    Ok(ValidatedPlatform {
        external: ExternalNames::of(&config.cluster_name, &namespace, &name),
        name,
        namespace,
        uid,
        generation: platform.metadata.generation.unwrap_or_default(),
        image: Image::parse(&spec.image).map_err(invalid)?,
        public_url: url.to_owned(),
        postgres,
        redis,
        kafka,
        topics: topics(events.map_or(&[], |kafka| &kafka.topics)).map_err(invalid)?,
        roles: RoleSpec::all(&spec.roles, &spec.roles_template).map_err(invalid)?,
        network_policy: spec.network_policy.clone(),
        disruption_budget: spec.disruption_budget.unwrap_or_default(),
        monitoring: spec.monitoring.clone(),
        exposure: Exposure::parse(&spec.exposure, url).map_err(invalid)?,
        trusted_hops: Exposure::trusted_hops(&spec.exposure),
        documentation: config.documentation.clone(),
        operator_namespace: config.lease_namespace.clone(),
        connection_limit: spec.database.connection_limit,
        maximum_replica_lag: spec
            .database
            .maximum_replica_lag_seconds
            .map_or(REPLICA_LAG, |seconds| {
                TimeDelta::try_seconds(seconds).unwrap_or(TimeDelta::MAX)
            }),
        database_policy: spec.database.deletion_policy,
        redis_policy: spec.redis.deletion_policy,
        events_policy: events
            .map(|kafka| kafka.deletion_policy)
            .unwrap_or_default(),
        signing: Wish::from(&spec.signing),
        database_credentials: Schedule::from(&spec.database.credentials),
        redis_credentials: Schedule::from(&spec.redis.credentials),
        events_credentials: Schedule::from(
            &events.map(|kafka| kafka.credentials).unwrap_or_default(),
        ),
        migration: spec.migration.clone(),
        rollout: spec.rollout.clone(),
    })
}

/// All four topics: as the spec has them, else with the defaults. An error is what the definition's rules refuse too.
fn topics(named: &[TopicSpec]) -> Result<Vec<Topic>, String> {
    TopicName::ALL
        .into_iter()
        .map(|name| {
            let named = named.iter().find(|topic| topic.name == name);
            let spec = named.cloned().unwrap_or_else(|| TopicSpec::of(name));
            Ok(Topic {
                name,
                is_named: named.is_some(),
                partitions: spec.partitions,
                may_grow: spec.allow_key_remap,
                replicas: spec.replicas,
                retention: Duration::from_secs(spec.retention_seconds.unsigned_abs()),
                config: settings(name, spec.replicas, spec.config)?,
            })
        })
        .collect()
}

fn settings(
    of: TopicName,
    replicas: i32,
    config: Vec<TopicSetting>,
) -> Result<Vec<(String, String)>, String> {
    let reserved = |setting: &&TopicSetting| TopicSetting::is_reserved(&setting.name);
    if let Some(setting) = config.iter().find(reserved) {
        return Err(format!(
            "config of topic {} in spec.events.kafka.topics names {}; set retentionSeconds beside it",
            of.as_str(),
            setting.name
        ));
    }
    let is_too_many = |setting: &&TopicSetting| {
        setting.name == "min.insync.replicas"
            && setting
                .value
                .parse()
                .map_or(true, |least: i32| least > replicas)
    };
    if let Some(setting) = config.iter().find(is_too_many) {
        return Err(format!(
            "config of topic {} in spec.events.kafka.topics sets min.insync.replicas to {}, and the topic has {replicas} copies: \
             nothing could be written; set replicas to as many or more",
            of.as_str(),
            setting.value
        ));
    }
    let pair = |setting: TopicSetting| (setting.name, setting.value);
    Ok(config.into_iter().map(pair).collect())
}

#[cfg(test)]
mod tests {
    use crds::{EnvVariable, IngressSpec};
    use rstest::rstest;

    use super::*;
    use crate::platform::validate::{
        Autoscaling, Role, Scale,
        sample::{checked, platform, sample},
    };

    #[test]
    fn defaults_are_filled_in() {
        let p = sample();
        assert_eq!(p.image.reference, "crewdeck.io/crewdeck:0.1.0");
        assert_eq!(
            p.topics,
            TopicName::ALL.map(|name| Topic {
                name,
                is_named: false,
                partitions: 3,
                may_grow: false,
                replicas: 1,
                retention: Duration::from_hours(168),
                config: Vec::new(),
            })
        );
        assert!(
            p.roles
                .iter()
                .map(|spec| (spec.role, spec.scale))
                .eq(Role::ALL.map(|role| (role, Scale::Fixed(1))))
        );
        assert_eq!(p.database_policy, DeletionPolicy::Retain);
        assert_eq!(p.connection_limit, None);
        assert_eq!(p.maximum_replica_lag, TimeDelta::minutes(1));
        assert!(p.disruption_budget.enabled);
    }

    type Change = fn(&mut Platform);

    fn bounds(min_replicas: i32, max_replicas: i32) -> crds::Autoscaling {
        crds::Autoscaling {
            min_replicas,
            max_replicas,
            target_cpu_utilization_percentage: 80,
        }
    }

    fn variable(name: &str) -> EnvVariable {
        EnvVariable {
            name: name.to_owned(),
            value: "canary".to_owned(),
        }
    }

    fn setting(name: &str) -> TopicSetting {
        TopicSetting {
            name: name.to_owned(),
            value: "1".to_owned(),
        }
    }

    /// A topic that the spec names from now on.
    fn named_topic(platform: &mut Platform) -> &mut TopicSpec {
        let kafka = platform.spec.events.kafka.as_mut().expect("the sample's");
        kafka.topics = vec![TopicSpec::of(TopicName::TaskEvents)];
        &mut kafka.topics[0]
    }

    /// What the definition's rules refuse is refused here too: an older definition may have let it through.
    #[rstest]
    #[case::namespace(|p: &mut Platform| p.metadata.namespace = None, "this one has none")]
    #[case::name(|p: &mut Platform| p.metadata.name = Some("a".repeat(41)), "has 41 characters; at most 40 are allowed")]
    #[case::scheme(|p: &mut Platform| p.spec.public_url = "ftp://crew.example.org".to_owned(), "spec.publicURL is ftp://crew.example.org")]
    #[case::slash(|p: &mut Platform| p.spec.public_url.push('/'), "without a slash at the end")]
    #[case::image(|p: &mut Platform| p.spec.image.tag = None, "exactly one of tag and digest")]
    #[case::exposure(|p: &mut Platform| { p.spec.public_url.push_str("/crew"); p.spec.exposure.ingress = Some(IngressSpec::default()); }, "without a path")]
    #[case::env(|p: &mut Platform| p.spec.roles_template.extra_env = vec![variable("CREWDECK_DATABASE_URL_FILE")], "extraEnv of role web names CREWDECK_DATABASE_URL_FILE")]
    #[case::bounds(|p: &mut Platform| p.spec.roles.web.autoscaling = Some(bounds(4, 2)), "role web has minReplicas 4 and maxReplicas 2")]
    #[case::setting(|p: &mut Platform| named_topic(p).config = vec![setting("retention.ms")], "config of topic task-events in spec.events.kafka.topics names retention.ms")]
    #[case::copies(|p: &mut Platform| named_topic(p).config = vec![TopicSetting { value: "2".to_owned(), ..setting("min.insync.replicas") }], "sets min.insync.replicas to 2, and the topic has 1 copies")]
    #[case::no_number_of_copies(|p: &mut Platform| named_topic(p).config = vec![TopicSetting { value: "all".to_owned(), ..setting("min.insync.replicas") }], "sets min.insync.replicas to all")]
    #[case::env_of_a_role(|p: &mut Platform| p.spec.roles.beat.template.extra_env = Some(vec![variable("ROLE")]), "extraEnv of role beat names ROLE")]
    fn a_defect_names_its_field(#[case] change: Change, #[case] words: &str) {
        let mut platform = platform();
        change(&mut platform);
        let error = checked(&platform).expect_err("refused");
        assert_eq!(error.reason, Reason::InvalidSpec);
        assert!(error.message.contains(words), "{error}");
    }

    #[test]
    fn a_target_for_the_age_of_jobs_is_the_workers() {
        let mut platform = platform();
        platform.spec.roles = serde_json::from_value(serde_json::json!({
            "web": {"autoscaling": {"maxReplicas": 2}},
            "worker": {"autoscaling": {"maxReplicas": 4, "targetOldestJobSeconds": 30}},
        }))
        .expect("roles");
        let p = checked(&platform).expect("usable");
        let web = Scale::Automatic(bounds(1, 2).into());
        let worker = Scale::Automatic(Autoscaling {
            target_oldest_job_seconds: Some(30),
            ..bounds(1, 4).into()
        });
        assert_eq!((p.roles[0].scale, p.roles[1].scale), (web, worker));
    }

    #[test]
    fn a_topic_has_the_settings_that_the_spec_names() {
        let mut platform = platform();
        named_topic(&mut platform).config = vec![setting("min.insync.replicas")];
        let p = checked(&platform).expect("usable");
        let config = |name: TopicName| {
            let found = p.topics.iter().find(|topic| topic.name == name);
            found.expect("all are there").config.clone()
        };
        let named = [("min.insync.replicas".to_owned(), "1".to_owned())];
        assert_eq!(config(TopicName::TaskEvents), named);
        assert_eq!(config(TopicName::UserActivities), []);
    }

    #[test]
    fn a_role_that_is_switched_off_keeps_its_place_without_pods() {
        let mut platform = platform();
        platform.spec.roles.realtime.enabled = false;
        platform.spec.roles.realtime.autoscaling = Some(bounds(2, 4));
        let p = checked(&platform).expect("usable");
        let found = p.roles.iter().find(|spec| spec.role == Role::Realtime);
        assert_eq!(found.map(|spec| spec.scale), Some(Scale::Fixed(0)));
    }
}
