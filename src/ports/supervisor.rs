//! The service manager that has started this process, if one has.

use std::time::Duration;

/// What a service manager wants to hear. Whoever has none tells nobody; no call waits or fails.
pub trait Supervisor: Send + Sync {
    /// Clients are served from now on.
    fn ready(&self);

    /// What comes next, as one line for people.
    fn status(&self, text: &str);

    /// How often [`Self::alive`] has to come at the least; nothing if nobody waits for it.
    fn patience(&self) -> Option<Duration>;

    /// The loop still turns.
    fn alive(&self);

    /// The end has begun.
    fn stopping(&self);
}
