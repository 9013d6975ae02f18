//! Sessions that need no human are renewed at the first lead, in silence.

use chrono::{DateTime, TimeDelta, Utc};
use stsd::ports::keychain::KeychainError;
use stsd::ports::time::Clock as _;
use stsd_test_support::Fault;

use crate::desktop::Seen;
use crate::harness::{Daemon, Stage, refresh, until};
use crate::world::World;

const HALF_AN_HOUR: TimeDelta = TimeDelta::minutes(30);
const FIVE_MINUTES: TimeDelta = TimeDelta::minutes(5);
const DAY: i64 = 24 * 3600;

/// Alice's profile `work`, whose sessions need no code.
fn stage() -> Stage {
    let stage = Stage::with_work();
    stage.world.configure("[profiles.work]\nmfa = \"none\"\n");
    stage
}

/// The server's clock goes with the daemon's from now on, and its sessions last so long.
fn sessions_last(stage: &Stage, seconds: i64) {
    let ahead = (stage.hand.now() - Utc::now()).num_seconds();
    stage.world.sts.set_session_seconds(Some(seconds + ahead));
}

/// Refreshes `work` without a code; says when its session ends.
fn refreshed(daemon: &Daemon<'_>, seconds: i64) -> DateTime<Utc> {
    sessions_last(daemon.stage, seconds);
    daemon.call(refresh(&["work"], None)).unwrap();
    daemon.status()[0].expires_at.unwrap()
}

fn ends_at(daemon: &Daemon<'_>) -> Option<DateTime<Utc>> {
    daemon.status()[0].expires_at
}

fn calls(stage: &Stage) -> usize {
    stage.world.sts.requests_of("GetSessionToken").len()
}

#[test]
fn at_the_first_lead_the_session_is_renewed_and_nobody_is_told() {
    let stage = stage();
    let daemon = stage.daemon();
    let first = refreshed(&daemon, DAY);
    stage.hand.wait_armed(first - HALF_AN_HOUR);
    // What the next one will last.
    stage.world.sts.set_session_seconds(Some(2 * DAY));
    stage.hand.pass_to(first - HALF_AN_HOUR);
    until("it is renewed", || ends_at(&daemon).is_some_and(|end| end > first));
    let second = ends_at(&daemon).unwrap();
    stage.hand.wait_armed(second - HALF_AN_HOUR);
    // The leads and the end of the first pass in silence.
    stage.hand.pass_to(first);
    stage.world.sts.set_session_seconds(Some(3 * DAY));
    stage.hand.pass_to(second - HALF_AN_HOUR);
    until("it is renewed again", || ends_at(&daemon).is_some_and(|end| end > second));
    stage.hand.wait_armed(ends_at(&daemon).unwrap() - HALF_AN_HOUR);
    assert_eq!(stage.desktop.wait_seen(0), []);
    assert_eq!(calls(&stage), 3);
    assert_eq!(daemon.status()[0].last_error, None);
}

#[test]
fn a_renewal_that_fails_is_told_and_tried_again_at_the_next_lead() {
    let stage = stage();
    let daemon = stage.daemon();
    let end = refreshed(&daemon, DAY);
    stage.hand.wait_armed(end - HALF_AN_HOUR);
    stage.world.sts.fail_always(Fault::Throttle);
    stage.hand.pass_to(end - HALF_AN_HOUR);
    let at = stage.hand.local(end).format("%H:%M").to_string();
    let shown = |replaces, words: &str| Seen::Shown {
        bubble: 1,
        replaces,
        summary: format!("work expires in {words} ({at})"),
    };
    assert_eq!(stage.desktop.wait_seen(1), [shown(None, "30 minutes")]);
    assert_eq!(calls(&stage), 2);
    let error = daemon.status()[0].last_error.clone().unwrap();
    assert_eq!(error.class, "unavailable");
    // Nothing happens between the leads.
    stage.hand.wait_armed(end - FIVE_MINUTES);
    stage.hand.shift(TimeDelta::minutes(10));
    stage.hand.wait_armed(end - FIVE_MINUTES);
    assert_eq!(calls(&stage), 2);
    stage.world.sts.clear_faults();
    stage.world.keychain.break_reads_with(Some(KeychainError::Locked));
    stage.hand.pass_to(end - FIVE_MINUTES);
    assert_eq!(stage.desktop.wait_seen(2)[1], shown(Some(1), "5 minutes"));
    until("the reason is known", || {
        daemon.status()[0].last_error.as_ref().is_some_and(|error| error.class == "keychain")
    });
    stage.hand.wait_armed(end);
    // And at the end it succeeds: the notice goes.
    stage.world.keychain.break_reads_with(None);
    stage.world.sts.set_session_seconds(Some(2 * DAY));
    stage.hand.pass_to(end);
    assert_eq!(stage.desktop.wait_seen(3)[2], Seen::Withdrawn(1));
    assert_eq!(calls(&stage), 3);
    assert_eq!((daemon.status()[0].state.as_str(), &daemon.status()[0].last_error), ("active", &None));
}

