//! What a refusal of AWS means: by its code, and by known parts of its text where one code means several things.

use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};

use super::network;
use crate::domain::endpoint::Region;
use crate::ports::sts::StsError;

/// Longest error code that is passed on.
const LONGEST_CODE: usize = 64;

/// An answer that is no success, as far as it tells anything.
#[derive(Clone, Copy, Debug)]
struct Refusal<'a> {
    status: u16,
    code: Option<&'a str>,
    message: &'a str,
}

/// Sorts a failed call. The error itself must go no further: its texts may hold the body of an answer.
pub(super) fn classify<E: ProvideErrorMetadata>(error: &SdkError<E>, region: &Region) -> StsError {
    match error {
        SdkError::ServiceError(refused) => {
            let refusal = Refusal {
                status: refused.raw().status().as_u16(),
                code: code_of(refused.err()),
                message: refused.err().message().unwrap_or_default(),
            };
            sort(refusal, region)
        }
        SdkError::DispatchFailure(failure) => failure
            .as_connector_error()
            .map_or(StsError::Network("the connection failed"), network::unreachable),
        // Ours is the only deadline that is set; the SDK's word for its own is answered all the same.
        SdkError::TimeoutError(_) => StsError::Network("no answer came in time"),
        SdkError::ConstructionFailure(_) => {
            StsError::Setup("no request can be made for this region and endpoint".to_owned())
        }
        // A body that ends early or has no end; and what a later SDK may add.
        SdkError::ResponseError(_) | _ => StsError::Malformed,
    }
}

/// The code of a refusal, without what no code of AWS's contains.
pub(super) fn code_of(error: &impl ProvideErrorMetadata) -> Option<&str> {
    let code = error.code()?.trim();
    let is_code = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '_';
    let end = code.find(|c| !is_code(c)).unwrap_or(code.len()).min(LONGEST_CODE);
    code.get(..end).filter(|code| !code.is_empty())
}

/// Sorts a refusal by what the user should do.
///
/// Codes: STS API reference, "Common Errors" and `GetSessionToken`; texts as users report them, see the tests.
fn sort(refusal: Refusal<'_>, region: &Region) -> StsError {
    let Refusal { status, code, message } = refusal;
    let Some(code) = code else {
        return without_code(status);
    };
    match code {
        "AccessDenied" | "AccessDeniedException" => denied(message),
        "InvalidClientTokenId" | "UnrecognizedClientException" | "InvalidAccessKeyId" => StsError::UnknownKey,
        "SignatureDoesNotMatch" | "InvalidSignatureException" if tells_of_a_clock(message) => {
            StsError::ClockSkew
        }
        "SignatureDoesNotMatch" | "InvalidSignatureException" => StsError::WrongSecret,
        "RequestTimeTooSkewed" | "RequestExpired" => StsError::ClockSkew,
        "ExpiredToken" | "ExpiredTokenException" => StsError::ExpiredToken,
        "RegionDisabledException" | "RegionDisabled" => StsError::RegionDisabled(region.as_str().to_owned()),
        "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "RequestLimitExceeded"
        | "TooManyRequestsException"
        | "BandwidthLimitExceeded"
        | "LimitExceededException"
        | "SlowDown" => StsError::Throttled,
        "ValidationError"
        | "ValidationException"
        | "InvalidParameterValue"
        | "InvalidParameterCombination"
        | "InvalidQueryParameter"
        | "InvalidAction"
        | "MissingAction"
        | "MissingParameter"
        | "MalformedQueryString"
        | "IncompleteSignature" => StsError::Invalid(code.to_owned()),
        "InternalFailure"
        | "InternalError"
        | "InternalServerError"
        | "ServiceUnavailable"
        | "RequestTimeout" => StsError::Unavailable(status),
        _ if status >= 500 => StsError::Unavailable(status),
        _ => StsError::Refused { code: code.to_owned(), status },
    }
}

/// An answer without a code of AWS's: an outage where the status says so, else not AWS at all.
fn without_code(status: u16) -> StsError {
    match status {
        429 => StsError::Throttled,
        500.. => StsError::Unavailable(status),
        // Also a 200 that cannot be parsed: the SDK reports it as an error without a code.
        _ => StsError::Malformed,
    }
}

/// `AccessDenied` has four meanings at `GetSessionToken`. Only parts of the texts are compared: the ends differ by a
/// full stop or a blank, and the second has two blanks in its middle.
fn denied(message: &str) -> StsError {
    if message.contains("invalid MFA one time pass code") {
        StsError::BadCode
    } else if message.contains("unable to validate MFA code") {
        StsError::BadSerial
    } else if message.contains("GetSessionToken with session credentials") {
        StsError::SessionCredentials
    } else {
        StsError::Denied
    }
}

fn tells_of_a_clock(message: &str) -> bool {
    message.contains("Signature expired") || message.contains("Signature not yet current")
}
