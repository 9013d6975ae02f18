//! A wrong command line as a failure of ours: one line and a hint.
//!
//! A stray word is counted, not shown: it may be a secret pasted into the wrong place.

use std::ffi::OsString;

use clap::CommandFactory as _;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::cli::args::Args;
use crate::domain::failure::{Failure, FailureClass};

/// Puts clap's complaint into our words.
pub(crate) fn failure(error: &clap::Error, arguments: &[OsString]) -> Failure {
    let help = help_of(arguments);
    let near =
        text(error, ContextKind::SuggestedSubcommand).or_else(|| text(error, ContextKind::SuggestedArg));
    let hint = match near {
        Some(near) => format!("did you mean {near}? Otherwise: {help}"),
        None => help,
    };
    Failure::new(FailureClass::Usage, message(error)).hint(hint)
}

/// The help that fits: that of the command, if one was named.
fn help_of(arguments: &[OsString]) -> String {
    let command = Args::command();
    let named = arguments
        .iter()
        .skip(1)
        .find(|word| word.to_str().is_some_and(|word| command.find_subcommand(word).is_some()));
    match named.and_then(|word| word.to_str()) {
        Some(name) => format!("stsd {name} --help"),
        None => "stsd --help".to_owned(),
    }
}

fn message(error: &clap::Error) -> String {
    let kind = error.kind();
    let argument = text(error, ContextKind::InvalidArg).unwrap_or_default();
    if kind == ErrorKind::UnknownArgument {
        // `--option=VALUE` is cut at the value.
        return match argument.split('=').next() {
            Some(option) if option.starts_with('-') => format!("unknown option {option}"),
            _ => "there is one word too many on the command line".to_owned(),
        };
    }
    if kind == ErrorKind::InvalidSubcommand {
        return "there is no such command".to_owned();
    }
    if kind == ErrorKind::MissingRequiredArgument {
        return format!("{argument} is missing");
    }
    if matches!(kind, ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand) {
        return "a command is missing".to_owned();
    }
    if kind == ErrorKind::InvalidValue {
        return match text(error, ContextKind::ValidValue) {
            Some(valid) if text(error, ContextKind::InvalidValue).is_some_and(|value| !value.is_empty()) => {
                format!("{argument} takes one of: {valid}")
            }
            _ => format!("{argument} needs a value"),
        };
    }
    if kind == ErrorKind::ArgumentConflict {
        let other = text(error, ContextKind::PriorArg).unwrap_or_default();
        return format!("{argument} cannot go together with {other}");
    }
    kind.to_string()
}

fn text(error: &clap::Error, kind: ContextKind) -> Option<String> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => Some(texts.join(", ")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[test]
    fn a_wrong_command_line_is_one_line_without_its_values() {
        let check = |line: &str, expected: &str, hint: &str| {
            let words: Vec<OsString> = line.split(' ').map(Into::into).collect();
            let failure = failure(&Args::try_parse_from(&words).unwrap_err(), &words);
            assert_eq!(
                (failure.to_string().as_str(), failure.hint.as_deref()),
                (expected, Some(hint)),
                "{line}"
            );
        };
        check("stsd", "a command is missing", "stsd --help");
        check("stsd refersh", "there is no such command", "did you mean refresh? Otherwise: stsd --help");
        check(
            "stsd add work AKIA hunter2",
            "there is one word too many on the command line",
            "stsd add --help",
        );
        check(
            "stsd refresh --cod=123456",
            "unknown option --cod",
            "did you mean --code? Otherwise: stsd refresh --help",
        );
        check("stsd add", "<PROFILE> is missing", "stsd add --help");
        check(
            "stsd status --color blue",
            "--color <WHEN> takes one of: auto, always, never",
            "stsd status --help",
        );
        check("stsd refresh --code", "--code <CODE> needs a value", "stsd refresh --help");
        check("stsd forget work --all", "[PROFILE]... cannot go together with --all", "stsd forget --help");
    }
}
