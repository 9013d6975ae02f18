//! A day at a desktop: a bubble appears, its button is clicked, the code is typed into the dialog.

use std::time::Duration;

use super::stage::{PINENTRY, Place, Stage, ZENITY};
use crate::display::Shows;
use crate::has_desktop;

const LEADS: &str = "warn_before = [\"10s\", \"3s\"]\n";
/// How long the sessions are: the first lead comes at once, the last one when all clicks are done.
const SESSIONS: i64 = 14;
/// The buttons at the first lead, keys and labels.
const BUTTONS: [&str; 6] = ["default", "", "enter-code", "Enter code", "snooze", "Snooze 10 min"];

#[test]
fn the_whole_story_on_mate_with_pinentry() {
    if has_desktop() {
        play(Shows::Mate, PINENTRY);
    }
}

#[test]
fn the_whole_story_on_xfce_with_zenity() {
    if has_desktop() {
        play(Shows::Xfce, ZENITY);
    }
}

/// With the leads of the default configuration, and pictures for the README.
#[test]
fn half_an_hour_before_the_end_a_bubble_takes_the_code() {
    if !has_desktop() {
        return;
    }
    let stage = Stage::new(Shows::Mate, PINENTRY);
    let picture = |name: &str| stage.display.shot(&stage.machine.desktop, &format!("flow-{name}"));
    stage.sessions_of(30 * 60 + 1);
    let told = stage.heard.notice_of("work expires in 30 minutes (");
    assert_eq!(told.actions, BUTTONS, "{told:?}");
    let bubble = stage.sees_bubble();
    picture("bubble");
    assert_eq!(stage.click(&bubble, Place::ButtonBeforeLast), "enter-code");
    stage.machine.sts.set_session_seconds(None);
    let (first, person) = (stage.person().sees(None), stage.person());
    person.types(&first, &stage.machine.sts.wrong_code(&stage.machine.sts.alice().serial));
    let second = person.sees(Some(&first));
    let digits: Vec<_> = stage.machine.code().chars().map(String::from).collect();
    person.presses(&second, &digits.iter().map(String::as_str).collect::<Vec<_>>());
    picture("dialog");
    person.presses(&second, &["Return"]);
    stage.heard.notice_of("work renewed until ");
    stage.sees_bubble();
    picture("renewed");
    assert_eq!(stage.machine.status("work").1["state"], "active");
}

fn play(shows: Shows, prompt: &str) {
    let stage = Stage::new(shows, &format!("{LEADS}{prompt}"));
    stage.sessions_of(SESSIONS);
    right_code(&stage);
    wrong_code_then_right(&stage);
    cancelled(&stage);
    // xfce4-notifyd takes a click on the bubble for its dismissal.
    at_last_lead(&stage, matches!(shows, Shows::Mate).then_some(Place::Body));
    put_off(&stage);
    at_last_lead(&stage, None);
    stage.person().sees_nothing_left();
}

/// Waits for the bubble of the first lead, and clicks one of its buttons.
fn clicks_at_first_lead(stage: &Stage, place: Place) {
    let told = stage.heard.notice_of("work expires in ");
    assert_eq!(told.actions, BUTTONS, "{told:?}");
    let bubble = stage.sees_bubble();
    let expected = if matches!(place, Place::LastButton) { "snooze" } else { "enter-code" };
    assert_eq!(stage.click(&bubble, place), expected);
}

/// The session is in the file, and the bubble says so.
fn is_renewed(stage: &Stage, before: &str) {
    stage.await_session_after(before);
    let told = stage.heard.notice_of("work renewed until ");
    assert!(told.actions.is_empty() && told.body.is_empty(), "{told:?}");
    let (code, status) = stage.machine.status("work");
    assert_eq!((code, status["last_error"].is_null()), (0, true), "{status}");
    let end: chrono::DateTime<chrono::Local> = status["expires_at"].as_str().unwrap().parse().unwrap();
    assert_eq!(told.summary, format!("work renewed until {}", end.format("%H:%M")));
    stage.tidies_up();
}

fn right_code(stage: &Stage) {
    let before = stage.session();
    clicks_at_first_lead(stage, Place::ButtonBeforeLast);
    let dialog = stage.person().sees(None);
    assert_eq!(dialog.title, "stsd: MFA code for work");
    stage.person().types(&dialog, &stage.machine.code());
    is_renewed(stage, &before);
    stage.person().sees_nothing_left();
}

fn wrong_code_then_right(stage: &Stage) {
    let before = stage.session();
    clicks_at_first_lead(stage, Place::ButtonBeforeLast);
    let first = stage.person().sees(None);
    stage.person().types(&first, &stage.machine.sts.wrong_code(&stage.machine.sts.alice().serial));
    let second = stage.person().sees(Some(&first));
    assert!(second.size.1 > first.size.1, "no line that says why: {first:?}, {second:?}");
    assert_eq!(stage.session(), before);
    stage.person().types(&second, &stage.machine.code());
    is_renewed(stage, &before);
}

fn cancelled(stage: &Stage) {
    let (before, sent) = (stage.session(), stage.machine.sts.codes_sent());
    clicks_at_first_lead(stage, Place::ButtonBeforeLast);
    let dialog = stage.person().sees(None);
    stage.person().presses(&dialog, &["1", "2", "Escape"]);
    stage.person().sees_nothing_left();
    stage.daemon.await_that("nothing is remembered", |_| {
        stage.machine.status("work").1["last_error"]["class"] == "no-session"
    });
    stage.heard.assert_quiet(Duration::from_secs(2));
    assert!(stage.person().processes().is_empty(), "another dialog");
    assert_eq!((stage.session(), stage.machine.sts.codes_sent()), (before, sent));
}

/// At the last lead there is nothing to put off to; the bubble is clicked, at its button if nothing else is said.
fn at_last_lead(stage: &Stage, place: Option<Place>) {
    let before = stage.session();
    let told = stage.heard.notice_of("work expires in ");
    assert_eq!(told.actions, BUTTONS[..4], "{told:?}");
    let bubble = stage.sees_bubble();
    match place {
        Some(place) => assert_eq!(stage.click(&bubble, place), "default"),
        None => stage.clicks_only_button(&bubble),
    }
    let dialog = stage.person().sees(None);
    stage.person().types(&dialog, &stage.machine.code());
    is_renewed(stage, &before);
}

fn put_off(stage: &Stage) {
    clicks_at_first_lead(stage, Place::LastButton);
    assert!(stage.person().processes().is_empty(), "a dialog");
}
