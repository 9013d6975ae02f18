//! stsd on a real desktop: a private session bus and a real keyring daemon, both thrown away with the test.
//!
//! Each test starts the desktop that it needs, in the state that it needs, so none depends on another and none sees
//! the desktop of the person at this machine. Since that takes programs that not every machine has, they run only
//! under `tests/run`, which installs them and sets `STSD_TEST_DESKTOP=1`.
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod binary;
mod bus;
mod daemon;
mod display;
mod flow;
mod keychain;
#[path = "../cli/looks.rs"]
mod looks;
mod memory;
mod notices;
mod prompter;
#[path = "../cli/ran.rs"]
mod ran;

use std::io::Write as _;
use std::sync::Mutex;

const REASON: &str = "needs the private desktop of tests/run";

/// False, and said so, where there is no desktop for tests.
fn has_desktop() -> bool {
    let there = std::env::var_os("STSD_TEST_DESKTOP").is_some_and(|value| value == "1");
    if !there {
        not_run(REASON);
    }
    there
}

/// The program that a variable names; `None`, and said so, where it names none.
fn program(variable: &str) -> Option<String> {
    let program = std::env::var(variable).ok().filter(|program| !program.is_empty());
    if program.is_none() {
        not_run(&format!("{variable} names no program, which tests/run would install"));
    }
    program
}

/// Says why a test does not run, each reason once.
fn not_run(reason: &str) {
    static SAID: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let mut said = SAID.lock().unwrap();
    if !said.iter().any(|one| one == reason) {
        said.push(reason.to_owned());
        stsd_test_support::not_run(reason);
    }
}

/// Prints a line although the test passes: the harness only holds back what goes through `println!`.
fn say(line: &str) {
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{line}").unwrap();
}
