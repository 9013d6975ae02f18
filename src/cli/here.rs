//! Where a command runs: the world of this user, and the daemon if there is one.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::cli::output::Output;
use crate::client::{Client, Dialogue, Typing};
use crate::config::PromptKind;
use crate::daemon::answers;
use crate::domain::failure::{Failure, FailureClass};
use crate::paths::Paths;
use crate::protocol::message::{Action, Answer, Places};
use crate::usecase::Ports;

/// The world of this user.
#[derive(Debug)]
pub(crate) struct Here {
    /// What the use cases act on when no daemon runs.
    pub(crate) ports: Ports,
    /// Every path.
    pub(crate) paths: Paths,
    /// What this environment leads to.
    pub(crate) places: Places,
    /// Where a warning goes.
    pub(crate) output: Output,
    /// True once it has been said that the daemon has another version.
    pub(crate) warned: AtomicBool,
}

impl Here {
    /// The daemon of this user, if it runs. Says so if it is of another version that speaks the same language.
    ///
    /// # Errors
    ///
    /// As [`Client::connect`].
    pub(crate) async fn daemon(&self) -> Result<Option<Client>, Failure> {
        let daemon = Client::connect(&self.paths.socket, self.places.clone()).await?;
        let (ours, theirs) =
            (env!("CARGO_PKG_VERSION"), daemon.as_ref().map(|daemon| &daemon.daemon().version));
        if let Some(theirs) = theirs.filter(|theirs| *theirs != ours)
            && !self.warned.swap(true, Ordering::Relaxed)
        {
            self.output.warn(&format!(
                "the daemon that runs has version {theirs} and this is {ours}: stsd service restart"
            ));
        }
        Ok(daemon)
    }

    /// Tells a daemon that runs to read the configuration again. That it does not is its own business.
    pub(crate) async fn reload(&self) {
        if let Ok(Some(daemon)) = self.daemon().await
            && let Err(failure) = daemon.call(Action::Reload, &mut Silent).await
        {
            tracing::debug!(%failure, "daemon not told");
        }
    }
}

/// A command that is asked nothing.
pub(crate) struct Silent;

impl Dialogue for Silent {
    fn code<'a>(
        &'a mut self,
        profiles: &'a [String],
        _serial: &'a str,
        _refused: Option<&'a str>,
    ) -> Typing<'a> {
        Box::pin(std::future::ready(Err(answers::nobody(profiles, PromptKind::Terminal))))
    }

    fn progress(&mut self, _answer: Answer) -> bool {
        true
    }
}

/// The failure of a daemon that answers something else than was asked.
pub(crate) fn unexpected() -> Failure {
    Failure::new(FailureClass::Internal, "the daemon gave another answer than was asked for")
}
