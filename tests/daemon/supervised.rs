//! What the service manager hears.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use chrono::TimeDelta;
use stsd::ports::supervisor::Supervisor;
use stsd::ports::time::Clock as _;

use crate::harness::{Stage, refresh, until};

/// What was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Ready,
    Status(String),
    Alive,
    Stopping,
}

/// A service manager that remembers.
#[derive(Default)]
pub(crate) struct Supervised {
    told: Mutex<Vec<Told>>,
    ready: Mutex<Option<Sender<()>>>,
    patience: Mutex<Option<Duration>>,
}

impl Supervised {
    /// Hears of the next daemon that is ready.
    pub(crate) fn await_ready(&self) -> Receiver<()> {
        let (ready, is_ready) = channel();
        *self.ready.lock().unwrap() = Some(ready);
        is_ready
    }

    /// Waits so long for a sign of life.
    fn waits(&self, patience: Duration) {
        *self.patience.lock().unwrap() = Some(patience);
    }

    fn told(&self) -> Vec<Told> {
        self.told.lock().unwrap().clone()
    }

    fn beats(&self) -> usize {
        self.told().into_iter().filter(|told| *told == Told::Alive).count()
    }

    #[track_caller]
    fn wait_status(&self, text: &str) {
        let last = || self.told().into_iter().rfind(|told| matches!(told, Told::Status(_)));
        until(&format!("the status is {text}"), || last() == Some(Told::Status(text.to_owned())));
    }

    /// Waits until so many wait for a code that somebody is asked for.
    #[track_caller]
    pub(crate) fn wait_waiting(&self, count: usize) {
        self.wait_status(&format!("asks for an MFA code ({count} waiting)"));
    }

    fn tell(&self, told: Told) {
        self.told.lock().unwrap().push(told);
    }
}

impl Supervisor for Supervised {
    fn ready(&self) {
        self.tell(Told::Ready);
        if let Some(ready) = self.ready.lock().unwrap().take() {
            ready.send(()).unwrap();
        }
    }

    fn status(&self, text: &str) {
        self.tell(Told::Status(text.to_owned()));
    }

    fn patience(&self) -> Option<Duration> {
        *self.patience.lock().unwrap()
    }

    fn alive(&self) {
        self.tell(Told::Alive);
    }

    fn stopping(&self) {
        self.tell(Told::Stopping);
    }
}

#[test]
fn it_hears_the_beginning_what_comes_next_and_the_end() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    stage.supervisor.wait_status("no session");
    let end = daemon.refresh_for("work", 24 * 3600);
    let at = |minutes| stage.hand.local(end - TimeDelta::minutes(minutes)).format("%a %H:%M").to_string();
    stage.supervisor.wait_status(&format!("next: work at {}", at(30)));
    stage.hand.wait_armed(end - TimeDelta::minutes(30));
    stage.hand.pass_to(end - TimeDelta::minutes(30));
    stage.supervisor.wait_status(&format!("next: work at {}", at(5)));
    let mut asked = daemon.raw().greeted();
    asked.request(refresh(&["work"], None));
    asked.answer();
    stage.supervisor.wait_waiting(1);
    drop(asked);
    stage.supervisor.wait_status(&format!("next: work at {}", at(5)));
    daemon.stop();
    let told = stage.supervisor.told();
    assert_eq!((told.first(), told.last()), (Some(&Told::Ready), Some(&Told::Stopping)));
    assert_eq!(stage.supervisor.beats(), 0, "nobody waits for them");
}

#[test]
fn signs_of_life_come_in_time_also_when_the_clock_is_set_and_nothing_else_happens() {
    let stage = Stage::with_work();
    stage.supervisor.waits(Duration::from_mins(4));
    let _daemon = stage.daemon();
    let beats = |count: usize| until(&format!("{count} signs of life"), || stage.supervisor.beats() == count);
    beats(1);
    for count in 2..6 {
        let due = stage.hand.now() + TimeDelta::minutes(2);
        stage.hand.wait_armed(due);
        stage.hand.pass_to(due);
        beats(count);
    }
    // The manager's own clock goes on meanwhile.
    stage.hand.shift(TimeDelta::hours(-5));
    beats(6);
    stage.hand.wait_armed(stage.hand.now() + TimeDelta::minutes(2));
    stage.hand.shift(TimeDelta::hours(7));
    beats(7);
    stage.hand.wait_armed(stage.hand.now() + TimeDelta::minutes(2));
}
