//! Failures that this process counts while Redis is away.
//!
//! In cells of a fixed number that several names may share. So none is forgotten before its window ends, whoever floods it: with
//! too many names the limits become stricter, never more open.

use std::sync::atomic::{AtomicU64, Ordering};

use common_clock::SharedIds;
use sha2::{Digest as _, Sha256};

/// Cells of each kind of window: half a MiB.
const CELLS: usize = 1 << 16;

/// Counts of one kind of window.
pub(super) struct Cells {
    /// So that nobody can choose a name that shares the cell of another.
    key: [u8; 16],
    /// In the upper half the number of the window, in the lower half the count.
    cells: Vec<AtomicU64>,
}

impl Cells {
    pub(super) fn new(ids: &SharedIds) -> Self {
        let mut key = [0; 16];
        ids.fill(&mut key);
        Self {
            key,
            cells: (0..CELLS).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Counts one more of `name` and gives the sum within window `number`.
    pub(super) fn add(&self, name: &str, number: u32) -> u64 {
        let more = |cell| {
            let (window, count) = halves(cell);
            let count = if window == number { count } else { 0 };
            Some(joined(number, count.saturating_add(1)))
        };
        let cell = self.cell(name);
        let before = cell.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        let (window, count) = halves(before.unwrap_or_default());
        let count = if window == number { count } else { 0 };
        u64::from(count) + 1
    }

    /// Takes one back that [`Cells::add`] counted, unless its window is over.
    pub(super) fn take_back(&self, name: &str, number: u32) {
        let less = |cell| {
            let (window, count) = halves(cell);
            (window == number).then(|| joined(number, count.saturating_sub(1)))
        };
        let _ = self
            .cell(name)
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    fn cell(&self, name: &str) -> &AtomicU64 {
        let digest = Sha256::new().chain_update(self.key).chain_update(name);
        let digest = digest.finalize();
        &self.cells[usize::from(u16::from_le_bytes([digest[0], digest[1]]))]
    }
}

fn halves(cell: u64) -> (u32, u32) {
    let half = |bits| u32::try_from(bits).unwrap_or(u32::MAX);
    (half(cell >> u32::BITS), half(cell & u64::from(u32::MAX)))
}

fn joined(window: u32, count: u32) -> u64 {
    u64::from(window) << u32::BITS | u64::from(count)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use common_clock::SeededIds;

    use super::*;

    fn cells() -> Cells {
        let ids: SharedIds = Arc::new(SeededIds::new(1));
        Cells::new(&ids)
    }

    #[test]
    fn a_window_counts_for_itself() {
        let cells = cells();
        assert_eq!([1, 2, 3].map(|_| cells.add("ada", 7)), [1, 2, 3]);
        cells.take_back("ada", 7);
        assert_eq!(cells.add("ada", 7), 3);
        assert_eq!(cells.add("ada", 8), 1);
        cells.take_back("ada", 7);
        assert_eq!(cells.add("ada", 8), 2);
    }

    #[test]
    fn a_flood_of_names_makes_nobody_forgotten() {
        let cells = cells();
        for _ in 0..9 {
            cells.add("ada", 7);
        }
        for other in 0..200_000 {
            cells.add(&other.to_string(), 7);
        }
        assert!(cells.add("ada", 7) >= 10);
    }
}
