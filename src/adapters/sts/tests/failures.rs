//! Answers that are none of STS's, and no answers at all.

use std::time::Instant;

use super::*;

const PAGE: &str = "<!DOCTYPE html><html><body><h1>Sign in to the hotel's network</h1></body></html>";

#[test]
fn what_is_not_an_answer_of_sts_is_malformed() {
    let check = |step: Step| check_failure(&step, &StsError::Malformed);
    check(answer(200, Some(now()), PAGE));
    check(answer(302, Some(now()), PAGE));
    check(answer(403, Some(now()), PAGE));
    check(answer(407, Some(now()), PAGE));
    check(answer(200, Some(now()), ""));
    check(answer(200, Some(now()), "\u{0}\u{1}garbage"));
    check(answer(400, Some(now()), "{\"code\":\"x\"}"));
    let empty = "<GetSessionTokenResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
        <GetSessionTokenResult/></GetSessionTokenResponse>";
    check(answer(200, Some(now()), empty));
    check(Step::Answer(b"220 mail.example.org ESMTP\r\n".to_vec()));
    check(Step::Answer(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n<GetSessionTokenResponse".to_vec()));
    check(Step::Answer(
        b"HTTP/1.1 403 X\r\nContent-Length: 900\r\n\r\n<ErrorResponse><Error><Code>Acc".to_vec(),
    ));
}

#[test]
fn an_answer_without_end_is_not_read_to_its_end() {
    let mut endless = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_vec();
    endless.extend(std::iter::repeat_n(b'x', 1 << 20));
    // A reader without a bound would wait for the rest, until the deadline.
    check_failure(&Step::AnswerAndHang(endless), &StsError::Malformed);
}

#[test]
fn an_outage_is_told_by_its_status() {
    check_failure(&answer(503, Some(now()), PAGE), &StsError::Unavailable(503));
    check_failure(&answer(502, None, ""), &StsError::Unavailable(502));
    check_failure(&answer(429, None, PAGE), &StsError::Throttled);
}

#[test]
fn a_dropped_connection_is_a_network_failure_and_the_code_is_not_sent_again() {
    let (result, requests) = ask(vec![Step::DropUnread]);
    assert!(matches!(result, Err(StsError::Network(_))), "{result:?}");
    assert_eq!(requests.len(), 0);
    check_failure(&Step::DropRead, &StsError::Network("the connection ended before an answer came"));
}

#[test]
fn silence_ends_at_the_deadline() {
    let server = Server::start(vec![Step::Hang]);
    let sts = SdkSts::new(direct(), Arc::new(At(now())), Duration::from_secs(1));
    let started = Instant::now();
    assert_eq!(session(&sts, &site(&server.url())).err(), Some(StsError::Timeout(1)));
    assert!(started.elapsed() < DEADLINE / 2);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn nobody_at_the_port_is_a_refused_connection() {
    let result = session(&sts(direct()), &site(&format!("http://127.0.0.1:{CLOSED_PORT}")));
    assert_eq!(result.err(), Some(StsError::Unreachable("the connection was refused")));
}

#[test]
fn a_secret_in_an_unusable_answer_is_never_shown() {
    let secret = "SENTINELsecretSENTINEL";
    let check = |body: &str| {
        let ((result, _), log) = logged(|| ask(vec![answer(200, Some(now()), body)]));
        let error = result.unwrap_err();
        assert_eq!(error, StsError::Malformed);
        let shown = format!("{error} {error:?} {log}");
        assert!(!log.is_empty() && !shown.contains("SENTINEL"), "{shown}");
    };
    check(&session_body("ASIAY34FZKBOKMUTVV7A", secret, "t", secret));
    check(&session_body("ASIAY34FZKBOKMUTVV7A", secret, "t", "tomorrow"));
    check(&format!("<html>{secret}"));
}
