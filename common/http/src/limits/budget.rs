//! What one process may still let through for one caller within one minute. Pure.
//!
//! All processes together have one limit. Each takes a part of it as a lease and spends that by itself, so that Redis is asked
//! once for many requests. Of what a process holds and does not spend, no other process knows: a caller of many processes may
//! meet the limit a little early, and never late.

/// Most leases of one caller in one minute. More would be more questions, fewer would leave more unspent.
const LEASES: u32 = 60;

/// What is left of a caller's limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Budget {
    /// Which minute.
    minute: i64,
    limit: u32,
    /// Leased, and not spent yet.
    held: u32,
    /// Leased by nobody, as far as this process knows.
    free: u32,
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spent {
    /// It may go on; so many are left, as far as this process knows.
    Within(u32),
    /// Nothing is left until the minute ends.
    Over,
    /// What this process holds is spent, and there may be more.
    Out,
}

impl Budget {
    /// The whole limit of a minute.
    pub(super) fn new(minute: i64, limit: u32) -> Self {
        Self {
            minute,
            limit,
            held: 0,
            free: limit,
        }
    }

    /// The minute that is spent from.
    pub(super) fn minute(&self) -> i64 {
        self.minute
    }

    /// Spends one request of `minute`; a later minute than the last begins anew. Who comes a moment late spends from the minute
    /// that has begun; only a clock that was put back takes the budget along.
    pub(super) fn spend(&mut self, minute: i64) -> Spent {
        if minute > self.minute || minute < self.minute - 1 {
            *self = Self::new(minute, self.limit);
        }
        if self.held == 0 {
            return if self.free == 0 {
                Spent::Over
            } else {
                Spent::Out
            };
        }
        self.held -= 1;
        Spent::Within(self.left())
    }

    /// Whether a lease of `minute` is of use.
    pub(super) fn is_out(&self, minute: i64) -> bool {
        self.minute == minute && self.held == 0 && self.free > 0
    }

    /// Gives back what was spent in `minute` and cost nothing; tells how many are left.
    pub(super) fn give_back(&mut self, minute: i64) -> u32 {
        if self.minute == minute && self.left() < self.limit {
            self.held += 1;
        }
        self.left()
    }

    /// Takes the lease that is number `nth` of all that were taken in `minute`, by whichever process; the first is number 1.
    pub(super) fn lease(&mut self, minute: i64, nth: u64) {
        if self.minute != minute {
            return;
        }
        let before = nth.saturating_sub(1).saturating_mul(u64::from(self.size()));
        let rest = u64::from(self.limit).saturating_sub(before);
        let rest = u32::try_from(rest).unwrap_or(self.limit);
        self.take(rest);
        // Of what was leased before this one, Redis knows; of what this process took alone, only this process.
        self.free = self.free.min(rest.saturating_sub(self.size()));
    }

    /// Takes a lease without knowing of the others', while there is nobody to ask. Whatever happens to Redis within a minute,
    /// one process never lets more through than the limit.
    pub(super) fn lease_alone(&mut self, minute: i64) {
        if self.minute == minute {
            self.take(self.free);
        }
    }

    /// Takes a lease from what is free, of which there are `rest`.
    fn take(&mut self, rest: u32) {
        let lease = self.size().min(rest).min(self.free);
        self.free -= lease;
        self.held += lease;
    }

    fn size(&self) -> u32 {
        self.limit.div_ceil(LEASES)
    }

