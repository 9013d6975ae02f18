//! The one case in which a request is sent again.

use super::*;

/// "Signature expired" as STS words it at its own time `server`.
fn signature_expired(server: DateTime<Utc>) -> String {
    let basic = |at: DateTime<Utc>| at.format("%Y%m%dT%H%M%SZ").to_string();
    let earliest = server - TimeDelta::minutes(15);
    let (signed, earliest, server) = (basic(now()), basic(earliest), basic(server));
    error_body(
        "SignatureDoesNotMatch",
        &format!("Signature expired: {signed} is now earlier than {earliest} ({server} - 15 min.)"),
    )
}

#[test]
fn a_proven_skew_repeats_the_request_once_by_the_servers_clock() {
    let check = |first: Step| {
        let (result, requests) =
            ask(vec![first.clone(), good_session(Some(in_one_hour()), in_one_hour() + TimeDelta::hours(1))]);
        assert!(result.is_ok(), "{first:?}: {result:?}");
        let dates: Vec<&str> = requests.iter().map(|request| request.header("x-amz-date")).collect();
        assert_eq!(dates, ["20260304T050607Z", "20260304T060607Z"], "{first:?}");
    };
    check(answer(403, Some(in_one_hour()), &signature_expired(in_one_hour())));
    check(answer(403, None, &signature_expired(in_one_hour())));
    check(answer(403, Some(now()), &signature_expired(in_one_hour())));
    let too_skewed = error_body("RequestTimeTooSkewed", "The difference is too large");
    check(answer(403, Some(in_one_hour()), &too_skewed));
}

#[test]
fn a_skew_that_stays_is_told_after_two_requests() {
    let refused = answer(403, Some(in_one_hour()), &signature_expired(in_one_hour()));
    let (result, requests) = ask(vec![refused.clone(), refused.clone(), refused]);
    assert_eq!(result.err(), Some(StsError::ClockSkew));
    assert_eq!(requests.len(), 2);
}

#[test]
fn without_a_proof_nothing_is_sent_again() {
    let three_minutes = now() + TimeDelta::minutes(3);
    let check = |date: Option<DateTime<Utc>>, body: &str, expected: &StsError| {
        check_failure(&answer(403, date, body), expected);
    };
    check(Some(now()), &signature_expired(now()), &StsError::ClockSkew);
    check(None, &signature_expired(three_minutes), &StsError::ClockSkew);
    check(None, &error_body("RequestTimeTooSkewed", "x"), &StsError::ClockSkew);
    check(None, &error_body("SignatureDoesNotMatch", "Signature not yet current"), &StsError::ClockSkew);
    // A clock that is wrong, and a refusal for another reason.
    let date = Some(in_one_hour());
    check(date, &error_body("SignatureDoesNotMatch", "does not match"), &StsError::WrongSecret);
    let bad_code = "MultiFactorAuthentication failed with invalid MFA one time pass code.";
    check(date, &error_body("AccessDenied", bad_code), &StsError::BadCode);
    check(date, &error_body("Throttling", "Rate exceeded"), &StsError::Throttled);
    check(date, "", &StsError::Malformed);
}
