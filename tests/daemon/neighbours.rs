//! Other programs that change the credentials file, and sessions that go at their end.

use chrono::{DateTime, TimeDelta, Utc};
use stsd::ports::time::Clock as _;
use stsd::protocol::message::ProfileStatus;

use crate::desktop::Seen;
use crate::harness::{Daemon, Stage, until};
use crate::world::World;

const DAY: i64 = 24 * 3600;
const THEIRS: &str = "[theirs]\n# a note\nregion = eu-west-1\n";

/// Another program writes the file.
fn rewrite(stage: &Stage, text: &str) {
    stage.world.write(".aws/credentials", text);
    stage.files.have_changed();
}

fn work(daemon: &Daemon<'_>) -> ProfileStatus {
    daemon.status().remove(0)
}

/// Refreshes `work` and waits until the daemon no longer watches over the write.
fn refreshed(daemon: &Daemon<'_>, seconds: i64) -> DateTime<Utc> {
    let end = daemon.refresh_for("work", seconds);
    daemon.stage.hand.wait_armed(end - TimeDelta::minutes(30));
    daemon.stage.rest();
    end
}

/// Waits for what is reported of `work`.
fn reported(daemon: &Daemon<'_>, part: &str) -> ProfileStatus {
    let says =
        |one: &ProfileStatus| one.last_error.as_ref().is_some_and(|error| error.message.contains(part));
    until(&format!("it is reported: {part}"), || says(&work(daemon)));
    work(daemon)
}

#[test]
fn a_session_that_another_program_dropped_is_written_again_once() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    stage.world.write(".aws/credentials", THEIRS);
    let end = refreshed(&daemon, DAY);
    let written = stage.world.credentials();
    rewrite(&stage, THEIRS);
    let status = reported(&daemon, "the session was written again");
    assert_eq!(stage.world.credentials(), written);
    assert_eq!((status.state.as_str(), status.expires_at), ("active", Some(end)));
    let error = status.last_error.unwrap();
    let at = stage.hand.local(error.at).format("%Y-%m-%d %H:%M");
    let expected = format!("[work] changed by another program at {at}: the session was written again");
    assert_eq!((error.class.as_str(), error.message), ("credentials-file", expected));

    // The second time it is left as it is.
    stage.rest();
    rewrite(&stage, THEIRS);
    let status = reported(&daemon, "to have it again: stsd refresh work");
    assert_eq!((stage.world.credentials().as_str(), status.state.as_str()), (THEIRS, "absent"));
    let error = status.last_error.unwrap();
    assert!(error.message.starts_with("[work] changed by another program at "), "{}", error.message);

    // A new session starts afresh.
    refreshed(&daemon, 2 * DAY);
    assert_eq!(work(&daemon).last_error, None);
    rewrite(&stage, THEIRS);
    reported(&daemon, "the session was written again");
}

#[test]
fn the_notices_of_a_session_that_was_written_again_still_come() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let end = refreshed(&daemon, DAY);
    stage.hand.wait_armed(end - TimeDelta::minutes(30));
    stage.hand.pass_to(end - TimeDelta::minutes(30));
    stage.desktop.wait_seen(1);
    rewrite(&stage, "");
    reported(&daemon, "the session was written again");
    stage.hand.wait_armed(end - TimeDelta::minutes(5));
    stage.hand.pass_to(end - TimeDelta::minutes(5));
    let seen = stage.desktop.wait_seen(2);
    assert!(matches!(seen[1], Seen::Shown { bubble: 1, replaces: Some(1), .. }), "{seen:?}");
}

#[test]
fn an_old_copy_that_another_program_writes_back_does_not_last() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    refreshed(&daemon, DAY);
    let old = stage.world.credentials();
    let end = refreshed(&daemon, 2 * DAY);
    let new = stage.world.credentials();
    assert_ne!(old, new);
    rewrite(&stage, &old);
    let status = reported(&daemon, "the session was written again");
    assert_eq!((stage.world.credentials(), status.expires_at), (new, Some(end)));
}

