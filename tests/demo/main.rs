//! The whole story without an account: `cargo run --example demo`.
//!
//! A throw-away home, a simulated AWS on loopback that refuses what AWS refuses, a keychain in memory, and for the daemon
//! a time that runs fast; everything else is the real code. Notices are shown on the desktop, if there is one. Nothing of the user's is read or written, and nothing is left behind.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a demonstration prints, and stops where it fails"
)]

mod daemon;
#[path = "../world/mod.rs"]
mod world;

use std::time::Duration;

use chrono::{Local, Utc};
use daemon::{Daemon, FastTime};
use stsd::domain::duration::Human;
use stsd::domain::failure::Failure;
use stsd::ports::time::Clock as _;
use stsd::protocol::message::{Action, Answer, WireCode};
use world::World;

/// Seconds of the daemon's time in one of ours: its last 40 minutes take 8 seconds.
const FASTER: u32 = 300;

fn main() {
    let world = World::new();
    let alice = world.sts.alice();
    println!("A throw-away home:   {}", world.home.path().display());
    println!("A simulated AWS STS: {} (checks signatures, codes and their reuse)", world.sts.url());
    println!("alice's MFA device:  {}", alice.serial);

    step("stsd add work --mfa-serial …", "the key goes into the keychain, AWS is asked whose it is");
    let added = world.add("work", &alice).unwrap();
    println!("key of {} stored (here: in memory)", added.identity.unwrap().arn);
    println!("config.toml now says:\n");
    indent(&std::fs::read_to_string(world.ports.config.path()).unwrap());

    let wrong = world.sts.wrong_code(&alice.serial);
    step(&format!("stsd refresh work --code {wrong}"), "a wrong code");
    refused(&world, &wrong);

    // What the device shows: a real time-based code of RFC 6238.
    let code = world.sts.unused_code(&alice.serial);
    step(&format!("stsd refresh work --code {code}"), "the code that the device shows now");
    let refreshed = world.refresh("work", &code).unwrap();
    let until = refreshed.expires_at.with_timezone(&Local).format("%a %H:%M");
    println!(
        "session until {until}, {} h from now; AWS's file has a new section:\n",
        hours(refreshed.expires_at - Utc::now())
    );
    let file = world.credentials();
    indent(&file);
    println!("\nany AWS tool would find it:  aws --profile work sts get-caller-identity");

    step(&format!("stsd refresh work --code {code}"), "the same code again: AWS takes each only once");
    refused(&world, &code);
    assert_eq!(world.credentials(), file, "a refusal changed the file");
    println!("\nthe session of before is untouched: {}", world.status("work").unwrap().status.state.name());

    notices(&world, &alice.serial);

    step("stsd forget work", "what we wrote leaves the file, nothing else does");
    assert!(world.forget("work").unwrap().had_session());
    println!(
        "status: {}; the file has {} bytes",
        world.status("work").unwrap().status.state.name(),
        world.credentials().len()
    );

    let home = world.home.path().to_owned();
    drop(world);
    assert!(!home.exists(), "the home is still there");
    println!("\nAll of it is gone again. With an account: stsd add work");
}

/// The daemon's part: notices before the session ends, and a second refresh with a code of the device.
fn notices(world: &World, serial: &str) {
    world.sts.set_session_seconds(Some(40 * 60));
    // The device shows a new code every 30 seconds, and nobody waits for that here: later ones are taken too.
    world.sts.set_code_tolerance(5);
    let begin = Utc::now();
    let time = FastTime::new(FASTER);
    let left = |at: chrono::DateTime<Utc>| {
        let seconds = (at - time.now()).to_std().unwrap_or_default().as_secs();
        Human(Duration::from_secs((seconds + 30) / 60 * 60))
    };
    step("stsd daemon", "it tells its user before the session ends; here 5 minutes pass in each second");
    let daemon = Daemon::start(world, time);
    let refresh = || {
        let code = world.sts.unused_code(serial);
        step(
            &format!("stsd refresh work --code {code}"),
            "through the daemon, with a code that the device shows",
        );
        let action = Action::Refresh {
            profiles: vec!["work".to_owned()],
            duration_seconds: None,
            code: Some(WireCode::new(&code)),
            may_ask: false,
            display: None,
            min_seconds: None,
        };
        let Answer::Refreshed(mut done) = daemon.ask(world, action).unwrap() else {
            panic!("another answer")
        };
        done.remove(0).result.unwrap().expires_at
    };
    let expires_at = refresh();
    println!("session of {}; now we wait\n", left(expires_at));
    for lead in ["30 minutes before", "5 minutes before", "at the end"] {
        let told = daemon.told();
        let passed = (time.now() - begin).num_minutes();
        println!("after {passed:>2} minutes, {lead}:\n    {told}");
    }
    assert_eq!(world.status("work").unwrap().status.state.name(), "active", "the demo took too long");

    // The simulated AWS lives in the time of the wall: what it issues now has begun long ago for the daemon.
    world.sts.set_session_seconds(None);
    let expires_at = refresh();
    println!("    {}", daemon.told());
    println!("session of {} more; any notices of it are hours away", left(expires_at));
}

fn step(command: &str, what: &str) {
    println!("\n$ {command}\n  # {what}");
}

fn refused(world: &World, code: &str) {
    let Failure { class, message, hint } = world.refresh("work", code).unwrap_err();
    println!("error: {message}\n\nhint: {}\n[exit code {}]", hint.unwrap_or_default(), class.exit_code());
}

fn hours(left: chrono::TimeDelta) -> i64 {
    (left.num_minutes() + 30) / 60
}

/// Prints a text with its long values cut, so that a token does not fill the screen.
fn indent(text: &str) {
    for line in text.lines() {
        match line.split_once(" = ") {
            Some((key, value)) if value.len() > 60 => {
                let begin: String = value.chars().take(40).collect();
                println!("    {key} = {begin}… ({} characters)", value.len());
            }
            _ => println!("    {line}"),
        }
    }
}
