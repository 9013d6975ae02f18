//! What its user does with a notice.

use chrono::{DateTime, TimeDelta, Utc};
use stsd::domain::notice::{Offer, Urgency};
use stsd::ports::notifier::{Bubble, Happening};
use stsd::ports::prompter::PromptError;
use stsd::ports::time::Clock as _;
use stsd::protocol::message::{Action, Display};

use crate::desktop::Seen;
use crate::harness::{Daemon, Stage, refresh, until};
use crate::notices::pass;
use crate::world::World;

const DAY: i64 = 24 * 3600;

fn before(end: DateTime<Utc>, minutes: i64) -> DateTime<Utc> {
    end - TimeDelta::minutes(minutes)
}

/// Goes to the first lead of a session of `work`, which ends then; its notice is in bubble 1.
fn at_first_lead(daemon: &Daemon<'_>) -> DateTime<Utc> {
    let end = daemon.refresh_for("work", DAY);
    daemon.stage.hand.wait_armed(before(end, 30));
    pass(daemon, before(end, 30), 1);
    end
}

fn click(stage: &Stage, bubble: u32, offer: Offer) {
    stage.desktop.happen(Happening::Clicked(Bubble(bubble), offer));
}

fn code(stage: &Stage) -> String {
    stage.world.sts.unused_code(&stage.world.sts.alice().serial)
}

/// The server's clock goes by the daemon's, and its sessions last so long.
fn sessions_last(stage: &Stage, seconds: i64) {
    let ahead = (stage.hand.now() - Utc::now()).num_seconds();
    stage.world.sts.set_session_seconds(Some(seconds + ahead));
}

fn summary(seen: &Seen) -> (u32, Option<u32>, &str) {
    match seen {
        Seen::Shown { bubble, replaces, summary } => (*bubble, *replaces, summary),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_click_asks_for_the_code_and_the_bubble_turns_into_renewed() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    at_first_lead(&daemon);
    assert_eq!(stage.desktop.notices()[0].offers, [Offer::EnterCode, Offer::Snooze]);
    sessions_last(&stage, DAY);
    click(&stage, 1, Offer::EnterCode);
    let dialog = stage.dialogs.wait_shown(1);
    assert_eq!((dialog.screen, dialog.question.asked_by.as_str()), (None, "a notice"));
    // A second click meanwhile is the same wish.
    click(&stage, 1, Offer::EnterCode);
    stage.dialogs.type_code(&code(&stage));
    let seen = stage.desktop.wait_seen(2);
    let end = daemon.status()[0].expires_at.unwrap();
    let until = stage.hand.local(end).format("%H:%M");
    assert_eq!(summary(&seen[1]), (1, Some(1), format!("work renewed until {until}").as_str()));
    assert_eq!((stage.dialogs.count(), stage.world.sts.codes_sent()), (1, 2));
    // The next lead has a bubble of its own.
    stage.hand.wait_armed(before(end, 30));
    let seen = pass(&daemon, before(end, 30), 3);
    assert_eq!(summary(&seen[2]).1, None);
}

#[test]
fn a_wrong_code_is_asked_for_again_and_what_failed_says_so_and_can_be_clicked() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    at_first_lead(&daemon);
    click(&stage, 1, Offer::EnterCode);
    for shown in 1..=3 {
        let dialog = stage.dialogs.wait_shown(shown);
        assert_eq!(dialog.question.refused.is_some(), shown > 1);
        stage.dialogs.type_code(&stage.world.sts.wrong_code(&stage.world.sts.alice().serial));
    }
    let seen = stage.desktop.wait_seen(2);
    let (bubble, replaces, words) = summary(&seen[1]);
    assert!(words.starts_with("work not renewed: AWS refused the MFA code"), "{words}");
    assert_eq!(replaces, Some(1));
    let notice = stage.desktop.notices().pop().unwrap();
    assert_eq!((notice.offers, notice.urgency), (vec![Offer::EnterCode], Urgency::Critical));
    sessions_last(&stage, DAY);
    // The daemon knows of the bubble once it has heard that it is shown.
    until("the dialog is up", || {
        click(&stage, bubble, Offer::EnterCode);
        stage.dialogs.count() == 4
    });
    stage.dialogs.type_code(&code(&stage));
    let seen = stage.desktop.wait_seen(3);
    assert!(summary(&seen[2]).2.starts_with("work renewed until "), "{seen:?}");
}

