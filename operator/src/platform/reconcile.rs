//! One pass over one Platform, and the status that is written whatever came of it.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use crds::{ConditionType, Platform, Reason, TopicsStatus};
use futures::FutureExt as _;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, ResourceExt as _, core::error_boundary::InvalidObject};
use tokio::time::timeout;

use super::{
    Class, Context, StepError,
    apply::{kafka, ledger::Ledger, postgres, redis},
    dereference::dereference,
    exposure::expose,
    finalizer,
    monitoring::monitor,
    network::shut_in,
    states::States,
    status::{Report, publish, replace, write},
    suspended,
    validate::{ValidatedPlatform, validate},
};
use crate::{
    backoff::{RESYNC, pause},
    credentials::Belief,
    keys::ensure_web_secret,
    metrics,
    upgrade::{look_after, upgrade},
};

/// How long one pass may take. Each connection and each act has a limit of its own; this one is for all of them together, so
/// that no Platform keeps its slot for ever.
const LONGEST: Duration = Duration::from_mins(2);
/// Between two passes at least, however near a date is.
const SOONEST: Duration = Duration::from_secs(1);

/// Brings a Platform nearer to its spec and tells how it stands. Returns when to look again.
///
/// # Errors
/// Only when the status could not be written; everything else is told in it.
#[tracing::instrument(skip_all, fields(namespace = platform.namespace(), name = platform.name_any()))]
pub async fn reconcile(platform: &Platform, cx: &Context) -> Result<Option<Duration>, StepError> {
    let (began, mut report) = (Instant::now(), Report::default());
    let next = work_and_tell(platform, cx, &mut report).await;
    let (of, took) = (metrics::Controller::Platform, began.elapsed());
    metrics::reconciled(of, &next, report.blocker(), took);
    next
}

