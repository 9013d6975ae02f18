//! No click is lost, and nobody else's signal is taken for one.

use std::time::Duration;

use stsd::domain::notice::Offer;
use stsd::ports::notifier::Happening::{Clicked, Closed};
use stsd::ports::notifier::Notifier as _;
use zbus::blocking::Connection;

use super::recorder::{Asked, Manner, Server, emit};
use super::{ACTIONS, assert_quiet, next, notice, notifier, run};
use crate::bus::Desktop;
use crate::has_desktop;

#[test]
fn of_200_clicks_among_10000_foreign_signals_200_arrive_in_their_order() {
    if !has_desktop() {
        return;
    }
    let desktop = Desktop::without_keyring();
    let server = Server::start(desktop.builder(), ACTIONS, Manner::Answers, 1);
    let notifier = notifier(&desktop);
    run(async {
        let mut expected = Vec::new();
        for _ in 0..100 {
            let bubble = notifier.show(&notice("work"), None).await.unwrap();
            expected.extend([Clicked(bubble, Offer::EnterCode), Clicked(bubble, Offer::Snooze)]);
        }
        // As fast as the bus takes them, from the one who owns the name.
        let clicker = std::thread::spawn(move || {
            for id in 1..=100 {
                for key in ["default", "snooze"] {
                    for other in 0..25 {
                        server.click(1000 + other, "enter-code");
                        server.dismiss(1000 + other);
                    }
                    server.click(id, key);
                }
            }
            server
        });
        for happening in &expected[..100] {
            // A call that is given up takes nothing with it.
            let mut tries = 0;
            let told = loop {
                tries += 1;
                assert!(tries < 10_000, "nothing happened");
                if let Ok(told) = tokio::time::timeout(Duration::from_millis(1), notifier.next()).await {
                    break told;
                }
            };
            assert_eq!(told, *happening);
        }
        // From here nobody asks for a while, and the connection is read all the same.
        while !clicker.is_finished() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let server = clicker.join().unwrap();
        notifier.show(&notice("answered behind them all"), None).await.unwrap();
        for happening in &expected[100..] {
            assert_eq!(next(&notifier).await, *happening);
        }
        assert_quiet(&notifier).await;
        drop(server);
    });
}

#[test]
fn a_click_before_the_answer_that_tells_its_bubble_is_kept() {
    if !has_desktop() {
        return;
    }
    let desktop = Desktop::without_keyring();
    let _server = Server::start(desktop.builder(), ACTIONS, Manner::ClicksFirst, 7);
    let notifier = notifier(&desktop);
    run(async {
        for _ in 0..20 {
            let bubble = notifier.show(&notice("work"), None).await.unwrap();
            assert_eq!(next(&notifier).await, Clicked(bubble, Offer::Snooze));
            assert_eq!(next(&notifier).await, Closed(bubble));
        }
        assert_quiet(&notifier).await;
    });
}

#[test]
fn a_click_that_is_told_of_after_the_end_of_its_bubble_counts() {
    if !has_desktop() {
        return;
    }
    let desktop = Desktop::without_keyring();
    let server = Server::start(desktop.builder(), ACTIONS, Manner::Answers, 7);
    let notifier = notifier(&desktop);
    run(async {
        let bubble = notifier.show(&notice("work"), None).await.unwrap();
        server.dismiss(7);
        server.click(7, "enter-code");
        assert_eq!(next(&notifier).await, Closed(bubble));
        assert_eq!(next(&notifier).await, Clicked(bubble, Offer::EnterCode));
    });
}

#[test]
fn bubbles_that_are_clicked_and_closed_together_are_all_told_of() {
    if !has_desktop() {
        return;
    }
    let desktop = Desktop::without_keyring();
    let server = Server::start(desktop.builder(), ACTIONS, Manner::Answers, 7);
    let notifier = notifier(&desktop);
    run(async {
        // Both are the first: the connection has to be one all the same.
        let (work, ci) = (notice("work"), notice("ci"));
        let (work, ci) = tokio::join!(notifier.show(&work, None), notifier.show(&ci, None));
        let first = server.client();
        let (mut work, mut ci) = (work.unwrap(), ci.unwrap());
        if let (Asked::Show(one), Asked::Show(_)) = (server.asked(), server.asked())
            && one.summary == "ci"
        {
            std::mem::swap(&mut work, &mut ci);
        }
        server.click(7, "enter-code");
        server.dismiss(7);
        server.dismiss(8);
        assert_eq!(next(&notifier).await, Clicked(work, Offer::EnterCode));
        assert_eq!(next(&notifier).await, Closed(work));
        assert_eq!(next(&notifier).await, Closed(ci));

        notifier.show(&notice("again"), None).await.unwrap();
        assert_eq!(server.client(), first, "another connection for another notice");
    });
}

