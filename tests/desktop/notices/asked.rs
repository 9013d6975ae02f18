//! What a server is asked for.

use stsd::adapters::notifier::DesktopNotifier;
use stsd::domain::notice::Notice;
use stsd::ports::notifier::{Bubble, Notifier as _, NotifierError};
use zbus::blocking::connection::Builder;

use super::recorder::{Asked, Manner, Server, Shown};
use super::{notice, notifier, pressing, run};
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
        body: notice.body.clone(),
        actions: Vec::new(),
        urgency: 1,
        category: "x-stsd.session.expiry".to_owned(),
        entry: "stsd".to_owned(),
        expires: -1,
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
        assert_eq!(notifier.show(&fades, None).await, Ok(Bubble(7)));
        assert_eq!(server.shown(), shown(&fades, 0));
        let stays = pressing("work has expired (14:02)");
        assert_eq!(notifier.show(&stays, None).await, Ok(Bubble(8)));
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
        assert_eq!(server.shown(), shown(&second, bubble.0));
        assert_eq!(notifier.withdraw(bubble).await, Ok(()));
        assert_eq!(server.asked(), Asked::Close(bubble.0));
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
        let notice = Notice { body: "<b>a</b> & b".to_owned(), ..notice("<i>c</i> & d") };
        run(notifier.show(&notice, None)).unwrap();
        let shown = server.shown();
        assert_eq!(shown.body, expected);
        assert_eq!(shown.summary, "<i>c</i> & d", "a summary is never markup");
    };
    check(MARKUP, "&lt;b&gt;a&lt;/b&gt; &amp; b");
    check(PLAIN, "<b>a</b> & b");
}

#[test]
fn what_a_server_refuses_is_an_error_without_its_words_and_a_bubble_that_is_gone_is_none() {
    if !has_desktop() {
        return;
    }
    let desktop = Desktop::without_keyring();
    let server = Server::start(desktop.builder(), PLAIN, Manner::Refuses, 1);
    let notifier = notifier(&desktop);
    run(async {
        let refused = notifier.show(&notice("work"), None).await.unwrap_err();
        let expected = "org.freedesktop.DBus.Error.LimitsExceeded".to_owned();
        assert_eq!(refused, NotifierError::Failed(expected));
        assert_eq!(server.shown().summary, "work");
        assert_eq!(notifier.withdraw(Bubble(99)).await, Ok(()));
        assert_eq!(server.asked(), Asked::Close(99));
    });
}

#[test]
fn a_bubble_of_an_earlier_server_is_left_alone() {
    if !has_desktop() {
        return;
    }
    let desktop = Desktop::without_keyring();
    let first = Server::start(desktop.builder(), MARKUP, Manner::Answers, 7);
    let notifier = notifier(&desktop);
    run(async {
        let bubble = notifier.show(&notice("first"), None).await.unwrap();
        drop(first);
        let second = Server::start(desktop.builder(), PLAIN, Manner::Answers, 100);
        assert_eq!(notifier.show(&pressing("a & b"), Some(bubble)).await, Ok(Bubble(100)));
        let shown = second.shown();
        assert_eq!(shown.replaces, 0, "number 7 is somebody else's bubble there");
        assert_eq!(shown.body, "Run: stsd refresh work");
        drop(second);
        let third = Server::start(desktop.builder(), MARKUP, Manner::Answers, 1);
        assert_eq!(notifier.withdraw(Bubble(100)).await, Ok(()));
        assert!(third.idle(), "number 100 is somebody else's bubble there");
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
        assert_eq!(notifier.show(&notice("somebody"), None).await, Ok(Bubble(3)));
        assert_eq!(server.shown().summary, "somebody");
    });
}
