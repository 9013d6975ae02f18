//! Answers that are taken, and those that are complete to the eye only.

use secrecy::ExposeSecret as _;

use super::*;

#[test]
fn a_session_is_taken_as_it_was_issued() {
    let (result, requests) = ask(vec![good_session(Some(now()), in_one_hour())]);
    let session = result.unwrap();
    assert_eq!(session.id.as_str(), "ASIAY34FZKBOKMUTVV7A");
    assert_eq!(session.secret.expose_secret(), "s3ss10n/secret");
    assert_eq!(session.token.expose_secret(), "t0ken+/=");
    assert_eq!(session.expires_at, in_one_hour());

    assert_eq!(requests.len(), 1);
    let sent = &requests[0];
    assert_eq!(
        sent.body,
        "Action=GetSessionToken&Version=2011-06-15&DurationSeconds=3600\
         &SerialNumber=arn%3Aaws%3Aiam%3A%3A123456789012%3Amfa%2Falice&TokenCode=271828"
    );
    assert_eq!(sent.header("x-amz-date"), "20260304T050607Z");
    let signed_for = "Credential=AKIAIOSFODNN7EXAMPLE/20260304/eu-west-1/sts/aws4_request";
    assert!(sent.header("authorization").contains(signed_for));
    assert!(sent.header("user-agent").contains(concat!("app/stsd-", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn a_profile_without_a_device_sends_none() {
    let server = Server::start(vec![good_session(None, in_one_hour())]);
    let request = SessionRequest { mfa: None, ..request() };
    run(sts(direct()).session_token(&site(&server.url()), &key(), &request)).unwrap();
    let sent = server.requests();
    assert_eq!(sent[0].body, "Action=GetSessionToken&Version=2011-06-15&DurationSeconds=3600");
}

#[test]
fn ids_and_times_of_other_sts_servers_are_taken() {
    let body = session_body("abcdefghijklmnopqrs", "x", "y", "2126-11-21T21:51:16.453086233Z");
    let (result, _) = ask(vec![answer(200, Some(now()), &body)]);
    let session = result.unwrap();
    assert_eq!(session.id.as_str(), "abcdefghijklmnopqrs");
    assert_eq!(session.expires_at, "2126-11-21T21:51:16.453086233Z".parse::<DateTime<Utc>>().unwrap());
}

#[test]
fn an_incomplete_session_is_refused() {
    let good = ["ASIAY34FZKBOKMUTVV7A", "secret", "token", "2026-03-04T06:06:07Z"];
    let check = |place: usize, value: &str| {
        let mut fields = good;
        fields[place] = value;
        let [id, secret, token, expiration] = fields;
        let body = session_body(id, secret, token, expiration);
        check_failure(&answer(200, Some(now()), &body), &StsError::Malformed);
    };
    for place in 0..good.len() {
        check(place, "");
    }
    check(0, "short");
    check(0, "ASIAY34FZKBOKMUTVV7A&#10;[other]");
    check(1, "two words");
    check(1, "line&#10;aws_access_key_id=x");
    check(2, "t\u{f6}ken");
    check(2, "to&#13;ken");
    check(3, "never");
    check(3, "+999999-01-01T00:00:00Z");
    let missing = session_body("ASIAY34FZKBOKMUTVV7A", "s", "t", "2026-03-04T06:06:07Z")
        .replace("<SessionToken>t</SessionToken>", "");
    check_failure(&answer(200, Some(now()), &missing), &StsError::Malformed);
}

#[test]
fn an_expired_session_is_refused_by_the_servers_clock_or_else_by_ours() {
    let half_past = now() + TimeDelta::minutes(30);
    let check = |date: Option<DateTime<Utc>>, expiration: DateTime<Utc>, expected: Result<(), StsError>| {
        let (result, requests) = ask(vec![good_session(date, expiration)]);
        assert_eq!(result.map(|_| ()), expected, "{date:?} {expiration}");
        assert_eq!(requests.len(), 1);
    };
    check(None, now(), Err(StsError::AlreadyExpired));
    check(None, half_past, Ok(()));
    check(Some(in_one_hour()), half_past, Err(StsError::AlreadyExpired));
    check(Some(now() - TimeDelta::hours(2)), now() - TimeDelta::hours(1), Ok(()));
}

#[test]
fn an_identity_is_taken_if_complete() {
    let check = |account: &str, arn: &str, expected: Option<&str>| {
        let body = format!(
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
             <GetCallerIdentityResult><Arn>{arn}</Arn><UserId>AIDA</UserId><Account>{account}</Account>\
             </GetCallerIdentityResult></GetCallerIdentityResponse>"
        );
        let server = Server::start(vec![answer(200, Some(now()), &body)]);
        let (result, log) = logged(|| identity(&sts(direct()), &site(&server.url())));
        let arns = result.as_ref().map(|identity| identity.arn.as_str());
        assert_eq!(arns, expected.ok_or(&StsError::Malformed));
        let sent = server.requests();
        assert_eq!(sent[0].body, "Action=GetCallerIdentity&Version=2011-06-15");
        assert!(log.contains("GetCallerIdentity"), "{log}");
    };
    let alice = "arn:aws:iam::123456789012:user/alice";
    check("123456789012", alice, Some(alice));
    check("12345", alice, None);
    check("123456789012", "", None);
    check("123456789012", "arn:\u{1b}[2J", None);
}
