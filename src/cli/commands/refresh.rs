//! `stsd refresh`

use std::str::FromStr as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use chrono::{DateTime, Local, Utc};
use secrecy::{ExposeSecret as _, SecretString};

use crate::cli::args::RefreshArgs;
use crate::cli::here::{Here, unexpected};
use crate::cli::output::Output;
use crate::cli::terminal::HiddenLine;
use crate::cli::{display, flag, profile, terminal, world};
use crate::client::{Dialogue, Typing};
use crate::config::{Config, MfaSource, PromptKind};
use crate::daemon::answers;
use crate::domain::duration::{Human, SessionDuration};
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::mfa::MfaCode;
use crate::domain::profile::ProfileName;
use crate::domain::prompt::Question;
use crate::domain::totp::next_code_in;
use crate::ports::Answer as Later;
use crate::ports::prompter::{Manner, PromptError, Prompter};
use crate::ports::time::Clock;
use crate::protocol::message::{Action, Answer, Outcome, Refreshed, WireCode};
use crate::usecase::profiles::load_config;
use crate::usecase::refresh::{ATTEMPTS, CodeSource, CodeWanted, RefreshRequest, Settling, refresh};

pub(crate) async fn run(args: &RefreshArgs, here: &Here, output: Output) -> Result<u8, Failure> {
    let profiles: Vec<ProfileName> =
        args.profiles.iter().map(|name| profile(name)).collect::<Result<_, _>>()?;
    let duration = flag("refresh", "--duration", args.duration.as_deref(), SessionDuration::from_str)?;
    let given = given_code(args)?;
    let config = load_config(&here.ports)?;
    renew(Renewal { profiles, duration, given, least: None }, here, &config, output).await
}

/// What is to be renewed.
pub(super) struct Renewal {
    pub(super) profiles: Vec<ProfileName>,
    pub(super) duration: Option<SessionDuration>,
    pub(super) given: Option<MfaCode>,
    /// A session that lasts so long meanwhile is left as it is.
    pub(super) least: Option<Duration>,
}

/// Renews, by the daemon if there is one, and says what became of it.
pub(super) async fn renew(
    Renewal { profiles, duration, given, least }: Renewal,
    here: &Here,
    config: &Config,
    output: Output,
) -> Result<u8, Failure> {
    let may_ask = terminal::is_there() && config.prompt != PromptKind::None;
    let (outcomes, settling) = if let Some(daemon) = here.daemon().await? {
        let action = Action::Refresh {
            profiles: profiles.iter().map(ToString::to_string).collect(),
            duration_seconds: duration.map(SessionDuration::as_secs),
            code: given.as_ref().map(|code| WireCode::new(code.digits())),
            may_ask,
            display: display::here(),
            min_seconds: least.map(|least| least.as_secs()),
        };
        let mut terminal = Terminal { clock: Arc::clone(&here.ports.clock), line: HiddenLine::default() };
        match daemon.call(action, &mut terminal).await? {
            Answer::Refreshed(outcomes) => (outcomes, None),
            Answer::Status(_) | Answer::Forgotten(_) | Answer::Nothing => return Err(unexpected()),
        }
    } else {
        if config.profiles.iter().any(|profile| matches!(profile.mfa, MfaSource::Command(_))) {
            terminal::end_in_order();
        }
        let request = RefreshRequest { profiles, duration };
        let manner = Manner { kind: config.prompt, pinentry: config.pinentry.clone() };
        let dialog = display::here().is_some() && config.prompt.wants_dialog(may_ask);
        let codes = Codes {
            given,
            may_ask,
            prompt: config.prompt,
            dialog: dialog.then(|| (world::prompter(), manner)),
            asked: AtomicU32::new(0),
            clock: Arc::clone(&here.ports.clock),
        };
        if dialog {
            // A dialog goes with the command that asks.
            terminal::end_in_order();
        }
        let outcome = refresh(&here.ports, config, &request, &codes).await?;
        let outcomes = answers::refreshed(outcome.profiles, here.ports.store.path());
        (outcomes, outcome.settling)
    };
    let mut first_failure = tell(output, outcomes, here.ports.clock.now());
    // Set only without a daemon, and only if a session was obtained.
    if settling.is_some() {
        output.say(
            "note: the daemon does not run: nothing will warn you before the session expires (hint: stsd service install)",
        );
    }
    if let Some(failure) = settled(settling, here).await {
        output.failure(&failure);
        first_failure.get_or_insert(failure.class.exit_code());
    }
    Ok(first_failure.unwrap_or(0))
}

async fn settled(settling: Option<Settling>, here: &Here) -> Option<Failure> {
    settling?.finish(&here.ports).await.err()
}

/// Says what became of each profile; the exit code is that of the first failure.
fn tell(output: Output, outcomes: Vec<Outcome<Refreshed>>, now: DateTime<Utc>) -> Option<u8> {
    let mut first_failure = None;
    let several = outcomes.len() > 1;
    for Outcome { profile, result } in outcomes {
        match result {
            Ok(refreshed) => {
                for warning in &refreshed.warnings {
                    output.warn(&format!("{profile}: {warning}"));
                }
                output.say(&format!("{profile}: {}", told(&refreshed, now)));
            }
            Err(failure) => {
                let mut failure = Failure::from(failure);
                let code = failure.class.exit_code();
                if several {
                    failure.message = format!("{profile}: {}", failure.message);
                }
                output.failure(&failure);
                first_failure.get_or_insert(code);
            }
        }
    }
    first_failure
}

