//! Fifty programs that need a session at once, and one person.

use std::thread::JoinHandle;

use super::stage::{PINENTRY, Stage};
use crate::display::Shows;
use crate::has_desktop;
use crate::ran::Ran;

const CROWD: usize = 50;

/// Starts `refresh` and `ensure` in turn, as scripts do: without a terminal.
fn start(stage: &Stage) -> Vec<JoinHandle<Ran>> {
    let command = |number| match number % 2 {
        0 => stage.stsd(&["refresh", "work"]),
        _ => stage.stsd(&["ensure", "work", "--min", "1h"]),
    };
    let commands = (0..CROWD).map(command);
    commands.map(|mut command| std::thread::spawn(move || Ran::of(&mut command, b""))).collect()
}

#[test]
fn fifty_commands_at_once_show_one_dialog_and_share_what_comes_of_it() {
    if !has_desktop() {
        return;
    }
    let stage = Stage::new(Shows::Mate, PINENTRY);
    let person = stage.person();

    let commands = start(&stage);
    stage.daemon.await_said("waits for a session", CROWD);
    let dialog = person.sees(None);
    person.presses(&dialog, &["Escape"]);
    for command in commands {
        command.join().unwrap().failed_with(4, &["the dialog was cancelled", "stsd refresh work"]);
    }
    person.sees_nothing_left();
    assert_eq!((stage.daemon.said("dialog shown"), stage.machine.sts.codes_sent()), (1, 0));

    let commands = start(&stage);
    stage.daemon.await_said("waits for a session", 2 * CROWD);
    let dialog = person.sees(None);
    assert_eq!(person.processes().len(), 1);
    person.types(&dialog, &stage.machine.code());
    for command in commands {
        command.join().unwrap().succeeded();
    }
    person.sees_nothing_left();
    assert_eq!((stage.daemon.said("dialog shown"), stage.machine.sts.codes_sent()), (2, 1));
    assert_eq!(stage.machine.sts.requests_of("GetSessionToken").len(), 1);
}
