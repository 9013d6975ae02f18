//! What the fuzzer found once, and cases as odd by hand: none breaks an invariant again.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may panic, and its figures are shown then"
)]

use std::fs;
use std::path::Path;

use stsd::domain;

#[path = "../fuzz/invariants.rs"]
mod invariants;

#[test]
fn no_file_that_was_found_breaks_an_invariant() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seen = 0;
    for directory in ["tests/fuzz/findings", "tests/data/aws_file"] {
        for entry in fs::read_dir(root.join(directory)).unwrap() {
            let path = entry.unwrap().path();
            println!("{}", path.display());
            invariants::check(&fs::read(path).unwrap());
            seen += 1;
        }
    }
    assert!(seen > 90, "only {seen} files were replayed");
}
