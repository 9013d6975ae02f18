//! The command line: arguments in, words and an exit code out. The only composer of adapters and use cases.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser as _;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::domain::failure::{Failure, FailureClass};
use crate::domain::profile::ProfileName;
use crate::logging;

mod args;
mod commands;
mod output;
mod terminal;
mod world;

use args::{Args, ColorChoice, Command};
use output::Output;

/// Runs a command line and gives the program's exit status.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args = match Args::try_parse_from(arguments) {
        Ok(args) => args,
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            Output::new(false, ColorChoice::Auto).data(&error.render().to_string());
            return ExitCode::SUCCESS;
        }
        Err(error) => return failed(Output::new(false, ColorChoice::Auto), &usage(&error)),
    };
    let output = Output::new(args.quiet, args.color);
    logging::start(args.verbose, args.quiet, output.color());
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let message = format!("the runtime did not start: {}", error.kind());
            return failed(output, &Failure::new(FailureClass::Internal, message));
        }
    };
    let result = runtime.block_on(dispatch(args, output));
    match result {
        Ok(code) => ExitCode::from(code),
        Err(failure) => failed(output, &failure),
    }
}

async fn dispatch(args: Args, output: Output) -> Result<u8, Failure> {
    let command = match args.command {
        Command::Completions(args) => return Ok(commands::completions::run(&args, output)),
        other => other,
    };
    let (ports, paths) = world::compose(args.config)?;
    match command {
        Command::Add(args) => commands::add::run(&args, &ports, output).await,
        Command::Remove(args) => commands::remove::run(&args, &ports, output).await,
        Command::Refresh(args) => commands::refresh::run(&args, &ports, &paths, output).await,
        Command::Status(args) => commands::status::run(&args, &ports, output).await,
        Command::Forget(args) => commands::forget::run(&args, &ports, output).await,
        Command::Completions(_) => Ok(0),
    }
}

fn failed(output: Output, failure: &Failure) -> ExitCode {
    output.failure(failure);
    ExitCode::from(failure.class.exit_code())
}

/// A wrong command line as a failure of ours: one line and a hint. A stray word is counted, not shown: it may be a
/// secret pasted into the wrong place.
fn usage(error: &clap::Error) -> Failure {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => Some(texts.join(" ")),
        _ => None,
    };
    let argument = text(ContextKind::InvalidArg);
    let message = match error.kind() {
        ErrorKind::UnknownArgument => match argument {
            Some(flag) if flag.starts_with('-') => {
                format!("unknown option {}", flag.split('=').next().unwrap_or_default())
            }
            _ => "there is one word too many on the command line".to_owned(),
        },
        ErrorKind::InvalidSubcommand => {
            format!("there is no command \"{}\"", text(ContextKind::InvalidSubcommand).unwrap_or_default())
        }
        ErrorKind::MissingRequiredArgument => format!("{} is missing", argument.unwrap_or_default()),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            "which command?".to_owned()
        }
        ErrorKind::InvalidValue if text(ContextKind::InvalidValue).is_none_or(|value| value.is_empty()) => {
            format!("{} needs a value", argument.unwrap_or_default())
        }
        ErrorKind::InvalidValue => {
            let valid = text(ContextKind::ValidValue).unwrap_or_default();
            format!("{} takes one of: {}", argument.unwrap_or_default(), valid.replace(' ', ", "))
        }
        ErrorKind::ArgumentConflict => {
            format!("{} cannot go together with {}", argument.unwrap_or_default(), text(ContextKind::PriorArg).unwrap_or_default())
        }
        _ => error.kind().to_string(),
    };
    let suggestion = text(ContextKind::SuggestedSubcommand).or_else(|| text(ContextKind::SuggestedArg));
    let hint = match suggestion {
        Some(near) => format!("did you mean {near}? Otherwise: stsd --help"),
        None => "stsd --help".to_owned(),
    };
    Failure::new(FailureClass::Usage, message).hint(hint)
}

/// Parses a profile's name from the command line.
fn profile(text: &str) -> Result<ProfileName, Failure> {
    ProfileName::parse(text).map_err(|error| {
        Failure::new(FailureClass::Usage, format!("PROFILE: {error}")).hint("a name such as: work")
    })
}

/// Parses the value of a flag.
fn flag<T, E: std::error::Error>(
    name: &str,
    text: Option<&str>,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<Option<T>, Failure> {
    text.map(parse).transpose().map_err(|error| {
        Failure::new(FailureClass::Usage, format!("{name}: {error}")).hint("stsd --help shows the commands, stsd COMMAND --help their options")
    })
}
