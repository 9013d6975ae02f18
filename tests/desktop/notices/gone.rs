//! A server that goes while a bubble is on the screen, and the next one whose numbers mean other bubbles.

use stsd::domain::notice::Offer;
use stsd::ports::notifier::Happening::{Clicked, Closed, ServerGone};
use stsd::ports::notifier::Notifier as _;

use super::recorder::{Manner, Server};
use super::{ACTIONS, assert_quiet, next, notice, notifier, pressing, run};
use crate::bus::Desktop;
use crate::display::{Display, Shows};
use crate::has_desktop;

#[test]
fn a_server_that_goes_is_told_of_at_once_and_once_and_the_next_one_is_heard() {
    if !has_desktop() {
        return;
    }
    let desktop = Desktop::without_keyring();
    let server = Server::start(desktop.builder(), ACTIONS, Manner::Answers, 7);
    let notifier = notifier(&desktop);
    run(async {
        let old = notifier.show(&notice("work"), None).await.unwrap();
        server.click(7, "snooze");
        drop(server);
        assert_eq!(next(&notifier).await, Clicked(old, Offer::Snooze));
        assert_eq!(next(&notifier).await, ServerGone);

        let server = Server::start(desktop.builder(), ACTIONS, Manner::Answers, 7);
        server.click(7, "enter-code");
        assert_quiet(&notifier).await;
        let new = notifier.show(&pressing("work"), Some(old)).await.unwrap();
        assert_eq!(server.shown().replaces, 0, "number 7 is somebody else's bubble there");
        assert_ne!(new, old);
        server.click(7, "enter-code");
        assert_eq!(next(&notifier).await, Clicked(new, Offer::EnterCode));
        assert_eq!(notifier.withdraw(old).await, Ok(()));
        assert!(server.idle(), "number 7 is the new bubble there");
        server.dismiss(7);
        assert_eq!(next(&notifier).await, Closed(new));
        drop(server);
        // Nothing of ours was on its screen.
        assert_quiet(&notifier).await;
    });
}

#[test]
fn a_bubble_of_an_earlier_server_is_left_alone_though_nobody_looked_when_it_went() {
    if !has_desktop() {
        return;
    }
    let desktop = Desktop::without_keyring();
    let first = Server::start(desktop.builder(), ACTIONS, Manner::Answers, 7);
    let notifier = notifier(&desktop);
    run(async {
        let old = notifier.show(&notice("first"), None).await.unwrap();
        drop(first);
        let second = Server::start(desktop.builder(), &["body"], Manner::Answers, 7);
        let new = notifier.show(&pressing("a & b"), Some(old)).await.unwrap();
        let shown = second.shown();
        assert_eq!(shown.replaces, 0, "number 7 is somebody else's bubble there");
        assert_eq!(shown.body, "run: stsd refresh work", "what the first could do is forgotten");
        assert_eq!(next(&notifier).await, ServerGone);
        assert_quiet(&notifier).await;
        drop(second);
        let third = Server::start(desktop.builder(), ACTIONS, Manner::Answers, 1);
        assert_eq!(notifier.withdraw(new).await, Ok(()));
        assert!(third.idle(), "number 7 is somebody else's bubble there");
    });
}

#[test]
fn a_server_that_lets_another_have_its_name_and_takes_it_back_is_heard_again() {
    if !has_desktop() {
        return;
    }
    let desktop = Desktop::without_keyring();
    let server = Server::start(desktop.builder(), ACTIONS, Manner::Answers, 7);
    let notifier = notifier(&desktop);
    run(async {
        notifier.show(&notice("work"), None).await.unwrap();
        server.give_up_name();
        assert_eq!(next(&notifier).await, ServerGone);
        server.click(7, "enter-code");
        assert_quiet(&notifier).await;
        server.take_name();
        let bubble = notifier.show(&notice("work"), None).await.unwrap();
        server.click(8, "enter-code");
        assert_eq!(next(&notifier).await, Clicked(bubble, Offer::EnterCode));
    });
}

#[test]
fn a_bus_that_goes_takes_the_bubbles_with_it() {
    if !has_desktop() {
        return;
    }
    let mut desktop = Desktop::without_keyring();
    let server = Server::start(desktop.builder(), ACTIONS, Manner::Answers, 7);
    let notifier = notifier(&desktop);
    run(async {
        let old = notifier.show(&notice("work"), None).await.unwrap();
        desktop.stop_bus();
        assert_eq!(next(&notifier).await, ServerGone);
        drop(server);
        desktop.start_bus();
        let server = Server::start(desktop.builder(), ACTIONS, Manner::Answers, 7);
        let new = notifier.show(&notice("work"), Some(old)).await.unwrap();
        assert_eq!(server.shown().replaces, 0);
        server.click(7, "default");
        assert_eq!(next(&notifier).await, Clicked(new, Offer::EnterCode));
    });
}

#[test]
fn a_real_server_that_is_killed_is_told_of() {
    if !has_desktop() {
        return;
    }
    let desktop = Desktop::without_keyring();
    let display = Display::start(&desktop);
    let notifier = notifier(&desktop);
    run(async {
        let server = display.shows(&desktop, Shows::Mate);
        notifier.show(&pressing("work"), None).await.unwrap();
        drop(server);
        assert_eq!(next(&notifier).await, ServerGone);
    });
}
