//! Each way in which a server can be absent, with the error and the time that it takes.

use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use stsd::adapters::notifier::DesktopNotifier;
use stsd::ports::notifier::{Bubble, Notifier as _, NotifierError};

use super::recorder::{Manner, Server};
use super::{notice, notifier, run};
use crate::bus::Desktop;
use crate::display::NOTIFICATIONS;
use crate::{has_desktop, say};

const PLAIN: &[&str] = &["body"];
/// What answers without waiting for anybody answers within this, on a busy machine too.
const SOON: Duration = Duration::from_secs(3);
const DEADLINE: Duration = Duration::from_secs(5);

/// Shows a notice, prints the answer with its time, and checks the time.
async fn show(situation: &str, notifier: &DesktopNotifier, bound: Duration) -> Result<Bubble, NotifierError> {
    let asked = Instant::now();
    let answer = notifier.show(&notice(situation), None).await;
    let took = asked.elapsed();
    say(&format!("{situation:<36} {:>6} ms  {answer:?}", took.as_millis()));
    assert!(took < bound, "{situation}: {took:?}");
    answer
}

#[track_caller]
fn no_server(answer: Result<Bubble, NotifierError>, why: &str) {
    match answer {
        Err(NotifierError::NoServer(text)) => assert!(text.contains(why), "{text}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn without_a_bus_there_is_no_server() {
    if !has_desktop() {
        return;
    }
    let desktop = Desktop::without_keyring();
    let gone = format!("unix:path={}", desktop.path("gone").display());
    run(async {
        let stale = DesktopNotifier::on_bus(gone);
        no_server(show("stale address", &stale, SOON).await, "no session bus");
        assert_eq!(stale.withdraw(Bubble(1)).await, Ok(()), "there is no bubble either");
        let nonsense = DesktopNotifier::on_bus("nonsense".to_owned());
        no_server(show("address of no kind", &nonsense, SOON).await, "no session bus");
    });
}

#[test]
fn a_server_that_comes_and_goes_is_found_when_it_is_there() {
    if !has_desktop() {
        return;
    }
    let desktop = Desktop::without_keyring();
    let notifier = notifier(&desktop);
    run(async {
        no_server(show("no server", &notifier, SOON).await, "no notification server is running");
        let server = Server::start(desktop.builder(), PLAIN, Manner::Answers, 5);
        assert_eq!(show("server started", &notifier, SOON).await, Ok(Bubble(1)));
        drop(server);
        no_server(show("server gone", &notifier, SOON).await, "no notification server is running");
        let _server = Server::start(desktop.builder(), PLAIN, Manner::Answers, 50);
        assert_eq!(show("server restarted", &notifier, SOON).await, Ok(Bubble(2)));
    });
}

#[test]
fn a_server_that_cannot_be_started_is_no_server() {
    if !has_desktop() {
        return;
    }
    let desktop = Desktop::without_keyring();
    desktop.make_startable(NOTIFICATIONS, "/bin/false");
    let answer = run(show("server that does not start", &notifier(&desktop), SOON));
    no_server(answer, "did not start");
}

#[test]
fn a_server_that_goes_before_it_answers_is_no_server() {
    if !has_desktop() {
        return;
    }
    let desktop = Desktop::without_keyring();
    let server = Server::start(desktop.builder(), PLAIN, Manner::Hangs, 1);
    let killer = std::thread::spawn(move || {
        server.shown();
        drop(server);
    });
    let answer = run(show("server gone half-way", &notifier(&desktop), SOON));
    no_server(answer, "no notification server is running");
    killer.join().unwrap();
}

#[test]
fn a_bus_that_was_restarted_is_connected_to_again() {
    if !has_desktop() {
        return;
    }
    let mut desktop = Desktop::without_keyring();
    let notifier = notifier(&desktop);
    run(async {
        let server = Server::start(desktop.builder(), PLAIN, Manner::Answers, 1);
        assert_eq!(show("bus", &notifier, SOON).await, Ok(Bubble(1)));
        desktop.stop_bus();
        drop(server);
        // Either the connection is known to be dead by now, or it dies in the call.
        no_server(show("bus gone", &notifier, SOON).await, "session bus");
        desktop.start_bus();
        // On the new bus this server has the unique name that the one before had on the old.
        let server = Server::start(desktop.builder(), PLAIN, Manner::Answers, 9);
        let shown = notifier.show(&notice("bus restarted"), Some(Bubble(1))).await;
        assert_eq!(shown, Ok(Bubble(2)));
        assert_eq!(server.shown().replaces, 0, "number 1 is somebody else's bubble there");
        // Again, and nobody looks while it is gone.
        desktop.stop_bus();
        desktop.start_bus();
        let _server = Server::start(desktop.builder(), PLAIN, Manner::Answers, 90);
        assert_eq!(show("bus restarted unnoticed", &notifier, SOON).await, Ok(Bubble(3)));
    });
}

#[test]
fn a_server_that_hangs_is_given_up_and_holds_nobody_else() {
    if !has_desktop() {
        return;
    }
    let desktop = Desktop::without_keyring();
    let hangs = Server::start(desktop.builder(), PLAIN, Manner::Hangs, 1);
    let notifier = Arc::new(notifier(&desktop));
    run(async {
        let asked = Instant::now();
        let call = |_| {
            let notifier = Arc::clone(&notifier);
            tokio::spawn(async move { notifier.show(&notice("server hangs"), None).await })
        };
        // All on one thread, each with the deadline of one.
        let calls: Vec<_> = (0..20).map(call).collect();
        let mut ticks = 0;
        while calls.iter().any(|call| !call.is_finished()) {
            tokio::time::sleep(Duration::from_millis(10)).await;
            ticks += 1;
        }
        let took = asked.elapsed();
        say(&format!("20 calls to a server that hangs: {} ms", took.as_millis()));
        assert!(DEADLINE <= took && took < DEADLINE + SOON, "{took:?}");
        assert!(ticks > 100, "the loop was held: {ticks} ticks");
        for call in calls {
            assert_eq!(call.await.unwrap(), Err(NotifierError::NoAnswer(5)));
        }
        drop(hangs);
        let _server = Server::start(desktop.builder(), PLAIN, Manner::Answers, 4);
        assert_eq!(show("another server", &notifier, SOON).await, Ok(Bubble(1)));
    });
}

#[test]
fn a_bus_that_accepts_and_says_nothing_is_given_up() {
    if !has_desktop() {
        return;
    }
    let desktop = Desktop::without_keyring();
    let path = desktop.path("mute");
    let _listener = UnixListener::bind(&path).unwrap();
    let notifier = DesktopNotifier::on_bus(format!("unix:path={}", path.display()));
    let answer = run(show("mute bus", &notifier, DEADLINE + SOON));
    assert_eq!(answer, Err(NotifierError::NoAnswer(5)));
}
