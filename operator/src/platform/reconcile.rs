//! One pass over one Platform, and the status that is written whatever came of it.

use std::{sync::Arc, time::Duration};

use crds::{ConditionType, CredentialStatus, MigrationStatus, Platform, Reason, TopicsStatus};
use kube::ResourceExt as _;

use super::{
    Context, StepError,
    apply::{kafka, postgres, redis},
    dereference::dereference,
    finalizer,
    rollout::roll_out,
    status::{Report, publish, write},
    validate::{ValidatedPlatform, validate},
};
use crate::{
    backoff::{RESYNC, pause},
    keys::{ensure_keys, ensure_web_secret},
    migration::gate,
};

/// Brings a Platform nearer to its spec and tells how it stands. Returns when to look again.
///
/// # Errors
/// Only when the status could not be written; everything else is told in it.
#[tracing::instrument(skip_all, fields(namespace = platform.namespace(), name = platform.name_any()))]
pub async fn reconcile(
    platform: Arc<Platform>,
    cx: &Context,
) -> Result<Option<Duration>, StepError> {
    let mut report = Report::default();
    if platform.metadata.deletion_timestamp.is_some() {
        match finalizer::release(cx, &platform).await {
            Ok(()) => return Ok(None),
            Err(error) => report.failed(ConditionType::Ready, &error),
        }
    } else if platform.spec.suspend {
        let message = "spec.suspend is set; nothing is changed until it is taken out";
        report.failed(
            ConditionType::Ready,
            &StepError::terminal(Reason::Suspended, message),
        );
    } else {
        pass(cx, &platform, &mut report).await;
    }

    let attempts = platform
        .status
        .as_ref()
        .and_then(|status| status.waiting_on.as_ref())
        .filter(|waiting| {
            report
                .blocker()
                .is_some_and(|blocker| blocker.reason.as_str() == waiting.reason)
        })
        .map_or(0, |waiting| waiting.attempts);
    let pause = report.blocker().map(|blocker| {
        tracing::info!(reason = %blocker.reason, message = blocker.message, "waiting");
        pause(
            blocker.class,
            u32::try_from(attempts)
                .unwrap_or(u32::MAX)
                .saturating_add(1),
            cx.ids.as_ref(),
        )
    });
    let next = pause.map(|pause| cx.clock.now() + pause);
    let before = platform.status.clone().unwrap_or_default();
    let (after, sent) = write(cx, &platform, report, next).await?;
    if sent {
        publish(cx, &platform, &before, &after).await;
    }
    Ok(Some(pause.unwrap_or(RESYNC)))
}

/// The steps in their order. What does not depend on a step that failed is done all the same.
async fn pass(cx: &Context, platform: &Platform, report: &mut Report) {
    let Some(p) = prepare(cx, platform, report).await else {
        return;
    };

    let keys = ensure_keys(cx, &p).await;
    let keys = report.note(ConditionType::SigningKeyReady, keys, |keys| {
        format!("generation {} of the key set is published", keys.epoch)
    });
    if let Some(keys) = &keys {
        report.signing_keys.clone_from(&keys.keys);
    }
    if !servers(cx, platform, &p, report).await || keys.is_none() {
        return;
    }

    let migrated = async {
        ensure_web_secret(cx, &p).await?;
        let migrated = gate(cx, &p).await?;
        postgres::grant(cx, &p).await?;
        Ok(migrated)
    };
    let migrated = report.note(ConditionType::Migrated, migrated.await, |migrated| {
        format!("the databases have the schema of {}", migrated.version)
    });
    let Some(migrated) = migrated else { return };
    report.migration = Some(MigrationStatus {
        version: Some(migrated.version),
        job: migrated.job,
    });

    let progress = roll_out(cx, &p).await;
    report.roles = progress.roles;
    if let Some(error) = progress.blocked {
        report.failed(ConditionType::RolesReady, &error);
        return;
    }
    let version = &p.image.version;
    report.version = Some(version.clone());
    report.done(
        ConditionType::RolesReady,
        format!("every role runs {version}"),
    );
}

/// Stages one and two, and the finalizer: from here on something external may exist.
async fn prepare(
    cx: &Context,
    platform: &Platform,
    report: &mut Report,
) -> Option<ValidatedPlatform> {
    let servers = match dereference(cx, platform).await {
        Ok(servers) => servers,
        Err(errors) => {
            for (condition, error) in errors {
                report.failed(condition, &error);
            }
            return None;
        }
    };
    let validated = validate(
        platform,
        &cx.config.cluster_name,
        servers.postgres,
        servers.redis,
        servers.kafka,
    );
    let p = report.note(ConditionType::SpecValid, validated, |_| {
        "the spec can be used".to_owned()
    })?;
    if let Err(error) = finalizer::hold(cx, platform).await {
        report.failed(ConditionType::SpecValid, &error);
        return None;
    }
    Some(p)
}

/// The three servers side by side; whether all of them stand.
async fn servers(
    cx: &Context,
    platform: &Platform,
    p: &ValidatedPlatform,
    report: &mut Report,
) -> bool {
    let (postgres, redis, kafka) = tokio::join!(
        postgres::ensure(cx, p),
        redis::ensure(cx, p),
        kafka::ensure(cx, p)
    );
    let spec = &platform.spec;
    let postgres = postgres.map_err(|error| with_secret(error, &spec.database.secret_ref.name));
    let redis = redis.map_err(|error| with_secret(error, &spec.redis.secret_ref.name));
    let kafka = kafka.map_err(|error| {
        with_secret(
            error,
            spec.events
                .kafka
                .as_ref()
                .map_or("", |kafka| &kafka.secret_ref.name),
        )
    });
    let postgres = report.note(ConditionType::DatabaseReady, postgres, |_| {
        format!(
            "databases {} and {} stand",
            p.external.database(),
            p.external.analytics_database()
        )
    });
    let redis = report.note(ConditionType::RedisReady, redis, |_| {
        format!(
            "both users are shut in namespaces below {}",
            p.external.prefix()
        )
    });
    let kafka = report.note(ConditionType::EventsReady, kafka, |topics| {
        format!("{} of {} topics stand", topics.ready, topics.wanted)
    });
    if let Some(topics) = &kafka {
        report.topics = Some(TopicsStatus {
            ready: i64::try_from(topics.ready).unwrap_or(i64::MAX),
            wanted: i64::try_from(topics.wanted).unwrap_or(i64::MAX),
            summary: format!("{}/{}", topics.ready, topics.wanted),
        });
    }
    let (Some(postgres), Some(redis), Some(kafka)) = (postgres, redis, kafka) else {
        return false;
    };
    report.credentials = [postgres.epochs, redis.epochs, kafka.epochs]
        .into_iter()
        .flatten()
        .map(|(client, epoch)| CredentialStatus {
            client: client.to_owned(),
            epoch: i64::try_from(epoch).unwrap_or(i64::MAX),
        })
        .collect();
    let logins = report.credentials.len();
    report.done(
        ConditionType::CredentialsReady,
        format!("{logins} logins are proved"),
    );
    true
}

/// Names the Secret behind an address or login that does not work.
fn with_secret(error: StepError, secret: &str) -> StepError {
    match error.reason {
        Reason::BackendUnreachable | Reason::LoginRefused | Reason::BackendRefused => StepError {
            message: format!(
                "{}. Address, username and password come from Secret {secret}",
                error.message
            ),
            ..error
        },
        _ => error,
    }
}
