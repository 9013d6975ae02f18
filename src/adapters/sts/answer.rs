//! What is taken from an answer of STS: all of it, or nothing.

use aws_sdk_sts::operation::get_caller_identity::GetCallerIdentityOutput;
use aws_sdk_sts::types::Credentials;
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::domain::keys::{AccessKeyId, AccountId, SessionCredentials};
use crate::ports::sts::{CallerIdentity, StsError};

/// Longest ARN (STS API reference, `GetCallerIdentity`, `Arn`).
const LONGEST_ARN: usize = 2048;

/// Takes complete credentials that are still valid at `now`.
pub(super) fn session(
    credentials: Option<Credentials>,
    now: DateTime<Utc>,
) -> Result<SessionCredentials, StsError> {
    let credentials = credentials.ok_or(StsError::Malformed)?;
    // The SDK's strings are plain ones. These wrappers wipe them on every way out; what the caller gets is a copy of
    // the exact length, so that no buffer has to shrink and leave its old place unwiped.
    let id = Zeroizing::new(credentials.access_key_id);
    let secret = Zeroizing::new(credentials.secret_access_key);
    let token = Zeroizing::new(credentials.session_token);
    let expiration = credentials.expiration;

    let id = AccessKeyId::parse(&id).map_err(|_hidden| StsError::Malformed)?;
    if !is_printable(&secret) || !is_printable(&token) {
        return Err(StsError::Malformed);
    }
    let expires_at = DateTime::from_timestamp(expiration.secs(), expiration.subsec_nanos());
    let expires_at = expires_at.ok_or(StsError::Malformed)?;
    if expires_at <= now {
        return Err(StsError::AlreadyExpired);
    }
    Ok(SessionCredentials {
        id,
        secret: SecretString::from(secret.as_str()),
        token: SecretString::from(token.as_str()),
        expires_at,
    })
}

/// Takes a complete identity.
pub(super) fn identity(output: &GetCallerIdentityOutput) -> Result<CallerIdentity, StsError> {
    let account = output.account().and_then(AccountId::parse).ok_or(StsError::Malformed)?;
    let arn = output.arn().filter(|arn| is_printable(arn) && arn.len() <= LONGEST_ARN);
    Ok(CallerIdentity { account, arn: arn.ok_or(StsError::Malformed)?.to_owned() })
}

/// Not empty, and nothing that a line of the credentials file or of a terminal could take for something else.
fn is_printable(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}
