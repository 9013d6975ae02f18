//! The seed of the MFA device in the real keyring, and codes that need nobody.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::machine::Machine;
use super::typing::Terminal;
use crate::has_desktop;
use crate::ran::Ran;

const SEED: &str = "TOTP seed, base32 or otpauth://";
const CODE: &str = "Code that the device shows now";

/// What a person finds among the seeds with the keyring's own tool.
fn seeds(machine: &Machine) -> String {
    let mut tool = machine.command("secret-tool");
    tool.args(["search", "--all", "service", "stsd-totp"]);
    let ran = Ran::of(&mut tool, b"");
    ran.stdout + &ran.stderr
}

#[test]
fn a_seed_from_a_pipe_makes_the_codes_from_then_on() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    let alice = machine.sts.alice();
    let uri = format!("otpauth://totp/AWS:alice?secret={}&issuer=AWS\n", alice.seed.to_lowercase());
    let ran = machine.run_with(&["add", "work", "--totp-seed", "-"], &uri).succeeded();
    ran.hides(&alice.seed);
    assert!(ran.stderr.contains("not checked against a code"), "{ran:#?}");
    assert!(ran.stderr.contains("needs no second factor"), "{ran:#?}");
    assert!(machine.configuration().contains("mfa = \"totp\""), "{}", machine.configuration());
    // An item of its own, which a person can rescue.
    let found = seeds(&machine);
    for part in ["label = stsd: TOTP seed (work)", &format!("secret = {}", alice.seed), "username = work"] {
        assert!(found.contains(part), "{part}: {found}");
    }
    assert!(!machine.search_keyring().contains(&alice.seed));
    assert_eq!(machine.sts.requests(), [], "the key was there: nothing was to be asked");
    machine.run(&["refresh", "work"]).succeeded();
    assert_eq!((machine.sts.codes_sent(), machine.status("work").0), (1, 0));
    // The code that was used is not sent again.
    machine.run(&["refresh", "work"]).succeeded();
    assert_eq!(machine.sts.codes_sent(), 2);
    machine.run(&["remove", "work", "--yes"]).succeeded();
    assert_eq!((seeds(&machine).as_str(), machine.search_keyring().as_str()), ("", ""));
}

#[test]
fn key_and_seed_come_as_two_lines() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::new();
    let alice = machine.sts.alice();
    let line = [
        "add",
        "work",
        "--access-key-id",
        &alice.access_key_id,
        "--mfa-serial",
        &alice.serial,
        "--totp-seed",
        "-",
    ];
    for (input, words) in [
        (format!("{}\n", alice.secret_access_key), "the TOTP seed: its line of stdin is missing"),
        (format!("{}\n123456\n", alice.secret_access_key), "this is a code"),
        (format!("{}\n{}\nmore\n", alice.secret_access_key, alice.seed), "more lines than are needed"),
    ] {
        let ran = machine.run_with(&line, &input);
        ran.failed_with(2, &[words]);
        ran.hides(&alice.secret_access_key);
        ran.hides(&alice.seed);
    }
    assert_eq!((machine.search_keyring().as_str(), seeds(&machine).as_str()), ("", ""));
    machine.run_with(&line, &format!("{}\n{}\n", alice.secret_access_key, alice.seed)).succeeded();
    machine.run(&["refresh"]).succeeded();
    assert_eq!(machine.sts.codes_sent(), 1);
}

#[test]
fn at_a_terminal_the_seed_is_hidden_and_checked_against_a_code() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    let (alice, bob) = (machine.sts.alice(), machine.sts.bob());
    let type_in = |seed: &str, code: &str| {
        let mut terminal = Terminal::start(&machine.stsd(&["add", "work", "--totp-seed", "-"]));
        terminal.await_hidden(SEED);
        terminal.answer(seed);
        terminal.await_hidden(CODE);
        terminal.answer(code);
        let (exit, screen) = terminal.end();
        assert!(!screen.contains(seed), "{screen}");
        (exit, screen)
    };
    let (exit, screen) = type_in(&bob.seed, &machine.sts.code_at_offset(&alice.serial, 0));
    assert!(exit == 5 && screen.contains("does not make this code"), "{exit}: {screen}");
    assert_eq!(seeds(&machine), "");
    assert!(!machine.configuration().contains("totp"));
    let (exit, screen) = type_in(&alice.seed, &machine.sts.code_at_offset(&alice.serial, 0));
    assert!(exit == 0 && !screen.contains("not checked"), "{exit}: {screen}");
    assert!(seeds(&machine).contains(&alice.seed));
    // Nobody is asked although somebody is there.
    let (exit, screen) = Terminal::start(&machine.stsd(&["refresh", "work"])).end();
    assert!(exit == 0 && !screen.contains("MFA code"), "{exit}: {screen}");
}

