//! What the desktop shows when.

use chrono::{DateTime, TimeDelta, Utc};
use stsd::domain::notice::Urgency;
use stsd::ports::time::Clock as _;

use crate::desktop::Seen;
use crate::harness::{Daemon, Stage, until};
use crate::world::World;

const HALF_AN_HOUR: TimeDelta = TimeDelta::minutes(30);
const FIVE_MINUTES: TimeDelta = TimeDelta::minutes(5);
const DAY: i64 = 24 * 3600;

/// Lets time pass to a moment and waits until that many things have been seen on the desktop.
pub(crate) fn pass(daemon: &Daemon<'_>, at: DateTime<Utc>, seen: usize) -> Vec<Seen> {
    daemon.stage.hand.pass_to(at);
    daemon.stage.desktop.wait_seen(seen)
}

/// A notice, as the desktop remembers it.
fn shown(bubble: u32, replaces: Option<u32>, summary: String) -> Seen {
    Seen::Shown { bubble, replaces, summary }
}

/// The end as the user's clock shows it.
fn local(stage: &Stage, at: DateTime<Utc>) -> String {
    stage.hand.local(at).format("%H:%M").to_string()
}

#[test]
fn one_notice_per_lead_and_one_at_the_expiry_in_one_bubble() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let end = daemon.refresh_for("work", DAY);
    stage.hand.wait_armed(end - HALF_AN_HOUR);
    pass(&daemon, end - HALF_AN_HOUR, 1);
    stage.hand.wait_armed(end - FIVE_MINUTES);
    pass(&daemon, end - FIVE_MINUTES, 2);
    stage.hand.wait_armed(end);
    let at = local(&stage, end);
    let expected = [
        shown(1, None, format!("work expires in 30 minutes ({at})")),
        shown(1, Some(1), format!("work expires in 5 minutes ({at})")),
        shown(1, Some(1), format!("work has expired ({at})")),
    ];
    assert_eq!(pass(&daemon, end, 3), expected);
    let notices = stage.desktop.notices();
    assert!(notices.iter().all(|notice| notice.unclickable_body == "run: stsd refresh work"));
    let urgency: Vec<_> = notices.iter().map(|notice| notice.urgency).collect();
    assert_eq!(urgency, [Urgency::Normal, Urgency::Critical, Urgency::Critical]);
    assert_eq!(notices.iter().map(|notice| notice.stays).collect::<Vec<_>>(), [false, false, true]);
}

#[test]
fn profiles_that_end_together_share_one_bubble() {
    let world = World::with_work();
    world.add("second", &world.sts.alice()).unwrap();
    let stage = Stage::of(world);
    let daemon = stage.daemon();
    let end = daemon.refresh(&["second", "work"]).remove(0).result.unwrap().expires_at;
    stage.hand.wait_armed(end - HALF_AN_HOUR);
    let at = local(&stage, end);
    let first = shown(1, None, format!("work, second expire in 30 minutes ({at})"));
    assert_eq!(pass(&daemon, end - HALF_AN_HOUR, 1), [first]);
    assert_eq!(stage.desktop.notices()[0].unclickable_body, "run: stsd refresh work second");
    // One of them is renewed: the other still ends, so its bubble stays and is used again.
    daemon.refresh_for("work", 2 * DAY);
    until("both are known", || daemon.status()[0].state == "active");
    stage.hand.wait_armed(end - FIVE_MINUTES);
    let second = shown(1, Some(1), format!("second expires in 5 minutes ({at})"));
    assert_eq!(pass(&daemon, end - FIVE_MINUTES, 2)[1], second);
    daemon.forget("second");
    assert_eq!(stage.desktop.wait_seen(3)[2], Seen::Withdrawn(1));
}

#[test]
fn a_refresh_withdraws_the_notice_of_the_old_session() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let old = daemon.refresh_for("work", DAY);
    stage.hand.wait_armed(old - HALF_AN_HOUR);
    pass(&daemon, old - HALF_AN_HOUR, 1);
    let new = daemon.refresh_for("work", 2 * DAY);
    assert_eq!(stage.desktop.wait_seen(2)[1], Seen::Withdrawn(1));
    stage.hand.wait_armed(new - HALF_AN_HOUR);
    stage.hand.pass_to(old);
    // The old session's moments pass in silence; the next notice is the new one's, in a new bubble.
    let seen = pass(&daemon, new - HALF_AN_HOUR, 3);
    let at = local(&stage, new);
    assert_eq!(seen[2..], [shown(2, None, format!("work expires in 30 minutes ({at})"))]);
}

#[test]
fn time_that_passes_right_after_a_refresh_brings_no_notice_of_the_old_session() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let old = daemon.refresh_for("work", DAY);
    stage.hand.wait_armed(old - HALF_AN_HOUR);
    let new = daemon.refresh_for("work", 2 * DAY);
    // The daemon may not have looked at the file again.
    stage.hand.pass_to(old);
    stage.hand.wait_armed(new - HALF_AN_HOUR);
    let at = local(&stage, new);
    let only = shown(1, None, format!("work expires in 30 minutes ({at})"));
    assert_eq!(pass(&daemon, new - HALF_AN_HOUR, 1), [only]);
}

