//! The daemon as a process: commands with it and without it, signals, notices on a real screen, what it keeps quiet.

mod activation;
mod equality;
mod helpers;
mod hidden;
mod hostile;
mod life;
mod memory;
mod neighbours;
mod notices;
mod reload;
mod renewal;
pub(crate) mod running;
mod watch;
