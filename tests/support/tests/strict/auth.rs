//! Key, token, clock and signature.

use stsd_test_support::{Fault, KeyState, StrictSts, account_of_key};

use crate::client::{Reply, Signer, exchange};

const INVALID: &str = "The security token included in the request is invalid";
const WRONG_SECRET: &str = "The request signature we calculated does not match the signature you provided. \
    Check your AWS Secret Access Key and signing method. Consult the service documentation for details.";

#[track_caller]
fn check(reply: &Reply, status: u16, code: &str, message: &str) {
    assert_eq!(reply.refusal(), (status, code.to_owned(), message.to_owned()));
    assert_eq!(reply.tag("Type"), "Sender");
}

fn identity(sts: &StrictSts, signer: &Signer) -> Reply {
    signer.call(sts, "GetCallerIdentity", &[])
}

#[test]
fn a_long_term_key_is_told_who_it_is() {
    let sts = StrictSts::with_alice();
    for user in [sts.alice(), sts.bob(), sts.carol()] {
        let reply = identity(&sts, &Signer::of(&user));
        assert_eq!(reply.status, 200, "{}", reply.body);
        assert_eq!(
            (reply.tag("Arn"), reply.tag("UserId"), reply.tag("Account")),
            (user.arn, user.user_id, user.account.clone())
        );
        assert_eq!(account_of_key(&user.access_key_id), Some(user.account));
        assert_eq!(reply.header("x-amzn-requestid"), Some(reply.tag("RequestId").as_str()));
        assert!(reply.header("date").is_some_and(|date| date.ends_with(" GMT")), "{}", reply.head);
        assert!(
            reply.body.starts_with(
                "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
            )
        );
    }
}

#[test]
fn an_unknown_inactive_or_deleted_key_is_invalid() {
    let sts = StrictSts::with_alice();
    let alice = Signer::of(&sts.alice());
    let unknown = Signer { id: "AKIAQYEI5EXAMPLEKEY7".to_owned(), ..alice.clone() };
    check(&identity(&sts, &unknown), 403, "InvalidClientTokenId", INVALID);
    for state in [KeyState::Inactive, KeyState::Deleted] {
        sts.set_key_state(&alice.id, state);
        check(&identity(&sts, &alice), 403, "InvalidClientTokenId", INVALID);
    }
    sts.set_key_state(&alice.id, KeyState::Active);
    assert_eq!(identity(&sts, &alice).status, 200);
}

#[test]
fn a_wrong_secret_does_not_match_and_consumes_no_code() {
    let sts = StrictSts::with_alice();
    let alice = sts.alice();
    let code = sts.fresh_code(&alice.serial);
    let mfa = [("SerialNumber", alice.serial.as_str()), ("TokenCode", code.as_str())];
    let wrong = Signer { secret: sts.bob().secret_access_key, ..Signer::of(&alice) };
    check(&wrong.call(&sts, "GetSessionToken", &mfa), 403, "SignatureDoesNotMatch", WRONG_SECRET);
    assert!(!sts.requests()[0].code_consumed);
    assert_eq!(Signer::of(&alice).call(&sts, "GetSessionToken", &mfa).status, 200);
    assert!(sts.requests()[1].code_consumed);
    assert_eq!(sts.codes_sent(), 2);
}

#[test]
fn a_request_changed_on_its_way_does_not_match() {
    let sts = StrictSts::with_alice();
    let signed = Signer::of(&sts.alice()).request(&sts, "Action=GetCallerIdentity&Version=2011-06-15");
    assert_eq!(exchange(sts.port(), &signed).unwrap().status, 200);
    for (from, to) in [
        ("2011-06-15", "2011-06-16"),
        ("POST / ", "POST /x "),
        ("POST / ", "POST /?a=b "),
        ("host: 127", "host: 128"),
    ] {
        let changed = signed.replacen(from, to, 1);
        check(&exchange(sts.port(), &changed).unwrap(), 403, "SignatureDoesNotMatch", WRONG_SECRET);
    }
}

