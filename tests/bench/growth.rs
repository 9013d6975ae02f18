//! The cost of an edit grows with the file and no faster. A test target of its own, with one test: nothing else uses
//! the memory and the processor meanwhile.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may panic, and its figures are shown then"
)]

mod large_file;

use std::alloc::System;
use std::time::Duration;

use cap::Cap;
use zeroizing_alloc::ZeroAlloc;

#[global_allocator]
static ALLOCATOR: Cap<ZeroAlloc<System>> = Cap::new(ZeroAlloc(System), usize::MAX);

/// The processor time of an edit, at best: what comes between only ever adds.
fn best_of(times: usize, sections: usize) -> Duration {
    let bytes = large_file::of(sections);
    (0..times).map(|_| large_file::once(&bytes, sections)).min().unwrap()
}

#[test]
fn ten_times_the_sections_take_about_ten_times_the_time_and_memory() {
    for sections in [5_000, 50_000] {
        let (size, peak) = (large_file::of(sections).len(), large_file::peak(&ALLOCATOR, sections));
        println!("{sections} sections, {size} bytes: {peak} bytes at most");
        assert!(peak < 4 * size, "{peak} bytes for a file of {size}");
    }
    let (small, large) = (best_of(10, 5_000), best_of(3, 50_000));
    println!("{small:?} for 5,000 sections, {large:?} for 50,000");
    // Quadratic would be a hundred times.
    assert!(large < 30 * small, "{small:?} for 5,000 sections, {large:?} for 50,000");
}
