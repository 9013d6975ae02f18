//! The use cases' outcomes in the protocol's words. A command that runs without a daemon uses the same words, so that
//! both print the same.

use crate::domain::failure::{Failure, FailureClass};
use crate::domain::profile::ProfileName;
use crate::domain::prompt::PromptKind;
use crate::ports::prompter::PromptError;
use crate::ports::session_store::Removal as Found;
use crate::protocol::message::{Forgotten, LastError, Outcome, ProfileStatus, Refreshed, Removal};
use crate::usecase::forget;
use crate::usecase::refresh;
use crate::usecase::status;

/// A profile's name as the wire carries it.
///
/// # Errors
///
/// Class `Usage` for a text that is no name.
pub fn name(text: &str) -> Result<ProfileName, Failure> {
    ProfileName::parse(text).map_err(|error| {
        Failure::new(FailureClass::Usage, format!("PROFILE: {error}")).hint("a name such as: work")
    })
}

/// Names of profiles as the wire carries them.
///
/// # Errors
///
/// As [`name`].
pub fn names(texts: &[String]) -> Result<Vec<ProfileName>, Failure> {
    texts.iter().map(|text| name(text)).collect()
}

/// The failure of a refresh that needs a code and has nobody to ask.
#[must_use]
pub fn nobody(names: &[String], prompt: PromptKind) -> Failure {
    let why = match prompt {
        PromptKind::None => "the configuration says prompt = \"none\"",
        PromptKind::Terminal => "there is no terminal",
        PromptKind::Auto
        | PromptKind::Pinentry
        | PromptKind::Zenity
        | PromptKind::Kdialog
        | PromptKind::Osascript => "there is no terminal, and no display for a dialog",
    };
    Failure::new(FailureClass::NoSession, format!("an MFA code is needed, and nobody can be asked: {why}"))
        .hint(format!("stsd refresh {} --code -   (reads the code from stdin)", names.join(" ")))
}

/// The failure of a refresh whose dialog gave no code.
#[must_use]
pub fn unasked(error: &PromptError, names: &[String]) -> Failure {
    let names = names.join(" ");
    match error {
        PromptError::Cancelled | PromptError::TimedOut(_) => {
            Failure::new(FailureClass::NoSession, error.to_string()).hint(format!("stsd refresh {names}"))
        }
        PromptError::Unavailable(_) | PromptError::Failed(_) => {
            Failure::new(FailureClass::NoSession, format!("an MFA code is needed, and {error}"))
                .hint(format!("stsd refresh {names} --code -   (reads the code from stdin)"))
        }
    }
}

/// The failure of a refresh that waited for what others are asked, in vain.
#[must_use]
pub fn unanswered(seconds: u64, names: &[String]) -> Failure {
    let message = format!("nobody who was asked gave a code within {seconds} s");
    Failure::new(FailureClass::NoSession, message).hint(format!("stsd refresh {}", names.join(" ")))
}

/// What became of each profile of a refresh; `file` is the credentials file.
#[must_use]
pub fn refreshed(
    profiles: Vec<(ProfileName, Result<refresh::Refreshed, Failure>)>,
    file: &std::path::Path,
) -> Vec<Outcome<Refreshed>> {
    outcomes(profiles, |done| Refreshed {
        expires_at: done.expires_at,
        sections: done.sections.into_iter().map(|written| written.section.to_string()).collect(),
        file: file.display().to_string(),
        warnings: done.warnings,
    })
}

/// What became of each profile of a forget.
#[must_use]
pub fn forgotten(
    profiles: Vec<(ProfileName, Result<forget::Forgotten, Failure>)>,
) -> Vec<Outcome<Forgotten>> {
    outcomes(profiles, |done| {
        let word = |removal| match removal {
            Found::Removed => Removal::Removed,
            Found::Absent => Removal::Absent,
            Found::Foreign => Removal::Foreign,
        };
        let sections = done.sections.into_iter().map(|(section, found)| (section.to_string(), word(found)));
        Forgotten { sections: sections.collect() }
    })
}

/// How the profiles are.
#[must_use]
pub fn statuses(profiles: Vec<status::ProfileStatus>) -> Vec<ProfileStatus> {
    let one = |one: status::ProfileStatus| {
        let session = one.status.session.as_ref();
        let sections: Vec<_> = one.profile.sections.iter().map(ToString::to_string).collect();
        ProfileStatus {
            profile: one.profile.name.to_string(),
            section: sections.first().cloned(),
            sections,
            kind: if one.profile.role.is_some() { "role" } else { "session" }.to_owned(),
            state: one.status.state.name().to_owned(),
            access_key_id: session.map(|session| session.id.last_four().to_string()),
            expires_at: session.map(|session| session.expires_at),
            issued_at: session.and_then(|session| session.issued_at),
            seconds_left: one.status.seconds_left,
            mfa_serial: one.mfa_serial.as_ref().map(ToString::to_string),
            last_error: one.last_error.map(|error| LastError {
                class: error.class,
                message: error.message,
                at: error.at,
            }),
            next_notice_at: one.status.next_notice_at,
        }
    };
    profiles.into_iter().map(one).collect()
}

fn outcomes<A, B>(
    profiles: Vec<(ProfileName, Result<A, Failure>)>,
    word: impl Fn(A) -> B,
) -> Vec<Outcome<B>> {
    let one = |(name, result): (ProfileName, Result<A, Failure>)| Outcome {
        profile: name.to_string(),
        result: result.map(&word).map_err(Into::into),
    };
    profiles.into_iter().map(one).collect()
}
