//! What `GetSessionToken` issues, and how long it lives.

use std::thread::sleep;
use std::time::{Duration, Instant};

use stsd_test_support::{StrictSts, account_of_key};

use crate::client::{Reply, Signer};

fn issue(sts: &StrictSts, parameters: &[(&str, &str)]) -> Reply {
    let alice = sts.alice();
    let code = sts.fresh_code(&alice.serial);
    let mut all = vec![("SerialNumber", alice.serial.as_str()), ("TokenCode", code.as_str())];
    all.extend(parameters);
    Signer::of(&alice).call(sts, "GetSessionToken", &all)
}

/// The life of what was issued, in seconds, by the answer's own clock.
fn life(reply: &Reply) -> i64 {
    let date = chrono::DateTime::parse_from_rfc2822(reply.header("date").unwrap()).unwrap();
    let expiration = chrono::DateTime::parse_from_rfc3339(&reply.tag("Expiration")).unwrap();
    assert!(reply.tag("Expiration").ends_with('Z'));
    (expiration - date).num_seconds()
}

#[test]
fn a_session_is_its_user() {
    let sts = StrictSts::with_alice();
    let (alice, reply) = (sts.alice(), issue(&sts, &[]));
    let session = Signer::issued(&reply);
    assert!(session.id.starts_with("ASIA"));
    assert_eq!(account_of_key(&session.id), Some(alice.account.clone()));
    assert_eq!((session.secret.len(), session.token.as_ref().map(String::len)), (40, Some(400)));
    assert_ne!(session.id, Signer::issued(&issue(&sts, &[])).id);

    let identity = session.call(&sts, "GetCallerIdentity", &[]);
    assert_eq!(
        (identity.tag("Arn"), identity.tag("UserId"), identity.tag("Account")),
        (alice.arn, alice.user_id, alice.account)
    );
    let from_session = session.call(&sts, "GetSessionToken", &[]);
    let text = "Cannot call GetSessionToken with session credentials";
    assert_eq!(from_session.refusal(), (403, "AccessDenied".to_owned(), text.to_owned()));
}

#[test]
fn a_session_needs_its_own_token() {
    let sts = StrictSts::with_alice();
    let (one, other) = (Signer::issued(&issue(&sts, &[])), Signer::issued(&issue(&sts, &[])));
    for token in [None, Some("IQoJ".to_owned()), other.token] {
        let reply = Signer { token, ..one.clone() }.call(&sts, "GetCallerIdentity", &[]);
        assert_eq!((reply.status, reply.tag("Code").as_str()), (403, "InvalidClientTokenId"));
    }
    assert_eq!(one.call(&sts, "GetCallerIdentity", &[]).status, 200);
}

#[test]
fn durations_are_those_of_the_api() {
    let sts = StrictSts::with_alice();
    assert_eq!(life(&issue(&sts, &[])), 43_200);
    for seconds in [900, 129_600] {
        assert_eq!(life(&issue(&sts, &[("DurationSeconds", &seconds.to_string())])), seconds);
    }
    for (seconds, must) in
        [("60", "greater than or equal to 900"), ("129601", "less than or equal to 129600")]
    {
        let message = format!(
            "1 validation error detected: Value '{seconds}' at 'durationSeconds' failed to satisfy constraint: \
             Member must have value {must}"
        );
        let reply = issue(&sts, &[("DurationSeconds", seconds)]);
        assert_eq!(reply.refusal(), (400, "ValidationError".to_owned(), message));
        assert!(!sts.requests().last().unwrap().code_consumed);
    }
}

#[test]
fn a_short_session_expires() {
    let sts = StrictSts::with_alice();
    sts.set_session_seconds(Some(2));
    let reply = issue(&sts, &[("DurationSeconds", "3600")]);
    assert!((1..=2).contains(&life(&reply)), "{}", reply.body);
    let session = Signer::issued(&reply);
    assert_eq!(session.call(&sts, "GetCallerIdentity", &[]).status, 200);
    let deadline = Instant::now() + Duration::from_secs(5);
    let expired = loop {
        let reply = session.call(&sts, "GetCallerIdentity", &[]);
        if reply.status != 200 || Instant::now() > deadline {
            break reply;
        }
        sleep(Duration::from_millis(50));
    };
    let text = "The security token included in the request is expired";
    assert_eq!(expired.refusal(), (403, "ExpiredToken".to_owned(), text.to_owned()));
    sts.world(stsd_test_support::World::forget_sessions);
    assert_eq!(session.call(&sts, "GetCallerIdentity", &[]).tag("Code"), "InvalidClientTokenId");
}

#[test]
fn knobs_for_tokens_and_expired_answers() {
    let sts = StrictSts::with_alice();
    sts.set_token_size(2000);
    assert_eq!(issue(&sts, &[]).tag("SessionToken").len(), 2000);
    sts.set_expired_answers(true);
    let reply = issue(&sts, &[]);
    assert_eq!(life(&reply), -3600);
    assert_eq!(Signer::issued(&reply).call(&sts, "GetCallerIdentity", &[]).tag("Code"), "ExpiredToken");
}

#[test]
fn a_region_that_is_off_issues_nothing() {
    let sts = StrictSts::with_alice();
    sts.world(|world| world.disable_region("us-east-1"));
    let text = "STS is not activated in this region for account:123456789012. \
        Your account administrator can activate STS in this region using the IAM Console.";
    assert_eq!(issue(&sts, &[]).refusal(), (403, "RegionDisabledException".to_owned(), text.to_owned()));
    assert_eq!(Signer::of(&sts.alice()).call(&sts, "GetCallerIdentity", &[]).status, 200);
    let elsewhere = Signer { region: "eu-west-1", ..Signer::of(&sts.alice()) };
    assert_eq!(elsewhere.call(&sts, "GetSessionToken", &[]).status, 200);
    assert_eq!(sts.requests().last().unwrap().region.as_deref(), Some("eu-west-1"));
}