#[test]
fn a_request_without_a_whole_signature_is_refused() {
    let sts = StrictSts::with_alice();
    let signed = Signer::of(&sts.alice()).request(&sts, "Action=GetCallerIdentity&Version=2011-06-15");
    let without =
        |name: &str| signed.lines().filter(|line| !line.starts_with(name)).collect::<Vec<_>>().join("\r\n");
    check(
        &exchange(sts.port(), &without("authorization")).unwrap(),
        403,
        "MissingAuthenticationToken",
        "Request is missing Authentication Token",
    );
    assert_eq!(exchange(sts.port(), &without("x-amz-date")).unwrap().tag("Code"), "IncompleteSignature");
    let unsigned_host = signed.replace("host;x-amz-date", "x-amz-date");
    assert_eq!(exchange(sts.port(), &unsigned_host).unwrap().tag("Code"), "SignatureDoesNotMatch");
}

#[test]
fn the_scope_is_that_of_sts() {
    let sts = StrictSts::with_alice();
    let other = Signer { service: "iam", ..Signer::of(&sts.alice()) };
    assert_eq!(
        identity(&sts, &other).tag("Message"),
        "Credential should be scoped to correct service: 'sts'. "
    );
    let other = Signer { region: "us east", ..Signer::of(&sts.alice()) };
    assert_eq!(identity(&sts, &other).tag("Message"), "Credential should be scoped to a valid region. ");
}

#[test]
fn a_long_term_key_with_a_token_is_invalid() {
    let sts = StrictSts::with_alice();
    let odd = Signer { token: Some("IQoJ".to_owned()), ..Signer::of(&sts.alice()) };
    check(&identity(&sts, &odd), 403, "InvalidClientTokenId", INVALID);
}

#[test]
fn a_clock_that_is_off_gets_the_times_told() {
    let sts = StrictSts::with_alice();
    let at = |skew| Signer { skew, ..Signer::of(&sts.alice()) };
    for skew in [-890, 890] {
        assert_eq!(identity(&sts, &at(skew)).status, 200, "{skew}");
    }
    let times = |text: &str| -> Vec<String> {
        let digits = |c: char| !c.is_ascii_digit() && c != 'T' && c != 'Z';
        text.split(digits).filter(|part| part.len() == 16).map(str::to_owned).collect()
    };
    for (skew, before, after, sign) in [
        (-3600, "Signature expired: ", "is now earlier", '-'),
        (3600, "Signature not yet current: ", "is still later", '+'),
    ] {
        let (status, code, message) = identity(&sts, &at(skew)).refusal();
        assert_eq!((status, code.as_str()), (403, "SignatureDoesNotMatch"));
        let [signed, edge, now] = &*times(&message) else { panic!("{message}") };
        assert_eq!(message, format!("{before}{signed} {after} than {edge} ({now} {sign} 15 min.)"));
    }
}

#[test]
fn a_skewed_server_shows_its_clock_and_takes_who_follows_it() {
    let sts = StrictSts::with_alice();
    sts.set_clock_skew(86_400 * 365);
    let alice = sts.alice();
    let reply = identity(&sts, &Signer::of(&alice));
    assert!(reply.tag("Message").starts_with("Signature expired: "), "{}", reply.body);
    let follower = Signer { skew: 86_400 * 365, ..Signer::of(&alice) };
    let code = sts.fresh_code(&alice.serial);
    let session =
        follower.call(&sts, "GetSessionToken", &[("SerialNumber", &alice.serial), ("TokenCode", &code)]);
    assert_eq!(session.status, 200, "{}", session.body);
    let year = |text: &str| {
        text.split(['-', ' ']).find_map(|part| part.parse::<i32>().ok().filter(|part| *part > 31))
    };
    let date = session.header("date").unwrap();
    assert!(year(date) >= Some(2027) && year(&session.tag("Expiration")) >= year(date), "{date}");

    sts.set_clock_skew(0);
    sts.fail_next(1, Fault::ClockSkew { seconds: -7200 });
    assert!(identity(&sts, &Signer::of(&alice)).tag("Message").starts_with("Signature not yet current: "));
    assert_eq!(identity(&sts, &Signer::of(&alice)).status, 200);
}

#[test]
fn an_action_that_is_none_is_named() {
    let sts = StrictSts::with_alice();
    let reply = Signer::of(&sts.alice()).call(&sts, "GetFederationToken", &[]);
    check(&reply, 400, "InvalidAction", "Could not find operation GetFederationToken for version 2011-06-15");
}
