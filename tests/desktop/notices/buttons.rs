//! What real servers draw for the offers, and what they tell when a person clicks.

use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use stsd::adapters::notifier::DesktopNotifier;
use stsd::domain::notice::Offer;
use stsd::ports::notifier::Happening::{Clicked, Closed};
use stsd::ports::notifier::{Happening, Notifier as _};
use zbus::MatchRule;
use zbus::blocking::MessageIterator;

use super::{next, notifier, pressing, run};
use crate::bus::{Desktop, START, Server};
use crate::display::{Display, NOTIFICATIONS, Shows};
use crate::has_desktop;

const SUMMARY: &str = "work expires in 30 minutes (14:02)";
const LEFT: u8 = 1;
const RIGHT: u8 = 3;

/// A bubble on a screen, and how it is clicked at.
struct Scene {
    notifier: DesktopNotifier,
    keys: Receiver<String>,
    // Left, upper, right and lower edge.
    bubble: (usize, usize, usize, usize),
    empty: Vec<u8>,
    display: Display,
    _server: Server,
    desktop: Desktop,
}

impl Scene {
    async fn new(shows: Shows, name: &str) -> Self {
        let desktop = Desktop::without_keyring();
        let display = Display::start(&desktop);
        let server = display.shows(&desktop, shows);
        let (empty, _path) = display.shot(&desktop, &format!("{name}-empty"));
        let (notifier, keys) = (notifier(&desktop), overhear(&desktop));
        let bubble = notifier.show(&pressing(SUMMARY), None).await.unwrap();
        let drawn = display.shot_after(&desktop, &empty, &format!("{name}-buttons"));
        let place = Display::difference(&empty, &drawn);
        notifier.withdraw(bubble).await.unwrap();
        let scene = Self { notifier, keys, bubble: place, empty, display, _server: server, desktop };
        scene.await_empty();
        scene
    }

    /// Waits until the last bubble has faded away: the next one would be drawn beside it.
    fn await_empty(&self) {
        let end = Instant::now() + START;
        while self.display.shot(&self.desktop, "empty").0 != self.empty {
            assert!(Instant::now() < end, "something is still on the screen");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Shows a notice and clicks at a place of its bubble, counted from its lower right corner. What comes of it: the
    /// key that the server tells, and what the notifier makes of it.
    async fn click(&self, right: usize, up: usize, button: u8) -> (Option<String>, Vec<Happening>) {
        let bubble = self.notifier.show(&pressing(SUMMARY), None).await.unwrap();
        let place = (self.bubble.2 - right, self.bubble.3 - up);
        let mut happened = Vec::new();
        // A server that is still drawing does not hear a click.
        for _ in 0..50 {
            self.display.click(&self.desktop, place, button);
            let answer = tokio::time::timeout(Duration::from_millis(200), self.notifier.next());
            if let Ok(happening) = answer.await {
                happened.push(happening);
                if !happened.contains(&Closed(bubble)) {
                    happened.push(next(&self.notifier).await);
                }
                break;
            }
        }
        for happening in &happened {
            let (Clicked(of, _) | Closed(of)) = happening else { panic!("{happened:?}") };
            assert_eq!(*of, bubble);
        }
        self.notifier.withdraw(bubble).await.unwrap();
        self.await_empty();
        (self.keys.try_recv().ok(), happened)
    }
}

/// The keys of all actions that the server tells of.
fn overhear(desktop: &Desktop) -> Receiver<String> {
    let rule = MatchRule::builder().interface(NOTIFICATIONS).unwrap().member("ActionInvoked").unwrap();
    let signals = MessageIterator::for_match_rule(rule.build(), &desktop.connect(), None).unwrap();
    let (sender, keys) = channel();
    std::thread::spawn(move || {
        for signal in signals.flatten() {
            let (_id, key): (u32, String) = signal.body().deserialize().unwrap();
            if sender.send(key).is_err() {
                return;
            }
        }
    });
    keys
}

impl Scene {
    /// Clicks where a button should be, and then, since fonts differ from desktop to desktop, along the row of
    /// buttons, until the server tells its key. What the notifier made of that click.
    async fn press(&self, key: &str, right: usize, up: usize) -> Vec<Happening> {
        let row = (20..300).step_by(25).map(|along| (along, up));
        for (right, up) in std::iter::once((right, up)).chain(row) {
            let (told, happened) = self.click(right, up, LEFT).await;
            if told.as_deref() == Some(key) {
                return happened;
            }
        }
        panic!("no button {key}");
    }
}

/// The bubble was clicked, and went.
fn assert_taken(happened: &[Happening], offer: Offer) {
    assert!(matches!(happened, [Clicked(_, taken), Closed(_)] if *taken == offer), "{happened:?}");
}

/// The bubble went.
fn assert_dismissed(happened: &[Happening]) {
    assert!(matches!(happened, [Closed(_)]), "{happened:?}");
}

#[test]
fn mate_draws_the_buttons_and_a_click_on_each_and_on_the_bubble_arrives() {
    if !has_desktop() {
        return;
    }
    run(async {
        let scene = Scene::new(Shows::Mate, "mate").await;
        assert_taken(&scene.press("enter-code", 191, 27).await, Offer::EnterCode);
        assert_taken(&scene.press("snooze", 93, 27).await, Offer::Snooze);
        let (key, happened) = scene.click(300, 60, LEFT).await;
        assert_eq!(key.as_deref(), Some("default"));
        assert_taken(&happened, Offer::EnterCode);
        // The cross.
        assert_dismissed(&scene.click(32, 90, LEFT).await.1);
    });
}

#[test]
fn xfce_draws_the_buttons_and_a_click_on_each_arrives() {
    if !has_desktop() {
        return;
    }
    run(async {
        let scene = Scene::new(Shows::Xfce, "xfce").await;
        assert_taken(&scene.press("enter-code", 189, 31).await, Offer::EnterCode);
        assert_taken(&scene.press("snooze", 70, 31).await, Offer::Snooze);
        // Version 0.7 takes a click on the bubble as its dismissal, whatever actions there are.
        assert_dismissed(&scene.click(250, 90, RIGHT).await.1);
    });
}

#[test]
fn dunst_tells_us_alone_of_a_click_on_the_bubble() {
    if !has_desktop() {
        return;
    }
    run(async {
        let scene = Scene::new(Shows::Dunst, "dunst").await;
        let (overheard, happened) = scene.click(100, 30, LEFT).await;
        assert_eq!(overheard, None, "so no rule about the sender keeps others' signals from us");
        assert_taken(&happened, Offer::EnterCode);
        assert_dismissed(&scene.click(100, 30, RIGHT).await.1);
    });
}
