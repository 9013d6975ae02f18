//! Peers that do not keep to the dialogue.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use stsd::client::Client;
use stsd::domain::failure::{Failure, FailureClass};
use stsd::protocol::message::{Action, Answer, FromDaemon, Hello, WireCode};
use stsd_test_support::not_run;

use crate::harness::{Daemon, PATIENCE, Raw, Stage, Typist, refresh};

fn status() -> Action {
    Action::Status { profiles: Vec::new(), watch: false }
}

fn serves(daemon: &Daemon<'_>) {
    assert_eq!(daemon.status().len(), 1);
}

#[test]
fn who_says_nothing_or_half_of_it_is_left_after_a_while_and_keeps_nobody_waiting() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let mut silent = daemon.raw();
    let mut halfway = daemon.raw();
    halfway.stream.write_all(b"{\"protocol\":1,").unwrap();
    let mut greeted = daemon.raw().greeted();
    greeted.stream.write_all(b"{\"request\"").unwrap();
    // A byte now and then does not buy more time.
    let mut slow = daemon.raw();
    let started = Instant::now();
    let mut drip = slow.stream.try_clone().unwrap();
    let dripping = std::thread::spawn(move || {
        while drip.write_all(b" ").is_ok() {
            std::thread::sleep(Duration::from_millis(100));
        }
        started.elapsed()
    });
    serves(&daemon);
    for raw in [&mut silent, &mut halfway, &mut greeted, &mut slow] {
        assert_eq!(raw.line(), None);
    }
    let dripped = dripping.join().unwrap();
    assert!(dripped < PATIENCE / 2, "{dripped:?}");
    serves(&daemon);
}

/// Sends bytes without an end until the daemon has enough of them.
fn flood(raw: &mut Raw) {
    let bytes = vec![b'x'; 64 << 10];
    let sent = (0..160).take_while(|_| raw.stream.write_all(&bytes).is_ok()).count();
    assert!(sent < 160, "10 MB were taken");
    assert_eq!(raw.line(), None);
}

#[test]
fn ten_megabytes_are_not_read() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    flood(&mut daemon.raw());
    flood(&mut daemon.raw().greeted());
    serves(&daemon);
}

#[test]
fn garbage_is_refused_without_being_repeated() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let check = |mut raw: Raw, bytes: &[u8]| {
        raw.stream.write_all(bytes).unwrap();
        let failure = raw.failure();
        assert_eq!(failure.class, FailureClass::Internal);
        assert!(!failure.message.contains("sesame"), "{failure}");
        assert_eq!(raw.line(), None);
    };
    check(daemon.raw(), b"\0\xff\xfe open sesame\n");
    check(daemon.raw(), b"\n");
    check(daemon.raw(), b"{\"protocol\":\"sesame\"}\n");
    check(daemon.raw().greeted(), b"{\"request\":{\"id\":1,\"action\":{\"open\":\"sesame\"}}}\n");
    check(daemon.raw().greeted(), b"{\"code\":{\"id\":1,\"code\":\"123456\"}}\n");
    serves(&daemon);
}

#[test]
fn another_version_is_told_both_versions() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let check = |hello: &dyn Fn(&Raw) -> String| {
        let mut raw = daemon.raw();
        let line = hello(&raw);
        raw.stream.write_all(line.as_bytes()).unwrap();
        let failure = raw.failure();
        assert_eq!(failure.class, FailureClass::Internal);
        assert!(failure.message.contains("0.0.7"), "{failure}");
        assert!(failure.message.contains(env!("CARGO_PKG_VERSION")), "{failure}");
        assert_eq!(raw.line(), None);
    };
    for protocol in [0, 2] {
        check(&|raw| serde_json::to_string(&Hello { protocol, ..raw.hello() }).unwrap() + "\n");
    }
    // A hello that has become another message altogether.
    check(&|_| "{\"protocol\":2,\"version\":\"0.0.7\",\"realm\":{\"id\":1}}\n".to_owned());
}

#[test]
fn a_client_with_other_places_is_refused() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let check = |change: &dyn Fn(&mut Hello), what: &str| {
        let mut raw = daemon.raw();
        let mut hello = raw.hello();
        change(&mut hello);
        raw.send(&hello);
        let failure = raw.failure();
        assert_eq!(failure.class, FailureClass::Config);
        assert!(failure.message.contains(what) && failure.message.contains("elsewhere"), "{failure}");
    };
    let elsewhere = || "/elsewhere".to_owned();
    check(&|hello| hello.places.config = elsewhere(), "configuration");
    check(&|hello| hello.places.aws_credentials = elsewhere(), "credentials file");
    check(&|hello| hello.places.aws_config = elsewhere(), "AWS configuration");
    check(&|hello| hello.places.endpoint = Some("http://elsewhere".to_owned()), "STS endpoint");
}

#[test]
fn a_client_that_has_closed_its_half_is_answered() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let mut raw = daemon.raw().greeted();
    raw.request(refresh(&["work"], Some(&stage.world.sts.unused_code(&stage.world.sts.alice().serial))));
    raw.stream.shutdown(Shutdown::Write).unwrap();
    assert!(matches!(raw.answer(), FromDaemon::Done { id: 7, answer: Answer::Refreshed(_) }));
    assert_eq!(raw.line(), None);
}

