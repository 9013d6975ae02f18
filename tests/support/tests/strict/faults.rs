//! Each fault, once, and that it ends.

use std::io::ErrorKind;
use std::thread;
use std::time::{Duration, Instant};

use stsd_test_support::{Fault, StrictSts};

use crate::client::{Reply, Signer, exchange};

fn session(sts: &StrictSts) -> std::io::Result<Reply> {
    let alice = sts.alice();
    let code = sts.fresh_code(&alice.serial);
    Signer::of(&alice).try_call(
        sts,
        "GetSessionToken",
        &[("SerialNumber", &alice.serial), ("TokenCode", &code)],
    )
}

/// Applies a fault once; gives what the client saw and whether the code was consumed. The next call must succeed.
fn once(fault: Fault) -> (std::io::Result<Reply>, bool) {
    let sts = StrictSts::with_alice();
    let name = fault.name();
    sts.fail_next(1, fault);
    let seen = session(&sts);
    let log = sts.requests();
    assert_eq!((log.len(), log[0].fault.as_deref()), (1, Some(name)));
    assert_eq!(session(&sts).unwrap().status, 200, "after {name}");
    (seen, log[0].code_consumed)
}

#[test]
fn answers_in_place_of_the_call_consume_nothing() {
    let error = Fault::Error { status: 403, code: "OptInRequired".to_owned(), message: "a < b".to_owned() };
    let body =
        Fault::Body { status: 403, content_type: "application/xml".to_owned(), body: "<Error/>".to_owned() };
    for (fault, status, part) in [
        (Fault::Throttle, 400, "<Code>Throttling</Code>\n    <Message>Rate exceeded</Message>"),
        (Fault::InternalFailure, 500, "<Type>Receiver</Type>\n    <Code>InternalFailure</Code>"),
        (Fault::Html503, 503, "<html>"),
        (Fault::ProxyPage403, 403, "proxy"),
        (Fault::Html200, 200, "<html>"),
        (Fault::Garbage, 200, "not xml"),
        (error, 403, "<Code>OptInRequired</Code>\n    <Message>a &lt; b</Message>"),
        (body, 403, "<Error/>"),
    ] {
        let (seen, consumed) = once(fault.clone());
        let seen = seen.unwrap();
        assert_eq!((seen.status, consumed), (status, false), "{fault:?}");
        assert!(seen.body.contains(part), "{fault:?}: {}", seen.body);
    }
}

#[test]
fn lost_connections_say_whether_the_code_is_gone() {
    for (fault, kind, consumed) in [
        (Fault::DropBeforeRead, ErrorKind::ConnectionReset, false),
        (Fault::DropUnprocessed, ErrorKind::UnexpectedEof, false),
        (Fault::NotHttp, ErrorKind::UnexpectedEof, false),
        (Fault::DropAfterRead, ErrorKind::UnexpectedEof, true),
        (Fault::DropAfterHead, ErrorKind::UnexpectedEof, true),
        (Fault::Truncated, ErrorKind::UnexpectedEof, true),
    ] {
        let (seen, gone) = once(fault.clone());
        let error = seen.expect_err("the connection is lost");
        assert_eq!((error.kind(), gone), (kind, consumed), "{fault:?}");
        let half_a_body =
            error.to_string().contains("<AccessKeyId>") && !error.to_string().contains("<Expiration>");
        assert_eq!(half_a_body, fault == Fault::Truncated, "{fault:?}");
    }
}

#[test]
fn spoilt_answers_have_consumed_the_code() {
    let check = |fault: Fault, holds: fn(&Reply) -> bool| {
        let (seen, consumed) = once(fault.clone());
        let seen = seen.unwrap();
        assert!(seen.status == 200 && consumed && holds(&seen), "{fault:?}: {}", seen.body);
    };
    check(Fault::BadExpiration, |reply| {
        reply.tag("Expiration") == "not-a-date" && reply.tag("SecretAccessKey").len() == 40
    });
    check(Fault::MissingToken, |reply| {
        reply.tag("SessionToken").is_empty() && reply.tag("SecretAccessKey").len() == 40
    });
    check(Fault::EmptyResult, |reply| {
        reply.tag("GetSessionTokenResult").trim().is_empty() && !reply.tag("RequestId").is_empty()
    });
    check(Fault::ExpiredAnswer, |reply| reply.tag("Expiration") < chrono::Utc::now().to_rfc3339());
    check(Fault::SlowDrip { millis: 0 }, |reply| !reply.tag("Expiration").is_empty());
}

#[test]
fn a_delay_holds_the_answer_back() {
    let start = Instant::now();
    let (seen, consumed) = once(Fault::Delay { millis: 300 });
    assert!(seen.unwrap().status == 200 && consumed && start.elapsed() >= Duration::from_millis(300));
}

#[test]
fn a_hanging_server_is_seen_and_stopping_it_ends_the_wait() {
    let sts = StrictSts::with_alice();
    sts.fail_always(Fault::Hang);
    let port = sts.port();
    let request = Signer::of(&sts.alice()).request(&sts, "Action=GetCallerIdentity&Version=2011-06-15");
    let waiting = thread::spawn(move || exchange(port, &request));
    assert!(sts.wait_for_requests(Duration::from_secs(5), |log| log.len() == 1));
    assert_eq!(sts.requests()[0].status, None);
    thread::sleep(Duration::from_millis(100));
    assert!(!waiting.is_finished());
    sts.stop();
    let error = waiting.join().unwrap().expect_err("the server is gone");
    assert!(matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset), "{error}");
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
}

#[test]
fn faults_apply_to_whom_they_are_for() {
    let sts = StrictSts::with_alice();
    let alice = Signer::of(&sts.alice());
    let status = |action: &str| alice.call(&sts, action, &[]).status;
    sts.fail_next_of("GetSessionToken", 2, Fault::InternalFailure);
    assert_eq!(
        ["GetCallerIdentity", "GetSessionToken", "GetSessionToken", "GetSessionToken"].map(status),
        [200, 500, 500, 200]
    );
    sts.fail_action("GetCallerIdentity", Fault::Throttle);
    assert_eq!(["GetCallerIdentity", "GetCallerIdentity", "GetSessionToken"].map(status), [400, 400, 200]);
    sts.clear_faults();
    assert_eq!(status("GetCallerIdentity"), 200);
    assert_eq!(sts.requests_of("GetCallerIdentity").len(), 4);
    sts.clear_requests();
    assert!(sts.requests().is_empty());
}