/// `session until 02:04 (12h) in [work] of /home/alice/.aws/credentials`.
fn told(refreshed: &Refreshed, now: DateTime<Utc>) -> String {
    let local = refreshed.expires_at.with_timezone(&Local);
    let same_day = local.date_naive() == now.with_timezone(&Local).date_naive();
    let until = local.format(if same_day { "%H:%M" } else { "%a %H:%M" });
    let left = (refreshed.expires_at - now).to_std().unwrap_or_default();
    // What STS grants runs from its own clock: a fraction of a second is missing by the time it arrives.
    let seconds = if left.as_secs() < 60 { left.as_secs() } else { (left.as_secs() + 30) / 60 * 60 };
    let left = Human(Duration::from_secs(seconds));
    let sections: Vec<_> = refreshed.sections.iter().map(|section| format!("[{section}]")).collect();
    format!("session until {until} ({left}) in {} of {}", sections.join(", "), refreshed.file)
}

/// The code of the command line or of stdin, checked before anything else happens.
fn given_code(args: &RefreshArgs) -> Result<Option<MfaCode>, Failure> {
    let Some(flag) = args.code.as_ref().map(|code| code.0.as_str()) else { return Ok(None) };
    let again =
        ["stsd refresh", &args.profiles.join(" "), "--code", if flag == "-" { "-" } else { "123456" }];
    let again = again.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let parse = |text: &str| {
        MfaCode::parse(text)
            .map_err(|error| Failure::new(FailureClass::Usage, format!("--code: {error}")).hint(&again))
    };
    if flag == "-" {
        let line = terminal::one_line("the code", &again)?;
        return parse(line.expose_secret().trim_ascii()).map(Some);
    }
    parse(flag).map(Some)
}

/// The question at a terminal; says how long the device still shows its code.
fn question(profiles: &[String], serial: &str, refused: Option<&str>, now: DateTime<Utc>) -> String {
    let seconds = next_code_in(now);
    let profiles = profiles.join(", ");
    let refused = refused.map(|reason| format!("{reason}\n")).unwrap_or_default();
    format!("{refused}MFA code for {profiles} ({serial}; the next one comes in {seconds} s): ")
}

/// What was typed, as a code.
fn code(typed: &SecretString, profiles: &[String]) -> Result<MfaCode, Failure> {
    MfaCode::parse(typed.expose_secret().trim_ascii()).map_err(|error| {
        Failure::new(FailureClass::Usage, error.to_string())
            .hint(format!("stsd refresh {}", profiles.join(" ")))
    })
}

/// The terminal of the command, when the daemon asks.
struct Terminal {
    clock: Arc<dyn Clock>,
    line: HiddenLine,
}

impl Dialogue for Terminal {
    fn code<'a>(
        &'a mut self,
        profiles: &'a [String],
        serial: &'a str,
        refused: Option<&'a str>,
    ) -> Typing<'a> {
        Box::pin(async move {
            let question = question(profiles, serial, refused, self.clock.now());
            let typed = self.line.ask(serial, &question).await?;
            code(&typed, profiles).map(|code| WireCode::new(code.digits()))
        })
    }

    fn progress(&mut self, _answer: Answer) -> bool {
        true
    }
}

/// The code of the command line, or a dialog, or the terminal of the command, or nobody.
struct Codes {
    given: Option<MfaCode>,
    may_ask: bool,
    prompt: PromptKind,
    dialog: Option<(Arc<dyn Prompter>, Manner)>,
    /// How often somebody was asked.
    asked: AtomicU32,
    clock: Arc<dyn Clock>,
}

impl CodeSource for Codes {
    fn in_hand(&self) -> bool {
        self.given.is_some()
    }

    fn obtain<'a>(
        &'a self,
        wanted: &'a CodeWanted,
        refused: Option<&'a Failure>,
    ) -> Later<'a, Result<MfaCode, Failure>> {
        Box::pin(async move {
            let names: Vec<_> = wanted.profiles.iter().map(ToString::to_string).collect();
            if let Some(refused) = refused
                && (self.given.is_some() || self.asked.load(Ordering::Relaxed) >= ATTEMPTS)
            {
                return Err(refused.clone());
            }
            if let Some(code) = &self.given {
                return Ok(code.clone());
            }
            match refused {
                Some(_) => self.asked.fetch_add(1, Ordering::Relaxed),
                // Of another device, maybe.
                None => self.asked.swap(1, Ordering::Relaxed),
            };
            let reason = refused.map(|failure| failure.message.as_str());
            if let Some((prompter, manner)) = &self.dialog {
                let question = Question {
                    profiles: wanted.profiles.clone(),
                    serial: wanted.serial.clone(),
                    asked_by: format!("a command (process {})", std::process::id()),
                    refused: reason.map(ToOwned::to_owned),
                };
                match prompter.ask(&question, manner, None).await {
                    Ok(code) => return Ok(code),
                    Err(PromptError::Unavailable(_) | PromptError::Failed(_)) if self.may_ask => {}
                    Err(error) => return Err(answers::unasked(&error, &names)),
                }
            }
            if !self.may_ask {
                return Err(answers::nobody(&names, self.prompt));
            }
            let question = question(&names, wanted.serial.as_str(), reason, self.clock.now());
            code(&terminal::ask_hidden(&question)?, &names)
        })
    }
}
