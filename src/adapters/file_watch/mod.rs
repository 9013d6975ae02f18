//! Changes that other programs make to a few files, told by the kernel.
//!
//! Programs replace files by renaming others over them, so it is directories that are watched and names that are
//! looked for: `plan` says which. [`PathWatch`] hands the plan to a thread that keeps it up to date while directories
//! and links come and go (`watcher`), and waits for the `signal` that the thread gives.

mod path_watch;
mod plan;
mod signal;
#[cfg(test)]
mod tests;
mod watcher;

pub use path_watch::PathWatch;
