//! A Secret Service that is there and does not answer.
#![expect(clippy::used_underscore_binding, reason = "the macro of a D-Bus interface uses every argument")]

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use stsd::adapters::keychain::OsKeychain;
use zbus::blocking::Connection;
use zbus::zvariant::{OwnedObjectPath, OwnedValue};

use super::FIRST;
use super::child::{Process, show, this_binary};
use crate::bus::Desktop;
use crate::has_desktop;

const SECRETS: &str = "/org/freedesktop/secrets";
const COLLECTION: &str = "/org/freedesktop/secrets/collection/login";
const SOON: Duration = Duration::from_secs(1);

/// A service that answers every question of the pre-flight, each after `delay`, and hangs when the store is opened.
struct Impostor {
    delay: Duration,
    /// Told whenever the store is opened.
    opened: Sender<()>,
}

#[zbus::interface(name = "org.freedesktop.Secret.Service")]
impl Impostor {
    fn read_alias(&self, _name: &str) -> OwnedObjectPath {
        std::thread::sleep(self.delay);
        COLLECTION.try_into().unwrap()
    }

    fn search_items(
        &self,
        _attributes: HashMap<String, String>,
    ) -> (Vec<OwnedObjectPath>, Vec<OwnedObjectPath>) {
        std::thread::sleep(self.delay);
        (vec![format!("{COLLECTION}/1").try_into().unwrap()], Vec::new())
    }

    async fn open_session(&self, _algorithm: &str, _input: OwnedValue) -> (OwnedValue, OwnedObjectPath) {
        self.opened.send(()).unwrap();
        std::future::pending().await
    }
}

struct Open {
    delay: Duration,
}

#[zbus::interface(name = "org.freedesktop.Secret.Collection")]
impl Open {
    #[zbus(property)]
    fn locked(&self) -> bool {
        std::thread::sleep(self.delay);
        false
    }
}

/// The impostor, and what tells when it is to open a store.
fn impostor(desktop: &Desktop, delay: Duration) -> (Connection, Receiver<()>) {
    let (opened, told) = channel();
    let connection = desktop
        .builder()
        .serve_at(SECRETS, Impostor { delay, opened })
        .and_then(|builder| builder.serve_at(COLLECTION, Open { delay }))
        .and_then(|builder| builder.name("org.freedesktop.secrets"))
        .and_then(zbus::blocking::connection::Builder::build)
        .unwrap();
    (connection, told)
}

#[test]
fn a_keyring_that_hangs_is_given_up_and_used_again_when_it_is_back() {
    if !has_desktop() {
        return;
    }
    let desktop = Desktop::unlocked();
    let mut process = Process::on(&desktop);
    let write = format!("write work {} {}", FIRST.0, FIRST.1);
    assert_eq!(process.ask(&write), "ok");
    desktop.keyring().signal(Signal::STOP);
    process.row("keyring stopped", "read work", "NoAnswer(5)", Duration::from_secs(8));
    desktop.keyring().signal(Signal::CONT);
    let key = format!("{} {}", FIRST.0, FIRST.1);
    process.row("keyring continued", "read work", &key, Duration::from_secs(3));
}

#[test]
fn a_store_that_hangs_is_given_up_at_the_deadline_and_the_process_exits() {
    if !has_desktop() {
        return;
    }
    let desktop = Desktop::without_keyring();
    let _impostor = impostor(&desktop, Duration::ZERO);
    let mut process = Process::on(&desktop);
    process.row("store hangs", "check-item work", "ok", SOON);
    process.row("store hangs", "read work", "NoAnswer(10)", OsKeychain::DEADLINE + SOON);
    let took = process.exit();
    crate::say(&format!("store hangs: the process exits in {} ms", took.as_millis()));
    assert!(took < SOON, "the process took {took:?} to exit");
}

#[test]
fn hanging_stores_leave_two_threads_and_no_more_and_recover_with_the_service() {
    if !has_desktop() {
        return;
    }
    let mut desktop = Desktop::without_keyring();
    let (impostor, _opened) = impostor(&desktop, Duration::ZERO);
    let allowed = Duration::from_secs(2);
    let mut process = Process::start(desktop.command(this_binary()), allowed);
    process.row("store hangs, 2 s allowed", "read work", "NoAnswer(2)", allowed + SOON);
    process.row("store hangs, one thread hangs", "check-item work", "ok", SOON);
    process.row("store hangs, one thread hangs", "read work", "NoAnswer(2)", allowed + SOON);
    let before = process.ask("resources");
    for _ in 0..3 {
        process.row("store hangs, two threads hang", "read work", "NoAnswer(2)", SOON);
    }
    assert_eq!(process.ask("resources"), before, "threads pile up");
    // The bus tells the hanging calls that their service is gone.
    impostor.close().unwrap();
    desktop.start_keyring(Some("test"));
    let end = Instant::now() + Duration::from_secs(10);
    while process.ask("check") != "ok" {
        assert!(Instant::now() < end, "the keychain does not recover");
    }
    process.row("service is back", "read work", r#"Missing(ProfileName("work"))"#, SOON);
}

#[test]
fn a_service_that_goes_while_the_store_waits_for_it_is_no_service() {
    if !has_desktop() {
        return;
    }
    let desktop = Desktop::without_keyring();
    let (impostor, opened) = impostor(&desktop, Duration::ZERO);
    let mut process = Process::on(&desktop);
    process.request("read work");
    opened.recv_timeout(OsKeychain::DEADLINE).unwrap();
    impostor.close().unwrap();
    let (answer, took) = process.answer();
    show("service gone inside the store", "read work", &answer, took);
    assert_eq!(answer, "NoService");
    assert!(took < Duration::from_secs(3), "{took:?}");
}

#[test]
fn a_write_that_was_given_up_during_the_pre_flight_is_not_begun() {
    if !has_desktop() {
        return;
    }
    let desktop = Desktop::without_keyring();
    // Three answers take longer than the deadline, one takes less than its limit of half of that.
    let allowed = Duration::from_secs(2);
    let (_impostor, opened) = impostor(&desktop, Duration::from_millis(800));
    let mut process = Process::start(desktop.command(this_binary()), allowed);
    let write = format!("write work {} {}", FIRST.0, FIRST.1);
    process.row("slow service, 2 s allowed", &write, "NoAnswer(2)", allowed + SOON);
    assert_eq!(opened.recv_timeout(2 * allowed), Err(RecvTimeoutError::Timeout), "it wrote all the same");
}
