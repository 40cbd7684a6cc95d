//! A Platform that is paused: it is looked at, and nothing is changed. What is otherwise than wanted is told.

use crds::{ConditionType, Reason};

use super::{
    Context, StepError,
    apply::{kube::drift, postgres},
    build,
    rollout::is_rolled_out,
    status::Report,
    validate::{RoleSpec, ValidatedPlatform},
};
use crate::upgrade::looked_after;

/// Objects that are named; the others are counted.
const NAMED: usize = 5;

/// Looks at the objects of the roles. Servers, keys and the migration are not looked at: a look there is a part of the
/// work there. Databases are restored in a pause, so that what is inside is seen anew after it.
pub(super) async fn look(cx: &Context, p: &ValidatedPlatform, report: &mut Report) {
    postgres::look_again(cx, p);
    let outcome = match looked_after(cx, p).await {
        Ok(p) => look_at_roles(cx, &p).await,
        Err(error) => Err(error),
    };
    report.note(ConditionType::RolesReady, outcome, |()| {
        "every role stands as wanted".to_owned()
    });
}

async fn look_at_roles(cx: &Context, p: &ValidatedPlatform) -> Result<(), StepError> {
    let mut differs = Vec::new();
    let mut pending = Vec::new();
    for spec in p.roles.iter().filter(|spec| !spec.is_off()) {
        if !look_at_role(cx, p, spec, &mut differs).await? {
            pending.push(spec.role.as_str());
        }
    }
    if !differs.is_empty() {
        return Err(StepError::waiting(Reason::Drifted, words(&differs)));
    }
    if !pending.is_empty() {
        return Err(StepError::waiting(
            Reason::RolloutPending,
            format!("not every pod is ready of: {}", pending.join(", ")),
        ));
    }
    Ok(())
}

/// Adds what is otherwise than wanted. Tells whether the pods run as the Deployment has them.
async fn look_at_role(
    cx: &Context,
    p: &ValidatedPlatform,
    spec: &RoleSpec,
    differs: &mut Vec<String>,
) -> Result<bool, StepError> {
    let objects = build::role(p, spec);
    differs.extend(drift(cx, &objects.service_account).await?.1);
    differs.extend(drift(cx, &objects.config_map).await?.1);
    let (deployment, words) = drift(cx, &objects.deployment).await?;
    differs.extend(words);
    if let Some(service) = &objects.service {
        differs.extend(drift(cx, service).await?.1);
    }
    if let Some(budget) = &objects.disruption_budget {
        differs.extend(drift(cx, budget).await?.1);
    }
    Ok(deployment.is_none_or(|deployment| is_rolled_out(&deployment, spec.scale)))
}

fn words(differs: &[String]) -> String {
    let named = differs.len().min(NAMED);
    let more = match differs.len() - named {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(
        "{}{more}; left so until spec.suspend is taken out",
        differs[..named].join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        credentials::Belief,
        platform::{apply::kube::ensure, validate::sample::sample},
        testing::Api as Server,
        told::is_told,
    };

    #[tokio::test]
    async fn databases_may_have_been_restored_in_a_pause() {
        let (cx, p) = (Server::default().context(), sample());
        let (database, now, ids) = (p.external.database(), cx.clock.now(), cx.ids.as_ref());
        cx.proofs.proved(&database, 1, now, ids);
        let believed = || cx.proofs.holds(&database, 1, Belief::of(true), now, ids);
        assert!(believed());
        look(&cx, &p, &mut Report::default()).await;
        assert!(!believed());
    }

    #[tokio::test]
    async fn drift_is_told_and_left() {
        let server = Server::default();
        let (cx, p) = (server.context(), sample());
        for spec in &p.roles {
            let objects = build::role(&p, spec);
            ensure(&cx, &objects.service_account).await.unwrap();
            ensure(&cx, &objects.config_map).await.unwrap();
            ensure(&cx, &objects.deployment).await.unwrap();
            if let Some(service) = &objects.service {
                ensure(&cx, service).await.unwrap();
            }
        }
        let writes = server.writes();
        let error = look_at_roles(&cx, &p).await.unwrap_err();
        assert_eq!(error.reason, Reason::RolloutPending, "{error}");

        server.put("/api/v1/namespaces/crewdeck/services/demo-web", |service| {
            service["spec"]["ports"][0]["port"] = 81.into();
        });
        let mut without = p.clone();
        without.public_url = "https://other.example.org".to_owned();
        let error = look_at_roles(&cx, &p).await.unwrap_err();
        is_told(Reason::Drifted, error.reason.as_str());
        assert_eq!(
            error.message,
            "Service crewdeck/demo-web differs; left so until spec.suspend is taken out"
        );
        let error = look_at_roles(&cx, &without).await.unwrap_err();
        assert!(error.message.contains(" and "), "{error}");
        assert_eq!(server.writes(), writes, "nothing is changed");
    }
}
