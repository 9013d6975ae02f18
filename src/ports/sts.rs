//! AWS's Security Token Service.

use thiserror::Error;

use super::Answer;
use crate::domain::duration::SessionDuration;
use crate::domain::endpoint::StsSite;
use crate::domain::keys::{AccountId, LongTermKey, SessionCredentials};
use crate::domain::mfa::{MfaCode, MfaSerial};

/// Why STS gave nothing, by what the user should do. No variant holds received text beyond a code from a known
/// alphabet, and none holds a request.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StsError {
    /// `AccessDenied`, "invalid MFA one time pass code".
    #[error("AWS refused the MFA code: it is wrong, or was used before")]
    BadCode,
    /// `AccessDenied`, "unable to validate MFA code".
    #[error(
        "AWS could not validate the code with this MFA serial: the device is not this user's, or its clock is wrong"
    )]
    BadSerial,
    /// `InvalidClientTokenId`.
    #[error("AWS does not know the access key, or it is inactive (InvalidClientTokenId)")]
    UnknownKey,
    /// `SignatureDoesNotMatch` with a sane clock.
    #[error("the secret access key does not belong to the access key id (SignatureDoesNotMatch)")]
    WrongSecret,
    /// The signature's date is too far from AWS's clock, also after correction.
    #[error("this machine's clock is wrong: AWS refused the date of the request")]
    ClockSkew,
    /// `AccessDenied`, "Cannot call `GetSessionToken` with session credentials".
    #[error("the stored key is a temporary one, and AWS makes no session from a session")]
    SessionCredentials,
    /// `ExpiredToken`.
    #[error("the stored key is a temporary one that has expired (ExpiredToken)")]
    ExpiredToken,
    /// `RegionDisabledException`.
    #[error("STS is not activated in region {0} for this account")]
    RegionDisabled(String),
    /// `ValidationError` and its kin: the request itself is wrong.
    #[error("AWS refused the request as malformed ({0})")]
    Invalid(String),
    /// `AccessDenied` for another reason.
    #[error("AWS denied the call (AccessDenied)")]
    Denied,
    /// Another refusal with a code of its own.
    #[error("AWS refused the call ({code}, HTTP {status})")]
    Refused {
        /// AWS's error code: letters, digits, `.` and `_`, at most 64 characters.
        code: String,
        /// The HTTP status.
        status: u16,
    },
    /// `Throttling` and its kin.
    #[error("AWS is throttling requests")]
    Throttled,
    /// 5xx, or an error page that is not AWS's.
    #[error("STS is unavailable (HTTP {0})")]
    Unavailable(u16),
    /// An answer that is not STS's: a captive portal, a proxy page, a cut-off body.
    #[error("the answer is not one of STS's: a proxy or a captive portal may be in the way")]
    Malformed,
    /// An answer that is complete but already expired.
    #[error("STS answered with credentials that have already expired")]
    AlreadyExpired,
    /// No answer within the deadline.
    #[error("STS did not answer within {0} s")]
    Timeout(u64),
    /// No connection: name resolution, refusal, TLS. Nothing was sent.
    #[error("STS could not be reached: {0}")]
    Unreachable(&'static str),
    /// The connection failed after the request may have been sent.
    #[error("STS could not be reached: {0}")]
    Network(&'static str),
    /// The request could not be built: an unusable CA bundle or proxy, an endpoint without a host.
    #[error("the call to STS could not be made: {0}")]
    Setup(String),
}

impl StsError {
    /// True if a code that the request carried may have been looked at, so that it must count as used.
    #[must_use]
    pub fn spends_the_code(&self) -> bool {
        match self {
            // Nothing was sent; or the signature was refused, which is looked at before the code.
            Self::Unreachable(_)
            | Self::Setup(_)
            | Self::ClockSkew
            | Self::UnknownKey
            | Self::WrongSecret
            | Self::ExpiredToken => false,
            Self::BadCode
            | Self::BadSerial
            | Self::SessionCredentials
            | Self::RegionDisabled(_)
            | Self::Invalid(_)
            | Self::Denied
            | Self::Refused { .. }
            | Self::Throttled
            | Self::Unavailable(_)
            | Self::Malformed
            | Self::AlreadyExpired
            | Self::Timeout(_)
            | Self::Network(_) => true,
        }
    }
}

/// What a session is asked for with.
#[derive(Clone, Debug)]
pub struct SessionRequest {
    /// How long, in seconds.
    pub duration: SessionDuration,
    /// The device and its code; `None` for a profile that says `mfa = "none"`.
    pub mfa: Option<(MfaSerial, MfaCode)>,
}

/// Who a key belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerIdentity {
    /// The account.
    pub account: AccountId,
    /// The ARN of the user.
    pub arn: String,
}

/// STS. A call that carries a code is sent once; the one exception is a proven clock skew, for which the signature
/// fails before the code is looked at.
pub trait Sts: Send + Sync {
    /// Checks that a call could be made: certificates, proxy, endpoint. Nothing is sent.
    fn check<'a>(&'a self, site: &'a StsSite) -> Answer<'a, Result<(), StsError>>;

    /// `GetCallerIdentity`: needs no permission and cannot be denied.
    fn caller_identity<'a>(
        &'a self,
        site: &'a StsSite,
        key: &'a LongTermKey,
    ) -> Answer<'a, Result<CallerIdentity, StsError>>;

    /// `GetSessionToken`. The answer is complete and, by STS's own clock, not expired.
    fn session_token<'a>(
        &'a self,
        site: &'a StsSite,
        key: &'a LongTermKey,
        request: &'a SessionRequest,
    ) -> Answer<'a, Result<SessionCredentials, StsError>>;
}
