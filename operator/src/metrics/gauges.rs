//! Gauges that can be forgotten: of a Platform that is gone, and all of them with the reign in which they were told. What is
//! forgotten becomes `NaN`, which is left out of what a process serves: the recorder itself forgets nothing.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use metrics::{Gauge, Label, gauge};

/// What one reign tells. Whoever does not reign any more tells nothing: another process knows better by now.
#[derive(Default)]
pub struct Gauges(Mutex<BTreeMap<Series, Gauge>>);

/// The Platform and the client that a gauge is about, if it is about one, and its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Series {
    platform: Option<(String, String)>,
    client: Option<&'static str>,
    name: &'static str,
}

/// The gauges of one Platform.
pub(crate) struct OfPlatform<'a> {
    gauges: &'a Gauges,
    platform: (String, String),
}

impl Gauges {
    /// Tells a value that is about no Platform.
    pub(super) fn tell(&self, name: &'static str, value: f64) {
        self.set(
            Series {
                platform: None,
                client: None,
                name,
            },
            value,
        );
    }

    /// The gauges of the Platform `namespace`/`name`.
    pub(super) fn of(&self, namespace: &str, name: &str) -> OfPlatform<'_> {
        OfPlatform {
            gauges: self,
            platform: (namespace.to_owned(), name.to_owned()),
        }
    }

    /// Forgets the Platforms that are not there any more, by namespace and name.
    pub(crate) fn keep(&self, is_there: impl Fn(&(String, String)) -> bool) {
        self.series().retain(|series, gauge| {
            let stays = series.platform.as_ref().is_none_or(&is_there);
            if !stays {
                gauge.set(f64::NAN);
            }
            stays
        });
    }

    fn set(&self, series: Series, value: f64) {
        let mut all = self.series();
        let gauge = all.entry(series).or_insert_with_key(Series::register);
        gauge.set(value);
    }

    fn series(&self) -> MutexGuard<'_, BTreeMap<Series, Gauge>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Gauges {
    fn drop(&mut self) {
        for gauge in self.series().values() {
            gauge.set(f64::NAN);
        }
    }
}

impl Series {
    fn register(&self) -> Gauge {
        let mut labels = Vec::new();
        if let Some((namespace, platform)) = &self.platform {
            labels.push(Label::new("namespace", namespace.clone()));
            labels.push(Label::new("platform", platform.clone()));
        }
        labels.extend(self.client.map(|client| Label::new("client", client)));
        gauge!(self.name, labels)
    }
}

impl OfPlatform<'_> {
    /// Tells a value of this Platform, or of one of its clients.
    pub(super) fn tell(&self, name: &'static str, client: Option<&'static str>, value: f64) {
        let platform = Some(self.platform.clone());
        self.gauges.set(
            Series {
                platform,
                client,
                name,
            },
            value,
        );
    }
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    #[test]
    fn what_is_gone_is_forgotten_and_so_is_everything_after_the_reign() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let told = || {
            let page = recorder.handle().render();
            let mut lines: Vec<String> = page
                .lines()
                .filter(|line| !line.is_empty() && !line.starts_with('#') && !line.ends_with("NaN"))
                .map(str::to_owned)
                .collect();
            lines.sort();
            lines
        };
        let demo = "epoch{namespace=\"crewdeck\",platform=\"demo\"} 3";
        let login = "draining{namespace=\"crewdeck\",platform=\"other\",client=\"db-app\"} 1";
        metrics::with_local_recorder(&recorder, || {
            let gauges = Gauges::default();
            gauges.tell("watches", 7.0);
            gauges.of("crewdeck", "demo").tell("epoch", None, 2.0);
            gauges.of("crewdeck", "demo").tell("epoch", None, 3.0);
            let other = gauges.of("crewdeck", "other");
            other.tell("draining", Some("db-app"), 1.0);
            assert_eq!(told(), [login, demo, "watches 7"]);

            gauges.keep(|(_, name)| name == "demo");
            assert_eq!(told(), [demo, "watches 7"]);
            // One of that name is made again.
            other.tell("draining", Some("db-app"), 1.0);
            assert_eq!(told(), [login, demo, "watches 7"]);
        });
        assert_eq!(told(), [""; 0]);

        metrics::with_local_recorder(&recorder, || {
            let next_reign = Gauges::default();
            next_reign.of("crewdeck", "demo").tell("epoch", None, 4.0);
            assert_eq!(
                told(),
                ["epoch{namespace=\"crewdeck\",platform=\"demo\"} 4"]
            );
        });
    }
}
