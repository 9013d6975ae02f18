//! What a server is asked for.

use stsd::adapters::notifier::DesktopNotifier;
use stsd::domain::notice::Notice;
use stsd::ports::notifier::{Bubble, Notifier as _, NotifierError};
use zbus::blocking::connection::Builder;

use super::recorder::{Asked, Manner, Server, Shown};
use super::{ACTIONS, assert_quiet, notice, notifier, pressing, run};
use crate::bus::Desktop;
use crate::has_desktop;

const MARKUP: &[&str] = &["actions", "body", "body-markup"];
const PLAIN: &[&str] = &["body"];

fn shown(notice: &Notice, replaces: u32) -> Shown {
    Shown {
        app: "stsd".to_owned(),
        replaces,
        icon: "dialog-password".to_owned(),
        summary: notice.summary.clone(),
        body: notice.unclickable_body.clone(),
        actions: Vec::new(),
        urgency: 1,
        category: "x-stsd.session.expiry".to_owned(),
        entry: "stsd".to_owned(),
        expires: -1,
        pixels: (48, 48, 48 * 48 * 4),
    }
}

#[test]
fn a_notice_arrives_with_its_text_and_urgency_and_life() {
    if !has_desktop() {
        return;
    }
    let desktop = Desktop::without_keyring();
    let server = Server::start(desktop.builder(), PLAIN, Manner::Answers, 7);
    let notifier = notifier(&desktop);
    run(async {
        let fades = notice("work expires in 30 minutes (14:02)");
        notifier.show(&fades, None).await.unwrap();
        assert_eq!(server.shown(), shown(&fades, 0));
        let stays = pressing("work has expired (14:02)");
        notifier.show(&stays, None).await.unwrap();
        assert_eq!(server.shown(), Shown { urgency: 2, expires: 0, ..shown(&stays, 0) });
    });
}

#[test]
fn a_notice_takes_the_place_of_another_and_is_withdrawn() {
    if !has_desktop() {
        return;
    }
    let desktop = Desktop::without_keyring();
    let server = Server::start(desktop.builder(), PLAIN, Manner::Answers, 7);
    let notifier = notifier(&desktop);
    run(async {
        let (first, second) = (notice("30 minutes"), notice("5 minutes"));
        let bubble = notifier.show(&first, None).await.unwrap();
        assert_eq!(server.shown().replaces, 0);
        assert_eq!(notifier.show(&second, Some(bubble)).await, Ok(bubble));
        assert_eq!(server.shown(), shown(&second, 7));
        assert_eq!(notifier.withdraw(bubble).await, Ok(()));
        assert_eq!(server.asked(), Asked::Close(7));
        server.dismiss(7);
        assert_quiet(&notifier).await;
        assert_eq!(notifier.withdraw(bubble).await, Ok(()), "it is gone already");
        assert!(server.idle());
    });
}

#[test]
fn a_body_is_escaped_for_a_server_that_reads_markup_and_no_other() {
    if !has_desktop() {
        return;
    }
    let check = |capabilities, expected: &str| {
        let desktop = Desktop::without_keyring();
        let server = Server::start(desktop.builder(), capabilities, Manner::Answers, 1);
        let notifier = notifier(&desktop);
        let text = "<b>a</b> & b".to_owned();
        let notice = Notice { body: text.clone(), unclickable_body: text, ..notice("<i>c</i> & d") };
        run(notifier.show(&notice, None)).unwrap();
        let shown = server.shown();
        assert_eq!(shown.body, expected);
        assert_eq!(shown.summary, "<i>c</i> & d", "a summary is never markup");
    };
    check(MARKUP, "&lt;b&gt;a&lt;/b&gt; &amp; b");
    check(PLAIN, "<b>a</b> & b");
}

#[test]
fn a_server_that_knows_clicks_gets_the_buttons_and_the_body_that_speaks_of_them() {
    if !has_desktop() {
        return;
    }
    let desktop = Desktop::without_keyring();
    let server = Server::start(desktop.builder(), ACTIONS, Manner::Answers, 7);
    let notifier = notifier(&desktop);
    run(async {
        notifier.show(&notice("work"), None).await.unwrap();
        let asked = server.shown();
        assert_eq!(asked.body, "Click to enter the MFA code");
        let buttons = ["default", "", "enter-code", "Enter code", "snooze", "Snooze 10 min"];
        assert_eq!(asked.actions, buttons);
        let offers_nothing = Notice { offers: Vec::new(), ..notice("work renewed") };
        notifier.show(&offers_nothing, None).await.unwrap();
        assert_eq!(server.shown().actions, [""; 0]);
    });
}

#[test]
fn a_server_without_clicks_gets_no_buttons_and_the_command() {
    if !has_desktop() {
        return;
    }
    let desktop = Desktop::without_keyring();
    let server = Server::start(desktop.builder(), PLAIN, Manner::Answers, 7);
    run(notifier(&desktop).show(&notice("work"), None)).unwrap();
    let asked = server.shown();
    assert_eq!(asked.body, "run: stsd refresh work");
    assert_eq!(asked.actions, [""; 0]);
}

#[test]
fn what_a_server_refuses_is_an_error_without_its_words() {
    if !has_desktop() {
        return;
    }
    let desktop = Desktop::without_keyring();
    let server = Server::start(desktop.builder(), PLAIN, Manner::Refuses, 1);
    let notifier = notifier(&desktop);
    let refused = run(notifier.show(&notice("work"), None)).unwrap_err();
    let expected = "org.freedesktop.DBus.Error.LimitsExceeded".to_owned();
    assert_eq!(refused, NotifierError::Failed(expected));
    assert_eq!(server.shown().summary, "work");
}

#[test]
fn a_bubble_that_is_gone_is_no_error_and_one_that_never_was_is_not_asked_for() {
    if !has_desktop() {
        return;
    }
    let desktop = Desktop::without_keyring();
    let server = Server::start(desktop.builder(), PLAIN, Manner::Forgets, 7);
    let notifier = notifier(&desktop);
    run(async {
        let bubble = notifier.show(&notice("work"), None).await.unwrap();
        server.shown();
        assert_eq!(notifier.withdraw(Bubble(99)).await, Ok(()));
        assert!(server.idle());
        assert_eq!(notifier.withdraw(bubble).await, Ok(()));
        assert_eq!(server.asked(), Asked::Close(7));
    });
}

#[test]
fn the_bus_of_the_environment_is_the_one_that_is_used() {
    if !has_desktop() {
        return;
    }
    // The only test that uses the bus of the whole run.
    let notifier = DesktopNotifier::new();
    run(async {
        let nobody = notifier.show(&notice("nobody"), None).await;
        assert!(matches!(nobody, Err(NotifierError::NoServer(_))), "{nobody:?}");
        let server = Server::start(Builder::session().unwrap(), PLAIN, Manner::Answers, 3);
        notifier.show(&notice("somebody"), None).await.unwrap();
        assert_eq!(server.shown().summary, "somebody");
    });
}
