//! Names and texts without what differs from one run to the next, so that two runs can be compared.

use operator::{
    acts::{Act, System},
    platform::validate::ExternalNames,
};

/// The names of one run.
#[derive(Debug, Clone)]
pub(super) struct Mask {
    namespace: String,
    prefix: String,
    sql: String,
}

/// From this length on a word of hexadecimal digits is an identity, a hash or a time.
const DIGITS: usize = 8;

impl Mask {
    /// Of the platform `name` in `namespace` of `cluster`.
    pub(super) fn of(cluster: &str, namespace: &str, name: &str) -> Self {
        let names = ExternalNames::of(cluster, namespace, name);
        Self {
            namespace: namespace.to_owned(),
            prefix: names.prefix().to_owned(),
            sql: names.sql(),
        }
    }

    /// What all names on the servers begin with.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// A text without the run's names, identities and times.
    pub(super) fn text(&self, text: &str) -> String {
        let text = text
            .replace(&self.sql, "<sql>")
            .replace(&self.prefix, "<prefix>")
            .replace(&self.namespace, "<namespace>");
        let mut masked = String::new();
        for part in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
            let word = part.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
            let digits = word.len() >= DIGITS && word.bytes().all(|byte| byte.is_ascii_hexdigit());
            masked.push_str(if digits { "<id>" } else { word });
            masked.push_str(&part[word.len()..]);
        }
        masked
    }

    /// An object of Kubernetes as `kind/name`. Names that Kubernetes draws lose what is drawn.
    pub(super) fn object(&self, object: &str) -> String {
        let mut parts: Vec<&str> = object.split('/').collect();
        let drawn = match parts.as_slice() {
            ["events", ..] => {
                parts.truncate(1);
                0
            }
            ["pods", ..] => 2,
            ["replicasets", ..] => 1,
            _ => 0,
        };
        let mut parts: Vec<String> = parts.into_iter().map(str::to_owned).collect();
        if let Some(name) = parts.get_mut(1) {
            let words: Vec<&str> = name.split('-').collect();
            *name = words[..words.len().saturating_sub(drawn)].join("-");
        }
        self.text(&parts.join("/"))
    }

    /// An act.
    pub(super) fn act(&self, act: &Act) -> String {
        let object = match act.system {
            System::Kubernetes => self.object(&act.object),
            _ => self.text(&act.object),
        };
        format!("{} {} {object}", act.system.as_str(), act.verb)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_between_two_runs_is_masked_and_nothing_else() {
        let masked = |namespace: &str, id: &str| {
            let mask = Mask::of("local", namespace, "p");
            let (prefix, sql) = (mask.prefix.clone(), mask.sql.clone());
            [
                mask.object(&format!("jobs/p-plan-{id}-1")),
                mask.object(&format!("pods/p-analytics-worker-{id}-abcde")),
                mask.text(&format!("role {sql}_app_b of topic {prefix}.task-events")),
                mask.text(&format!("http://web.{namespace}.svc {id}")),
            ]
        };
        let first = masked("e2e-crash-a1b2c3", "0a1b2c3d");
        assert_eq!(first, masked("e2e-crash-zzzzzz", "99999999"));
        assert_eq!(
            first,
            [
                "jobs/p-plan-<id>-1",
                "pods/p-analytics-worker",
                "role <sql>_app_b of topic <prefix>.task-events",
                "http://web.<namespace>.svc <id>",
            ]
        );
    }
}
