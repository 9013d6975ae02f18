//! A person at a terminal: what is asked, what is shown of the answer, and what it leads to.

use super::machine::Machine;
use super::typing::Terminal;
use crate::has_desktop;

const CODE: &str = "MFA code for work (";
const SECRET: &str = "Secret access key (not shown): ";

#[test]
fn a_code_is_asked_for_and_not_shown() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    let mut terminal = Terminal::start(&machine.stsd(&["refresh", "work"]));
    terminal.await_hidden(CODE);
    assert!(terminal.screen().contains(&machine.sts.alice().serial), "which device? {}", terminal.screen());
    assert_eq!(machine.sts.requests(), [], "a call before the code was there");
    let code = machine.code();
    terminal.answer(&code);
    let (exit, screen) = terminal.end();
    assert_eq!(exit, 0, "{screen}");
    assert!(!screen.contains(&code), "{screen}");
    assert!(screen.contains("session until "), "{screen}");
    assert_eq!(machine.status("work").0, 0);
    assert_eq!(machine.sts.codes_sent(), 1);
}

#[test]
fn a_code_of_the_wrong_shape_at_the_terminal_is_2_and_not_sent() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    for typed in ["98765", "", "7654321", "letters"] {
        let mut terminal = Terminal::start(&machine.stsd(&["refresh", "work"]));
        terminal.await_hidden(CODE);
        terminal.answer(typed);
        let (exit, screen) = terminal.end();
        assert!(exit == 2 && screen.contains("six digits") && screen.contains("hint"), "{exit}: {screen}");
        assert!(typed.is_empty() || !screen.contains(typed), "{screen}");
    }
    assert_eq!(machine.sts.requests(), []);
}

#[test]
fn nobody_is_asked_for_a_code_that_could_not_be_used() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    let check = |exit: i32, words: &str| {
        let (code, screen) = Terminal::start(&machine.stsd(&["refresh", "work"])).end();
        assert!(code == exit && screen.contains(words), "{code}: {screen}");
        assert!(!screen.contains(CODE), "{screen}");
    };
    machine.write(
        ".aws/credentials",
        "[work]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = x\n",
    );
    check(8, "long-term");
    machine.write(".aws/credentials", "");
    let config = machine.configuration();
    machine.configure(&format!("prompt = \"none\"\n{config}"));
    check(4, "an MFA code is needed");
    machine.configure(&config);
    machine.desktop.lock("/org/freedesktop/secrets/collection/login");
    check(7, "locked");
    assert_eq!(machine.sts.requests(), []);
}

#[test]
fn add_asks_for_what_the_flags_do_not_say_and_hides_the_secret() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::new();
    let alice = machine.sts.alice();
    let mut terminal = Terminal::start(&machine.stsd(&["add", "work"]));
    terminal.await_text("Access key id: ");
    terminal.answer(&alice.access_key_id);
    terminal.await_text("MFA serial");
    terminal.answer(&alice.serial);
    terminal.await_hidden(SECRET);
    terminal.answer(&alice.secret_access_key);
    let (exit, screen) = terminal.end();
    assert_eq!(exit, 0, "{screen}");
    assert!(!screen.contains(&alice.secret_access_key), "{screen}");
    assert!(machine.search_keyring().contains(&alice.secret_access_key));
    assert_eq!(machine.configuration(), format!("[profiles.work]\nmfa_serial = \"{}\"\n", alice.serial));
    machine.run(&["refresh", "--code", &machine.code()]).succeeded();
}

#[test]
fn add_asks_only_for_the_secret_where_the_flags_say_the_rest() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    let bob = machine.sts.bob();
    let arguments = ["add", "work", "--access-key-id", &bob.access_key_id, "--mfa-serial", &bob.serial];
    let mut terminal = Terminal::start(&machine.stsd(&arguments));
    terminal.await_hidden(SECRET);
    assert!(!terminal.screen().contains("Access key id"), "{}", terminal.screen());
    terminal.answer(&bob.secret_access_key);
    let (exit, screen) = terminal.end();
    assert!(exit == 0 && !screen.contains(&bob.secret_access_key), "{exit}: {screen}");
    assert!(screen.contains("this one replaces it"), "{screen}");
    assert!(machine.search_keyring().contains(&bob.secret_access_key));
}

#[test]
fn a_secret_typed_in_the_place_of_the_id_is_not_repeated() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::new();
    let mut terminal = Terminal::start(&machine.stsd(&["add", "work"]));
    terminal.await_text("Access key id: ");
    terminal.answer("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
    let (exit, screen) = terminal.end();
    assert!(exit == 2 && screen.contains("swapped"), "{exit}: {screen}");
    let shown = screen.matches("wJalrXUtnFEMI").count();
    assert_eq!(shown, 1, "only the terminal's own echo: {screen}");
}

#[test]
fn remove_asks_and_everything_but_yes_keeps_everything() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    machine.run(&["refresh", "--code", &machine.code()]).succeeded();
    let file = machine.credentials();
    let check = |answer: &str, gone: bool| {
        let mut terminal = Terminal::start(&machine.stsd(&["remove", "work"]));
        terminal.await_text("[y/N] ");
        terminal.answer(answer);
        let (exit, screen) = terminal.end();
        assert_eq!(exit, 0, "{screen}");
        assert_eq!(screen.contains("nothing was deleted"), !gone, "{screen}");
        assert_eq!(machine.search_keyring().is_empty(), gone, "{answer}");
        assert_eq!(machine.credentials() != file, gone, "{answer}");
    };
    check("n", false);
    check("", false);
    check("no", false);
    check("q", false);
    check("y", true);
}

#[test]
fn a_question_that_is_left_ends_the_command_and_changes_nothing() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    let check = |arguments: &[&str], question: &str, hidden: bool| {
        let mut terminal = Terminal::start(&machine.stsd(arguments));
        if hidden {
            terminal.await_hidden(question);
        } else {
            terminal.await_text(question);
        }
        terminal.press("\u{4}");
        let (exit, screen) = terminal.end();
        assert!(exit == 4 && screen.contains("hint"), "{exit}: {screen}");
        assert!(!machine.search_keyring().is_empty());
    };
    check(&["refresh"], CODE, true);
    check(&["remove", "work"], "[y/N] ", false);
    check(&["add", "new"], "Access key id: ", false);
    assert_eq!(machine.sts.requests(), []);
}

/// The shell that comes back must show what is typed.
#[test]
fn an_interrupt_at_a_hidden_question_leaves_a_terminal_that_echoes() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    let mut terminal = Terminal::start(&machine.stsd(&["refresh", "work"]));
    assert!(terminal.echoes());
    terminal.await_hidden(CODE);
    terminal.press("12\u{3}");
    terminal.await_killed();
    assert!(terminal.echoes(), "the terminal stays silent");
    assert_eq!(machine.sts.requests(), []);
}

#[test]
fn failures_are_coloured_at_a_terminal_unless_the_user_wants_none() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::new();
    let check = |arguments: &[&str], no_color: &str, coloured: bool| {
        let mut command = machine.stsd(arguments);
        command.env("NO_COLOR", no_color);
        let (exit, screen) = Terminal::start(&command).end();
        assert_eq!((exit, screen.contains("\x1b[1;31merror\x1b[0m: ")), (3, coloured), "{screen}");
        assert_eq!(screen.contains('\x1b'), coloured, "{screen}");
    };
    check(&["status", "other"], "", true);
    check(&["status", "other"], "1", false);
    check(&["status", "other", "--color", "never"], "", false);
    check(&["status", "other", "--color", "always"], "1", true);
}
