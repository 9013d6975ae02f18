//! Waits by the wall clock, through suspend and clock changes.
//!
//! The runtime's own timers stand still while a machine sleeps, so a deadline of theirs comes late by the time slept.
//! On Linux [`WallTimer`] leaves the deadline to the kernel's `realtime` timer, which costs no wake-up until then.
//! Elsewhere, and where the kernel has none to give, it takes `naps` and looks at the clock after each.

mod naps;
#[cfg(target_os = "linux")]
mod realtime;
#[cfg(test)]
mod tests;
mod wall;

pub use wall::WallTimer;
