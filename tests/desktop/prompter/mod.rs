//! The dialogs that ask for a code: real ones on a display that nobody sees, and a person who types.

mod answered;
mod hostile;
pub(crate) mod person;
pub(crate) mod screen;

use std::ffi::OsString;
use std::time::Duration;

use stsd::adapters::prompter::DesktopPrompter;
use stsd::domain::mfa::MfaSerial;
use stsd::domain::profile::ProfileName;
use stsd::domain::prompt::{PromptKind, Question};
use stsd::ports::prompter::{Manner, PromptError, Prompter as _, Screen};

use crate::bus::Desktop;
use crate::display::Display;

/// The dialogs that are tried for real.
const REAL: [PromptKind; 2] = [PromptKind::Pinentry, PromptKind::Zenity];
/// Longer than any of these tests takes.
const LONG: Duration = Duration::from_secs(50);

fn manner(kind: PromptKind) -> Manner {
    Manner { kind, pinentry: Some("/usr/bin/pinentry-gtk-2".into()) }
}

fn question() -> Question {
    Question {
        profiles: vec![ProfileName::parse("work_admin").unwrap(), ProfileName::parse("ci").unwrap()],
        serial: MfaSerial::parse("arn:aws:iam::123456789012:mfa/alice").unwrap(),
        asked_by: "a notice".to_owned(),
        refused: None,
    }
}

/// The environment of a daemon on this desktop that knows no display.
fn environment(desktop: &Desktop) -> Vec<(OsString, OsString)> {
    let command = desktop.command("true");
    let set = command.get_envs().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())));
    set.chain([("PATH".into(), "/usr/bin:/bin".into())]).collect()
}

fn prompter(desktop: &Desktop, patience: Duration) -> DesktopPrompter {
    DesktopPrompter::with(environment(desktop), patience)
}

fn on(display: &Display) -> Screen {
    Screen { display: Some(display.name().into()), ..Screen::default() }
}

/// Asks, while `meanwhile` happens in a thread of its own.
fn asked(
    desktop: &Desktop,
    display: &Display,
    (kind, question): (PromptKind, &Question),
    patience: Duration,
    meanwhile: impl FnOnce() + Send,
) -> Result<String, PromptError> {
    std::thread::scope(|scope| {
        let person = scope.spawn(meanwhile);
        let prompter = prompter(desktop, patience);
        let answer = run(prompter.ask(question, &manner(kind), Some(&on(display))));
        assert!(person.join().is_ok(), "{kind:?}: the person gave up, and the answer was {answer:?}");
        answer.map(|code| code.digits().to_owned())
    })
}

fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test)
}
