//! What must be kept to itself: no secret in any word, in any file but the credentials', in any list of processes.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use std::time::Duration;

use stsd_test_support::{Fault, KeyState};

use super::machine::Machine;
use crate::has_desktop;

/// What was printed so far, and what must not be in it.
#[derive(Default)]
struct Told {
    words: Vec<String>,
    secrets: Vec<String>,
}

impl Told {
    /// Runs the binary, with all it can tell.
    fn run(&mut self, machine: &Machine, arguments: &[&str], input: &str) -> i32 {
        let ran = machine.run_with(&[arguments, &["-vv"]].concat(), input);
        self.words.extend([ran.stdout, ran.stderr]);
        ran.code
    }

    /// Takes note of the session that stands in the file now.
    fn note_session(&mut self, machine: &Machine) {
        for key in ["aws_secret_access_key", "aws_session_token"] {
            self.secrets.push(machine.credential(key));
        }
    }

    /// A fresh code, which is a secret until it was sent and is not worth a line in a log afterwards.
    fn code(&mut self, machine: &Machine) -> String {
        let code = machine.code();
        self.secrets.push(code.clone());
        code
    }
}

/// A line of the log without its time, whose microseconds may look like a code.
fn untimed(line: &str) -> &str {
    line.split_once("Z ").filter(|(time, _)| !time.contains(' ')).map_or(line, |(_, rest)| rest)
}

#[test]
fn no_secret_is_in_any_word_at_the_highest_verbosity() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::new();
    let alice = machine.sts.alice();
    let mut told = Told::default();
    told.secrets.push(alice.secret_access_key.clone());
    told.secrets.push(alice.access_key_id.clone());
    let add = ["add", "work", "--access-key-id", &alice.access_key_id, "--mfa-serial", &alice.serial];
    assert_eq!(told.run(&machine, &add, &alice.secret_access_key), 0);

    let code = told.code(&machine);
    assert_eq!(told.run(&machine, &["refresh", "--code", &code], ""), 0);
    told.note_session(&machine);
    assert_eq!(told.run(&machine, &["refresh", "--code", &code], ""), 5);
    assert_eq!(told.run(&machine, &["status"], ""), 0);
    assert_eq!(told.run(&machine, &["status", "--json"], ""), 0);
    let code = told.code(&machine);
    assert_eq!(told.run(&machine, &["refresh", "--code", "-"], &code), 0);
    told.note_session(&machine);

    // Answers that hold secrets and cannot be read: what an SDK likes to print whole.
    for fault in [Fault::BadExpiration, Fault::MissingToken, Fault::Truncated, Fault::ExpiredAnswer] {
        machine.sts.fail_next_of("GetSessionToken", 1, fault);
        let code = told.code(&machine);
        assert_eq!(told.run(&machine, &["refresh", "--code", &code], ""), 9);
    }
    let body = format!("<html>{}</html>", alice.secret_access_key);
    machine.sts.fail_next(1, Fault::Body { status: 403, content_type: "text/html".to_owned(), body });
    let code = told.code(&machine);
    assert_eq!(told.run(&machine, &["refresh", "--code", &code], ""), 9);
    machine.sts.set_key_state(&alice.access_key_id, KeyState::Inactive);
    let code = told.code(&machine);
    assert_eq!(told.run(&machine, &["refresh", "--code", &code], ""), 6);
    assert_eq!(told.run(&machine, &add, &alice.secret_access_key), 6);
    assert_eq!(told.run(&machine, &["forget"], ""), 0);
    assert_eq!(told.run(&machine, &["remove", "work", "--yes"], ""), 0);

    let lines: Vec<&str> = told.words.iter().flat_map(|words| words.lines()).map(untimed).collect();
    for level in ["INFO ", "DEBUG "] {
        assert!(lines.iter().any(|line| line.trim_start().starts_with(level)), "no {level}: {lines:#?}");
    }
    for secret in &told.secrets {
        let shown: Vec<_> = lines.iter().filter(|line| line.contains(secret.as_str())).collect();
        assert!(shown.is_empty(), "{secret} is shown: {shown:#?}");
    }
}

#[test]
fn no_secret_is_in_any_file_but_the_credentials() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    let alice = machine.sts.alice();
    let code = machine.code();
    machine.run(&["refresh", "--code", &code]).succeeded();
    machine.run(&["refresh", "--code", &code]).failed(5);
    let secrets = [
        alice.secret_access_key,
        alice.access_key_id,
        machine.credential("aws_secret_access_key"),
        machine.credential("aws_session_token"),
        machine.credential("aws_access_key_id"),
    ];
    let state = machine.path(".local/state/stsd/state.json");
    assert_eq!(fs::metadata(&state).unwrap().permissions().mode() & 0o777, 0o600);
    let mut looked_at = 0;
    let mut folders = vec![machine.path("")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() && path != machine.path(".aws/credentials") {
                let bytes = fs::read(&path).unwrap();
                let text = String::from_utf8_lossy(&bytes);
                assert!(secrets.iter().all(|secret| !text.contains(secret.as_str())), "{}", path.display());
                looked_at += 1;
            }
        }
    }
    let text = fs::read_to_string(state).unwrap();
    assert!(!text.contains(&format!("\"{code}\"")), "{text}");
    assert!(looked_at >= 3, "state, configuration and keyring: {looked_at}");
}

/// Other users see the list of processes.
#[test]
fn no_secret_is_in_the_list_of_processes() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    let alice = machine.sts.alice();
    let check = |arguments: &[&str], action: &str, secret: &str| {
        machine.sts.clear_requests();
        machine.sts.fail_next_of(action, 1, Fault::Hang);
        let mut child = machine
            .stsd(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(secret.as_bytes()).unwrap();
        let called = machine.sts.wait_for_requests(Duration::from_secs(20), |requests| !requests.is_empty());
        // It waits for the answer now: it has read all that it was given.
        let seen = ["cmdline", "environ"].map(|file| fs::read(format!("/proc/{}/{file}", child.id())));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(called, "{arguments:?} made no call");
        let [cmdline, environ] = seen.map(|read| String::from_utf8_lossy(&read.unwrap()).into_owned());
        assert!(cmdline.contains(arguments[0]), "{cmdline}");
        assert!(!cmdline.contains(secret) && !environ.contains(secret), "{cmdline}");
    };
    check(
        &["add", "work", "--access-key-id", &alice.access_key_id],
        "GetCallerIdentity",
        &alice.secret_access_key,
    );
    check(&["refresh", "work", "--code", "-"], "GetSessionToken", &machine.code());
}
