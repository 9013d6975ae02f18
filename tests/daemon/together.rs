//! Two at once.

use std::sync::Arc;

use chrono::{TimeDelta, Utc};
use stsd::domain::record::State;
use stsd::ports::Answer as Later;
use stsd::ports::state::{StateChange, StateError, StateStore};
use stsd::protocol::message::{Action, Answer, FromDaemon, Outcome, Refreshed};
use tokio::sync::watch;

use crate::harness::{Raw, Stage, refresh, until};
use crate::world::World;

fn outcome(raw: &mut Raw) -> Outcome<Refreshed> {
    match raw.answer() {
        FromDaemon::Done { answer: Answer::Refreshed(mut outcomes), .. } => outcomes.remove(0),
        other => panic!("{other:?}"),
    }
}

#[test]
fn one_code_twice_at_once_makes_one_session() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let code = stage.world.sts.unused_code(&stage.world.sts.alice().serial);
    let mut both = [daemon.raw().greeted(), daemon.raw().greeted()];
    for raw in &mut both {
        raw.request(refresh(&["work"], Some(&code)));
    }
    for mut raw in both {
        outcome(&mut raw).result.unwrap();
    }
    assert_eq!(stage.world.sts.codes_sent(), 1);
    assert_eq!(daemon.status()[0].state, "active");
}

#[test]
fn two_people_at_once_both_find_their_session_in_the_file() {
    let world = World::with_work();
    world.add("bob", &world.sts.bob()).unwrap();
    let stage = Stage::of(world);
    let daemon = stage.daemon();
    let sts = &stage.world.sts;
    for _ in 0..2 {
        let mut alice = daemon.raw().greeted();
        let mut bob = daemon.raw().greeted();
        alice.request(refresh(&["work"], Some(&sts.unused_code(&sts.alice().serial))));
        bob.request(refresh(&["bob"], Some(&sts.unused_code(&sts.bob().serial))));
        assert!(outcome(&mut alice).result.is_ok());
        assert!(outcome(&mut bob).result.is_ok());
        let states: Vec<_> = daemon.status().into_iter().map(|one| one.state).collect();
        assert_eq!(states, ["active", "active"]);
        daemon.call(Action::Forget { profiles: Vec::new(), all: true }).unwrap();
        assert_eq!(stage.world.credentials(), "");
    }
}

/// A state file whose changes wait for the test.
struct Held {
    inner: Arc<dyn StateStore>,
    held: watch::Receiver<bool>,
}

impl StateStore for Held {
    fn load(&self) -> Later<'_, State> {
        self.inner.load()
    }

    fn update(&self, change: StateChange) -> Later<'_, Result<(), StateError>> {
        Box::pin(async move {
            drop(self.held.clone().wait_for(|held| !held).await.unwrap());
            self.inner.update(change).await
        })
    }
}

#[test]
fn a_session_that_is_half_on_disk_is_not_told_of() {
    let mut world = World::with_work();
    let (gate, held) = watch::channel(false);
    world.ports.state = Arc::new(Held { inner: Arc::clone(&world.ports.state), held });
    let stage = Stage::of(world);
    let daemon = stage.daemon();
    let mut watcher = daemon.raw().greeted();
    watcher.request(Action::Status { profiles: Vec::new(), watch: true });
    watcher.answer();
    gate.send_replace(true);
    // 15 minutes: only who knows when it was issued knows that the lead of 30 does not apply.
    stage.world.sts.set_session_seconds(Some(900));
    let sts = &stage.world.sts;
    let mut raw = daemon.raw().greeted();
    raw.request(refresh(&["work"], Some(&sts.unused_code(&sts.alice().serial))));
    until("the session is in the file", || stage.world.credentials().contains("[work]"));
    stage.files.have_changed();
    watcher.answer();
    assert_eq!(stage.desktop.summaries(), [""; 0]);
    gate.send_replace(false);
    let end = outcome(&mut raw).result.unwrap().expires_at;
    assert!(end > Utc::now());
    stage.hand.wait_armed(end - TimeDelta::minutes(5));
    stage.hand.pass_to(end - TimeDelta::minutes(5));
    stage.desktop.wait_seen(1);
    assert!(stage.desktop.summaries()[0].contains("in 5 minutes"), "{:?}", stage.desktop.summaries());
}