#[test]
fn a_seed_that_is_missing_is_7_and_one_that_stsd_did_not_write_is_left_alone() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    let alice = machine.sts.alice();
    machine.configure(&format!("[profiles.work]\nmfa_serial = \"{}\"\nmfa = \"totp\"\n", alice.serial));
    machine
        .run(&["refresh"])
        .failed_with(7, &["no TOTP seed of profile \"work\"", "stsd add work --totp-seed -"]);
    let mut tool = machine.command("secret-tool");
    tool.args(["store", "--label", "x", "service", "stsd-totp", "username", "work"]);
    Ran::of(&mut tool, b"foreign!content").succeeded();
    let ran = machine.run(&["refresh"]);
    ran.failed_with(7, &["cannot be used", "secret-tool lookup service stsd-totp username work"]);
    ran.hides("foreign");
    machine
        .run_with(&["add", "work", "--totp-seed", "-"], &alice.seed)
        .failed_with(7, &["secret-tool lookup"]);
    assert!(seeds(&machine).contains("foreign!content"));
    assert_eq!(machine.sts.requests(), []);
    let (_, status) = machine.status("work");
    assert_eq!(status["last_error"]["class"], Value::from("keychain"));
}

#[test]
fn a_command_of_the_user_gives_the_code() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    let serial = machine.sts.alice().serial;
    // It finds the user's own surroundings, and nothing of AWS's.
    let script = format!(
        r#"[ -n "$HOME" ] && [ -n "$DBUS_SESSION_BUS_ADDRESS" ] && [ -z "$(env | grep ^AWS_)" ] && echo {}"#,
        machine.code()
    );
    machine.configure(&format!(
        "[profiles.work]\nmfa_serial = \"{serial}\"\nmfa = {{ command = [\"sh\", \"-c\", '''{script}'''] }}\n"
    ));
    machine.run(&["refresh"]).succeeded();
    assert_eq!(machine.sts.codes_sent(), 1);
    machine.configure(&format!(
        "[profiles.work]\nmfa_serial = \"{serial}\"\nmfa = {{ command = [\"false\"] }}\n"
    ));
    machine
        .run(&["refresh"])
        .failed_with(4, &["the command \"false\" of profile work gave no code", "exit status: 1"]);
    // A code that is typed wins.
    machine.run(&["refresh", "--code", &machine.code()]).succeeded();
    assert_eq!(machine.sts.codes_sent(), 2);
}

#[test]
fn ctrl_c_ends_the_command_too() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    let (serial, file) = (machine.sts.alice().serial, machine.path("pid"));
    let script = format!("echo $$ > {0}.new; mv {0}.new {0}; exec sleep 25", file.display());
    machine.configure(&format!(
        "[profiles.work]\nmfa_serial = \"{serial}\"\nmfa = {{ command = [\"sh\", \"-c\", '''{script}'''] }}\n"
    ));
    let mut terminal = Terminal::start(&machine.stsd(&["refresh"]));
    let end = Instant::now() + Duration::from_secs(20);
    while !file.exists() {
        assert!(Instant::now() < end, "the command was not started: {}", terminal.screen());
        std::thread::sleep(Duration::from_millis(5));
    }
    let pid = std::fs::read_to_string(&file).unwrap();
    terminal.press("\u{3}");
    let (exit, screen) = terminal.end();
    assert_eq!(exit, 130, "{screen}");
    let lives = || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
        !stat.is_empty() && !stat.contains(") Z ")
    };
    while lives() {
        assert!(Instant::now() < end, "the command still runs");
        std::thread::sleep(Duration::from_millis(5));
    }
}
