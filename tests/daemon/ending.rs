//! The order to stop.

use std::time::{Duration, Instant};

use stsd::client::Client;
use stsd::daemon::Order;
use stsd::protocol::message::{Action, Answer, FromDaemon};
use stsd_test_support::Fault;

use crate::harness::{Stage, refresh, until};

#[test]
fn the_request_in_hand_is_finished_and_answered() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let sts = &stage.world.sts;
    sts.fail_next(1, Fault::Delay { millis: 700 });
    let mut raw = daemon.raw().greeted();
    raw.request(refresh(&["work"], Some(&sts.unused_code(&sts.alice().serial))));
    assert!(sts.wait_for_requests(Duration::from_secs(20), |requests| requests.len() == 1));
    daemon.order(Order::Stop);
    match raw.answer() {
        FromDaemon::Done { answer: Answer::Refreshed(outcomes), .. } => assert!(outcomes[0].result.is_ok()),
        other => panic!("{other:?}"),
    }
    assert!(stage.world.credentials().contains("[work]"));
    until("the daemon ends", || daemon.has_ended());
    let after = stage.world.run(Client::connect(&stage.socket(), stage.places())).unwrap();
    assert!(after.is_none(), "nobody listens any more");
}

#[test]
fn nobody_is_waited_for() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let mut silent = daemon.raw();
    let mut typing = daemon.raw().greeted();
    typing.request(refresh(&["work"], None));
    assert!(matches!(typing.answer(), FromDaemon::CodeWanted { .. }));
    let mut watching = daemon.raw().greeted();
    watching.request(Action::Status { profiles: Vec::new(), watch: true });
    watching.answer();
    let start = Instant::now();
    daemon.stop();
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    match typing.answer() {
        FromDaemon::Done { answer: Answer::Refreshed(mut outcomes), .. } => {
            assert_eq!(outcomes.remove(0).result.unwrap_err().class, "unavailable");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(silent.line(), None);
    assert_eq!(watching.line(), None);
    assert_eq!(stage.world.sts.requests().len(), 0);
}

#[test]
fn what_was_asked_before_the_order_is_done() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let mut asking: Vec<_> = (0..20).map(|_| daemon.raw().greeted()).collect();
    for raw in &mut asking {
        raw.request(Action::Status { profiles: Vec::new(), watch: false });
    }
    for raw in &mut asking[..10] {
        assert!(matches!(raw.answer(), FromDaemon::Done { .. }));
    }
    daemon.stop();
}
