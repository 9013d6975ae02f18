//! A code is asked for at the client's terminal.

use stsd::config::PromptKind;
use stsd::domain::failure::{Failure, FailureClass};
use stsd::protocol::message::{Action, Answer, FromClient, FromDaemon, WireCode};

use crate::harness::{Daemon, Stage, Typist, refresh, until};

fn one(answer: Result<Answer, Failure>) -> Result<(), Failure> {
    match answer.unwrap() {
        Answer::Refreshed(mut outcomes) => outcomes.remove(0).result.map(drop).map_err(Into::into),
        other => panic!("{other:?}"),
    }
}

/// Goes as far as the question for the code.
fn asked(daemon: &Daemon<'_>) -> crate::harness::Raw {
    let mut raw = daemon.raw().greeted();
    raw.request(refresh(&["work"], None));
    match raw.answer() {
        FromDaemon::CodeWanted { id, profiles, serial, refused, question: Some(_) } => {
            assert_eq!(refused, None);
            assert_eq!(id, 7);
            assert_eq!(profiles, ["work"]);
            assert_eq!(serial, daemon.stage.world.sts.alice().serial);
        }
        other => panic!("{other:?}"),
    }
    raw
}

fn unused_code(stage: &Stage) -> String {
    stage.world.sts.unused_code(&stage.world.sts.alice().serial)
}

#[test]
fn the_code_that_is_typed_makes_the_session() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let mut typist = Typist(|| {
        assert_eq!(stage.world.sts.requests().len(), 0, "every check came first");
        Ok(WireCode::new(&unused_code(&stage)))
    });
    one(daemon.ask(refresh(&["work"], None), &mut typist)).unwrap();
    assert!(stage.world.credentials().contains("[work]"));
    assert_eq!(stage.world.sts.codes_sent(), 1);
}

#[test]
fn the_client_says_why_it_has_no_code() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let cancelled = Failure::new(FailureClass::NoSession, "cancelled").hint("stsd refresh");
    let mut typist = Typist(|| Err(cancelled.clone()));
    assert_eq!(one(daemon.ask(refresh(&["work"], None), &mut typist)), Err(cancelled.clone()));
    assert_eq!(stage.world.sts.requests().len(), 0);
}

#[test]
fn a_typed_code_of_the_wrong_shape_is_a_usage_error() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let mut typist = Typist(|| Ok(WireCode::new("abcdef")));
    let failure = one(daemon.ask(refresh(&["work"], None), &mut typist)).unwrap_err();
    assert_eq!(failure.class, FailureClass::Usage);
    assert!(!failure.message.contains("abcdef"), "{failure}");
    assert_eq!(stage.world.sts.requests().len(), 0);
}

#[test]
fn without_anybody_to_ask_there_is_no_session() {
    let stage = Stage::with_work();
    let action = Action::Refresh {
        profiles: vec!["work".to_owned()],
        duration_seconds: None,
        code: None,
        may_ask: false,
        display: None,
        min_seconds: None,
    };
    let failure = one(stage.daemon().call(action)).unwrap_err();
    assert_eq!(failure, stsd::daemon::answers::nobody(&["work".to_owned()], PromptKind::Auto));
    assert_eq!(failure.class, FailureClass::NoSession);
}

#[test]
fn a_code_that_comes_in_pieces_between_other_turns_loses_nothing() {
    use std::io::Write as _;
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let mut raw = asked(&daemon);
    let code = FromClient::Code { id: 7, code: WireCode::new(&unused_code(&stage)), question: None };
    for byte in stsd::protocol::frame::encode(&code).unwrap() {
        raw.stream.write_all(&[byte]).unwrap();
        drop(daemon.status());
    }
    assert!(matches!(raw.answer(), FromDaemon::Done { id: 7, answer: Answer::Refreshed(_) }));
    assert_eq!(daemon.status()[0].state, "active");
}

#[test]
fn a_client_that_vanishes_while_it_is_asked_ends_its_request_only() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    drop(asked(&daemon));
    until("the request has failed", || daemon.status()[0].last_error.is_some());
    let error = daemon.status().remove(0).last_error.unwrap();
    assert_eq!(error.class, "no-session");
    assert_eq!(stage.world.sts.requests().len(), 0);
    assert!(daemon.refresh(&["work"])[0].result.is_ok());
}
