//! Whoever wants sessions: a command, or somebody who clicked a notice.

use std::collections::{BTreeMap, BTreeSet};

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

/// Whoever wants sessions.
#[derive(Debug)]
pub(super) struct Errand {
    pub(super) asker: Asker,
    pub(super) terminal: Terminal,
    pub(super) place: Place,
    pub(super) duration: Option<SessionDuration>,
    /// What the command brought along as its code.
    pub(super) unread: Option<WireCode>,
    /// The code that the command brought along, until it is used.
    pub(super) brought: Option<MfaCode>,
    /// The code that was typed at the terminal for a flight, until it is used.
    pub(super) typed: Option<(FlightId, MfaCode)>,
    /// Why nobody can be asked at the terminal any more.
    pub(super) lost: Option<Failure>,
    /// True while it is counted how long it waits for what others are asked.
    pub(super) counted: bool,
    /// The profiles, in the order asked for, with what their codes are for.
    pub(super) wishes: Vec<Wish>,
    /// What became of those that are done.
    pub(super) outcomes: BTreeMap<ProfileName, Result<Refreshed, Failure>>,
    /// Those whose failure its user has seen: she left the dialog.
    pub(super) known: BTreeSet<ProfileName>,
    /// Those whose flight failed with somebody else's code.
    pub(super) again: Vec<Wish>,
}

impl Errand {
    /// An errand of which only its asker is known yet.
    pub(super) fn new(asker: Asker, terminal: Terminal, place: Place) -> Self {
        Self {
            asker,
            terminal,
            place,
            duration: None,
            unread: None,
            brought: None,
            typed: None,
            lost: None,
            counted: false,
            wishes: Vec::new(),
            outcomes: BTreeMap::new(),
            known: BTreeSet::new(),
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
            Asker::Command { pid: Some(pid), .. } => format!("a command (process {pid})"),
            Asker::Command { pid: None, .. } => "a command".to_owned(),
            Asker::Click(_) => "a notice".to_owned(),
        }
    }

    /// The names of its profiles.
    pub(super) fn names(&self) -> Vec<String> {
        self.wishes.iter().map(|wish| wish.profile.to_string()).collect()
    }

    /// What became of each profile, in the order asked for.
    pub(super) fn outcomes(&mut self) -> Vec<(ProfileName, Result<Refreshed, Failure>)> {
        let mut done = std::mem::take(&mut self.outcomes);
        let left_out = || Failure::new(FailureClass::Internal, "the profile was left out of the refresh");
        let of = |wish: &Wish| {
            let outcome = done.remove(&wish.profile).unwrap_or_else(|| Err(left_out()));
            (wish.profile.clone(), outcome)
        };
        self.wishes.iter().map(of).collect()
    }
}

/// The place that a command's environment names.
pub(super) fn place(display: Option<Display>) -> Place {
    display.map_or(Place::Nowhere, |Display { x11, wayland, xauthority }| {
        Place::Screen(Screen {
            display: x11.map(Into::into),
            wayland: wayland.map(Into::into),
            xauthority: xauthority.map(Into::into),
        })
    })
}