#[test]
fn a_session_that_is_forgotten_takes_its_notice_along() {
    let world = World::with_work();
    world.add("second", &world.sts.alice()).unwrap();
    let stage = Stage::of(world);
    let daemon = stage.daemon();
    let later = daemon.refresh_for("second", 2 * DAY);
    let end = daemon.refresh_for("work", DAY);
    stage.hand.wait_armed(end - HALF_AN_HOUR);
    pass(&daemon, end - HALF_AN_HOUR, 1);
    daemon.forget("work");
    assert_eq!(stage.desktop.wait_seen(2)[1], Seen::Withdrawn(1));
    stage.hand.wait_armed(later - HALF_AN_HOUR);
    stage.hand.pass_to(end);
    let seen = pass(&daemon, later - HALF_AN_HOUR, 3);
    let at = local(&stage, later);
    assert_eq!(seen[2..], [shown(2, None, format!("second expires in 30 minutes ({at})"))]);
}

#[test]
fn a_notice_that_is_drawn_too_late_is_withdrawn() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let end = daemon.refresh_for("work", DAY);
    stage.hand.wait_armed(end - HALF_AN_HOUR);
    stage.desktop.stall();
    stage.hand.pass_to(end - HALF_AN_HOUR);
    until("the notice is on its way", || stage.desktop.notices().len() == 1);
    let new = daemon.refresh_for("work", 2 * DAY);
    stage.hand.wait_armed(new - HALF_AN_HOUR);
    stage.desktop.draw();
    assert_eq!(stage.desktop.wait_seen(2)[1], Seen::Withdrawn(1));
}

#[test]
fn a_lead_not_shorter_than_the_sessions_life_is_skipped() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let end = daemon.refresh_for("work", 900);
    stage.hand.wait_armed(end - FIVE_MINUTES);
    let at = local(&stage, end);
    let seen = pass(&daemon, end - FIVE_MINUTES, 1);
    assert_eq!(seen, [shown(1, None, format!("work expires in 5 minutes ({at})"))]);
}

#[test]
fn a_desktop_that_fails_is_tried_again_at_the_next_notice() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let end = daemon.refresh_for("work", DAY);
    stage.hand.wait_armed(end - HALF_AN_HOUR);
    stage.desktop.fail(true);
    assert_eq!(pass(&daemon, end - HALF_AN_HOUR, 1), [Seen::Failed]);
    stage.hand.wait_armed(end - FIVE_MINUTES);
    assert_eq!(pass(&daemon, end - FIVE_MINUTES, 2), [Seen::Failed, Seen::Failed]);
    stage.hand.wait_armed(end);
    stage.desktop.fail(false);
    assert!(matches!(pass(&daemon, end, 3)[2], Seen::Shown { bubble: 1, replaces: None, .. }));
}

#[test]
fn notices_can_be_switched_off() {
    let stage = Stage::with_work();
    let text = std::fs::read_to_string(stage.world.path(".config/stsd/config.toml")).unwrap();
    stage.world.configure(&format!("notifications = false\n{text}"));
    let daemon = stage.daemon();
    let end = daemon.refresh_for("work", DAY);
    stage.hand.wait_armed(end - HALF_AN_HOUR);
    stage.hand.pass_to(end - HALF_AN_HOUR);
    // It counts as told: switched on again, only what comes then is shown.
    let told = || std::fs::read_to_string(stage.world.path(".local/state/stsd/state.json")).unwrap();
    until("it counts as told", || told().contains("\"told\""));
    stage.world.configure(&text);
    stage.files.have_changed();
    stage.hand.wait_armed(end - FIVE_MINUTES);
    daemon.call(stsd::protocol::message::Action::Reload).unwrap();
    assert!(matches!(pass(&daemon, end - FIVE_MINUTES, 1)[0], Seen::Shown { replaces: None, .. }));
    assert!(stage.desktop.summaries()[0].contains("in 5 minutes"), "{:?}", stage.desktop.summaries());
}

#[test]
fn five_hundred_profiles_have_one_timer_and_one_answer() {
    let world = World::with_work();
    let serial = world.sts.alice().serial;
    let mut config = format!("[profiles.work]\nmfa_serial = \"{serial}\"\n");
    let mut file = String::new();
    let now = Utc::now();
    for number in 1..500 {
        use std::fmt::Write as _;
        let end = (now + TimeDelta::hours(2) + TimeDelta::seconds(number)).format("%Y-%m-%dT%H:%M:%SZ");
        write!(config, "[profiles.p{number}]\nmfa_serial = \"{serial}\"\n").unwrap();
        write!(
            file,
            "[p{number}]\naws_access_key_id = ASIAY34FZKBOKMUTVV7A\naws_secret_access_key = x\n\
             aws_session_token = y\nx_security_token_expires = {end}\n"
        )
        .unwrap();
    }
    world.configure(&config);
    world.write(".aws/credentials", file);
    let stage = Stage::of(world);
    let daemon = stage.daemon();
    until("the timer is asked", || stage.hand.waits() > 0);
    let first = daemon.status()[1].expires_at.unwrap() - HALF_AN_HOUR;
    stage.hand.wait_armed(first);
    assert!(stage.hand.waits() <= 3, "one wait at a time, not one per profile: {}", stage.hand.waits());
    assert_eq!(stage.hand.most_at_once(), 1);
    let answer = daemon.status();
    assert_eq!(answer.len(), 500);
    assert!(serde_json_len(&answer) < stsd::protocol::frame::LONGEST_ANSWER / 4);
    let seen = pass(&daemon, first, 1);
    assert_eq!(seen.len(), 1, "{seen:?}");
}

fn serde_json_len(answer: &impl serde::Serialize) -> usize {
    stsd::protocol::frame::encode(answer).unwrap().len()
}
