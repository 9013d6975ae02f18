//! The port's implementation: the kernel's timer where there is one, naps elsewhere.

use std::fmt;
use std::sync::Arc;
#[cfg(target_os = "linux")]
use std::sync::Once;

use chrono::{DateTime, Utc};

use super::naps;
#[cfg(target_os = "linux")]
use super::realtime;
use crate::ports::Answer;
use crate::ports::time::{Clock, Timer};

/// A timer by the wall clock.
///
/// It needs a runtime whose timers and, on Linux, I/O are on. `clock` is asked whether a deadline is past and, during
/// naps, how far it is; the kernel's timer goes by the system's clock, whatever `clock` says.
pub struct WallTimer {
    clock: Arc<dyn Clock>,
    #[cfg(target_os = "linux")]
    warned: Once,
}

impl WallTimer {
    /// A timer that looks at `clock`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            #[cfg(target_os = "linux")]
            warned: Once::new(),
        }
    }

    async fn wait(&self, deadline: DateTime<Utc>) {
        if deadline <= self.clock.now() {
            return;
        }
        #[cfg(target_os = "linux")]
        match realtime::wait_until(deadline).await {
            Ok(()) => return,
            Err(error) => self.warned.call_once(|| {
                tracing::warn!(%error, "the kernel gave no timer; looking at the clock every 30 s instead");
            }),
        }
        naps::wait_until(self.clock.as_ref(), deadline, tokio::time::sleep).await;
    }
}

impl Timer for WallTimer {
    fn wait_until(&self, deadline: DateTime<Utc>) -> Answer<'_, ()> {
        Box::pin(self.wait(deadline))
    }
}

impl fmt::Debug for WallTimer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WallTimer").finish_non_exhaustive()
    }
}
