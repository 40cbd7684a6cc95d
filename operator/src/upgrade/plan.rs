//! What a new image would do to the databases, as it tells itself, and who has to agree. Pure.

use crds::{Approval, MigrationSpec, PlanStatus, PlannedMigration, Reason};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::hex::hex;
use crate::platform::{StepError, validate::ValidatedPlatform};

/// The line that `crewdeck migrate plan --json` prints.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Plan {
    /// What is missing, in the order in which it is applied.
    pub(super) pending: Vec<Pending>,
}

/// A migration that is not applied yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pending {
    database: String,
    name: String,
    phase: String,
    checksum: String,
}

impl Plan {
    /// The plan in the log of the image's Job.
    pub(super) fn parse(log: &str) -> Option<Self> {
        log.lines()
            .rev()
            .find_map(|line| serde_json::from_str(line).ok())
    }

    /// Whether there is something to do after the roll.
    pub(super) fn contracts(&self) -> bool {
        self.pending
            .iter()
            .any(|pending| pending.phase == "contract")
    }

    /// What stands for all of it, with the image that brings it: 16 hexadecimal digits.
    pub(super) fn hash(&self, image: &str) -> String {
        let mut hash = Sha256::new();
        let parts = self.pending.iter().flat_map(|pending| {
            [
                &pending.database,
                &pending.name,
                &pending.phase,
                &pending.checksum,
            ]
        });
        for part in std::iter::once(image).chain(parts.map(String::as_str)) {
            // Its length keeps two neighbours apart.
            hash.update(part.len().to_be_bytes());
            hash.update(part.as_bytes());
        }
        hex(&hash.finalize()[..8])
    }

    /// What a Job may apply, as `--planned` takes it.
    pub(super) fn names(&self) -> String {
        let names: Vec<String> = self
            .pending
            .iter()
            .map(|pending| format!("{}:{}", pending.name, pending.checksum))
            .collect();
        names.join(",")
    }

    /// The plan as the status shows it.
    pub(super) fn status(&self, p: &ValidatedPlatform, roles: Vec<String>) -> PlanStatus {
        PlanStatus {
            hash: self.hash(&p.image.reference),
            version: p.image.version.clone(),
            migrations: self
                .pending
                .iter()
                .map(|pending| PlannedMigration {
                    database: pending.database.clone(),
                    name: pending.name.clone(),
                    phase: pending.phase.clone(),
                })
                .collect(),
            roles,
        }
    }

    /// Lets the plan pass, or says who has to agree.
    ///
    /// # Errors
    /// `ApprovalPending` with what to write.
    pub(super) fn approve(&self, image: &str, spec: &MigrationSpec) -> Result<(), StepError> {
        let hash = self.hash(image);
        let approved = spec.approved_plan.as_deref();
        if spec.approval == Approval::Automatic
            || self.pending.is_empty()
            || approved == Some(hash.as_str())
        {
            return Ok(());
        }
        let other = approved.map_or_else(String::new, |approved| {
            format!(" (spec.migration.approvedPlan is {approved}, which is another plan)")
        });
        let names: Vec<&str> = self
            .pending
            .iter()
            .map(|pending| pending.name.as_str())
            .collect();
        Err(StepError::terminal(
            Reason::ApprovalPending,
            format!(
                "the upgrade migrates {} and waits for approval{other}; look at status.plan and set \
                 spec.migration.approvedPlan to {hash}",
                names.join(", ")
            ),
        ))
    }
}

#[cfg(test)]
pub(super) fn planned(names: &[(&str, &str)]) -> Plan {
    let pending = |(name, phase): &(&str, &str)| Pending {
        database: "application".to_owned(),
        name: (*name).to_owned(),
        phase: (*phase).to_owned(),
        checksum: "a1b2c3d4e5f6".to_owned(),
    };
    Plan {
        pending: names.iter().map(pending).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::told::is_told;

    const IMAGE: &str = "crewdeck.io/crewdeck:0.2.0";

    fn two() -> Plan {
        planned(&[
            ("0008_expand_index", "expand"),
            ("0009_contract_index", "contract"),
        ])
    }

    #[test]
    fn the_line_is_found_between_others() {
        let line = r#"{"version":"0.2.0","pending":[{"database":"application","name":"0008_expand_index","phase":"expand","checksum":"a1b2c3d4e5f6"}]}"#;
        let log = format!("{{\"level\":\"INFO\"}}\n{line}\nbye\n");
        assert_eq!(
            Plan::parse(&log),
            Some(planned(&[("0008_expand_index", "expand")]))
        );
        for log in ["", "{\"level\":\"INFO\"}", "{\"pending\":"] {
            assert_eq!(Plan::parse(log), None, "{log}");
        }
    }

    #[test]
    fn an_approval_is_for_one_plan_of_one_image() {
        let manual = |approved: Option<String>| MigrationSpec {
            approval: Approval::Manual,
            approved_plan: approved,
            ..MigrationSpec::default()
        };
        let hash = two().hash(IMAGE);
        assert_eq!(hash.len(), 16);
        two()
            .approve(IMAGE, &MigrationSpec::default())
            .expect("automatic");
        two()
            .approve(IMAGE, &manual(Some(hash.clone())))
            .expect("approved");
        planned(&[])
            .approve(IMAGE, &manual(None))
            .expect("nothing to approve");

        let error = two().approve(IMAGE, &manual(None)).expect_err("not yet");
        is_told(Reason::ApprovalPending, error.reason.as_str());
        assert!(error.message.contains(&hash), "{error}");
        let others = [
            (two(), "crewdeck.io/crewdeck:0.2.1"),
            (planned(&[("0008_expand_index", "expand")]), IMAGE),
        ];
        for (plan, image) in others {
            let error = plan
                .approve(image, &manual(Some(hash.clone())))
                .expect_err("for another plan");
            assert!(error.message.contains("which is another plan"), "{error}");
        }
    }

    #[test]
    fn only_a_contract_is_left_for_later() {
        assert!(two().contracts());
        assert!(!planned(&[("0008_expand_index", "expand")]).contracts());
        assert_eq!(
            two().names(),
            "0008_expand_index:a1b2c3d4e5f6,0009_contract_index:a1b2c3d4e5f6"
        );
    }
}