#[test]
fn what_somebody_else_put_into_the_section_stays_and_is_reported() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let others = [
        "[work]\naws_access_key_id = ASIASOMEBODYELSES000\naws_secret_access_key = s\naws_session_token = t\n",
        "[work]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = s\n",
    ];
    for (days, theirs) in (2..).zip(others) {
        refreshed(&daemon, days * DAY);
        rewrite(&stage, theirs);
        let status = reported(&daemon, "[work] changed by another program at ");
        assert_eq!((stage.world.credentials().as_str(), status.state.as_str()), (theirs, "absent"));
        stage.world.write(".aws/credentials", "");
    }
}

#[test]
fn a_rewrite_that_is_seen_half_done_is_no_loss() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    refreshed(&daemon, DAY);
    let written = stage.world.credentials();
    // The daemon's care for the section gets no further than to the lock.
    let lock = stage.lock();
    let asked = stage.store.prepares();
    // As the AWS CLI does it: emptied, then written.
    rewrite(&stage, "");
    until("the daemon cares for the section", || stage.store.prepares() > asked);
    let after = [THEIRS, &written].concat();
    stage.world.write(".aws/credentials", &after);
    let looks = stage.hand.waits();
    drop(lock);
    // The care ends with a look, after which the timer is armed anew; nobody has told the daemon of the second write.
    until("the care has ended", || stage.hand.waits() > looks);
    let status = work(&daemon);
    assert_eq!((stage.world.credentials(), status.state.as_str()), (after, "active"));
    assert_eq!(status.last_error, None);
}

#[test]
fn a_file_that_cannot_be_edited_is_reported_and_left() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    refreshed(&daemon, DAY);
    let twice = "[theirs]\nregion = a\n[theirs]\nregion = b\n";
    rewrite(&stage, twice);
    let status = reported(&daemon, "line 3");
    assert_eq!((stage.world.credentials().as_str(), status.state.as_str()), (twice, "absent"));
}

#[test]
fn a_session_that_was_forgotten_is_not_written_again() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    for days in 1..6 {
        refreshed(&daemon, days * DAY);
        daemon.forget("work");
        stage.files.have_changed();
        let looks = stage.hand.waits();
        stage.files.have_changed();
        until("the daemon has looked", || stage.hand.waits() > looks);
        let status = work(&daemon);
        assert_eq!((stage.world.credentials().as_str(), status.state.as_str()), ("", "absent"));
        assert_eq!(status.last_error, None);
    }
}

/// A state file that cannot be replaced any more.
fn block_state(stage: &Stage) {
    std::fs::create_dir(stage.world.path(".local/state/stsd/state.json.new")).unwrap();
}

/// Waits until the daemon has looked at what it was told of, and has done what it does about it.
fn looked(daemon: &Daemon<'_>) {
    for _ in 0..2 {
        let looks = daemon.stage.hand.waits();
        daemon.stage.files.have_changed();
        until("the daemon has looked", || daemon.stage.hand.waits() > looks);
        if daemon.stage.world.path(".aws/credentials.lock").exists() {
            daemon.stage.rest();
        }
    }
}

#[test]
fn what_cannot_be_remembered_is_not_written_again_and_again() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    refreshed(&daemon, DAY);
    block_state(&stage);
    rewrite(&stage, THEIRS);
    looked(&daemon);
    assert_eq!(stage.world.credentials(), THEIRS);
}

#[test]
fn a_forgotten_session_stays_forgotten_where_that_cannot_be_remembered() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    refreshed(&daemon, DAY);
    block_state(&stage);
    daemon.forget("work");
    assert_eq!(stage.world.credentials(), "");
    looked(&daemon);
    assert_eq!(stage.world.credentials(), "");
    // Nor does anybody hear of its end.
    stage.hand.wait_armed(stage.hand.now() + TimeDelta::days(365));
}

/// `sections` of `work`, in force.
fn sections(stage: &Stage, daemon: &Daemon<'_>, names: &str) {
    let path = stage.world.path(".config/stsd/config.toml");
    let text = std::fs::read_to_string(path).unwrap();
    let text: Vec<_> = text.lines().filter(|line| !line.starts_with("sections")).collect();
    stage.world.configure(&[&text.join("\n"), "\nsections = ", names, "\n"].concat());
    daemon.call(stsd::protocol::message::Action::Reload).unwrap();
}

