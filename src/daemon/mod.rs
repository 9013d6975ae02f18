//! The daemon: holds the clock and answers clients.
//!
//! One loop over one closed [`Event`](engine::Event) owns all state ([`engine`]); tasks do what takes time and answer
//! with an event.
//!
//! `server` speaks the dialogue with each client that `door` has let in. Whoever wants sessions is an `errand`: `errands`
//! takes them in, `flights` sends them on their way together, `asking` asks their users for codes, `codes` is what a
//! refresh sees of that. `work` does what else clients ask for, `watchers` says how the sessions are, `supervised` tells
//! the service manager. `notices` tells the desktop, `clicks` hears what its user does with a notice. `observe` looks at
//! file and state, `sessions` takes over what was found and sees to what other programs did, `renewal` renews what needs
//! no human, `answers` puts the use cases' outcomes into the protocol's words.
//!
//! What is absent: a lock that is held across an await, a second place that decides, and the keychain at start.

use std::os::unix::net::UnixListener;
use std::sync::Arc;

use crate::config::Config;
use crate::domain::failure::{Failure, FailureClass};
use crate::ports::file_watch::FileWatch;
use crate::ports::notifier::Notifier;
use crate::ports::prompter::Prompter;
use crate::ports::supervisor::Supervisor;
use crate::ports::time::Timer;
use crate::protocol::message::Places;
use crate::usecase::Ports;

pub mod answers;
mod asking;
mod clicks;
mod codes;
mod door;
mod engine;
mod errand;
mod errands;
mod flights;
mod notices;
mod observe;
mod renewal;
mod server;
mod sessions;
mod supervised;
mod watchers;
mod work;

/// The world of the daemon: what the use cases act on, and what only a program that stays has use for.
#[derive(Clone)]
pub struct World {
    /// What the use cases act on.
    pub ports: Ports,
    /// Waits by the wall clock.
    pub timer: Arc<dyn Timer>,
    /// The desktop's notices.
    pub notifier: Arc<dyn Notifier>,
    /// The desktop's dialogs.
    pub prompter: Arc<dyn Prompter>,
    /// The configuration and the credentials file.
    pub watch: Arc<dyn FileWatch>,
    /// Whoever started the daemon and restarts it.
    pub supervisor: Arc<dyn Supervisor>,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").finish_non_exhaustive()
    }
}

/// What makes the daemon end or look again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Read the configuration again.
    Reload,
    /// Finish the requests in hand and end.
    Stop,
}

/// Runs until it is told to stop: restores the sessions from file and state, tells the supervisor, serves `listener`.
///
/// `orders` gives the next order of the outside (a signal). `places` is what this process's environment leads to; a
/// client that means other files is refused.
///
/// Must run on a single-threaded or multi-threaded tokio runtime with timers and I/O.
///
/// # Errors
///
/// If the listener cannot be used, or the server ends by a bug. Everything else is logged and survived.
pub async fn run<O, F>(
    listener: UnixListener,
    config: Config,
    places: Places,
    world: World,
    orders: O,
) -> Result<(), Failure>
where
    O: Fn() -> F,
    F: Future<Output = Order>,
{
    let unusable = |error: std::io::Error| {
        Failure::new(FailureClass::Internal, format!("the socket cannot be used: {error}"))
    };
    listener.set_nonblocking(true).map_err(unusable)?;
    let listener = tokio::net::UnixListener::from_std(listener).map_err(unusable)?;
    engine::Engine::new(config, world).run(listener, places, orders).await
}
