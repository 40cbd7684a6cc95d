//! The figures of all sides, and how they are written.

use std::fmt::Write as _;

use super::sides::Who;
use crate::bench::aim::short;

/// A figure of each side that has it.
struct Row {
    subject: &'static str,
    measure: &'static str,
    of: [Option<f64>; Who::ALL.len()],
}

/// All figures, in the order in which they were found.
#[derive(Default)]
pub(super) struct Table(Vec<Row>);

impl Table {
    /// Adds a figure.
    pub(super) fn put(
        &mut self,
        subject: &'static str,
        measure: &'static str,
        who: Who,
        figure: f64,
    ) {
        let at = self.find(subject, measure).unwrap_or_else(|| {
            let of = [None; Who::ALL.len()];
            self.0.push(Row {
                subject,
                measure,
                of,
            });
            self.0.len() - 1
        });
        self.0[at].of[who as usize] = Some(figure);
    }

    /// A figure, if it was found.
    pub(super) fn get(&self, subject: &str, measure: &str, who: Who) -> Option<f64> {
        let at = self.find(subject, measure)?;
        self.0[at].of[who as usize]
    }

    fn find(&self, subject: &str, measure: &str) -> Option<usize> {
        let mut rows = self.0.iter();
        rows.position(|row| row.subject == subject && row.measure == measure)
    }

    /// A line for each figure; what a line is about stands only where it changes.
    pub(super) fn text(&self) -> String {
        let mut text = format!("{:<24} {:<17}", "", "");
        for who in Who::ALL {
            let _ = write!(text, " {:>10}", who.name());
        }
        let mut before = "";
        for row in &self.0 {
            let subject = if row.subject == before {
                ""
            } else {
                row.subject
            };
            before = row.subject;
            let _ = write!(text, "\n{subject:<24} {:<17}", row.measure);
            for figure in row.of {
                let figure = figure.map_or_else(|| "–".to_owned(), short);
                let _ = write!(text, " {figure:>10}");
            }
        }
        text.push('\n');
        text
    }
}

/// The middle one of some figures.
pub(super) fn median(figures: impl IntoIterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.into_iter().collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_stands_in_the_column_of_its_side() {
        let mut table = Table::default();
        table.put("list of 20", "requests/s", Who::Drf, 400.0);
        table.put("list of 20", "requests/s", Who::Crewdeck, 12_000.0);
        table.put("list of 20", "p50 ms", Who::Crewdeck, 1.25);
        let text = table.text();
        let lines: Vec<Vec<&str>> = text
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect();
        assert_eq!(lines[1][3..], ["requests/s", "12000", "–", "–", "–", "400"]);
        assert_eq!(lines[2], ["p50", "ms", "1.2", "–", "–", "–", "–"]);
        let found = table.get("list of 20", "p50 ms", Who::Crewdeck);
        assert_eq!(found, Some(1.25));
        assert_eq!(table.get("list of 20", "p50 ms", Who::Go), None);
    }

    #[test]
    fn a_median_is_the_middle_one() {
        assert!((median([3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
    }
}