#[test]
fn only_the_server_that_shows_the_bubble_can_tell_of_it() {
    if !has_desktop() {
        return;
    }
    let desktop = Desktop::without_keyring();
    let server = Server::start(desktop.builder(), ACTIONS, Manner::Answers, 7);
    let notifier = notifier(&desktop);
    run(async {
        let bubble = notifier.show(&notice("work"), None).await.unwrap();
        let client = server.client();
        let foreign: Connection = desktop.connect();
        for to in [None, Some(client.as_str())] {
            emit(&foreign, to, "ActionInvoked", &(7_u32, "enter-code"));
            emit(&foreign, to, "NotificationClosed", &(7_u32, 2_u32));
            // As if it were the bus that says so.
            let (bus, gone) = ("org.freedesktop.DBus", ("org.freedesktop.Notifications", ":1.1", ""));
            foreign.emit_signal(to, "/org/freedesktop/DBus", bus, "NameOwnerChanged", &gone).unwrap();
        }
        assert_quiet(&notifier).await;
        // Of the server itself: nothing that it could not mean.
        server.click(7, "inline-reply");
        server.click(8, "enter-code");
        server.emit("ActionInvoked", &("7", "enter-code"));
        server.emit("NotificationClosed", &7_u32);
        server.emit("ActivationToken", &(7_u32, "token"));
        server.click(7, "snooze");
        assert_eq!(next(&notifier).await, Clicked(bubble, Offer::Snooze));
        assert_quiet(&notifier).await;
    });
}

#[test]
fn foreign_signals_are_not_even_sent_to_us() {
    if !has_desktop() {
        return;
    }
    let desktop = Desktop::without_keyring();
    let server = Server::start(desktop.builder(), ACTIONS, Manner::Answers, 7);
    let notifier = notifier(&desktop);
    run(notifier.show(&notice("work"), None)).unwrap();
    let rules: std::collections::HashMap<String, Vec<String>> = desktop
        .connect()
        .call_method(
            Some("org.freedesktop.DBus"),
            "/org/freedesktop/DBus",
            Some("org.freedesktop.DBus.Debug.Stats"),
            "GetAllMatchRules",
            &(),
        )
        .unwrap()
        .body()
        .deserialize()
        .unwrap();
    let rules = &rules[&server.client()];
    assert_eq!(rules.len(), 3, "{rules:#?}");
    assert!(rules.iter().all(|rule| rule.contains("sender='")), "{rules:#?}");
}

#[test]
fn a_notice_that_is_answered_after_it_was_given_up_is_taken_off() {
    if !has_desktop() {
        return;
    }
    let desktop = Desktop::without_keyring();
    let server = Server::start(desktop.builder(), ACTIONS, Manner::Late, 7);
    let notifier = notifier(&desktop);
    run(async {
        let first = notice("work");
        let answer = tokio::time::timeout(Duration::from_millis(500), notifier.show(&first, None)).await;
        assert!(answer.is_err(), "{answer:?}");
        server.shown();
        server.answer();
        assert_quiet(&notifier).await;
        assert_eq!(server.asked(), Asked::Close(7));
        server.answer();
        let bubble = notifier.show(&notice("work"), None).await.unwrap();
        server.click(8, "default");
        assert_eq!(next(&notifier).await, Clicked(bubble, Offer::EnterCode));
    });
}

#[test]
fn the_connection_ends_with_the_notifier() {
    if !has_desktop() {
        return;
    }
    let desktop = Desktop::without_keyring();
    let server = Server::start(desktop.builder(), ACTIONS, Manner::Answers, 7);
    let notifier = notifier(&desktop);
    run(async {
        notifier.show(&notice("work"), None).await.unwrap();
        let client = server.client();
        assert!(desktop.has_name(&client));
        drop(notifier);
        let end = std::time::Instant::now() + crate::bus::START;
        while desktop.has_name(&client) {
            assert!(std::time::Instant::now() < end, "it is still connected");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
}