#[test]
fn a_reader_that_has_stalled_is_left_after_a_while_and_keeps_nobody_waiting() {
    let stage = Stage::with_work();
    let config: String =
        (0..2000).map(|number| ["[profiles.p", &number.to_string(), "]\n"].concat()).collect();
    stage.world.configure(&config);
    let daemon = stage.daemon();
    let mut stalled = daemon.raw().greeted();
    stalled.request(status());
    assert_eq!(daemon.status().len(), 2000);
    crate::crowd::wait_connections(&stage, 0);
    let mut rest = Vec::new();
    stalled.stream.read_to_end(&mut rest).unwrap();
    assert!(!rest.ends_with(b"\n"), "the answer was cut off: {} bytes", rest.len());
}

/// A socket in a private directory of its own.
fn place() -> (tempfile::TempDir, PathBuf, UnixListener) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::DirBuilder::new().mode(0o700).create(directory.path().join("own")).unwrap();
    let socket = directory.path().join("own/other.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    allow(&socket, 0o600);
    (directory, socket, listener)
}

fn allow(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// Passes lines on to the daemon and cuts the client off once one with a code went through.
fn cut_after_the_code(listener: &UnixListener, daemon: &Path) {
    let (client, _) = listener.accept().unwrap();
    let mut daemon = UnixStream::connect(daemon).unwrap();
    let (mut answers, mut back) = (daemon.try_clone().unwrap(), client.try_clone().unwrap());
    // Ends with the connection; what it could not pass on is of no interest.
    std::thread::spawn(move || drop(std::io::copy(&mut answers, &mut back)));
    for line in BufReader::new(&client).lines().map_while(Result::ok) {
        daemon.write_all(format!("{line}\n").as_bytes()).unwrap();
        if line.contains("\"code\":\"") {
            client.shutdown(Shutdown::Both).unwrap();
            return;
        }
    }
}

#[test]
fn a_connection_lost_after_the_code_is_unavailable_and_the_code_was_sent_once() {
    let check = |given: bool| {
        let stage = Stage::with_work();
        let daemon = stage.daemon();
        let (_directory, socket, listener) = place();
        let real = stage.socket();
        let proxy = std::thread::spawn(move || cut_after_the_code(&listener, &real));
        let sts = &stage.world.sts;
        let code = sts.unused_code(&sts.alice().serial);
        let failure: Failure = stage.world.run(async {
            let client = Client::connect(&socket, stage.places()).await.unwrap().unwrap();
            let mut typist = Typist(|| Ok(WireCode::new(&code)));
            client.call(refresh(&["work"], given.then_some(code.as_str())), &mut typist).await.unwrap_err()
        });
        assert_eq!(failure.class, FailureClass::Unavailable);
        assert!(failure.message.contains("the code may be spent"), "{failure}");
        proxy.join().unwrap();
        assert!(sts.wait_for_requests(PATIENCE, |requests| !requests.is_empty()));
        crate::harness::until("the session is there all the same", || daemon.status()[0].state == "active");
        assert_eq!(sts.codes_sent(), 1);
    };
    check(true);
    check(false);
}

#[test]
fn a_daemon_that_is_no_daemon_is_told_from_one_that_is_not_there() {
    let stage = Stage::with_work();
    let answering = |answer: Option<&'static [u8]>| {
        let (directory, socket, listener) = place();
        let thread = std::thread::spawn(move || {
            let (mut client, _) = listener.accept().unwrap();
            BufReader::new(client.try_clone().unwrap()).read_line(&mut String::new()).unwrap();
            client.write_all(answer.unwrap_or_default()).unwrap();
        });
        let connected = stage.world.run(Client::connect(&socket, stage.places()));
        thread.join().unwrap();
        drop(directory);
        connected.unwrap_err()
    };
    let old = br#"{"protocol":0,"version":"0.0.3","pid":1,"places":{"config":"","aws_credentials":"","aws_config":""}}
"#;
    let failure = answering(Some(old));
    assert_eq!(failure.class, FailureClass::Internal);
    assert!(failure.message.contains("0.0.3"), "{failure}");
    assert!(failure.message.contains(env!("CARGO_PKG_VERSION")), "{failure}");
    assert_eq!(answering(Some(b"SSH-2.0-sesame\n")).class, FailureClass::Internal);
    assert_eq!(answering(None).class, FailureClass::Unavailable);
    let (_directory, socket, listener) = place();
    drop(listener);
    assert!(
        stage.world.run(Client::connect(&socket, stage.places())).unwrap().is_none(),
        "left by a dead one"
    );
}

#[test]
fn another_user_is_not_served() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let socket = stage.socket();
    let folder = socket.parent().unwrap();
    // Even if the doors stood open.
    for path in [folder.parent().unwrap(), folder] {
        allow(path, 0o755);
    }
    allow(&socket, 0o666);
    let hello = serde_json::to_string(&daemon.raw().hello()).unwrap();
    let script = "import socket, sys\ns = socket.socket(socket.AF_UNIX)\ns.settimeout(20)\n\
        s.connect(sys.argv[1])\ntry:\n s.sendall(sys.argv[2].encode() + b'\\n')\n print(len(s.recv(9999)))\n\
        except (BrokenPipeError, ConnectionResetError):\n print(0)";
    let mut helper = Command::new("setpriv");
    helper.args(["--reuid", "12345", "--clear-groups", "/usr/bin/python3", "-c", script]);
    let output = match helper.arg(&socket).arg(&hello).output() {
        Ok(output) if output.status.success() => output,
        Ok(_) | Err(_) => return not_run("another user's connection: needs root, setpriv and python3"),
    };
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "0", "it got an answer");
    serves_raw(&daemon);
}

/// The doors stand open, so our own client would refuse the socket.
fn serves_raw(daemon: &Daemon<'_>) {
    let mut raw = daemon.raw().greeted();
    raw.request(status());
    assert!(matches!(raw.answer(), FromDaemon::Done { .. }));
}
