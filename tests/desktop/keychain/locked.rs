//! A locked keychain: every call says so, and nobody is shown a dialog that he did not ask for.
#![expect(clippy::used_underscore_binding, reason = "the macro of a D-Bus interface uses every argument")]

use std::collections::HashMap;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use zbus::blocking::Connection;
use zbus::zvariant::{ObjectPath, OwnedObjectPath, OwnedValue, Value};

use super::child::Process;
use super::{FIRST, SECOND};
use crate::bus::Desktop;
use crate::has_desktop;

const SOON: Duration = Duration::from_secs(3);
const LOGIN: &str = "/org/freedesktop/secrets/collection/login";
const SERVICE: (&str, &str) = ("/org/freedesktop/secrets", "org.freedesktop.Secret.Service");

/// The desktop's password dialog, which notes that it was asked for and never shows.
struct Prompter {
    asked: Arc<AtomicBool>,
    _connection: Connection,
}

struct Dialog(Arc<AtomicBool>);

#[zbus::interface(name = "org.gnome.keyring.internal.Prompter")]
impl Dialog {
    fn begin_prompting(&self, _callback: ObjectPath<'_>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Prompter {
    fn on(desktop: &Desktop) -> Self {
        let asked = Arc::new(AtomicBool::new(false));
        let connection = desktop
            .builder()
            .serve_at("/org/gnome/keyring/Prompter", Dialog(Arc::clone(&asked)))
            .unwrap()
            .name("org.gnome.keyring.SystemPrompter")
            .unwrap()
            .build()
            .unwrap();
        Self { asked, _connection: connection }
    }

    fn was_asked(&self) -> bool {
        self.asked.load(Ordering::SeqCst)
    }
}

fn call<R: serde::de::DeserializeOwned + zbus::zvariant::Type>(
    bus: &Connection,
    (path, interface): (&str, &str),
    method: &str,
    arguments: &(impl serde::Serialize + zbus::zvariant::DynamicType),
) -> R {
    bus.call_method(Some("org.freedesktop.secrets"), path, Some(interface), method, arguments)
        .unwrap()
        .body()
        .deserialize()
        .unwrap()
}

#[test]
fn a_locked_collection_is_never_touched_and_raises_no_dialog() {
    if !has_desktop() {
        return;
    }
    let desktop = Desktop::unlocked();
    let mut process = Process::on(&desktop);
    let write = format!("write work {} {}", FIRST.0, FIRST.1);
    assert_eq!(process.ask(&write), "ok");
    let prompter = Prompter::on(&desktop);
    desktop.lock(LOGIN);
    for request in ["check", "check-item work", "read work", &write, "delete work", "read other"] {
        process.row("locked", request, "Locked", SOON);
        assert!(!prompter.was_asked(), "{request} raised a dialog");
    }
    // The proof that the dialog would have been seen: secret-tool raises it.
    let mut tool = desktop
        .command("secret-tool")
        .args(["lookup", "service", "stsd", "username", "work"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let end = Instant::now() + Duration::from_secs(10);
    while !prompter.was_asked() {
        assert!(Instant::now() < end, "the dialog is not noticed");
        std::thread::sleep(Duration::from_millis(10));
    }
    tool.kill().unwrap();
    tool.wait().unwrap();
}

/// The store searches all collections and would open a locked one for what it finds there.
#[test]
fn an_item_in_another_locked_collection_is_locked_and_raises_no_dialog() {
    if !has_desktop() {
        return;
    }
    let desktop = Desktop::unlocked();
    let bus = desktop.connect();
    let (_, session): (OwnedValue, OwnedObjectPath) =
        call(&bus, SERVICE, "OpenSession", &("plain", Value::from("")));
    let secret = |text: &str| (session.clone(), Vec::<u8>::new(), text.as_bytes().to_vec(), "text/plain");
    // Only gnome-keyring's own interface makes a collection without a dialog.
    let label = HashMap::from([("org.freedesktop.Secret.Collection.Label", Value::from("other"))]);
    let collection: OwnedObjectPath = call(
        &bus,
        (SERVICE.0, "org.gnome.keyring.InternalUnsupportedGuiltRiddenInterface"),
        "CreateWithMasterPassword",
        &(label, secret("password")),
    );
    let attributes = HashMap::from([("service", "stsd"), ("username", "work")]);
    let properties = HashMap::from([
        ("org.freedesktop.Secret.Item.Label", Value::from("x")),
        ("org.freedesktop.Secret.Item.Attributes", Value::from(attributes)),
    ]);
    let created: (OwnedObjectPath, OwnedObjectPath) = call(
        &bus,
        (collection.as_str(), "org.freedesktop.Secret.Collection"),
        "CreateItem",
        &(properties, secret("kept"), false),
    );
    assert_ne!(created.0.as_str(), "/", "no item was made");
    desktop.lock(collection.as_str());

    let prompter = Prompter::on(&desktop);
    let mut process = Process::on(&desktop);
    assert_eq!(process.ask("check"), "ok");
    let write = format!("write work {} {}", FIRST.0, FIRST.1);
    for request in ["check-item work", "read work", &write, "delete work"] {
        process.row("item in another, locked collection", request, "Locked", SOON);
        assert!(!prompter.was_asked(), "{request} raised a dialog");
    }
    assert_eq!(process.ask(&format!("write other {} {}", SECOND.0, SECOND.1)), "ok");
    assert!(!prompter.was_asked());
}