#[test]
fn after_a_cancel_or_a_time_out_it_is_quiet_until_the_next_lead_or_click() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let end = at_first_lead(&daemon);
    for (shown, error) in [(1, PromptError::Cancelled), (2, PromptError::TimedOut(120))] {
        click(&stage, 1, Offer::EnterCode);
        stage.dialogs.wait_shown(shown);
        let words = error.to_string();
        stage.dialogs.end(error);
        let known = || daemon.status().remove(0).last_error.is_some_and(|error| error.message == words);
        until("it is remembered", known);
        // What the daemon does next it does after it has answered.
        for _ in 0..20 {
            daemon.status();
        }
    }
    assert_eq!(stage.desktop.seen().len(), 1);
    pass(&daemon, before(end, 5), 2);
    assert_eq!(stage.dialogs.count(), 2);
}

#[test]
fn where_no_dialog_can_be_shown_the_notice_says_what_to_run() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    at_first_lead(&daemon);
    click(&stage, 1, Offer::EnterCode);
    stage.dialogs.wait_shown(1);
    stage.dialogs.end(PromptError::Unavailable("no display".to_owned()));
    let seen = stage.desktop.wait_seen(2);
    assert!(summary(&seen[1]).2.contains("no display"), "{seen:?}");
    let notice = stage.desktop.notices().pop().unwrap();
    assert_eq!((notice.body.as_str(), notice.offers), ("run: stsd refresh work", vec![]));
}

#[test]
fn a_configuration_without_dialogs_offers_none() {
    for prompt in ["none", "terminal"] {
        let stage = Stage::with_work();
        let text = std::fs::read_to_string(stage.world.path(".config/stsd/config.toml")).unwrap();
        stage.world.configure(&format!("prompt = \"{prompt}\"\n{text}"));
        let daemon = stage.daemon();
        at_first_lead(&daemon);
        let notice = stage.desktop.notices().pop().unwrap();
        assert_eq!((notice.body.as_str(), notice.offers), ("run: stsd refresh work", vec![Offer::Snooze]));
    }
}

#[test]
fn a_snoozed_notice_comes_again_after_ten_minutes_and_never_past_the_last_lead() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let end = at_first_lead(&daemon);
    click(&stage, 1, Offer::Snooze);
    assert_eq!(stage.desktop.wait_seen(2)[1], Seen::Withdrawn(1));
    stage.hand.wait_armed(before(end, 20));
    let words = |seen: &[Seen]| summary(seen.last().unwrap()).2.to_owned();
    assert!(words(&pass(&daemon, before(end, 20), 3)).starts_with("work expires in 20 minutes"));
    // With twelve minutes left, ten more would be past the last lead.
    stage.hand.pass_to(before(end, 12));
    let bubble = |seen: &[Seen]| summary(seen.last().unwrap()).0;
    click(&stage, bubble(&stage.desktop.seen()), Offer::Snooze);
    stage.desktop.wait_seen(4);
    stage.hand.wait_armed(before(end, 5));
    let seen = pass(&daemon, before(end, 5), 5);
    assert!(words(&seen).starts_with("work expires in 5 minutes"), "{seen:?}");
    let notice = stage.desktop.notices().pop().unwrap();
    assert_eq!((notice.offers, notice.urgency), (vec![Offer::EnterCode], Urgency::Critical));
    stage.hand.wait_armed(end);
}

#[test]
fn a_click_that_is_told_after_the_end_of_its_bubble_counts() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    at_first_lead(&daemon);
    stage.desktop.happen(Happening::Closed(Bubble(1)));
    click(&stage, 1, Offer::EnterCode);
    stage.dialogs.wait_shown(1);
    sessions_last(&stage, DAY);
    stage.dialogs.type_code(&code(&stage));
    let seen = stage.desktop.wait_seen(2);
    assert_eq!(summary(&seen[1]).1, None, "what is gone is not replaced");
}

#[test]
fn a_click_on_what_is_over_or_not_ours_asks_nothing() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    at_first_lead(&daemon);
    click(&stage, 99, Offer::EnterCode);
    daemon.refresh_for("work", 2 * DAY);
    assert_eq!(stage.desktop.wait_seen(2)[1], Seen::Withdrawn(1));
    click(&stage, 1, Offer::EnterCode);
    click(&stage, 1, Offer::Snooze);
    for _ in 0..20 {
        daemon.status();
    }
    assert_eq!(stage.dialogs.count(), 0);
}

#[test]
fn a_server_that_went_takes_its_bubbles_along() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let end = at_first_lead(&daemon);
    stage.desktop.happen(Happening::ServerGone);
    stage.hand.wait_armed(before(end, 5));
    let seen = pass(&daemon, before(end, 5), 2);
    assert_eq!(summary(&seen[1]).1, None);
}

