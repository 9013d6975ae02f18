//! What real servers draw.

use std::time::{Duration, Instant};

use stsd::domain::notice::Notice;
use stsd::ports::notifier::Notifier as _;

use super::{notice, notifier, pressing, run};
use crate::bus::{Desktop, START};
use crate::display::{Display, NOTIFICATIONS, Shows};
use crate::has_desktop;

/// Shows, replaces and withdraws a notice, and looks at the screen after each.
fn check(shows: Shows, name: &str) {
    let desktop = Desktop::without_keyring();
    let display = Display::start(&desktop);
    let _server = display.shows(&desktop, shows);
    let (empty, _path) = display.shot(&desktop, &format!("{name}-empty"));
    let notifier = notifier(&desktop);
    run(async {
        // With buttons, mate draws how its time runs out, and no two pictures would be the same.
        let first = Notice { offers: Vec::new(), ..notice("work expires in 30 minutes (14:02)") };
        let bubble = notifier.show(&first, None).await.unwrap();
        let drawn = display.shot_after(&desktop, &empty, &format!("{name}-lead"));

        let last = pressing("work <has> expired & ended (14:02)");
        assert_eq!(notifier.show(&last, Some(bubble)).await, Ok(bubble), "the server made another bubble");
        display.shot_after(&desktop, &drawn, &format!("{name}-expiry"));

        // Were the first still there, it would be seen now.
        notifier.withdraw(bubble).await.unwrap();
        let end = Instant::now() + START;
        while display.shot(&desktop, &format!("{name}-withdrawn")).0 != empty {
            assert!(Instant::now() < end, "{name}: something is still on the screen");
            std::thread::sleep(Duration::from_millis(100));
        }
        assert_eq!(notifier.withdraw(bubble).await, Ok(()), "a bubble that is gone");
    });
}

#[test]
fn dunst_draws_a_notice_replaces_it_in_place_and_takes_it_away() {
    if has_desktop() {
        check(Shows::Dunst, "dunst");
    }
}

#[test]
fn mate_draws_a_notice_replaces_it_in_place_and_takes_it_away() {
    if has_desktop() {
        check(Shows::Mate, "mate");
    }
}

#[test]
fn a_real_server_that_is_killed_is_replaced_by_the_next_one() {
    if !has_desktop() {
        return;
    }
    let desktop = Desktop::without_keyring();
    let display = Display::start(&desktop);
    let notifier = notifier(&desktop);
    run(async {
        let server = display.shows(&desktop, Shows::Dunst);
        let bubble = notifier.show(&notice("before"), None).await.unwrap();
        drop(server);
        notifier.show(&notice("nobody"), Some(bubble)).await.unwrap_err();
        let _server = display.shows(&desktop, Shows::Dunst);
        let (empty, _path) = display.shot(&desktop, "killed-empty");
        notifier.show(&notice("after"), Some(bubble)).await.unwrap();
        display.shot_after(&desktop, &empty, "killed-after");
    });
}

#[test]
fn a_server_that_the_bus_can_start_is_started() {
    if !has_desktop() {
        return;
    }
    let desktop = Desktop::without_keyring();
    let display = Display::start(&desktop);
    let (empty, _path) = display.shot(&desktop, "started-empty");
    std::fs::write(desktop.path("dunstrc"), "[global]\n").unwrap();
    let command =
        format!("/usr/bin/env DISPLAY={} dunst -conf {}", display.name(), desktop.path("dunstrc").display());
    desktop.make_startable(NOTIFICATIONS, &command);
    run(notifier(&desktop).show(&notice("hello"), None)).unwrap();
    display.shot_after(&desktop, &empty, "started");
}