    fn left(&self) -> u32 {
        self.held + self.free
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// Spends until nothing more may be had; every lease is `next`'s.
    fn drain(budget: &mut Budget, minute: i64, mut next: impl FnMut(&mut Budget)) -> u32 {
        let mut spent = 0;
        loop {
            match budget.spend(minute) {
                Spent::Within(_) => spent += 1,
                Spent::Out => next(budget),
                Spent::Over => return spent,
            }
        }
    }

    #[test]
    fn a_limit_is_given_out_to_the_last_in_sixty_leases_or_fewer() {
        for limit in [1, 2, 59, 60, 61, 119, 300, 1200, 1250, u32::MAX] {
            let mut budget = Budget::new(7, limit);
            let (mut nth, mut held) = (0, 0_u64);
            while budget.free > 0 {
                nth += 1;
                budget.lease(7, nth);
                held += u64::from(std::mem::take(&mut budget.held));
            }
            assert_eq!(held, u64::from(limit));
            assert!(nth <= u64::from(LEASES), "{limit}: {nth}");
        }
    }

    #[test]
    fn what_is_left_is_told_and_a_minute_begins_anew() {
        let mut budget = Budget::new(7, 120);
        assert_eq!(budget.spend(7), Spent::Out);
        budget.lease(7, 1);
        assert_eq!(budget.spend(7), Spent::Within(119));
        assert_eq!(budget.give_back(7), 120);
        assert_eq!(budget.give_back(7), 120, "more than the limit");
        // The others have taken all but the last lease.
        let mut late = Budget::new(7, 120);
        late.lease(7, 60);
        assert_eq!(late.spend(7), Spent::Within(1));
        assert_eq!(late.spend(7), Spent::Within(0));
        assert_eq!(late.spend(7), Spent::Over);
        late.lease(7, 61);
        assert_eq!(late.spend(7), Spent::Over);
        assert_eq!(late.spend(8), Spent::Out);
        // An answer of the minute before comes late.
        late.lease(7, 1);
        assert_eq!(late.give_back(7), 120);
        assert_eq!(late.spend(8), Spent::Out);
    }

    #[test]
    fn a_minute_that_is_over_does_not_come_again() {
        let mut budget = Budget::new(7, 1);
        budget.lease(7, 1);
        assert_eq!(budget.spend(7), Spent::Within(0));
        assert_eq!((budget.spend(6), budget.minute()), (Spent::Over, 7));
        // The clock was put back by an hour.
        assert!(!budget.is_out(7));
        assert_eq!((budget.spend(-53), budget.minute()), (Spent::Out, -53));
        assert!(budget.is_out(-53) && !budget.is_out(7));
    }

    #[test]
    fn without_anybody_to_ask_a_process_has_the_limit_to_itself() {
        let alone = drain(&mut Budget::new(7, 300), 7, |budget| budget.lease_alone(7));
        assert_eq!(alone, 300);
    }

    proptest! {
        #[test]
        fn processes_that_share_a_count_let_the_limit_through_together(
            limit in 1_u32..500,
            turns in vec(0_usize..3, 1..40),
        ) {
            let mut processes = [Budget::new(7, limit); 3];
            let mut open = vec![0, 1, 2];
            let (mut leases, mut passed) = (0, 0);
            for turn in turns.into_iter().cycle() {
                let Some(one) = open.get(turn % open.len().max(1)).copied() else {
                    break;
                };
                match processes[one].spend(7) {
                    Spent::Within(_) => passed += 1,
                    Spent::Over => open.retain(|other| *other != one),
                    Spent::Out => {
                        leases += 1;
                        processes[one].lease(7, leases);
                    }
                }
            }
            prop_assert_eq!(passed, limit);
        }

        #[test]
        fn one_process_keeps_to_the_limit_whatever_becomes_of_redis(
            limit in 1_u32..500,
            fates in vec(0_u8..4, 1..40),
        ) {
            let (mut leases, mut fates) = (0, fates.into_iter().cycle());
            let passed = drain(&mut Budget::new(7, limit), 7, |budget| match fates.next() {
                Some(0) => budget.lease_alone(7),
                // It has lost what it knew.
                Some(1) => {
                    leases = 1;
                    budget.lease(7, leases);
                }
                _ => {
                    leases += 1;
                    budget.lease(7, leases);
                }
            });
            prop_assert!(passed <= limit, "{} of {}", passed, limit);
        }
    }
}
