//! What becomes of clicks where the desktop is in a bad way, or somebody pretends to be it.

use std::process::Stdio;

use super::stage::{Stage, ZENITY};
use crate::binary::machine::Machine;
use crate::daemon::running::Daemon;
use crate::display::{Display, Shows};
use crate::has_desktop;
use crate::notices::recorder::{Manner, Server, emit};
use crate::prompter::person::Person;

const ACTIONS: &[&str] = &["actions", "body"];

#[test]
fn nobody_but_the_server_can_click() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    machine.configure(&format!("warn_before = [\"30s\"]\n{ZENITY}{}", machine.configuration()));
    let display = Display::start(&machine.desktop);
    let person = Person { desktop: &machine.desktop, display: &display };
    let server = Server::start(machine.desktop.builder(), ACTIONS, Manner::Answers, 7);
    let daemon =
        Daemon::of(&machine, machine.stsd(&["daemon", "-vv"]).env("DISPLAY", display.name()), Stdio::null());
    machine.sts.set_session_seconds(Some(31));
    machine.run(&["refresh", "work", "--code", &machine.code()]).succeeded();
    server.shown();
    daemon.await_said("notice shown", 1);
    let client = server.client();
    let foreign = machine.desktop.connect();
    for to in [None, Some(client.as_str())] {
        for _ in 0..50 {
            emit(&foreign, to, "ActionInvoked", &(7_u32, "enter-code"));
            emit(&foreign, to, "NotificationClosed", &(7_u32, 2_u32));
        }
    }
    // When the bus has answered this, it has taken all of them.
    let bus = "org.freedesktop.DBus";
    foreign.call_method(Some(bus), "/org/freedesktop/DBus", Some(bus), "GetId", &()).unwrap();
    for other in 0..25 {
        server.click(1000 + other, "enter-code");
    }
    assert_eq!((daemon.said("notice clicked"), person.processes().len()), (0, 0), "{}", daemon.log());
    server.click(7, "enter-code");
    person.presses(&person.sees(None), &["Escape"]);
    person.sees_nothing_left();
    assert_eq!((daemon.said("notice clicked"), daemon.said("dialog shown")), (1, 1), "{}", daemon.log());
}

#[test]
fn a_click_that_is_quicker_than_the_answer_to_its_notice_counts() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    machine.configure(&format!("warn_before = [\"30s\", \"1s\"]\n{}", machine.configuration()));
    let server = Server::start(machine.desktop.builder(), ACTIONS, Manner::ClicksFirst, 7);
    let daemon = Daemon::start(&machine);
    machine.sts.set_session_seconds(Some(31));
    for clicked in 1..=3 {
        machine.run(&["refresh", "work", "--code", &machine.code()]).succeeded();
        while !server.shown().summary.starts_with("work expires in 3") {}
        daemon.await_said("notice clicked profile=work offer=Snooze", clicked);
    }
}

#[test]
fn the_bubbles_of_a_server_that_came_after_a_crash_are_clicked_as_ever() {
    if !has_desktop() {
        return;
    }
    let mut stage = Stage::new(Shows::Mate, &format!("warn_before = [\"12s\", \"8s\"]\n{ZENITY}"));
    stage.sessions_of(13);
    stage.sees_bubble();
    stage.kill_server();
    stage.start_server(Shows::Mate);
    let before = stage.session();
    stage.clicks_only_button(&stage.sees_bubble());
    stage.person().types(&stage.person().sees(None), &stage.machine.code());
    stage.await_session_after(&before);
    stage.heard.notice_of("work renewed until ");
}
