//! A person answers, does not, or is not needed any more.

use std::time::{Duration, Instant};

use stsd::domain::prompt::{PromptKind, Question};
use stsd::ports::prompter::{PromptError, Prompter as _};

use super::person::Person;
use super::{LONG, REAL, asked, manner, on, prompter, question, run};
use crate::bus::{Desktop, START};
use crate::display::Display;
use crate::has_desktop;

/// Plays one scene with each of the real dialogs.
fn with_each(scene: impl Fn(PromptKind, Person<'_>)) {
    if !has_desktop() {
        return;
    }
    let desktop = Desktop::without_keyring();
    let display = Display::start(&desktop);
    for kind in REAL {
        let person = Person { desktop: &desktop, display: &display };
        scene(kind, person);
        person.sees_nothing_left();
    }
}

#[test]
fn a_code_that_is_typed_comes_back() {
    with_each(|kind, person| {
        let (empty, _path) = person.display.shot(person.desktop, &format!("{kind:?}-empty"));
        let answer = asked(person.desktop, person.display, (kind, &question()), LONG, || {
            let window = person.sees(None);
            assert_eq!(window.title, "stsd: MFA code for work_admin, ci");
            person.display.shot_after(person.desktop, &empty, &format!("{kind:?}"));
            person.presses(&window, &["0", "1", "2", "3", "4", "5", "Return"]);
        });
        assert_eq!(answer.as_deref(), Ok("012345"), "{kind:?}");
    });
}

#[test]
fn five_digits_are_asked_for_again_and_six_are_taken() {
    with_each(|kind, person| {
        let answer = asked(person.desktop, person.display, (kind, &question()), LONG, || {
            let first = person.sees(None);
            person.presses(&first, &["1", "2", "3", "4", "5", "Return"]);
            let second = person.sees(Some(&first));
            person.display.shot(person.desktop, &format!("{kind:?}-again"));
            person.presses(&second, &["6", "5", "4", "3", "2", "1", "Return"]);
        });
        assert_eq!(answer.as_deref(), Ok("654321"), "{kind:?}");
    });
}

#[test]
fn escape_cancels() {
    with_each(|kind, person| {
        let answer = asked(person.desktop, person.display, (kind, &question()), LONG, || {
            person.presses(&person.sees(None), &["1", "Escape"]);
        });
        assert_eq!(answer, Err(PromptError::Cancelled), "{kind:?}");
    });
}

#[test]
fn a_dialog_that_nobody_answers_ends_in_time() {
    with_each(|kind, person| {
        let patience = Duration::from_secs(3);
        let started = Instant::now();
        let answer = asked(person.desktop, person.display, (kind, &question()), patience, || {
            person.presses(&person.sees(None), &["1"]);
        });
        assert_eq!(answer, Err(PromptError::TimedOut(3)), "{kind:?}");
        assert!(started.elapsed() > Duration::from_millis(2900), "{kind:?}");
        assert!(started.elapsed() < Duration::from_secs(10), "{kind:?}");
    });
}

#[test]
fn a_question_that_is_dropped_closes_its_dialog() {
    with_each(|kind, person| {
        let (prompter, question, manner) = (prompter(person.desktop, LONG), question(), manner(kind));
        let screen = on(person.display);
        std::thread::scope(|scope| {
            let (tell, told) = tokio::sync::oneshot::channel();
            scope.spawn(move || {
                person.sees(None);
                tell.send(person.processes())
            });
            run(async {
                let running = tokio::select! {
                    answer = prompter.ask(&question, &manner, Some(&screen)) => panic!("{answer:?}"),
                    // The code has arrived in another way.
                    running = told => running.unwrap(),
                };
                assert_eq!(running.len(), 1, "{kind:?}");
                // It is collected, too, while the runtime goes on.
                let looks = Instant::now();
                while running.iter().any(|process| process.exists()) {
                    assert!(looks.elapsed() < START, "{kind:?}");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            });
        });
    });
}

#[test]
fn the_reason_of_a_refusal_is_seen() {
    with_each(|kind, person| {
        let (empty, _path) = person.display.shot(person.desktop, &format!("{kind:?}-none"));
        let look = |question: &Question, name: &str| {
            let mut seen = Vec::new();
            let answer = asked(person.desktop, person.display, (kind, question), LONG, || {
                let window = person.sees(None);
                seen = person.display.shot_after(person.desktop, &empty, &format!("{kind:?}-{name}"));
                person.presses(&window, &["Escape"]);
            });
            assert_eq!(answer, Err(PromptError::Cancelled));
            person.sees_nothing_left();
            seen
        };
        let plain = look(&question(), "plain");
        let refused = Question { refused: Some("AWS refused the code".to_owned()), ..question() };
        assert_ne!(look(&refused, "refused"), plain, "{kind:?}");
    });
}
