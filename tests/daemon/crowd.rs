//! Many clients, and clients that go away.

use std::process::Command;
use std::time::Duration;

use stsd::client::Client;
use stsd::protocol::message::{Action, Answer, FromDaemon};
use stsd_test_support::Fault;
use tokio::task::JoinSet;

use crate::harness::{Daemon, Stage, Typist, refresh, until};

/// Waits until the daemon has that many connections.
pub(crate) fn wait_connections(stage: &Stage, count: usize) {
    let socket = stage.socket().display().to_string();
    // The kernel names an accepted socket after the one that it came to.
    let open = || std::fs::read_to_string("/proc/net/unix").unwrap().matches(&socket).count();
    until(&format!("{count} connections"), || open() == count + 1);
}

fn watching(daemon: &Daemon<'_>) -> crate::harness::Raw {
    let mut raw = daemon.raw().greeted();
    raw.request(Action::Status { profiles: Vec::new(), watch: true });
    assert!(matches!(raw.answer(), FromDaemon::Progress { id: 7, .. }));
    raw
}

#[test]
fn two_hundred_at_once_are_all_answered() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let _silent: Vec<_> = (0..20).map(|_| daemon.raw()).collect();
    stage.world.run(tokio::task::LocalSet::new().run_until(async {
        let mut clients = JoinSet::new();
        for _ in 0..200 {
            let (socket, places) = (stage.socket(), stage.places());
            clients.spawn_local(async move {
                let client = Client::connect(&socket, places).await.unwrap().expect("a daemon");
                let action = Action::Status { profiles: Vec::new(), watch: false };
                client.call(action, &mut Typist(|| panic!("no code is wanted"))).await.unwrap()
            });
        }
        let answers = clients.join_all().await;
        assert_eq!(answers.len(), 200);
        assert!(answers.iter().all(|answer| matches!(answer, Answer::Status(one) if one.len() == 1)));
    }));
}

#[test]
fn a_client_that_vanishes_in_the_middle_loses_its_answer_and_nothing_else() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let sts = &stage.world.sts;
    sts.fail_next(1, Fault::Delay { millis: 500 });
    let mut raw = daemon.raw().greeted();
    raw.request(refresh(&["work"], Some(&sts.unused_code(&sts.alice().serial))));
    assert!(sts.wait_for_requests(Duration::from_secs(20), |requests| requests.len() == 1));
    drop(raw);
    until("the session is there", || daemon.status()[0].state == "active");
    assert_eq!(sts.codes_sent(), 1);
    wait_connections(&stage, 0);
}

#[test]
fn a_watcher_hears_of_every_change_and_leaves_nothing_behind() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let mut watcher = watching(&daemon);
    daemon.refresh(&["work"]);
    loop {
        match watcher.answer() {
            FromDaemon::Progress { answer: Answer::Status(one), .. } if one[0].state == "active" => break,
            FromDaemon::Progress { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    wait_connections(&stage, 1);
    drop(watcher);
    wait_connections(&stage, 0);
    // One that says what nobody asked, and one that closes its half, are done too.
    let mut chatty = watching(&daemon);
    chatty.request(Action::Reload);
    let half = watching(&daemon);
    half.stream.shutdown(std::net::Shutdown::Write).unwrap();
    wait_connections(&stage, 0);
    assert_eq!(daemon.status().len(), 1);
}

const ALONE: &str = "STSD_TEST_ALONE";

#[test]
fn descriptors_stay_flat_over_two_thousand_requests() {
    // Other tests of this process open files too, so this one has a process of its own.
    if std::env::var_os(ALONE).is_none() {
        let mut alone = Command::new(std::env::current_exe().unwrap());
        alone.args(["--exact", "crowd::descriptors_stay_flat_over_two_thousand_requests"]).env(ALONE, "1");
        let output = alone.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        return;
    }
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    daemon.refresh(&["work"]);
    let round = |times: usize| {
        for number in 0..times {
            match number % 10 {
                0 if number % 200 == 0 => daemon.forget("work"),
                1 => drop(daemon.raw()),
                2 => drop(daemon.raw().greeted()),
                3 => drop(watching(&daemon)),
                4 => drop(daemon.call(Action::Reload).unwrap()),
                _ => drop(daemon.status()),
            }
        }
        wait_connections(&stage, 0);
    };
    round(50);
    let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let before = open();
    round(2000);
    until("the descriptors are as before", || open() <= before);
}
