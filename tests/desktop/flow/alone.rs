//! Without a daemon, and without anybody who could be asked.

use std::time::Duration;

use super::stage::{PINENTRY, ZENITY};
use crate::binary::machine::Machine;
use crate::daemon::running::Daemon;
use crate::display::Display;
use crate::has_desktop;
use crate::prompter::person::Person;
use crate::ran::Ran;

#[test]
fn without_a_daemon_the_command_shows_the_dialog_itself() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    let display = Display::start(&machine.desktop);
    let person = Person { desktop: &machine.desktop, display: &display };
    let config = machine.configuration();
    for prompt in [PINENTRY, ZENITY] {
        machine.configure(&format!("{prompt}{config}"));
        machine.sts.clear_requests();
        let asked = |answer: &dyn Fn()| {
            let mut command = machine.stsd(&["refresh", "work"]);
            command.env("DISPLAY", display.name());
            let command = std::thread::spawn(move || Ran::of(&mut command, b""));
            answer();
            let ran = command.join().unwrap();
            person.sees_nothing_left();
            ran
        };
        let ran = asked(&|| person.presses(&person.sees(None), &["Escape"]));
        ran.failed_with(4, &["the dialog was cancelled", "stsd refresh work"]);
        assert_eq!(machine.sts.requests(), []);
        let ran = asked(&|| {
            let first = person.sees(None);
            person.types(&first, &machine.sts.wrong_code(&machine.sts.alice().serial));
            person.types(&person.sees(Some(&first)), &machine.code());
        });
        assert!(ran.succeeded().stderr.contains("the daemon does not run"));
        assert_eq!((machine.status("work").0, machine.sts.codes_sent()), (0, 2));
    }
}

#[test]
fn where_nobody_can_be_asked_the_answer_comes_at_once_and_names_a_command_that_works() {
    if !has_desktop() {
        return;
    }
    for with_daemon in [false, true] {
        let machine = Machine::with_work();
        let _daemon = with_daemon.then(|| Daemon::start(&machine));
        let config = machine.configuration();
        let mut hint = String::new();
        for (verb, prompt) in [
            ("ensure", "prompt = \"auto\"\n"),
            ("refresh", "prompt = \"auto\"\n"),
            ("refresh", PINENTRY),
            ("refresh", "prompt = \"none\"\n"),
        ] {
            machine.configure(&format!("{prompt}{config}"));
            let ran = machine.run(&[verb, "work"]);
            let (error, next) = ran.failed(4);
            assert!(error.contains("an MFA code is needed"), "{ran:#?}");
            assert!(ran.took < Duration::from_secs(2), "{ran:#?}");
            next.clone_into(&mut hint);
        }
        let command = hint.split("   (").next().unwrap();
        let words: Vec<_> = command.split(' ').collect();
        let ["stsd", arguments @ ..] = words.as_slice() else { panic!("{hint}") };
        machine.run_with(arguments, &format!("{}\n", machine.code())).succeeded();
    }
}
