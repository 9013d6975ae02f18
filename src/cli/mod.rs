//! The command line: arguments in, words and an exit code out. The only composer of adapters and use cases.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser as _;
use clap::error::ErrorKind;

use crate::domain::failure::{Failure, FailureClass};
use crate::domain::profile::ProfileName;
use crate::logging;

mod args;
mod commands;
mod output;
mod terminal;
mod usage;
mod world;

use args::{Args, ColorChoice, Command};
use output::Output;

/// Runs a command line and gives the program's exit status.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args = match Args::try_parse_from(arguments) {
        Ok(args) => args,
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            output::data(&error.render().to_string());
            return ExitCode::SUCCESS;
        }
        Err(error) => return failed(Output::new(false, ColorChoice::Auto), &usage::failure(&error)),
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
    let world = || world::compose(args.config);
    match args.command {
        Command::Add(args) => commands::add::run(&args, &world()?, output).await,
        Command::Remove(args) => commands::remove::run(&args, &world()?, output).await,
        Command::Refresh(args) => commands::refresh::run(&args, &world()?, output).await,
        Command::Status(args) => commands::status::run(&args, &world()?, output).await,
        Command::Forget(args) => commands::forget::run(&args, &world()?, output).await,
        Command::Completions(args) => Ok(commands::completions::run(&args)),
    }
}

fn failed(output: Output, failure: &Failure) -> ExitCode {
    output.failure(failure);
    ExitCode::from(failure.class.exit_code())
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
        Failure::new(FailureClass::Usage, format!("{name}: {error}"))
            .hint("stsd --help shows the commands, stsd COMMAND --help their options")
    })
}