#[test]
fn a_session_that_has_ended_at_once_is_not_renewed_without_end() {
    let stage = stage();
    let daemon = stage.daemon();
    let end = refreshed(&daemon, DAY);
    stage.hand.wait_armed(end - HALF_AN_HOUR);
    // By the daemon's clock, which is a day ahead, what STS gives has ended.
    stage.world.sts.set_session_seconds(Some(3600));
    stage.hand.pass_to(end - HALF_AN_HOUR);
    let seen = stage.desktop.wait_seen(1);
    assert!(
        matches!(&seen[..], [Seen::Shown { summary, .. }] if summary.contains("has expired")),
        "{seen:?}"
    );
    until("the daemon rests", || daemon.status()[0].state == "expired");
    stage.hand.shift(TimeDelta::seconds(1));
    daemon.status();
    assert_eq!(calls(&stage), 2);
}

#[test]
fn a_session_that_ended_while_nothing_ran_is_renewed_at_the_start() {
    let stage = stage();
    let daemon = stage.daemon();
    let end = refreshed(&daemon, DAY);
    stage.hand.wait_armed(end - HALF_AN_HOUR);
    daemon.stop();
    stage.hand.pass_to(end + TimeDelta::hours(8));
    stage.world.sts.set_session_seconds(Some(3 * DAY));
    let daemon = stage.daemon();
    until("it is renewed", || daemon.status()[0].state == "active");
    assert_eq!(stage.desktop.wait_seen(0), []);
    // What was forgotten stays so. First the renewal comes to its end: it is in the file before it is in the state.
    stage.hand.wait_armed(ends_at(&daemon).unwrap() - HALF_AN_HOUR);
    stage.rest();
    daemon.forget("work");
    stage.hand.shift(TimeDelta::days(2));
    assert_eq!(daemon.status()[0].state, "absent");
    assert_eq!(calls(&stage), 2);
}

#[test]
fn a_profile_whose_code_comes_from_a_person_is_told_beside_one_that_renews_itself() {
    let world = World::with_work();
    world.add("hand", &world.sts.alice()).unwrap();
    let stage = Stage::of(world);
    let serial = stage.world.sts.alice().serial;
    stage
        .world
        .configure(&format!("[profiles.hand]\nmfa_serial = \"{serial}\"\n[profiles.work]\nmfa = \"none\"\n"));
    let daemon = stage.daemon();
    let end = daemon.refresh_for("hand", DAY);
    daemon.call(refresh(&["work"], None)).unwrap();
    stage.hand.wait_armed(end - HALF_AN_HOUR);
    stage.world.sts.set_session_seconds(Some(2 * DAY));
    stage.hand.pass_to(end - HALF_AN_HOUR + TimeDelta::seconds(5));
    let seen = stage.desktop.wait_seen(1);
    assert!(
        matches!(&seen[0], Seen::Shown { summary, .. } if summary.starts_with("hand expires in")),
        "{seen:?}"
    );
    until("work is renewed", || daemon.status().iter().any(|one| one.expires_at > Some(end + HALF_AN_HOUR)));
    assert_eq!(stage.desktop.wait_seen(1).len(), 1);
}

#[test]
fn a_seed_renews_with_a_code_of_its_own() {
    let stage = Stage::with_work();
    let alice = stage.world.sts.alice();
    stage.world.keychain.put_seed("work", &alice.seed);
    stage.world.configure(&format!("[profiles.work]\nmfa_serial = \"{}\"\nmfa = \"totp\"\n", alice.serial));
    let daemon = stage.daemon();
    let first = refreshed(&daemon, 3600);
    stage.hand.wait_armed(first - HALF_AN_HOUR);
    // The server takes the codes of the daemon's time.
    stage.world.sts.set_code_tolerance(80);
    stage.world.sts.set_session_seconds(Some(2 * 3600));
    stage.hand.pass_to(first - HALF_AN_HOUR);
    until("it is renewed", || ends_at(&daemon).is_some_and(|end| end > first));
    assert_eq!(stage.world.sts.codes_sent(), 2);
    assert_eq!(stage.desktop.wait_seen(0), []);
}
