//! What the daemon keeps to itself: a whole story with all it can tell, and what other users see of it.

use std::fs;

use rustix::process::Signal;
use stsd_test_support::{Fault, KeyState};

use super::running::{Daemon, socket};
use crate::binary::machine::Machine;
use crate::has_desktop;

/// A line of the log without its time, whose microseconds may look like a code.
fn untimed(line: &str) -> &str {
    line.split_once("Z ").filter(|(time, _)| !time.contains(' ')).map_or(line, |(_, rest)| rest)
}

struct Story {
    machine: Machine,
    words: Vec<String>,
    secrets: Vec<String>,
}

impl Story {
    fn run(&mut self, arguments: &[&str], input: &str, code: i32) {
        let ran = self.machine.run_with(&[arguments, &["-vv"]].concat(), input);
        assert_eq!(ran.code, code, "{ran:#?}");
        self.words.extend([ran.stdout, ran.stderr]);
        if self.machine.credentials().contains("aws_session_token") {
            for key in ["aws_secret_access_key", "aws_session_token", "aws_access_key_id"] {
                self.secrets.push(self.machine.credential(key));
            }
        }
    }

    /// Codes are a secret until they were sent, and not worth a line in a log afterwards.
    fn refresh(&mut self, code: i32) {
        let given = self.machine.code();
        self.secrets.push(given.clone());
        self.run(&["refresh", "work", "--code", "-"], &given, code);
    }
}

#[test]
fn no_secret_is_in_any_word_of_the_daemon_at_the_highest_verbosity() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::new();
    let mut daemon = Daemon::start(&machine);
    let alice = machine.sts.alice();
    let secrets = vec![alice.secret_access_key.clone(), alice.access_key_id.clone()];
    let mut story = Story { machine, words: Vec::new(), secrets };
    let add = ["add", "work", "--access-key-id", &alice.access_key_id, "--mfa-serial", &alice.serial];
    story.run(&add, &alice.secret_access_key, 0);
    daemon.await_said("configuration changed", 1);
    story.refresh(0);
    let spent = story.secrets[2].clone();
    story.run(&["refresh", "--code", &spent], "", 5);
    story.run(&["status"], "", 0);
    story.run(&["status", "--json"], "", 0);
    story.refresh(0);
    for fault in [Fault::BadExpiration, Fault::MissingToken, Fault::Truncated, Fault::ExpiredAnswer] {
        story.machine.sts.fail_next_of("GetSessionToken", 1, fault);
        story.refresh(9);
    }
    let body = format!("<html>{}</html>", alice.secret_access_key);
    let page = Fault::Body { status: 403, content_type: "text/html".to_owned(), body };
    story.machine.sts.fail_next(1, page);
    story.refresh(9);
    story.machine.sts.set_key_state(&alice.access_key_id, KeyState::Inactive);
    story.refresh(6);
    // What is no request of the protocol is not repeated either.
    let mut stream = std::os::unix::net::UnixStream::connect(socket(&story.machine)).unwrap();
    let garbage = format!("{{\"protocol\":\"{}\"}}\n", alice.secret_access_key);
    std::io::Write::write_all(&mut stream, garbage.as_bytes()).unwrap();
    daemon.await_said("client refused", 1);

    let seen = ["cmdline", "environ"].map(|file| fs::read(format!("/proc/{}/{file}", daemon.pid())));
    story.run(&["forget"], "", 0);
    story.run(&["remove", "work", "--yes"], "", 0);
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.ended(), 0);

    story.words.push(daemon.log());
    // Unreadable is as good.
    story.words.extend(seen.into_iter().flatten().map(|bytes| String::from_utf8_lossy(&bytes).into_owned()));
    let lines: Vec<&str> = story.words.iter().flat_map(|words| words.lines()).map(untimed).collect();
    let log = daemon.log();
    for state in ["daemon ready", "session changed", "configuration changed", "daemon ended"] {
        assert!(log.contains(state), "no {state:?}: {log}");
    }
    for secret in &story.secrets {
        let shown: Vec<_> = lines.iter().filter(|line| line.contains(secret.as_str())).collect();
        assert!(shown.is_empty(), "{secret} is shown: {shown:#?}");
    }
}
