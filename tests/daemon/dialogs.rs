//! Dialogs that a test answers.

use std::sync::Mutex;

use stsd::domain::mfa::MfaCode;
use stsd::domain::prompt::Question;
use stsd::ports::Answer;
use stsd::ports::prompter::{Manner, PromptError, Prompter, Screen};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::harness::until;

/// A dialog that was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) question: Question,
    pub(crate) screen: Option<Screen>,
}

/// The screen on which dialogs appear.
pub(crate) struct Dialogs {
    shown: Mutex<Vec<Shown>>,
    /// Those that are up, those that were closed without an answer, and the most that were up at once.
    counts: Mutex<(usize, usize, usize)>,
    answers: UnboundedSender<Result<MfaCode, PromptError>>,
    answered: tokio::sync::Mutex<UnboundedReceiver<Result<MfaCode, PromptError>>>,
}

impl Default for Dialogs {
    fn default() -> Self {
        let (answers, answered) = unbounded_channel();
        let answered = tokio::sync::Mutex::new(answered);
        Self { shown: Mutex::default(), counts: Mutex::default(), answers, answered }
    }
}

impl Dialogs {
    /// Waits for so many dialogs, of which the last is up; gives that.
    pub(crate) fn wait_shown(&self, count: usize) -> Shown {
        until(&format!("{count} dialogs"), || {
            self.shown.lock().unwrap().len() >= count && self.counts.lock().unwrap().0 == 1
        });
        assert_eq!(self.count(), count);
        self.shown.lock().unwrap().last().unwrap().clone()
    }

    /// Waits until none is up, and so many were closed without an answer.
    pub(crate) fn wait_closed(&self, count: usize) {
        until(&format!("{count} dialogs are closed"), || {
            let (up, closed, _) = *self.counts.lock().unwrap();
            (up, closed) == (0, count)
        });
    }

    /// How many were shown.
    pub(crate) fn count(&self) -> usize {
        self.shown.lock().unwrap().len()
    }

    /// The most that were up at once.
    pub(crate) fn most_at_once(&self) -> usize {
        self.counts.lock().unwrap().2
    }

    /// Types a code into the dialog that is up, or the next one.
    pub(crate) fn type_code(&self, digits: &str) {
        self.answers.send(Ok(MfaCode::parse(digits).unwrap())).unwrap();
    }

    /// Ends it otherwise.
    pub(crate) fn end(&self, error: PromptError) {
        self.answers.send(Err(error)).unwrap();
    }
}

impl Prompter for Dialogs {
    fn ask<'a>(
        &'a self,
        question: &'a Question,
        _manner: &'a Manner,
        screen: Option<&'a Screen>,
    ) -> Answer<'a, Result<MfaCode, PromptError>> {
        Box::pin(async move {
            self.shown.lock().unwrap().push(Shown { question: question.clone(), screen: screen.cloned() });
            let mut up = Up { counts: &self.counts, answered: false };
            up.count();
            let answer = self.answered.lock().await.recv().await.unwrap();
            up.answered = true;
            answer
        })
    }
}

/// A dialog that is up for as long as this lives.
struct Up<'a> {
    counts: &'a Mutex<(usize, usize, usize)>,
    answered: bool,
}

impl Up<'_> {
    fn count(&self) {
        let mut counts = self.counts.lock().unwrap();
        counts.0 += 1;
        counts.2 = counts.2.max(counts.0);
    }
}

impl Drop for Up<'_> {
    fn drop(&mut self) {
        let mut counts = self.counts.lock().unwrap();
        counts.0 -= 1;
        counts.1 += usize::from(!self.answered);
    }
}
