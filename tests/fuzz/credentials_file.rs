//! Any bytes as a credentials file, in search of one for which an invariant of the editor does not hold.
#![no_main]

#[path = "../../src/domain/mod.rs"]
#[allow(dead_code, unused_imports, reason = "only the editor is called")]
mod domain;
mod invariants;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| invariants::check(bytes));
