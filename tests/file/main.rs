//! The credentials file among real neighbours: the parsers that read it, other programs that write it, and kills.
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

#[path = "../desktop/bus.rs"]
#[expect(dead_code, reason = "each target uses its part")]
mod bus;
mod crowd;
mod differential;
mod failures;
mod findings;
mod killed_program;
mod kills;
#[path = "../desktop/binary/machine.rs"]
#[expect(dead_code, reason = "each target uses its part")]
mod machine;
mod order;
#[path = "../cli/ran.rs"]
mod ran;
mod random;
mod reader;
mod strace;
mod writer;

use std::io::Write as _;
use std::path::Path;

/// False, and said so, where there is no desktop for tests.
fn has_desktop() -> bool {
    let there = std::env::var_os("STSD_TEST_DESKTOP").is_some_and(|value| value == "1");
    if !there {
        stsd_test_support::not_run(
            "the credentials file among real neighbours: needs the private desktop of tests/run",
        );
    }
    there
}

/// The names in a directory, sorted; none if there is no directory.
fn directory_names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The program that a variable names; `None`, and said so, where it names none.
fn program(variable: &str) -> Option<String> {
    let program = std::env::var(variable).ok().filter(|program| !program.is_empty());
    if program.is_none() {
        stsd_test_support::not_run(&format!("{variable} names no program, which tests/run would install"));
    }
    program
}

/// Prints a line although the test passes: the harness only holds back what goes through `println!`.
fn say(line: &str) {
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{line}").unwrap();
}
