//! The loop's half that tells the service manager that it turns, and what comes next.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::engine::Engine;

/// What the service manager was told last.
#[derive(Debug, Default)]
pub(super) struct Supervised {
    alive_at: Option<DateTime<Utc>>,
    status: String,
}

impl Engine {
    /// Tells what is new since the last turn of the loop, and that there was one.
    pub(super) fn report(&mut self) {
        let now = self.world.ports.clock.now();
        // After the clock was set back it is told at once: by that clock the last time is still to come.
        if self.beat().is_some()
            && self.beat_due().is_none_or(|due| due <= now || self.beat_is_of_the_future(now))
        {
            self.world.supervisor.alive();
            self.supervised.alive_at = Some(now);
        }
        let status = self.what_comes_next(now);
        if status != self.supervised.status {
            self.world.supervisor.status(&status);
            self.supervised.status = status;
        }
    }

    /// When the loop has to turn so that the service manager does not take it for dead.
    pub(super) fn beat_due(&self) -> Option<DateTime<Utc>> {
        Some(self.supervised.alive_at? + self.beat()?)
    }

    /// How often it is told: twice in the time that it waits, so that one turn may be late.
    fn beat(&self) -> Option<TimeDelta> {
        TimeDelta::from_std(self.world.supervisor.patience()? / 2).ok()
    }

    fn beat_is_of_the_future(&self, now: DateTime<Utc>) -> bool {
        self.supervised.alive_at.is_some_and(|at| at > now)
    }

    fn what_comes_next(&self, now: DateTime<Utc>) -> String {
        let asking = self.air.under_way.iter().filter(|(_, flight)| flight.question.is_some());
        let waiting: BTreeSet<_> = asking.flat_map(|(flight, _)| self.air.flights.errands(*flight)).collect();
        if !waiting.is_empty() {
            return format!("asks for an MFA code ({} waiting)", waiting.len());
        }
        let next =
            self.sessions.iter().filter_map(|one| Some((one.session.next_wake(now)?, &one.name))).min();
        match next {
            Some((at, name)) => {
                let at = self.world.ports.clock.local(at);
                format!("next: {name} at {}", at.format("%a %H:%M"))
            }
            None => "no session".to_owned(),
        }
    }
}
