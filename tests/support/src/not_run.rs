//! A part of the tests that cannot run here says so.

use std::fs::OpenOptions;
use std::io::Write as _;

/// Notes what could not be tested and why: on stderr for a reader, and in the file that `STSD_TEST_NOT_RUN_FILE` names
/// for whoever counts. A part that is silently left out would look like one that passed.
pub fn not_run(why: &str) {
    // Past the harness, which holds back what goes through `println!`.
    let mut stderr = std::io::stderr();
    writeln!(stderr, "NOT RUN: {why}").unwrap();
    if let Some(path) = std::env::var_os("STSD_TEST_NOT_RUN_FILE") {
        let mut file = OpenOptions::new().append(true).create(true).open(path).unwrap();
        file.write_all(format!("{why}\n").as_bytes()).unwrap();
    }
}