#[test]
fn a_section_gets_its_own_session_back_and_not_another_ones() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    sections(&stage, &daemon, "[\"work\", \"old\"]");
    refreshed(&daemon, DAY);
    let old_copy = stage.world.credentials();
    sections(&stage, &daemon, "[\"work\"]");
    let end = refreshed(&daemon, 2 * DAY);
    let right = stage.world.credentials();
    rewrite(&stage, &old_copy);
    let status = reported(&daemon, "[work] changed by another program at ");
    assert_eq!((stage.world.credentials(), status.expires_at), (right, Some(end)));
}

#[test]
fn a_session_that_lives_longer_in_another_section_is_not_removed() {
    let stage = Stage::of(that_removes());
    let daemon = stage.daemon();
    sections(&stage, &daemon, "[\"work\", \"old\"]");
    refreshed(&daemon, 2 * DAY);
    sections(&stage, &daemon, "[\"work\"]");
    let end = refreshed(&daemon, DAY);
    pass_expiry(&stage, end);
    until("the session is out of the file", || !stage.world.credentials().contains("[work]"));
    looked(&daemon);
    assert!(stage.world.credentials().contains("[old]\naws_access_key_id = ASIA"));
}

/// `work`, whose sessions are to go at their end.
fn that_removes() -> World {
    let world = World::with_work();
    let text = std::fs::read_to_string(world.path(".config/stsd/config.toml")).unwrap();
    world.configure(&[&text, "on_expiry = \"remove\"\n"].concat());
    world
}

fn pass_expiry(stage: &Stage, end: DateTime<Utc>) {
    stage.hand.wait_armed(end - TimeDelta::minutes(30));
    stage.hand.pass_to(end);
}

#[test]
fn on_expiry_remove_takes_out_what_was_written_and_nothing_else() {
    let stage = Stage::of(that_removes());
    stage.world.write(".aws/credentials", THEIRS);
    let daemon = stage.daemon();
    let end = refreshed(&daemon, DAY);
    assert!(stage.world.credentials().contains("[work]"));
    pass_expiry(&stage, end);
    until("the session is out of the file", || stage.world.credentials() == THEIRS);
    // Its notice is for somebody to read, also once the session is gone.
    let seen = stage.desktop.wait_seen(1);
    assert!(
        matches!(&seen[..], [Seen::Shown { summary, .. }] if summary.contains("has expired")),
        "{seen:?}"
    );
    until("the loss is known", || work(&daemon).state == "absent");
    assert_eq!(work(&daemon).last_error, None);
    stage.hand.wait_armed(stage.hand.now() + TimeDelta::days(365));
    assert_eq!(stage.desktop.seen().len(), 1);
    refreshed(&daemon, 2 * DAY);
    assert_eq!(stage.desktop.wait_seen(2)[1], Seen::Withdrawn(1));
}

#[test]
fn a_session_that_ended_while_no_daemon_ran_is_removed_at_its_start() {
    let stage = Stage::of(that_removes());
    let daemon = stage.daemon();
    let end = refreshed(&daemon, DAY);
    daemon.stop();
    stage.hand.pass_to(end + TimeDelta::hours(1));
    let _daemon = stage.daemon();
    until("the session is out of the file", || stage.world.credentials().is_empty());
}

#[test]
fn on_expiry_remove_leaves_what_somebody_else_put_there() {
    let stage = Stage::of(that_removes());
    let daemon = stage.daemon();
    let end = refreshed(&daemon, DAY);
    let theirs = "[work]\naws_access_key_id = ASIASOMEBODYELSES000\naws_secret_access_key = s\naws_session_token = t\n";
    rewrite(&stage, theirs);
    reported(&daemon, "changed by another program");
    stage.hand.pass_to(end + TimeDelta::seconds(1));
    let looks = stage.hand.waits();
    stage.files.have_changed();
    until("the daemon has looked", || stage.hand.waits() > looks);
    assert_eq!(stage.world.credentials(), theirs);
}

#[test]
fn without_it_an_expired_session_stays() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let end = refreshed(&daemon, DAY);
    let written = stage.world.credentials();
    pass_expiry(&stage, end);
    stage.desktop.wait_seen(1);
    stage.hand.wait_armed(end + TimeDelta::days(365));
    assert_eq!((stage.world.credentials(), work(&daemon).state.as_str()), (written, "expired"));
}
