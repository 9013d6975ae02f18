//! A memory image of the daemon after refreshes: it is there for days, and has had everything in its hands.

use super::helpers::{PINENTRY, stand_in};
use super::running::Daemon;
use crate::binary::machine::Machine;
use crate::has_desktop;
use crate::memory::Image;

/// A code that the daemon has not in memory by chance, as six digits of a table.
fn code(machine: &Machine, daemon: &Daemon) -> Option<String> {
    let before = Image::of(daemon.pid())?;
    std::iter::repeat_with(|| machine.code()).take(20).find(|code| !before.has(code))
}

#[test]
fn neither_key_nor_seed_nor_code_stays_in_the_memory_of_the_daemon() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    let alice = machine.sts.alice();
    let pinentry = stand_in(&machine, "pinentry", PINENTRY);
    let command = stand_in(&machine, "command", "echo \"$code\"");
    machine.run_with(&["add", "work", "--totp-seed", "-"], &alice.seed).succeeded();
    let profile = format!("[profiles.work]\nmfa_serial = \"{}\"\n", alice.serial);
    let daemon = Daemon::start(&machine);
    let ways = [
        // First, or it might wait for a step whose code was not sent yet.
        ("a seed", format!("{profile}duration = \"2h\"\nmfa = \"totp\"\n")),
        ("a client", profile.clone()),
        ("a dialog", format!("prompt = \"pinentry\"\npinentry = \"{pinentry}\"\n{profile}")),
        ("a command", format!("{profile}mfa = {{ command = [\"{command}\"] }}\n")),
    ];
    for (turn, (way, configuration)) in (1..).zip(ways) {
        machine.configure(&configuration);
        daemon.await_said("configuration changed", turn);
        let Some(code) = code(&machine, &daemon) else { return };
        machine.write("code", &format!("{code}\n"));
        let refresh: &[&str] = if way == "a client" { &["--code", &code] } else { &[] };
        let mut command = machine.stsd(&[&["refresh", "work"], refresh].concat());
        crate::ran::Ran::of(command.env("DISPLAY", ":9"), b"").succeeded();
        let image = Image::of(daemon.pid()).unwrap();
        assert!(image.has(machine.credential("aws_session_token")), "the search found nothing at all");
        image.hides_key(&alice);
        image.hides_seed(&alice);
        image.hides(&format!("the code of {way}"), &code);
    }
    assert_eq!(machine.sts.codes_sent(), 4);
}
