//! Notices of the real daemon about sessions of seconds: on a real screen, and where nobody shows them.

use std::time::{Duration, Instant};

use super::running::Daemon;
use crate::binary::machine::Machine;
use crate::display::{Display, Shows};
use crate::has_desktop;
use crate::notices::recorder::{Asked, Manner, Server};

const LEADS: &str = "warn_before = [\"5s\", \"2s\"]\n";
const SHOWN: &str = "notice shown profile=work";

fn with_leads() -> Machine {
    let machine = Machine::with_work();
    machine.configure(&format!("{LEADS}{}", machine.configuration()));
    machine
}

/// A session of so many seconds.
fn refresh(machine: &Machine, seconds: Option<i64>) {
    machine.sts.set_session_seconds(seconds);
    machine.run(&["refresh", "work", "--code", &machine.code()]).succeeded();
}

/// Waits until the screen is as it was before everything.
fn await_empty(machine: &Machine, display: &Display, empty: &[u8], name: &str) {
    let end = Instant::now() + Duration::from_secs(20);
    while display.shot(&machine.desktop, name).0 != empty {
        assert!(Instant::now() < end, "{name}: something is still on the screen");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_notice_is_on_the_screen_at_each_lead_and_at_the_expiry_and_gone_after_a_refresh() {
    if !has_desktop() {
        return;
    }
    let machine = with_leads();
    let display = Display::start(&machine.desktop);
    let _server = display.shows(&machine.desktop, Shows::Dunst);
    let (empty, _path) = display.shot(&machine.desktop, "daemon-empty");
    let daemon = Daemon::start(&machine);
    refresh(&machine, Some(9));
    assert_eq!(display.shot(&machine.desktop, "daemon-active").0, empty, "before the lead");
    let lead = display.shot_after(&machine.desktop, &empty, "daemon-lead");
    assert_eq!(machine.status("work").1["state"], "expiring", "at the lead, not later");
    daemon.await_said(SHOWN, 2);
    let last = display.shot_after(&machine.desktop, &lead, "daemon-last-lead");
    daemon.await_said(SHOWN, 3);
    assert_eq!(machine.status("work").1["state"], "expired");
    let _expired = display.shot_after(&machine.desktop, &last, "daemon-expiry");
    refresh(&machine, None);
    // Were there more than one bubble, the others would be seen now.
    await_empty(&machine, &display, &empty, "daemon-refreshed");
    assert_eq!(daemon.said(SHOWN), 3, "{}", daemon.log());

    // A lead's notice goes too, before it has become old.
    refresh(&machine, Some(7));
    display.shot_after(&machine.desktop, &empty, "daemon-second-lead");
    machine.run(&["forget", "work"]).succeeded();
    await_empty(&machine, &display, &empty, "daemon-forgotten");
}

#[test]
fn notices_are_shown_within_a_second_in_one_bubble_and_not_twice() {
    if !has_desktop() {
        return;
    }
    let machine = with_leads();
    let server = Server::start(machine.desktop.builder(), &["body"], Manner::Answers, 7);
    let _daemon = Daemon::start(&machine);
    refresh(&machine, Some(7));
    let expires_at = machine.status("work").1["expires_at"].as_str().unwrap().to_owned();
    let expires_at: chrono::DateTime<chrono::Utc> = expires_at.parse().unwrap();
    for (lead, replaces, urgency, words) in
        [(5, 0, 1, "work expires in "), (2, 7, 2, "work expires in "), (0, 7, 2, "work has expired ")]
    {
        let shown = server.shown();
        let late = chrono::Utc::now() - (expires_at - chrono::TimeDelta::seconds(lead));
        assert!(
            late >= chrono::TimeDelta::zero() && late < chrono::TimeDelta::seconds(1),
            "{late}: {shown:?}"
        );
        assert!(shown.summary.starts_with(words), "{shown:?}");
        assert_eq!(shown.body, "run: stsd refresh work");
        assert_eq!((shown.replaces, shown.urgency), (replaces, urgency), "{shown:?}");
    }
    refresh(&machine, None);
    assert_eq!(server.asked(), Asked::Close(7));
    assert!(server.idle());
}

#[test]
fn profiles_that_end_together_are_told_of_in_one_bubble() {
    if !has_desktop() {
        return;
    }
    let machine = with_leads();
    machine.add("too", &machine.sts.alice()).succeeded();
    let server = Server::start(machine.desktop.builder(), &["body"], Manner::Answers, 1);
    let _daemon = Daemon::start(&machine);
    machine.sts.set_session_seconds(Some(6));
    machine.run(&["refresh", "work", "too", "--code", &machine.code()]).succeeded();
    for (replaces, verb) in [(0, "expire in"), (1, "expire in"), (1, "have expired")] {
        let shown = server.shown();
        assert!(shown.summary.contains("work") && shown.summary.contains("too"), "{shown:?}");
        assert!(shown.summary.contains(verb) && shown.replaces == replaces, "{shown:?}");
    }
    assert!(server.idle());
}

#[test]
fn without_a_server_one_warning_is_logged_and_a_later_server_gets_the_next_notice() {
    if !has_desktop() {
        return;
    }
    let machine = with_leads();
    let daemon = Daemon::start(&machine);
    refresh(&machine, Some(7));
    daemon.await_said("notice not shown", 2);
    let server = Server::start(machine.desktop.builder(), &["body"], Manner::Answers, 3);
    assert!(server.shown().summary.starts_with("work has expired"));
    daemon.await_said(SHOWN, 1);
    let log = daemon.log();
    let warnings: Vec<_> = log.lines().filter(|line| line.contains("WARN")).collect();
    assert!(warnings.len() == 1 && warnings[0].contains("notice not shown"), "{warnings:#?}");
    assert_eq!(machine.run(&["status", "work"]).code, 4, "it goes on");

    // It dies, and its bubbles with it: once more one warning.
    drop(server);
    refresh(&machine, Some(6));
    daemon.await_said("notice not shown", 5);
    assert_eq!(daemon.said("WARN"), 2, "{}", daemon.log());
}

#[test]
fn a_server_that_hangs_does_not_hold_the_daemon() {
    if !has_desktop() {
        return;
    }
    let machine = with_leads();
    let server = Server::start(machine.desktop.builder(), &["body"], Manner::Hangs, 3);
    let daemon = Daemon::start(&machine);
    refresh(&machine, Some(6));
    server.shown();
    let asked = Instant::now();
    assert_eq!(machine.status("work").0, 0);
    refresh(&machine, None);
    assert!(asked.elapsed() < Duration::from_secs(4), "{:?}", asked.elapsed());
    daemon.await_said("did not answer within 5 s", 1);
}

#[test]
fn notices_that_are_switched_off_are_not_shown() {
    if !has_desktop() {
        return;
    }
    let machine = with_leads();
    machine.configure(&format!("notifications = false\n{}", machine.configuration()));
    let server = Server::start(machine.desktop.builder(), &["body"], Manner::Answers, 3);
    let daemon = Daemon::start(&machine);
    refresh(&machine, Some(3));
    daemon.await_that("not expired", |_| machine.status("work").1["state"] == "expired");
    assert!(server.idle(), "{}", daemon.log());
}