async fn work_and_tell(
    platform: &Platform,
    cx: &Context,
    report: &mut Report,
) -> Result<Option<Duration>, StepError> {
    if platform.metadata.deletion_timestamp.is_some() {
        match timeout(LONGEST, finalizer::release(cx, platform).boxed()).await {
            Ok(Ok(())) => return Ok(None),
            Ok(Err(error)) => report.failed(ConditionType::Ready, &error),
            Err(_) => report.failed(ConditionType::Ready, &cut_off()),
        }
    } else if platform.spec.suspend {
        let message = "spec.suspend is set; nothing is changed until it is taken out";
        report.suspended = Some(StepError::waiting(Reason::Suspended, message));
        if let Some(p) = read(cx, platform, report).await {
            suspended::look(cx, &p, report).await;
        }
    // On the heap: it holds what every step does.
    } else if timeout(LONGEST, pass(cx, platform, report).boxed())
        .await
        .is_err()
    {
        report.failed(ConditionType::Ready, &cut_off());
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
    let blocker = report.blocker().filter(|_| report.suspended.is_none());
    let pause = blocker.map(|blocker| {
        tracing::info!(reason = %blocker.reason, message = blocker.message, "waiting");
        pause(
            blocker.class,
            u32::try_from(attempts)
                .unwrap_or(u32::MAX)
                .saturating_add(1),
            cx.ids.as_ref(),
        )
    });
    let now = cx.clock.now();
    // What has a date of its own is not kept waiting by a longer pause, but for that of a server that fails.
    let fails = report
        .blocker()
        .is_some_and(|blocker| blocker.class == Class::Transient);
    let look = report
        .look
        .filter(|_| !fails)
        .map(|at| (at - now).to_std().unwrap_or_default().max(SOONEST));
    let regular = pause.unwrap_or(RESYNC);
    let next = look.map_or(regular, |look| look.min(regular));
    if let Some(written) = write(cx, platform, report, Some(now + next)).await? {
        publish(cx, platform, &written.before, &written.after).await;
    }
    Ok(Some(next))
}

/// A pass that took too long for others to wait any more. What it found until then is told all the same.
fn cut_off() -> StepError {
    StepError::transient(
        Reason::BackendUnreachable,
        format!(
            "a pass did not end within {} s and was cut off: a server or the API server answers too slowly",
            LONGEST.as_secs()
        ),
    )
}

/// Tells of a Platform that cannot be read, in its own status. What was unreadable may have been that status: it is
/// computed anew, so that the next pass can read it. Returns when to look again.
///
/// # Errors
/// When the status could not be written.
pub async fn unreadable(damage: &InvalidObject, cx: &Context) -> Result<Duration, StepError> {
    let mut report = Report::default();
    let error = StepError::terminal(
        Reason::InvalidSpec,
        format!(
            "this operator cannot read the resource: {}; correct it, or run an operator of the definition's version",
            damage.error
        ),
    );
    tracing::error!(name = damage.metadata.name, namespace = damage.metadata.namespace, %error, "unreadable");
    report.failed(ConditionType::SpecValid, &error);
    replace(cx, &damage.metadata, report).await?;
    Ok(RESYNC)
}

/// The steps in their order. What does not depend on a step that failed is done all the same.
async fn pass(cx: &Context, platform: &Platform, report: &mut Report) {
    let Some(p) = prepare(cx, platform, report).await else {
        return;
    };

    let states = States::new(cx, p.identity());
    match servers(cx, platform, &p, &states, report).await {
        Some(stand) => go_on(cx, platform, &p, &stand, report).await,
        // Pods go on without a server, as far as they can: they are looked after.
        None if look_after(cx, &p, report).boxed().await => {}
        None => return,
    }
    // Whatever became of the roles: the way in leads to the pods that are there.
    let exposed = expose(cx, &p).await;
    report.note(ConditionType::ExposureReady, exposed, Clone::clone);
    if let Err(error) = monitor(cx, &p).await
        && report.blocker().is_none()
    {
        report.slow(ConditionType::RolesReady, &error);
    }
    // Last: all else goes on with the topics as they are.
    if let Some(error) = report.unlike_topics.take() {
        report.failed(ConditionType::EventsReady, &error);
    }
}

/// What comes when all servers stand.
async fn go_on(
    cx: &Context,
    platform: &Platform,
    p: &ValidatedPlatform,
    stand: &Stand,
    report: &mut Report,
) {
    if let Err(error) = shut_in(cx, p, &stand.brokers).await {
        return report.failed(ConditionType::RolesReady, &error);
    }
    let begun = async {
        ensure_web_secret(cx, p).await?;
        await_keys(cx, platform, p).await
    };
    match begun.await {
        Ok(()) => upgrade(cx, p, stand.empty.as_ref(), report).boxed().await,
        Err(error) => report.failed(ConditionType::RolesReady, &error),
    }
}

/// Stages one and two, and the finalizer: from here on something external may exist.
async fn prepare(
    cx: &Context,
    platform: &Platform,
    report: &mut Report,
) -> Option<ValidatedPlatform> {
    let p = read(cx, platform, report).await?;
    if let Err(error) = finalizer::hold(cx, platform).await {
        report.failed(ConditionType::SpecValid, &error);
        return None;
    }
    Some(p)
}

/// Stages one and two: the Platform together with its servers.
async fn read(cx: &Context, platform: &Platform, report: &mut Report) -> Option<ValidatedPlatform> {
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
        &cx.config,
        servers.postgres,
        servers.redis,
        servers.kafka,
    );
    report.note(ConditionType::SpecValid, validated, |_| {
        "the spec can be used".to_owned()
    })
}

