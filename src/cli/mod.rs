//! The command line: arguments in, words and an exit code out. The only composer of adapters and use cases.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser as _;
use clap::error::ErrorKind;

use crate::adapters::{outside, process};
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::profile::ProfileName;
use crate::{logging, paths};

mod args;
mod commands;
mod display;
mod here;
mod output;
mod terminal;
mod usage;
mod world;

use args::{Args, ColorChoice, Command};
use output::Output;

/// What a shell shows for a program that Ctrl-C ended: 128 and the signal's number.
const INTERRUPTED: u8 = 130;

/// Runs a command line and gives the program's exit status.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    // Before anything secret is read.
    process::protect();
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let args = match Args::try_parse_from(&arguments) {
        Ok(args) => args,
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            let output = Output::new(false, ColorChoice::Auto);
            return output::data(&error.render().to_string())
                .map_or_else(|failure| failed(output, &failure), |()| ExitCode::SUCCESS);
        }
        Err(error) => {
            return failed(Output::new(false, ColorChoice::Auto), &usage::failure(&error, &arguments));
        }
    };
    let output = Output::new(args.quiet, args.color);
    // What the daemon does is told by its log alone.
    let verbose = if matches!(args.command, Command::Daemon(_)) { args.verbose.max(1) } else { args.verbose };
    logging::start(verbose, args.quiet, output.color(), paths::log().as_deref());
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let message = format!("the runtime did not start: {}", error.kind());
            return failed(output, &Failure::new(FailureClass::Internal, message));
        }
    };
    let end = runtime.block_on(async {
        tokio::select! {
            end = dispatch(args, output) => Some(end),
            () = terminal::interrupted() => None,
        }
    });
    // A name resolver that hangs would hold the program for its own time.
    runtime.shutdown_background();
    outside::settle();
    match end {
        Some(Ok(code)) => ExitCode::from(code),
        Some(Err(failure)) => failed(output, &failure),
        None => ExitCode::from(INTERRUPTED),
    }
}

async fn dispatch(args: Args, output: Output) -> Result<u8, Failure> {
    let world = || world::compose(args.config, output);
    match args.command {
        Command::Add(args) => commands::add::run(&args, &world()?, output).await,
        Command::Remove(args) => commands::remove::run(&args, &world()?, output).await,
        Command::Refresh(args) => commands::refresh::run(&args, &world()?, output).await,
        Command::Ensure(args) => commands::ensure::run(&args, &world()?, output).await,
        Command::Status(args) => commands::status::run(&args, &world()?, output).await,
        Command::Forget(args) => commands::forget::run(&args, &world()?, output).await,
        Command::Service(args) => commands::service::run(&args, &world()?, output).await,
        Command::Daemon(_) => commands::daemon::run(&world()?).await,
        Command::Completions(args) => commands::completions::run(&args),
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
    command: &str,
    name: &str,
    text: Option<&str>,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<Option<T>, Failure> {
    text.map(parse).transpose().map_err(|error| {
        Failure::new(FailureClass::Usage, format!("{name}: {error}")).hint(format!("stsd {command} --help"))
    })
}
