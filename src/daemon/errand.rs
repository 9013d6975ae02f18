//! Whoever wants sessions: a command, or somebody who clicked a notice.

use std::collections::BTreeMap;

use tokio::sync::mpsc;

use crate::config::PromptKind;
use crate::domain::duration::SessionDuration;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::flights::{FlightId, Wish};
use crate::domain::mfa::MfaCode;
use crate::domain::profile::ProfileName;
use crate::ports::notifier::Bubble;
use crate::ports::prompter::Screen;
use crate::protocol::message::{Display, FromDaemon, WireCode};
use crate::usecase::refresh::Refreshed;

/// Where the answer goes.
#[derive(Clone, Debug)]
pub(super) enum Asker {
    /// A command: the id of its request, and the way to it.
    Command {
        id: u64,
        answers: mpsc::Sender<FromDaemon>,
        /// Its process.
        pid: Option<i32>,
    },
    /// Somebody who clicked a notice.
    Click(Bubble),
}

/// The terminal of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Terminal {
    /// There is none, or nobody at it answers any more.
    Absent,
    /// Nothing is asked there.
    Free,
    /// A code is asked for there, for this flight.
    Asked(FlightId),
}

/// Where a dialog for an errand may appear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Nobody would see it.
    Nowhere,
    /// Where the command runs.
    Screen(Screen),
    /// Wherever the desktop is.
    Desktop,
}

/// A code that an errand's user gave before it was asked for.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub(super) code: MfaCode,
    /// Set if it answers the question of this flight; else the command brought it along.
    pub(super) typed_for: Option<FlightId>,
}

/// Whoever wants sessions.
#[derive(Debug)]
pub(super) struct Errand {
    pub(super) asker: Asker,
    pub(super) terminal: Terminal,
    pub(super) place: Place,
    /// A code that the command brought along, before it is known to be one.
    pub(super) brought: Option<WireCode>,
    pub(super) given: Option<Given>,
    /// Why nobody can be asked any more.
    pub(super) lost: Option<Failure>,
    /// True if its user left the dialog, and so knows what became of it.
    pub(super) left: bool,
    /// True once it is counted how long it waits for others' answers.
    pub(super) patient: bool,
    pub(super) duration: Option<SessionDuration>,
    /// The profiles, in the order asked for, with their devices.
    pub(super) wishes: Vec<Wish>,
    pub(super) outcomes: BTreeMap<ProfileName, Result<Refreshed, Failure>>,
    /// The profiles whose flight failed with somebody else's code.
    pub(super) again: Vec<Wish>,
}

impl Errand {
    /// A command's errand.
    pub(super) fn of_command(
        asker: Asker,
        code: Option<WireCode>,
        may_ask: bool,
        display: Option<Display>,
        duration: Option<SessionDuration>,
    ) -> Self {
        let terminal = if may_ask { Terminal::Free } else { Terminal::Absent };
        let place = display.map_or(Place::Nowhere, |display| Place::Screen(screen(display)));
        Self { asker, terminal, place, brought: code, duration, ..Self::empty() }
    }

    /// The errand of somebody who clicked a notice.
    pub(super) fn of_click(bubble: Bubble) -> Self {
        Self { asker: Asker::Click(bubble), place: Place::Desktop, ..Self::empty() }
    }

    fn empty() -> Self {
        Self {
            asker: Asker::Click(Bubble(0)),
            terminal: Terminal::Absent,
            place: Place::Nowhere,
            brought: None,
            given: None,
            lost: None,
            left: false,
            patient: false,
            duration: None,
            wishes: Vec::new(),
            outcomes: BTreeMap::new(),
            again: Vec::new(),
        }
    }

    /// True if it is asked by a dialog.
    pub(super) fn wants_dialog(&self, prompt: PromptKind) -> bool {
        self.place != Place::Nowhere && prompt.wants_dialog(self.terminal != Terminal::Absent)
    }

    /// Who asks, as a dialog says it.
    pub(super) fn who(&self) -> String {
        match &self.asker {
            Asker::Command { pid: Some(pid), .. } => format!("a command, process {pid},"),
            Asker::Command { pid: None, .. } => "a command".to_owned(),
            Asker::Click(_) => "a notice".to_owned(),
        }
    }

    /// What became of each profile, in the order asked for; the rest failed with `else_failed`.
    pub(super) fn outcomes(
        &mut self,
        else_failed: &Failure,
    ) -> Vec<(ProfileName, Result<Refreshed, Failure>)> {
        let mut known = std::mem::take(&mut self.outcomes);
        let of = |wish: &Wish| {
            let outcome = known.remove(&wish.profile).unwrap_or_else(|| Err(else_failed.clone()));
            (wish.profile.clone(), outcome)
        };
        self.wishes.iter().map(of).collect()
    }
}

/// The failure of an errand of which nobody said what became of it.
pub(super) fn left_out() -> Failure {
    Failure::new(FailureClass::Internal, "the profile was left out of the refresh")
}

fn screen(Display { x11, wayland, xauthority }: Display) -> Screen {
    Screen {
        display: x11.map(Into::into),
        wayland: wayland.map(Into::into),
        xauthority: xauthority.map(Into::into),
    }
}
