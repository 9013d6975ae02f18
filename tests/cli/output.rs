//! What is printed where, and how: quiet, colours, closed pipes, and nothing that moves a terminal's cursor.

use std::ffi::OsStr;
use std::io::pipe;
use std::os::unix::ffi::OsStrExt as _;
use std::process::Stdio;

use chrono::{TimeDelta, Utc};

use crate::home::{CREDENTIALS, Home, WORK, section};
use crate::ran::{Ran, wait};

fn with_session() -> Home {
    let home = Home::with(WORK);
    home.write(CREDENTIALS, section("work", Utc::now() + TimeDelta::hours(2)));
    home
}

#[test]
fn quiet_leaves_data_and_errors() {
    let home = with_session();
    let table = home.run(&["status", "-q"]).succeeded();
    assert!(table.stdout.contains("active"), "{table:#?}");
    let forgotten = home.run(&["forget", "--quiet"]).succeeded();
    assert_eq!((forgotten.stdout.as_str(), forgotten.stderr.as_str()), ("", ""));
    home.run(&["status", "other", "-q"]).failed(3);
    home.run(&["-q", "refresh", "--code", "123456"]).failed(7);
    let nothing = Home::new().run(&["status", "-q"]);
    assert_eq!((nothing.code, nothing.stdout.as_str(), nothing.stderr.as_str()), (4, "", ""));
}

#[test]
fn verbose_words_do_not_mix_with_data() {
    let home = with_session();
    let ran = home.run(&["status", "--json", "-vv"]).succeeded();
    assert!(serde_json::from_str::<serde_json::Value>(&ran.stdout).is_ok(), "{ran:#?}");
    ran.hides("session-secret");
    ran.hides("session-token");
    let ran = home.run(&["-v", "forget"]).succeeded();
    assert!(ran.stderr.contains("session forgotten"), "{ran:#?}");
    assert_eq!(ran.stdout, "");
}

#[test]
fn colours_are_used_only_where_asked_for_without_a_terminal() {
    let home = Home::with(WORK);
    let check = |flags: &[&str], no_color: Option<&str>, expected: bool| {
        let mut command = home.command(&[flags, &["status", "other"]].concat());
        command.env("TERM", "xterm-256color");
        if let Some(value) = no_color {
            command.env("NO_COLOR", value);
        }
        let ran = Ran::of(&mut command, b"");
        assert_eq!(ran.code, 3);
        assert_eq!(ran.stderr.contains("\x1b[1;31merror\x1b[0m: "), expected, "{ran:#?}");
        assert_eq!(ran.stderr.contains("\x1b[1;36mhint\x1b[0m: "), expected, "{ran:#?}");
        assert_eq!(ran.stderr.contains('\x1b'), expected, "{ran:#?}");
    };
    check(&[], None, false);
    check(&["--color", "auto"], None, false);
    check(&["--color", "never"], None, false);
    check(&["--color", "always"], None, true);
    check(&["--color=always"], Some("1"), true);
    check(&[], Some("1"), false);
    check(&[], Some(""), false);
}

#[test]
fn data_is_never_coloured() {
    let home = with_session();
    let ran = home.run(&["--color", "always", "status", "--json"]).succeeded();
    assert!(!ran.stdout.contains('\x1b'), "{ran:#?}");
}

/// `stsd status | head -0`: the reader has gone before the first byte.
#[test]
fn a_closed_pipe_is_no_panic_and_no_other_exit_code() {
    let home = with_session();
    for (line, code) in [
        (&["status"][..], 0),
        (&["status", "--json"], 0),
        (&["--help"], 0),
        (&["refresh", "--help"], 0),
        (&["completions", "bash"], 0),
        (&["--version"], 0),
        (&["status", "other"], 3),
        (&["refersh"], 2),
        (&["refresh", "--code", "123456", "-vv"], 7),
    ] {
        // Each of the two streams in turn, and then both.
        for (out, err) in [(true, false), (false, true), (true, true)] {
            let closed = || {
                let (reader, writer) = pipe().unwrap();
                drop(reader);
                Stdio::from(writer)
            };
            let mut command = home.command(line);
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
            if out {
                command.stdout(closed());
            }
            if err {
                command.stderr(closed());
            }
            let mut child = command.spawn().unwrap();
            let ended = wait(&mut child, &format!("{line:?}"));
            let words = child.stderr.map(|stderr| std::io::read_to_string(stderr).unwrap());
            assert_eq!(ended, code, "{line:?}: {words:?}");
            assert!(!words.unwrap_or_default().contains("panicked"), "{line:?}");
        }
    }
}

/// No control character but the line feed, nor what opens an escape sequence.
#[track_caller]
fn assert_harmless(ran: &Ran) {
    let harmful = |text: &str| text.chars().any(|c| c.is_control() && c != '\n');
    assert!(!harmful(&ran.stdout) && !harmful(&ran.stderr), "{ran:#?}");
}

const HARMFUL: &str = "a\x1b[2Jb\x1b]0;title\x07c\rd\u{9b}31me\nf";

#[test]
fn control_characters_of_a_path_do_not_reach_the_terminal() {
    let home = Home::new();
    let config = format!("{HARMFUL}/config.toml");
    home.write(&config, "nonsense\n");
    let path = home.path(&config).display().to_string();
    let ran = home.run(&["--config", &path, "status"]);
    assert_eq!(ran.code, 3, "{ran:#?}");
    assert_harmless(&ran);

    let home = Home::with(WORK);
    let credentials = home.path(HARMFUL);
    std::fs::write(&credentials, b"\xff").unwrap();
    for line in [&["status"][..], &["forget"]] {
        let ran = Ran::of(home.command(line).env("AWS_SHARED_CREDENTIALS_FILE", &credentials), b"");
        assert_eq!(ran.code, 8, "{ran:#?}");
        assert_harmless(&ran);
    }
}

#[test]
fn control_characters_of_a_remembered_failure_do_not_reach_the_terminal() {
    let home = Home::with(WORK);
    let error = serde_json::json!({"class": "keychain", "message": HARMFUL, "at": "2026-11-21T10:00:00Z"});
    let state = serde_json::json!({"version": 1, "profiles": {"work": {"last_error": error}}});
    home.write(".local/state/stsd/state.json", state.to_string());
    let table = home.run(&["status"]);
    assert!(table.stdout.contains("work: a"), "the failure is not shown: {table:#?}");
    assert_harmless(&table);
    // JSON escapes the rest, and a script gets what there is.
    let json = home.run(&["status", "--json"]);
    assert!(!json.stdout.contains(|c: char| c < ' ' && c != '\n'), "{json:#?}");
    assert_eq!(home.status("work").1["profiles"][0]["last_error"]["message"], HARMFUL);
}

#[test]
fn control_characters_of_an_argument_do_not_reach_the_terminal() {
    let home = Home::with(WORK);
    for line in [
        &[HARMFUL][..],
        &["status", HARMFUL],
        &["--\x1b[2J"],
        &["refresh", "--code", HARMFUL],
        &["add", "work", "--access-key-id", HARMFUL],
        &["completions", HARMFUL],
    ] {
        let ran = home.run(line);
        ran.failed(2);
        assert_harmless(&ran);
    }
}

#[test]
fn an_argument_that_is_no_text_is_refused() {
    let home = Home::with(WORK);
    let broken = OsStr::from_bytes(b"wo\xffrk");
    for line in [[OsStr::new("status"), broken], [broken, OsStr::new("status")]] {
        Ran::of(&mut home.command(&line), b"").failed(2);
    }
}
