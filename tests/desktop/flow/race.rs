//! A terminal and a dialog ask for the same code, and the first one wins.

use std::process::Command;

use super::stage::{PINENTRY, Stage};
use crate::binary::machine::Machine;
use crate::binary::typing::Terminal;
use crate::daemon::running::Daemon;
use crate::display::Shows;
use crate::has_desktop;

const CODE: &str = "MFA code for work (";
/// A shell: what it reads is what was typed after the command.
const SHELL: &str =
    "\"$0\" refresh work; echo \"exit $?\"; IFS= read -r line; echo \"the shell got <$line>\"";

/// A shell in which the command is run.
fn shell(stage: &Stage) -> Command {
    let mut shell = stage.machine.command("sh");
    shell.args(["-c", SHELL, env!("CARGO_BIN_EXE_stsd")]).env("DISPLAY", stage.display.name());
    shell
}

#[test]
fn a_code_in_the_dialog_ends_the_question_at_the_terminal() {
    if !has_desktop() {
        return;
    }
    let stage = Stage::new(Shows::Mate, PINENTRY);
    let mut terminal = Terminal::start(&shell(&stage));
    terminal.await_hidden(CODE);
    let dialog = stage.person().sees(None);
    // Begun at the terminal, and thought better of.
    terminal.press("12");
    stage.person().types(&dialog, &stage.machine.code());
    terminal.await_text("exit 0");
    assert!(terminal.echoes(), "what is typed stays hidden: {}", terminal.screen());
    assert!(terminal.screen().contains("session until "), "{}", terminal.screen());
    terminal.answer("echo next");
    let (_, screen) = terminal.end();
    assert!(screen.contains("the shell got <echo next>"), "{screen}");
    assert_eq!((stage.machine.status("work").0, stage.machine.sts.codes_sent()), (0, 1));
    stage.person().sees_nothing_left();
}

#[test]
fn a_code_at_the_terminal_closes_the_dialog() {
    if !has_desktop() {
        return;
    }
    let stage = Stage::new(Shows::Mate, PINENTRY);
    let mut terminal = Terminal::start(&shell(&stage));
    terminal.await_hidden(CODE);
    stage.person().sees(None);
    let code = stage.machine.code();
    terminal.answer(&code);
    terminal.await_text("exit 0");
    stage.person().sees_nothing_left();
    terminal.answer("echo next");
    let (_, screen) = terminal.end();
    assert!(screen.contains("the shell got <echo next>") && !screen.contains(&code), "{screen}");
    assert_eq!(stage.machine.sts.codes_sent(), 1);
}

#[test]
fn a_dialog_that_is_cancelled_ends_the_question_at_the_terminal_too() {
    if !has_desktop() {
        return;
    }
    let stage = Stage::new(Shows::Mate, PINENTRY);
    let mut terminal = Terminal::start(&shell(&stage));
    terminal.await_hidden(CODE);
    stage.person().presses(&stage.person().sees(None), &["Escape"]);
    terminal.await_text("exit 4");
    assert!(terminal.echoes() && terminal.screen().contains("cancelled"), "{}", terminal.screen());
    terminal.answer("echo next");
    assert!(terminal.end().1.contains("the shell got <echo next>"));
}

/// Types wrong codes at a terminal until nobody asks any more.
fn refused_three_times(machine: &Machine, before: &mut i64) {
    let serial = machine.sts.alice().serial;
    let mut terminal = Terminal::start(&machine.stsd(&["refresh", "work"]));
    for time in 1..=3 {
        terminal.await_questions(CODE, time);
        assert_eq!(terminal.screen().matches("AWS refused the MFA code").count(), time - 1);
        // Of other days, each another one: a code that was used is not sent again.
        terminal.answer(&machine.sts.code_at_offset(&serial, *before + 10_000));
        *before += 1;
    }
    let (exit, screen) = terminal.end();
    assert_eq!((exit, screen.matches(CODE).count()), (5, 3), "{screen}");
    assert!(screen.contains(": AWS refused the MFA code") && screen.contains("hint"), "{screen}");
}

#[test]
fn a_wrong_code_at_the_terminal_is_asked_for_again_with_the_reason_and_the_third_time_is_5() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    let mut typed = 0;
    refused_three_times(&machine, &mut typed);
    let daemon = Daemon::start(&machine);
    refused_three_times(&machine, &mut typed);
    assert_eq!(machine.sts.codes_sent(), 6);
    // And a right one at the second try.
    let mut terminal = Terminal::start(&machine.stsd(&["refresh", "work"]));
    terminal.await_questions(CODE, 1);
    terminal.answer(&machine.sts.wrong_code(&machine.sts.alice().serial));
    terminal.await_questions(CODE, 2);
    terminal.answer(&machine.code());
    let (exit, screen) = terminal.end();
    assert_eq!(exit, 0, "{screen}: {}", daemon.log());
}
