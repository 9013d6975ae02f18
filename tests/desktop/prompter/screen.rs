//! Where the dialog appears, and that nothing hangs where it cannot.

use std::collections::HashMap;
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use stsd::adapters::prompter::DesktopPrompter;
use stsd::domain::prompt::PromptKind;
use stsd::ports::prompter::{PromptError, Prompter as _, Screen};
use zbus::blocking::Connection;

use super::person::Person;
use super::{LONG, REAL, environment, manner, prompter, question, run};
use crate::bus::Desktop;
use crate::display::Display;
use crate::has_desktop;

/// The user manager of systemd, as far as its environment goes.
struct Manager(Vec<String>);

#[zbus::interface(name = "org.freedesktop.systemd1.Manager")]
impl Manager {
    #[zbus(property)]
    fn environment(&self) -> Vec<String> {
        self.0.clone()
    }
}

/// Puts that manager on the bus, until the connection is dropped.
pub(crate) fn manager(desktop: &Desktop, environment: &[&str]) -> Connection {
    let environment = environment.iter().map(|&line| line.to_owned()).collect();
    desktop
        .builder()
        .name("org.freedesktop.systemd1")
        .unwrap()
        .serve_at("/org/freedesktop/systemd1", Manager(environment))
        .unwrap()
        .build()
        .unwrap()
}

/// Answers the dialog that appears on the display for this prompter.
fn answered_on(desktop: &Desktop, display: &Display, prompter: &DesktopPrompter) {
    let person = Person { desktop, display };
    let answer = std::thread::scope(|scope| {
        let hands =
            scope.spawn(|| person.presses(&person.sees(None), &["1", "2", "3", "4", "5", "6", "Return"]));
        let answer = run(prompter.ask(&question(), &manner(PromptKind::Auto), None));
        assert!(hands.join().is_ok(), "the person gave up, and the answer was {answer:?}");
        answer
    });
    assert_eq!(answer.unwrap().digits(), "123456");
    person.sees_nothing_left();
}

#[test]
fn a_daemon_older_than_the_desktop_asks_on_it() {
    if !has_desktop() {
        return;
    }
    let desktop = Desktop::without_keyring();
    let prompter = prompter(&desktop, LONG);
    let ask = || run(prompter.ask(&question(), &manner(PromptKind::Auto), None));
    assert!(matches!(ask(), Err(PromptError::Unavailable(_))));
    let bare = manager(&desktop, &["PATH=/bin", "NODISPLAY=:1"]);
    assert!(matches!(ask(), Err(PromptError::Unavailable(_))));
    drop(bare);

    let display = Display::start(&desktop);
    let _manager = manager(&desktop, &["PATH=/bin", &format!("DISPLAY={}", display.name()), "XAUTHORITY="]);
    answered_on(&desktop, &display, &prompter);
}

#[test]
fn a_service_asks_on_the_newest_desktop_and_not_on_the_one_it_was_started_with() {
    if !has_desktop() {
        return;
    }
    let desktop = Desktop::without_keyring();
    let display = Display::start(&desktop);
    let mut environment: HashMap<_, _> = environment(&desktop).into_iter().collect();
    // No systemd-run here, so that the dialog is started as ever.
    let bin = desktop.path("bin");
    std::fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink("/usr/bin/pinentry-gtk-2", bin.join("pinentry")).unwrap();
    environment.insert("PATH".into(), bin.into());
    for name in ["NOTIFY_SOCKET", "INVOCATION_ID"] {
        environment.insert(name.into(), "/x".into());
    }

    // Without a manager, what we were started with is all there is.
    environment.insert("DISPLAY".into(), display.name().into());
    answered_on(&desktop, &display, &DesktopPrompter::with(environment.clone(), LONG));

    environment.insert("DISPLAY".into(), ":none".into());
    let _manager = manager(&desktop, &[&format!("DISPLAY={}", display.name())]);
    answered_on(&desktop, &display, &DesktopPrompter::with(environment, LONG));
}

#[test]
fn a_bus_that_does_not_answer_is_not_waited_for() {
    if !has_desktop() {
        return;
    }
    let desktop = Desktop::without_keyring();
    let silent = desktop.path("silent");
    let _listener = UnixListener::bind(&silent).unwrap();
    let mut environment: HashMap<_, _> = environment(&desktop).into_iter().collect();
    environment.insert("DBUS_SESSION_BUS_ADDRESS".into(), format!("unix:path={}", silent.display()).into());
    let started = Instant::now();
    let prompter = DesktopPrompter::with(environment, LONG);
    let answer = run(prompter.ask(&question(), &manner(PromptKind::Auto), None));
    assert!(matches!(answer, Err(PromptError::Unavailable(_))), "{answer:?}");
    assert!(started.elapsed() < Duration::from_secs(3));
}

#[test]
fn without_a_display_each_dialog_is_refused_at_once() {
    if !has_desktop() {
        return;
    }
    let desktop = Desktop::without_keyring();
    for kind in [PromptKind::Auto, PromptKind::Pinentry, PromptKind::Zenity] {
        let started = Instant::now();
        let answer = run(prompter(&desktop, LONG).ask(&question(), &manner(kind), None));
        let error = answer.unwrap_err().to_string();
        assert!(error.contains("no display"), "{kind:?}: {error}");
        assert!(started.elapsed() < Duration::from_secs(1), "{kind:?}");
    }
}

#[test]
fn a_display_that_is_gone_has_not_cancelled_anything() {
    if !has_desktop() {
        return;
    }
    let desktop = Desktop::without_keyring();
    let gone = Screen { display: Some(":4711".into()), ..Screen::default() };
    for kind in REAL.into_iter().chain([PromptKind::Auto]) {
        let started = Instant::now();
        let answer = run(prompter(&desktop, LONG).ask(&question(), &manner(kind), Some(&gone)));
        assert!(matches!(answer, Err(PromptError::Unavailable(_))), "{kind:?}: {answer:?}");
        assert!(started.elapsed() < Duration::from_secs(10), "{kind:?}");
    }
}
