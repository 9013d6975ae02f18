//! `stsd refresh`

use std::path::Path;
use std::str::FromStr as _;
use std::sync::Mutex;

use chrono::{DateTime, Local, Utc};
use secrecy::ExposeSecret as _;

use crate::cli::args::RefreshArgs;
use crate::cli::output::Output;
use crate::cli::{flag, profile, terminal};
use crate::config::PromptKind;
use crate::domain::duration::{Human, SessionDuration};
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::mfa::MfaCode;
use crate::ports::Answer;
use crate::usecase::Ports;
use crate::usecase::profiles::load_config;
use crate::usecase::refresh::{CodeSource, CodeWanted, RefreshRequest, Refreshed, refresh};

pub(crate) async fn run(args: &RefreshArgs, ports: &Ports, output: Output) -> Result<u8, Failure> {
    let request = RefreshRequest {
        profiles: args.profiles.iter().map(|name| profile(name)).collect::<Result<_, _>>()?,
        duration: flag("refresh", "--duration", args.duration.as_deref(), SessionDuration::from_str)?,
    };
    let given = given_code(args)?;
    let config = load_config(ports)?;
    let may_ask = terminal::is_there() && config.prompt != PromptKind::None;
    let codes: Box<dyn CodeSource> = match given {
        Some(code) => Box::new(Given(Mutex::new(code))),
        None if may_ask => Box::new(Terminal),
        None => Box::new(Nobody),
    };
    let outcome = refresh(ports, &config, &request, codes.as_ref()).await?;
    let mut first_failure = None;
    let now = ports.clock.now();
    let several = outcome.profiles.len() > 1;
    for (name, result) in outcome.profiles {
        match result {
            Ok(refreshed) => {
                for warning in &refreshed.warnings {
                    output.warn(&format!("{name}: {warning}"));
                }
                output.say(&format!("{name}: {}", told(&refreshed, ports.store.path(), now)));
            }
            Err(mut failure) => {
                let code = failure.class.exit_code();
                if several {
                    failure.message = format!("{name}: {}", failure.message);
                }
                output.failure(&failure);
                first_failure.get_or_insert(code);
            }
        }
    }
    if outcome.settling.is_some() {
        output.say("note: nothing will warn you before it expires; look with: stsd status");
    }
    if let Some(settling) = outcome.settling
        && let Err(failure) = settling.finish(ports).await
    {
        output.failure(&failure);
        first_failure.get_or_insert(failure.class.exit_code());
    }
    Ok(first_failure.unwrap_or(0))
}

/// `session until 02:04 (12h) in [work] of /home/alice/.aws/credentials`.
fn told(refreshed: &Refreshed, file: &Path, now: DateTime<Utc>) -> String {
    let local = refreshed.expires_at.with_timezone(&Local);
    let same_day = local.date_naive() == now.with_timezone(&Local).date_naive();
    let until = local.format(if same_day { "%H:%M" } else { "%a %H:%M" });
    let left = (refreshed.expires_at - now).to_std().unwrap_or_default();
    // What STS grants runs from its own clock: a fraction of a second is missing by the time it arrives.
    let seconds = if left.as_secs() < 60 { left.as_secs() } else { (left.as_secs() + 30) / 60 * 60 };
    let left = Human(std::time::Duration::from_secs(seconds));
    let sections: Vec<_> =
        refreshed.sections.iter().map(|written| format!("[{}]", written.section)).collect();
    format!("session until {until} ({left}) in {} of {}", sections.join(", "), file.display())
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

/// A code from the command line.
struct Given(Mutex<MfaCode>);

/// The terminal of the command.
struct Terminal;

/// No code, no terminal.
struct Nobody;

impl CodeSource for Given {
    fn in_hand(&self) -> bool {
        true
    }

    fn obtain<'a>(&'a self, _wanted: &'a CodeWanted) -> Answer<'a, Result<MfaCode, Failure>> {
        let code = self.0.lock().map(|code| code.clone());
        let code = code.map_err(|_poisoned| Failure::new(FailureClass::Internal, "the code was lost"));
        Box::pin(async { code })
    }
}

impl CodeSource for Terminal {
    fn in_hand(&self) -> bool {
        false
    }

    fn obtain<'a>(&'a self, wanted: &'a CodeWanted) -> Answer<'a, Result<MfaCode, Failure>> {
        Box::pin(async move {
            let names: Vec<_> = wanted.profiles.iter().map(ToString::to_string).collect();
            let question = format!("MFA code for {} ({}): ", names.join(", "), wanted.serial);
            let typed = terminal::ask_hidden(&question)?;
            MfaCode::parse(typed.expose_secret().trim_ascii()).map_err(|error| {
                Failure::new(FailureClass::Usage, error.to_string())
                    .hint(format!("stsd refresh {}", names.join(" ")))
            })
        })
    }
}

impl CodeSource for Nobody {
    fn in_hand(&self) -> bool {
        false
    }

    fn obtain<'a>(&'a self, wanted: &'a CodeWanted) -> Answer<'a, Result<MfaCode, Failure>> {
        let names: Vec<_> = wanted.profiles.iter().map(ToString::to_string).collect();
        Box::pin(async move {
            Err(Failure::new(
                FailureClass::NoSession,
                "an MFA code is needed, and there is no terminal to ask at",
            )
            .hint(format!("stsd refresh {} --code -   (reads the code from stdin)", names.join(" "))))
        })
    }
}
