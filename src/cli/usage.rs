//! A wrong command line as a failure of ours: one line and a hint.
//!
//! A stray word is counted, not shown: it may be a secret pasted into the wrong place.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::domain::failure::{Failure, FailureClass};

/// Puts clap's complaint into our words.
pub(crate) fn failure(error: &clap::Error) -> Failure {
    let near =
        text(error, ContextKind::SuggestedSubcommand).or_else(|| text(error, ContextKind::SuggestedArg));
    let hint = match near {
        Some(near) => format!("did you mean {near}? Otherwise: stsd --help"),
        None => "stsd --help".to_owned(),
    };
    Failure::new(FailureClass::Usage, message(error)).hint(hint)
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
    use crate::cli::args::Args;

    #[test]
    fn a_wrong_command_line_is_one_line_without_its_values() {
        let check = |line: &str, expected: &str, hint: &str| {
            let error = Args::try_parse_from(line.split(' ')).unwrap_err();
            let failure = failure(&error);
            assert_eq!(
                (failure.to_string().as_str(), failure.hint.as_deref()),
                (expected, Some(hint)),
                "{line}"
            );
        };
        check("stsd", "a command is missing", "stsd --help");
        check("stsd refersh", "there is no such command", "did you mean refresh? Otherwise: stsd --help");
        check("stsd add work AKIA hunter2", "there is one word too many on the command line", "stsd --help");
        check(
            "stsd refresh --cod=123456",
            "unknown option --cod",
            "did you mean --code? Otherwise: stsd --help",
        );
        check("stsd add", "<PROFILE> is missing", "stsd --help");
        check("stsd status --color blue", "--color <WHEN> takes one of: auto, always, never", "stsd --help");
        check("stsd refresh --code", "--code <CODE> needs a value", "stsd --help");
        check("stsd forget work --all", "[PROFILE]... cannot go together with --all", "stsd --help");
    }
}
