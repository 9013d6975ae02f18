//! On which screen the dialog appears.

use super::stage::{Stage, ZENITY};
use crate::display::{Display, Shows};
use crate::has_desktop;
use crate::prompter::person::Person;
use crate::prompter::screen::manager;
use crate::ran::Ran;

#[test]
fn a_click_asks_on_the_desktop_that_came_after_the_daemon() {
    if !has_desktop() {
        return;
    }
    let settings = format!("warn_before = [\"10s\"]\n{ZENITY}");
    let stage = Stage::with(Shows::Mate, &settings, |_, _| {});
    // What a desktop tells of itself when it starts.
    let variable = format!("DISPLAY={}", stage.display.name());
    let _manager = manager(&stage.machine.desktop, &["PATH=/bin", &variable]);
    stage.sessions_of(11);
    let before = stage.session();
    stage.clicks_only_button(&stage.sees_bubble());
    stage.person().types(&stage.person().sees(None), &stage.machine.code());
    stage.await_session_after(&before);
    stage.person().sees_nothing_left();
}

#[test]
fn a_command_is_asked_on_its_own_screen() {
    if !has_desktop() {
        return;
    }
    let stage = Stage::new(Shows::Mate, ZENITY);
    let other = Display::start(&stage.machine.desktop);
    let mut command = stage.machine.stsd(&["refresh", "work"]);
    command.env("DISPLAY", other.name());
    let command = std::thread::spawn(move || Ran::of(&mut command, b""));
    let there = Person { desktop: &stage.machine.desktop, display: &other };
    let dialog = there.sees(None);
    assert!(stage.person().processes().is_empty(), "a dialog on the daemon's screen");
    there.types(&dialog, &stage.machine.code());
    command.join().unwrap().succeeded();
    there.sees_nothing_left();
}
