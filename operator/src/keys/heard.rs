//! What the pods of one Platform have said over several looks: who has missed a change of the key set, and not only an
//! answer. Pure; what is forgotten with the process is heard again within a few looks.

use std::collections::BTreeMap;

use super::Acks;

/// Looks in a row that a pod may be behind before that is told: one answer that was lost is no news.
const GRACE: u32 = 3;

/// What was heard.
#[derive(Debug, Clone, Default)]
pub struct Heard {
    /// The generation of the key set that is asked for.
    epoch: u64,
    /// How many looks in a row each pod was behind.
    behind: BTreeMap<String, u32>,
    /// The last generation that every pod has told.
    by_all: u64,
}

impl Heard {
    /// Notes what the pods said of this generation.
    pub fn note(&mut self, acks: &Acks, epoch: u64) {
        if epoch != self.epoch {
            self.epoch = epoch;
            self.behind.clear();
        }
        let before = std::mem::take(&mut self.behind);
        for pod in acks.not_at(epoch) {
            let looks = before.get(pod).copied().unwrap_or_default();
            self.behind.insert(pod.to_owned(), looks.saturating_add(1));
        }
        if self.behind.is_empty() {
            self.by_all = epoch;
        }
    }

    /// Whether every pod has told this generation, or a later one.
    #[must_use]
    pub fn by_all(&self, epoch: u64) -> bool {
        self.by_all >= epoch
    }

    /// The pods that stay behind.
    #[must_use]
    pub fn behind(&self) -> Vec<String> {
        let stay = self.behind.iter().filter(|(_, looks)| **looks >= GRACE);
        stay.map(|(pod, _)| pod.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::PodKeys;

    fn acks(pods: &[(&str, Option<u64>)]) -> Acks {
        let pod = |(name, epoch): &(&str, Option<u64>)| PodKeys {
            name: (*name).to_owned(),
            ready: true,
            signs: true,
            epoch: *epoch,
            kid: None,
        };
        Acks(pods.iter().map(pod).collect())
    }

    #[test]
    fn a_pod_is_named_when_it_stays_behind_and_not_for_one_lost_answer() {
        let mut heard = Heard::default();
        heard.note(&acks(&[("web-1", Some(7)), ("web-2", Some(6))]), 7);
        assert!(heard.behind().is_empty() && !heard.by_all(7));
        // The one follows, the other one's answer is lost, once.
        heard.note(&acks(&[("web-1", None), ("web-2", Some(7))]), 7);
        heard.note(&acks(&[("web-1", Some(7)), ("web-2", Some(7))]), 7);
        assert!(heard.behind().is_empty() && heard.by_all(7));

        for looks in 1..=4 {
            heard.note(&acks(&[("web-1", Some(8)), ("web-2", Some(7))]), 8);
            let expected: &[&str] = if looks < 3 { &[] } else { &["web-2"] };
            assert_eq!(heard.behind(), expected, "after {looks} looks");
            assert!(heard.by_all(7) && !heard.by_all(8));
        }
        // Its pod was deleted.
        heard.note(&acks(&[("web-1", Some(8))]), 8);
        assert!(heard.behind().is_empty() && heard.by_all(8));
        // A later generation begins anew.
        heard.note(&acks(&[("web-1", Some(8))]), 9);
        assert!(heard.behind().is_empty() && !heard.by_all(9));
    }
}
