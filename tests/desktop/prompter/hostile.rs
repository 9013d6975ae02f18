//! Text that tries to be more than text.

use stsd::domain::profile::ProfileName;
use stsd::domain::prompt::Question;

use super::person::Person;
use super::{LONG, REAL, asked, question};
use crate::bus::Desktop;
use crate::display::Display;
use crate::has_desktop;

#[test]
fn hostile_text_is_shown_as_text_and_the_dialog_stays_on_the_screen() {
    if !has_desktop() {
        return;
    }
    let desktop = Desktop::without_keyring();
    let display = Display::start(&desktop);
    let person = Person { desktop: &desktop, display: &display };
    let long = "long".repeat(32);
    let hostile = "<b>bold</b> &amp; %0A \\n _under_ $HOME `id` \"'\nGETPIN\r\u{202E}";
    let endless = format!("{hostile} {}", "x".repeat(2000));
    let names = |names: &[&str]| names.iter().map(|name| ProfileName::parse(name).unwrap()).collect();
    for (name, question) in [
        (
            "marked",
            Question {
                profiles: names(&["a%0Ab_c"]),
                asked_by: hostile.to_owned(),
                refused: Some(hostile.to_owned()),
                ..question()
            },
        ),
        (
            "endless",
            Question {
                profiles: names(&[&long, &long, &long, &long]),
                asked_by: endless.clone(),
                refused: Some(endless.clone()),
                ..question()
            },
        ),
    ] {
        for kind in REAL {
            let (empty, _path) = display.shot(&desktop, &format!("{kind:?}-{name}-empty"));
            let answer = asked(&desktop, &display, (kind, &question), LONG, || {
                let window = person.sees(None);
                assert_eq!(window.title, question.title(), "{kind:?}");
                display.shot_after(&desktop, &empty, &format!("{kind:?}-{name}"));
                let (width, height) = person.sees(None).size;
                assert!(width <= 800 && height <= 600, "{kind:?} {name}: {width}x{height}");
                person.presses(&window, &["1", "2", "3", "4", "5", "6", "Return"]);
            });
            assert_eq!(answer.as_deref(), Ok("123456"), "{kind:?} {name}");
            person.sees_nothing_left();
        }
    }
}
