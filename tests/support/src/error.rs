//! What AWS says when it refuses, word for word.

use chrono::{DateTime, TimeDelta, Utc};

use crate::clock::basic;

/// A refusal: HTTP status, error code and message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StsError {
    /// The HTTP status.
    pub status: u16,
    /// The `<Code>`.
    pub code: String,
    /// The `<Message>`, before XML escaping.
    pub message: String,
}

impl StsError {
    /// Makes a refusal of any status, code and message.
    #[must_use]
    pub fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), message: message.into() }
    }

    pub(crate) fn invalid_key() -> Self {
        Self::new(403, "InvalidClientTokenId", "The security token included in the request is invalid")
    }

    pub(crate) fn expired_token() -> Self {
        Self::new(403, "ExpiredToken", "The security token included in the request is expired")
    }

    pub(crate) fn unsigned() -> Self {
        Self::new(403, "MissingAuthenticationToken", "Request is missing Authentication Token")
    }

    pub(crate) fn incomplete(what: &str) -> Self {
        Self::new(400, "IncompleteSignature", what)
    }

    pub(crate) fn signature(message: impl Into<String>) -> Self {
        Self::new(403, "SignatureDoesNotMatch", message)
    }

    pub(crate) fn wrong_secret() -> Self {
        Self::signature(
            "The request signature we calculated does not match the signature you provided. \
             Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
        )
    }

    /// The request was signed before the window around the server's `now`.
    pub(crate) fn signed_too_early(signed: DateTime<Utc>, now: DateTime<Utc>, window: TimeDelta) -> Self {
        let (signed, edge, now) = (basic(signed), basic(now - window), basic(now));
        let minutes = window.num_minutes();
        Self::signature(format!(
            "Signature expired: {signed} is now earlier than {edge} ({now} - {minutes} min.)"
        ))
    }

    /// The request was signed after the window around the server's `now`.
    pub(crate) fn signed_too_late(signed: DateTime<Utc>, now: DateTime<Utc>, window: TimeDelta) -> Self {
        let (signed, edge, now) = (basic(signed), basic(now + window), basic(now));
        let minutes = window.num_minutes();
        Self::signature(format!(
            "Signature not yet current: {signed} is still later than {edge} ({now} + {minutes} min.)"
        ))
    }

    pub(crate) fn denied(message: impl Into<String>) -> Self {
        Self::new(403, "AccessDenied", message)
    }

    pub(crate) fn wrong_code() -> Self {
        Self::denied("MultiFactorAuthentication failed with invalid MFA one time pass code.")
    }

    pub(crate) fn wrong_serial() -> Self {
        Self::denied(
            "MultiFactorAuthentication failed, unable to validate MFA code.  \
             Please verify your MFA serial number is valid and associated with this user.",
        )
    }

    pub(crate) fn session_from_session() -> Self {
        Self::denied("Cannot call GetSessionToken with session credentials")
    }

    pub(crate) fn may_not_assume(caller: &str, role: &str) -> Self {
        Self::denied(format!(
            "User: {caller} is not authorized to perform: sts:AssumeRole on resource: {role}"
        ))
    }

    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self::new(400, "ValidationError", message)
    }

    pub(crate) fn serial_and_code_go_together() -> Self {
        Self::validation(
            "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.",
        )
    }

    pub(crate) fn chained_over_one_hour() -> Self {
        Self::validation(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
        )
    }

    pub(crate) fn over_role_maximum() -> Self {
        Self::validation("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
    }

    pub(crate) fn region_off(account: &str) -> Self {
        Self::new(
            403,
            "RegionDisabledException",
            format!(
                "STS is not activated in this region for account:{account}. \
                 Your account administrator can activate STS in this region using the IAM Console."
            ),
        )
    }

    pub(crate) fn unknown_action(action: &str, version: &str) -> Self {
        Self::new(400, "InvalidAction", format!("Could not find operation {action} for version {version}"))
    }

    pub(crate) fn throttled() -> Self {
        Self::new(400, "Throttling", "Rate exceeded")
    }

    pub(crate) fn internal() -> Self {
        Self::new(500, "InternalFailure", "An internal error has occurred")
    }
}
