//! Several profiles in one command: one code serves one key and one device, and each profile is tried.

use super::machine::Machine;
use crate::has_desktop;
use crate::ran::Ran;

#[test]
fn profiles_that_share_a_key_and_a_device_get_one_session_for_one_code() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    machine.add("too", &machine.sts.alice()).succeeded();
    machine.run(&["refresh", "work", "too", "--code", &machine.code()]).succeeded();
    assert_eq!(machine.sts.codes_sent(), 1);
    let file = machine.credentials();
    let ids: Vec<_> = file.lines().filter(|line| line.starts_with("aws_access_key_id")).collect();
    assert!(ids.len() == 2 && ids[0] == ids[1], "not one session in two sections");
    assert_eq!((machine.status("work").0, machine.status("too").0), (0, 0));
    machine.run(&["forget", "--all"]).succeeded();
    assert_eq!(machine.credentials(), "");
}

#[test]
fn one_code_for_two_devices_is_2_and_is_not_sent() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    machine.add("bob", &machine.sts.bob()).succeeded();
    let ran = machine.run(&["refresh", "work", "bob", "--code", &machine.code()]);
    ran.failed_with(2, &["one code serves one key and one MFA device"]);
    assert_eq!(machine.sts.codes_sent(), 0);
}

/// The failures themselves are one after the other, so this looks only at the exit code and the names.
#[test]
fn each_profile_is_tried_and_the_first_failure_gives_the_exit_code() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    let serial = machine.sts.alice().serial;
    let config = machine.configuration();
    machine.configure(&format!(
        "{config}[profiles.keyless]\nmfa_serial = \"{serial}\"\n[profiles.role]\nrole_arn = \"arn:aws:iam::123456789012:role/x\"\n"
    ));
    let check = |order: &[&str], exit: i32| {
        let code = machine.code();
        machine.run(&["forget", "--all"]).succeeded();
        let ran = machine.run(&[&["refresh", "--code", &code], order].concat());
        assert_eq!(ran.code, exit, "{ran:#?}");
        assert_eq!(ran.stderr.matches("error: ").count(), 2, "{ran:#?}");
        assert!(ran.stderr.contains("error: keyless: ") && ran.stderr.contains("error: role: "), "{ran:#?}");
        assert_eq!(machine.status("work").0, 0, "the good one was not tried: {ran:#?}");
    };
    check(&["keyless", "work", "role"], 7);
    check(&["role", "keyless", "work"], 3);
}

#[test]
fn refreshes_at_the_same_time_leave_one_session_and_every_other_byte() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    machine.configure("[profiles.work]\nmfa = \"none\"\n[profiles.too]\nmfa = \"none\"\n");
    let alice = machine.sts.alice();
    machine
        .run_with(&["add", "too", "--access-key-id", &alice.access_key_id], &alice.secret_access_key)
        .succeeded();
    let before = "# mine\n[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = x\n";
    machine.write(".aws/credentials", before);
    let commands = ["work", "too", "work", "too"].map(|profile| machine.stsd(&["refresh", profile]));
    let runs = commands.map(|mut command| std::thread::spawn(move || Ran::of(&mut command, b"")));
    for run in runs {
        run.join().unwrap().succeeded();
    }
    let file = machine.credentials();
    assert!(file.starts_with(before), "{file}");
    assert_eq!(
        ["[work]\n", "[too]\n", "[default]\n"].map(|section| file.matches(section).count()),
        [1, 1, 1],
        "{file}"
    );
    assert_eq!((machine.status("work").0, machine.status("too").0), (0, 0), "a session was lost");
    let remembered = std::fs::read_to_string(machine.path(".local/state/stsd/state.json")).unwrap();
    assert!(remembered.contains("\"work\"") && remembered.contains("\"too\""), "{remembered}");
    machine.run(&["forget", "--all"]).succeeded();
    assert_eq!(machine.credentials(), before);
}