/// Waits with the first pods until the keys that they mount are there; their controller makes them. Later it is no matter
/// of the roll-out: pods go on with the keys that they have.
async fn await_keys(
    cx: &Context,
    platform: &Platform,
    p: &ValidatedPlatform,
) -> Result<(), StepError> {
    let roles = platform.status.as_ref().map(|status| &status.roles);
    if roles.is_some_and(|roles| !roles.is_empty()) {
        return Ok(());
    }
    let maps: Api<ConfigMap> = Api::namespaced(cx.client.clone(), &p.namespace);
    let name = format!("{}-jwks", p.name);
    let found = maps.get_metadata_opt(&name).await;
    let what = format!("ConfigMap {}/{name}", p.namespace);
    match found.map_err(|error| StepError::of_kube(&what, &error))? {
        Some(_) => Ok(()),
        // Their ConfigMap is watched.
        None => Err(StepError::told(
            Reason::NotReached,
            "the first signing keys are being made",
        )),
    }
}

/// What the later steps want to know of the servers.
struct Stand {
    /// The addresses of Kafka's brokers.
    brokers: Vec<String>,
    /// Databases without a table, if anybody looked.
    empty: Option<BTreeSet<String>>,
}

/// The three servers side by side. Gives what was found when all of them stand.
async fn servers(
    cx: &Context,
    platform: &Platform,
    p: &ValidatedPlatform,
    states: &States<'_>,
    report: &mut Report,
) -> Option<Stand> {
    let ledger = match Ledger::read(cx, p).await {
        Ok(ledger) => ledger,
        Err(error) => {
            use ConditionType::{DatabaseReady, EventsReady, RedisReady};
            for condition in [DatabaseReady, RedisReady, EventsReady] {
                report.failed(condition, &error);
            }
            return None;
        }
    };
    let belief = Belief::of(serves(platform));
    let (postgres, redis, kafka) = tokio::join!(
        postgres::ensure(cx, p, &ledger, states, belief),
        redis::ensure(cx, p, &ledger, states, belief),
        kafka::ensure(cx, p, &ledger, states, belief)
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
    let lagging = postgres.as_ref().and_then(|found| found.lagging.as_ref());
    report.warn(
        ConditionType::DatabaseReady,
        Reason::ReplicaLagging,
        lagging,
    );
    let warning = redis.as_ref().and_then(|found| found.warning.as_ref());
    report.warn(ConditionType::RedisReady, Reason::InsecureServer, warning);
    let warning = kafka.as_ref().and_then(|found| found.warning.as_ref());
    report.warn(ConditionType::EventsReady, Reason::InsecureServer, warning);
    if let Some(topics) = &kafka {
        let number = |count| i64::try_from(count).unwrap_or(i64::MAX);
        report.topics = Some(TopicsStatus {
            ready: number(topics.ready),
            wanted: number(topics.wanted),
            summary: format!("{}/{}", topics.ready, topics.wanted),
            under_replicated: number(topics.under_replicated),
        });
        if let Some(told) = kafka::told_unlike(&topics.unlike) {
            report.pending(
                ConditionType::EventsReady,
                told.reason,
                told.message.clone(),
            );
            report.unlike_topics = Some(told);
        }
    }
    let (Some(postgres), Some(redis), Some(kafka)) = (postgres, redis, kafka) else {
        return None;
    };
    let logins = [
        (postgres.logins, p.database_credentials),
        (redis.logins, p.redis_credentials),
        (kafka.logins, p.events_credentials),
    ];
    for (logins, schedule) in logins {
        for (client, settled) in logins {
            metrics::login(&cx.gauges, p, client, &settled);
            report.login(client, &settled, &schedule, cx.clock.now());
        }
    }
    let logins = report.credentials.len();
    report.done(
        ConditionType::CredentialsReady,
        format!("{logins} logins are proved"),
    );
    if let Some(trouble) = report.slow_login.take() {
        report.slow(ConditionType::CredentialsReady, &trouble);
    }
    Some(Stand {
        brokers: kafka.brokers,
        empty: postgres.empty,
    })
}

/// Whether all roles served at the last look, with the databases that they want.
fn serves(platform: &Platform) -> bool {
    let told = |condition: ConditionType| {
        let conditions = platform.status.iter().flat_map(|status| &status.conditions);
        let mut of_type = conditions.filter(|told| told.type_ == condition.as_str());
        of_type.any(|told| told.status == "True")
    };
    told(ConditionType::RolesReady) && told(ConditionType::Migrated)
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

#[cfg(test)]
mod tests {
    use kube::core::DeserializeGuard;
    use serde_json::json;

    use super::*;
    use crate::{testing::Api, told::is_told};

    #[tokio::test]
    async fn a_resource_that_cannot_be_read_is_told_so_and_its_status_made_anew() {
        let path = "/apis/crewdeck.io/v1beta1/namespaces/crewdeck/platforms/demo";
        let server = Api::default();
        let object = json!({
            "apiVersion": "crewdeck.io/v1beta1", "kind": "Platform",
            "metadata": {"name": "demo", "namespace": "crewdeck", "generation": 3},
            "spec": {"later": true}, "status": {"roles": [{"wrong": 1}]},
        });
        server.insert(path, object.clone());
        let guarded: DeserializeGuard<Platform> = serde_json::from_value(object).expect("guarded");
        let damage = guarded.0.expect_err("it cannot be read");
        let next = unreadable(&damage, &server.context()).await.expect("told");
        assert_eq!(next, RESYNC);
        let status = &server.object(path).expect("there")["status"];
        let conditions = status["conditions"].as_array().expect("conditions");
        let told = conditions.iter().find(|told| told["type"] == "SpecValid");
        let told = told.expect("SpecValid");
        assert_eq!(told["status"], "False");
        is_told(
            Reason::InvalidSpec,
            told["reason"].as_str().expect("a reason"),
        );
        assert!(
            told["message"].as_str().expect("words").contains("later"),
            "{told}"
        );
        assert_eq!(
            (&status["observedGeneration"], &status["roles"]),
            (&json!(3), &json!([]))
        );
    }

    /// Each pass is another process, as after a restart: what it knows of the tries before is what the status tells.
    #[tokio::test]
    async fn pauses_grow_on_over_restarts_and_the_next_try_is_told() {
        let path = "/apis/crewdeck.io/v1beta1/namespaces/crewdeck/platforms/demo";
        let server = Api::default();
        // None of the Secrets that it names exists.
        let platform = crate::platform::validate::sample::platform();
        server.insert(path, serde_json::to_value(platform).expect("JSON"));
        let mut pauses = Vec::new();
        for tries in 1..=6 {
            let cx = server.context();
            let object = server.object(path).expect("there");
            let platform: Platform = serde_json::from_value(object).expect("a Platform");
            let began = cx.clock.now();
            let next = reconcile(&platform, &cx).await.expect("told");
            pauses.push(next.expect("it is tried again"));
            let told = server.object(path).expect("there")["status"]["waitingOn"].clone();
            assert_eq!(told["attempts"], tries);
            is_told(
                Reason::SecretNotFound,
                told["reason"].as_str().expect("a reason"),
            );
            assert_eq!(told["documentation"], "docs/reasons/SecretNotFound.md");
            let at: jiff::Timestamp =
                serde_json::from_value(told["nextActionTime"].clone()).expect("a time");
            let promised = at.as_second() - began.timestamp();
            let pause = i64::try_from(pauses[tries - 1].as_secs()).expect("short");
            assert!(
                (pause..=pause + 2).contains(&promised),
                "{promised} s told, {pause} s meant"
            );
        }
        assert!(
            pauses.windows(2).all(|pair| pair[0] < pair[1]),
            "{pauses:?}"
        );
        assert!(pauses[5] > Duration::from_secs(7), "{pauses:?}");
        let told = server
            .paths()
            .into_iter()
            .filter_map(|path| server.object(&path));
        let told: Vec<String> = told
            .filter(|object| object["type"] == "Warning")
            .filter_map(|event| event["note"].as_str().map(str::to_owned))
            .collect();
        let page = "(see docs/reasons/SecretNotFound.md)";
        assert!(
            !told.is_empty() && told.iter().all(|note| note.ends_with(page)),
            "{told:?}"
        );
    }
}
