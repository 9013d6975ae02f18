//! The same commands with the daemon and without it: exit codes, words, data and the bytes of the file are equal.

use serde_json::{Value, json};
use stsd_test_support::{Fault, Identity};

use super::running::Daemon;
use crate::binary::machine::Machine;
use crate::has_desktop;

/// What the file holds before, and after everything.
const FOREIGN: &str =
    "# mine\n[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = x\n";
/// What a command without a daemon says besides.
const NOTE: &str = "note: the daemon does not run: nothing will warn you before the session expires (hint: stsd service install)\n";

/// What a command left.
#[derive(Debug, PartialEq)]
struct Left {
    line: String,
    code: i32,
    stdout: String,
    stderr: String,
    file: String,
}

struct Story {
    machine: Machine,
    daemon: Option<Daemon>,
    left: Vec<Left>,
}

#[test]
fn commands_are_the_same_with_the_daemon_and_without_it() {
    if !has_desktop() {
        return;
    }
    let alone = std::thread::spawn(|| told(false));
    let with = told(true);
    let alone = alone.join().unwrap();
    assert_eq!(alone.0.len(), with.0.len());
    for (alone, with) in alone.0.iter().zip(&with.0) {
        assert_eq!(alone, with);
    }
    assert_eq!(alone.1, with.1, "not as many codes were sent");
    let codes: Vec<i32> = with.0.iter().map(|left| left.code).collect();
    for code in [0, 2, 3, 4, 5, 6, 7, 8, 9] {
        assert!(codes.contains(&code), "the story has no exit code {code}: {codes:?}");
    }
}

/// Tells the whole story; gives what each command left, and how many codes STS was sent.
fn told(with_daemon: bool) -> (Vec<Left>, usize) {
    let machine = Machine::new();
    machine.write(".aws/credentials", FOREIGN);
    let daemon = with_daemon.then(|| Daemon::start(&machine));
    let mut story = Story { machine, daemon, left: Vec::new() };
    story.keys_and_codes();
    story.refusals();
    story.files();
    story.configurations();
    story.keychains();
    (story.left, story.machine.sts.codes_sent())
}

impl Story {
    fn keys_and_codes(&mut self) {
        let (alice, bob) = (self.machine.sts.alice(), self.machine.sts.bob());
        self.run("status");
        self.add("work", &alice);
        self.run("status work --json");
        self.add("work", &alice);
        self.add("bob", &bob);
        self.run("status");
        self.refresh("refresh work --code");
        self.run("status --json");
        let code = self.machine.code();
        self.run(&format!("refresh work --code {code}"));
        self.run(&format!("refresh work --code {code}"));
        self.run("status work --json");
        let wrong = self.machine.sts.wrong_code(&alice.serial);
        self.run(&format!("refresh work --code {wrong}"));
        self.run("status work");
        self.add("too", &alice);
        self.run("status --json");
        self.refresh("refresh work too --code");
        self.refresh("refresh work bob --code");
        self.refresh("refresh too --duration 1h --code");
        self.run("status --json");
        self.run("refresh work");
        self.run("refresh work --code 12ab56");
        self.run("refresh --code 123456");
        self.run("refresh work --duration 5m --code 123456");
    }

    fn refusals(&mut self) {
        for verb in ["refresh", "status", "forget"] {
            self.run(&format!("{verb} wrk"));
            self.run(&format!("{verb} a/b"));
        }
        self.run("remove wrk --yes");
        self.run("remove work");
        for fault in [Fault::Throttle, Fault::Html503, Fault::DropAfterRead, Fault::ExpiredAnswer] {
            self.machine.sts.fail_next_of("GetSessionToken", 1, fault);
            self.refresh("refresh work --code");
            self.run("status work --json");
        }
        let id = self.machine.sts.alice().access_key_id;
        self.machine.sts.set_key_state(&id, stsd_test_support::KeyState::Inactive);
        self.refresh("refresh work --code");
        self.machine.sts.set_key_state(&id, stsd_test_support::KeyState::Active);
        self.run("forget work");
        self.run("forget work");
        self.run("status work --json");
        self.run("forget --all");
        self.run("forget");
    }

    fn files(&mut self) {
        for text in [
            "[work]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = x\n",
            "[work\n",
            "[work]\naws_access_key_id = ASIAIOSFODNN7EXAMPLE\naws_secret_access_key = x\naws_session_token = y\n",
        ] {
            self.machine.write(".aws/credentials", text);
            self.refresh("refresh work --code");
            self.run("status work --json");
            self.run("status");
            self.run("forget work");
            self.run("remove bob --yes");
        }
        self.machine.write(".aws/credentials", FOREIGN);
        self.add("bob", &self.machine.sts.bob());
    }

