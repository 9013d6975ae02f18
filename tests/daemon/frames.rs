//! Frames of every version of the wire, kept for ever: the present types read them, and write them byte for byte.

use std::fs;
use std::path::PathBuf;

use serde::Serialize;
use serde::de::DeserializeOwned;
use stsd::domain::failure::{Failure, FailureClass};
use stsd::protocol::VERSION;
use stsd::protocol::frame::{decode, encode};
use stsd::protocol::message::{Action, Answer, FromClient, FromDaemon, Hello, Request, WireFailure};

/// What a kept frame is, by the beginning of its name.
const READ_ONLY: &str = "read_";

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/frames").join(format!("v{VERSION}"))
}

fn kept(name: &str) -> Vec<u8> {
    fs::read(folder().join(format!("{name}.json"))).unwrap()
}

fn read<T: DeserializeOwned>(name: &str) -> T {
    decode(&kept(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Reads a kept frame and, if we write such frames, writes it again.
fn check<T: Serialize + DeserializeOwned>(name: &str, bytes: &[u8], written: bool) {
    let message: T = decode(bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
    if written {
        let again = String::from_utf8(encode(&message).unwrap()).unwrap();
        assert_eq!(again, String::from_utf8_lossy(bytes), "{name}");
    }
}

#[test]
fn every_kept_frame_is_read_and_written_as_it_was() {
    let mut count = 0;
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let bytes = fs::read(&path).unwrap();
        let (kind, written) = match name.strip_prefix(READ_ONLY) {
            Some(kind) => (kind, false),
            None => (name, true),
        };
        match kind.split('_').next().unwrap() {
            "hello" => check::<Hello>(name, &bytes, written),
            "client" => check::<FromClient>(name, &bytes, written),
            "daemon" => check::<FromDaemon>(name, &bytes, written),
            other => panic!("{other}: of which side?"),
        }
        count += 1;
    }
    assert!(count >= 19, "{count} frames");
}

/// The name of the kept frame of each kind: a new kind does not compile before it has one.
fn frame_of_client(message: &FromClient) -> &'static str {
    match message {
        FromClient::Code { .. } => "client_code",
        FromClient::NoCode { .. } => "client_no_code",
        FromClient::Request(Request { action, .. }) => match action {
            Action::Refresh { code: Some(_), .. } => "client_refresh_code",
            Action::Refresh { code: None, .. } => "client_refresh",
            Action::Status { .. } => "client_status",
            Action::Forget { .. } => "client_forget",
            Action::Remove { .. } => "client_remove",
            Action::Reload => "client_reload",
        },
    }
}

fn frame_of_daemon(message: &FromDaemon) -> &'static str {
    match message {
        FromDaemon::CodeWanted { .. } => "daemon_code_wanted",
        FromDaemon::Failed { .. } => "daemon_failed",
        FromDaemon::Progress { answer, .. } | FromDaemon::Done { answer, .. } => match answer {
            Answer::Status(_) => "daemon_progress_status",
            Answer::Refreshed(_) => "daemon_done_refreshed",
            Answer::Forgotten(_) => "daemon_done_forgotten",
            Answer::Nothing => "daemon_done_nothing",
        },
    }
}

#[test]
fn every_kind_of_message_has_its_frame() {
    let client = ["code", "no_code", "refresh_code", "refresh", "status", "forget", "remove", "reload"];
    for name in client.map(|kind| format!("client_{kind}")) {
        assert_eq!(frame_of_client(&read(&name)), name);
    }
    let kinds =
        ["code_wanted", "failed", "progress_status", "done_refreshed", "done_forgotten", "done_nothing"];
    for name in kinds.map(|kind| format!("daemon_{kind}")) {
        assert_eq!(frame_of_daemon(&read(&name)), name);
    }
}

#[test]
fn what_an_old_frame_leaves_out_has_its_old_meaning() {
    let short: FromClient = read("read_client_refresh_short");
    let FromClient::Request(Request { id: 1, action }) = short else { panic!("{short:?}") };
    match action {
        Action::Refresh {
            profiles,
            duration_seconds: None,
            code: None,
            may_ask: false,
            display: None,
            min_seconds: None,
        } => {
            assert_eq!(profiles, ["work"]);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_code_is_redacted_in_every_message_that_holds_one() {
    let shown = format!("{:?}", read::<FromClient>("client_code"));
    assert_eq!(shown, "Code { id: 1, code: [REDACTED], question: None }");
    let shown = format!("{:?}", read::<FromClient>("client_refresh_code"));
    assert!(shown.contains("code: Some([REDACTED])"), "{shown}");
    assert!(!shown.contains("123456"), "{shown}");
}

#[test]
fn a_class_of_a_later_version_is_a_failure_all_the_same() {
    let failure = WireFailure { class: "sunspots".to_owned(), message: "no".to_owned(), hint: None };
    assert_eq!(Failure::from(failure), Failure::new(FailureClass::Internal, "no"));
}