#[test]
fn a_click_shares_the_dialog_of_a_command_and_its_result() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    at_first_lead(&daemon);
    sessions_last(&stage, DAY);
    click(&stage, 1, Offer::EnterCode);
    stage.dialogs.wait_shown(1);
    assert!(daemon.refresh(&["work"])[0].result.is_ok());
    stage.dialogs.wait_closed(1);
    let seen = stage.desktop.wait_seen(2);
    assert!(summary(&seen[1]).2.starts_with("work renewed until "), "{seen:?}");
}

#[test]
fn a_click_that_is_told_before_the_loop_knows_the_bubble_counts() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let end = daemon.refresh_for("work", DAY);
    stage.hand.wait_armed(before(end, 30));
    stage.desktop.stall();
    stage.hand.pass_to(before(end, 30));
    until("the notice is on its way", || stage.desktop.notices().len() == 1);
    click(&stage, 1, Offer::EnterCode);
    for _ in 0..5 {
        daemon.status();
    }
    stage.desktop.draw();
    stage.dialogs.wait_shown(1);
}

#[test]
fn a_click_takes_the_dialog_of_a_command_from_its_screen_to_the_desktop() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    at_first_lead(&daemon);
    let mut command = daemon.raw().greeted();
    let Action::Refresh { profiles, .. } = refresh(&["work"], None) else { panic!("a refresh") };
    command.request(Action::Refresh {
        profiles,
        duration_seconds: None,
        code: None,
        may_ask: false,
        display: Some(Display { x11: Some(":99".to_owned()), ..Display::default() }),
        min_seconds: None,
    });
    assert!(stage.dialogs.wait_shown(1).screen.is_some());
    click(&stage, 1, Offer::EnterCode);
    assert_eq!(stage.dialogs.wait_shown(2).screen, None);
    assert_eq!(stage.dialogs.most_at_once(), 1);
}

#[test]
fn profiles_that_fail_together_are_told_of_in_one_notice() {
    let world = World::with_work();
    world.add("second", &world.sts.alice()).unwrap();
    let stage = Stage::of(world);
    let daemon = stage.daemon();
    let end = daemon.refresh(&["work", "second"]).remove(0).result.unwrap().expires_at;
    stage.hand.wait_armed(before(end, 30));
    pass(&daemon, before(end, 30), 1);
    click(&stage, 1, Offer::EnterCode);
    stage.dialogs.wait_shown(1);
    stage.dialogs.end(PromptError::Unavailable("no display".to_owned()));
    let seen = stage.desktop.wait_seen(2);
    assert!(summary(&seen[1]).2.starts_with("work, second not renewed: "), "{seen:?}");
}

#[test]
fn a_click_on_a_profile_that_is_configured_no_more_says_so() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    at_first_lead(&daemon);
    // Nobody has told the daemon yet.
    stage.world.configure("");
    click(&stage, 1, Offer::EnterCode);
    let seen = stage.desktop.wait_seen(2);
    assert!(summary(&seen[1]).2.starts_with("work not renewed: "), "{seen:?}");
    assert_eq!(stage.dialogs.count(), 0);
}

#[test]
fn who_cancels_for_one_device_is_told_what_became_of_the_other() {
    let world = World::with_work();
    world.add("bob", &world.sts.bob()).unwrap();
    let stage = Stage::of(world);
    let daemon = stage.daemon();
    let end = daemon.refresh_for("work", DAY);
    // The same end, so that one notice tells of both; the server counts in whole seconds.
    stage.world.sts.set_code_tolerance(10);
    let together = (0..15).any(|_| {
        let left = (end - Utc::now()).num_milliseconds();
        stage.world.sts.set_session_seconds(Some((left + 999) / 1000));
        let code = stage.world.sts.unused_code(&stage.world.sts.bob().serial);
        daemon.call(refresh(&["bob"], Some(&code))).unwrap();
        daemon.status().iter().all(|one| one.expires_at == Some(end))
    });
    assert!(together, "no session of bob's ends with the one of work");
    stage.hand.wait_armed(before(end, 30));
    pass(&daemon, before(end, 30), 1);
    click(&stage, 1, Offer::EnterCode);
    stage.dialogs.wait_shown(1);
    stage.dialogs.end(PromptError::Cancelled);
    stage.dialogs.wait_shown(2);
    stage.dialogs.end(PromptError::Unavailable("no display".to_owned()));
    let seen = stage.desktop.wait_seen(2);
    assert!(summary(&seen[1]).2.contains("no display"), "{seen:?}");
}