    fn configurations(&mut self) {
        let config = self.machine.configuration();
        let serial = self.machine.sts.alice().serial;
        self.configure(&format!("{config}sections = [3]\n"), "configuration not taken over");
        for line in ["refresh work --code 123456", "status --json", "forget work", "remove work --yes"] {
            self.run(line);
        }
        self.add("new", &self.machine.sts.alice());
        self.configure(
            &format!("{config}[profiles.keyless]\nmfa_serial = \"{serial}\"\n[profiles.role]\nrole_arn = \"arn:aws:iam::123456789012:role/x\"\n"),
            "configuration changed",
        );
        self.refresh("refresh keyless work role --code");
        self.run("status");
        self.run("forget role work");
        self.configure(&config, "configuration changed");
        self.refresh("refresh work --code");
    }

    fn keychains(&mut self) {
        self.run("remove bob --yes");
        self.run("remove bob --yes");
        self.refresh("refresh bob --code");
        self.machine.desktop.lock("/org/freedesktop/secrets/collection/login");
        self.locked_or_gone();
        self.machine.desktop.kill_keyring();
        self.locked_or_gone();
    }

    fn locked_or_gone(&mut self) {
        self.refresh("refresh work --code");
        self.run("status work --json");
        self.run("remove too --yes");
        self.add("new", &self.machine.sts.alice());
        self.run("forget work");
    }

    /// Sets the configuration; a daemon is given the time to see it.
    fn configure(&self, text: &str, then: &str) {
        let before = self.daemon.as_ref().map(|daemon| daemon.said(then));
        self.machine.configure(text);
        if let (Some(daemon), Some(before)) = (&self.daemon, before) {
            daemon.await_said(then, before + 1);
        }
    }

    /// A command with a code that was never used.
    fn refresh(&mut self, line: &str) {
        let code = self.machine.code();
        self.run(&format!("{line} {code}"));
    }

    fn add(&mut self, profile: &str, who: &Identity) {
        let line = format!("add {profile} --access-key-id {} --mfa-serial {}", who.access_key_id, who.serial);
        self.run_with(&line, &who.secret_access_key);
    }

    fn run(&mut self, line: &str) {
        self.run_with(line, "");
    }

    fn run_with(&mut self, line: &str, input: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        let ran = self.machine.run_with(&words, input);
        let stdout = if words.contains(&"--json") && !ran.stdout.is_empty() {
            self.settled(&timeless(&ran.stdout))
        } else {
            self.settled(&ran.stdout)
        };
        if self.daemon.is_some() {
            assert!(!ran.stderr.contains(NOTE), "{ran:#?}");
        } else if words[0] == "refresh" && ran.code == 0 {
            assert!(ran.stderr.contains(NOTE), "{ran:#?}");
        }
        self.left.push(Left {
            line: self.settled(line),
            code: ran.code,
            stdout,
            stderr: self.settled(&ran.stderr.replace(NOTE, "")),
            file: self.machine.credentials().lines().map(|line| sessionless(line) + "\n").collect(),
        });
    }

    /// A text without what differs from machine to machine and from second to second: each number is one sign.
    fn settled(&self, text: &str) -> String {
        let home = self.machine.path("");
        let mut text = text.replace(home.to_str().unwrap().trim_end_matches('/'), "HOME");
        text = text.replace(self.machine.sts.url(), "URL");
        for who in [self.machine.sts.alice(), self.machine.sts.bob()] {
            text = text.replace(&who.access_key_id, "ID").replace(who.access_key_id.split_at(16).1, "ID");
        }
        let mut settled = String::new();
        for character in text.chars() {
            if !character.is_ascii_digit() {
                settled.push(character);
            } else if !settled.ends_with('#') {
                settled.push('#');
            }
        }
        settled
    }
}

/// The status without the daemon, with a sign for each time and each id of a session that is there.
fn timeless(text: &str) -> String {
    let mut status: Value = serde_json::from_str(text).unwrap();
    assert!(status["daemon"].take().is_object());
    for profile in status["profiles"].as_array_mut().unwrap() {
        for key in ["access_key_id", "expires_at", "seconds_left", "next_notice_at"] {
            if !profile[key].is_null() {
                profile[key] = json!("there");
            }
        }
        if let Some(error) = profile["last_error"].as_object_mut() {
            error.insert("at".to_owned(), json!("there"));
        }
    }
    status.to_string()
}

/// A line of the credentials file with a sign for a value of a session.
fn sessionless(line: &str) -> String {
    let ours = |key: &str, value: &str| match key {
        "aws_access_key_id" => value.starts_with("ASIA"),
        "aws_secret_access_key" | "aws_session_token" | "x_security_token_expires" => value.len() > 3,
        _ => false,
    };
    match line.split_once(" = ") {
        Some((key, value)) if ours(key, value) => format!("{key} = session's"),
        _ => line.to_owned(),
    }
}
