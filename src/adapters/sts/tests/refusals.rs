//! Refusals in AWS's words, collected from public reports of users.

use super::*;

const INVALID_TOKEN: &str = "The security token included in the request is invalid";
const EXPIRED_TOKEN: &str = "The security token included in the request is expired";
const WRONG_SIGNATURE: &str = "The request signature we calculated does not match the signature you provided. \
    Check your AWS Secret Access Key and signing method. Consult the service documentation for details.";
const BAD_CODE: &str = "MultiFactorAuthentication failed with invalid MFA one time pass code. ";
const BAD_SERIAL: &str = "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA \
    serial number is valid and associated with this user.";

#[test]
fn every_refusal_is_sorted_by_what_to_do_and_the_code_is_sent_once() {
    let check = |status: u16, code: &str, message: &str, expected: StsError| {
        check_failure(&refusal(status, code, message), &expected);
    };
    check(403, "InvalidClientTokenId", INVALID_TOKEN, StsError::UnknownKey);
    check(403, "InvalidClientTokenId", &format!("{INVALID_TOKEN}."), StsError::UnknownKey);
    check(400, "UnrecognizedClientException", INVALID_TOKEN, StsError::UnknownKey);
    check(403, "ExpiredToken", EXPIRED_TOKEN, StsError::ExpiredToken);
    check(403, "SignatureDoesNotMatch", WRONG_SIGNATURE, StsError::WrongSecret);
    check(403, "AccessDenied", BAD_CODE, StsError::BadCode);
    check(403, "AccessDenied", BAD_CODE.trim(), StsError::BadCode);
    check(403, "AccessDenied", BAD_SERIAL, StsError::BadSerial);
    let from_session = "Cannot call GetSessionToken with session credentials";
    check(403, "AccessDenied", from_session, StsError::SessionCredentials);
    let explicit = "User: arn:aws:iam::123456789012:user/alice is not authorized to perform: \
        sts:GetSessionToken with an explicit deny in an identity-based policy";
    check(403, "AccessDenied", explicit, StsError::Denied);
    let disabled = "STS is not activated in this region for account:123456789012. Your account administrator can \
        activate STS in this region using the IAM Console.";
    let here = StsError::RegionDisabled("eu-west-1".to_owned());
    check(403, "RegionDisabledException", disabled, here);
    let format = "2 validation errors detected: Value '271828' at 'tokenCode' failed to satisfy constraint";
    check(400, "ValidationError", format, StsError::Invalid("ValidationError".to_owned()));
    check(400, "InvalidAction", "Could not find operation", StsError::Invalid("InvalidAction".to_owned()));
    check(400, "Throttling", "Rate exceeded", StsError::Throttled);
    check(503, "SlowDown", "Please reduce your request rate.", StsError::Throttled);
    check(500, "InternalFailure", "", StsError::Unavailable(500));
    check(503, "ServiceUnavailable", "", StsError::Unavailable(503));
    check(502, "SomethingNew", "", StsError::Unavailable(502));
    let unknown = StsError::Refused { code: "OptInRequired".to_owned(), status: 403 };
    check(403, "OptInRequired", "You are not subscribed to this service", unknown);
}

#[test]
fn an_unknown_code_is_cut_to_what_a_code_is_made_of() {
    let check = |received: &str, expected: &str| {
        let expected = StsError::Refused { code: expected.to_owned(), status: 418 };
        check_failure(&refusal(418, received, "x"), &expected);
    };
    check("Odd.Code_9", "Odd.Code_9");
    check(" Odd", "Odd");
    check("Odd/Code", "Odd");
    check("Odd Code", "Odd");
    check(&"x".repeat(70), &"x".repeat(64));
    check_failure(&refusal(418, "-", "x"), &StsError::Malformed);
}

#[test]
fn nothing_received_but_the_code_reaches_an_error_or_the_log() {
    let message = "SENTINEL AccessDenied MultiFactorAuthentication";
    for code in ["AccessDenied", "SignatureDoesNotMatch", "ValidationError", "Unheard.Of"] {
        let ((result, _), log) = logged(|| ask(vec![refusal(403, code, message)]));
        let error = result.unwrap_err();
        let shown = format!("{error} {error:?} {log}");
        assert!(log.contains("GetSessionToken") && log.contains("status=403"), "{log}");
        for hidden in ["SENTINEL", CODE, LONG_TERM_SECRET, "AKIAIOSFODNN7EXAMPLE"] {
            assert!(!shown.contains(hidden), "{shown}");
        }
    }
}

#[test]
fn get_caller_identity_is_refused_in_the_same_words() {
    let check = |step: Step, expected: &StsError| {
        let server = Server::start(vec![step]);
        assert_eq!(identity(&sts(direct()), &site(&server.url())).as_ref(), Err(expected));
        assert_eq!(server.requests().len(), 1);
    };
    check(refusal(403, "InvalidClientTokenId", INVALID_TOKEN), &StsError::UnknownKey);
    check(refusal(403, "SignatureDoesNotMatch", WRONG_SIGNATURE), &StsError::WrongSecret);
    check(refusal(403, "ExpiredToken", EXPIRED_TOKEN), &StsError::ExpiredToken);
    check(refusal(400, "Throttling", "Rate exceeded"), &StsError::Throttled);
}
