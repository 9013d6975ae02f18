//! A plaintext key moved into a real keyring: whole, once, and whatever happens on the way.

use std::fs;
use std::process::Stdio;
use std::time::Instant;

use stsd_test_support::KeyState;

use super::machine::Machine;
use crate::has_desktop;

const IMPORT: [&str; 4] = ["add", "work", "--import", "work"];

/// A machine whose credentials file holds alice's key, and that file's text without its two lines.
fn machine() -> (Machine, String) {
    let machine = Machine::new();
    let after = plant(&machine);
    (machine, after)
}

/// Writes the file; gives what it comes to without the key.
fn plant(machine: &Machine) -> String {
    let text = format!(
        "# mine\n[default]\nregion = eu-west-1\n\n[work] # hers\n# above\n{}output = text\n",
        key(machine)
    );
    machine.write(".aws/credentials", &text);
    text.replace(&key(machine), "")
}

fn key(machine: &Machine) -> String {
    let alice = machine.sts.alice();
    format!(
        "aws_access_key_id = {}\naws_secret_access_key = {}\n",
        alice.access_key_id, alice.secret_access_key
    )
}

/// The files of AWS's directory in which the secret stands.
fn files_with_secret(machine: &Machine) -> Vec<String> {
    let secret = machine.sts.alice().secret_access_key;
    let entries = fs::read_dir(machine.path(".aws")).unwrap().map(|entry| entry.unwrap().path());
    let with = entries.filter(|path| fs::read_to_string(path).is_ok_and(|text| text.contains(&secret)));
    let mut names: Vec<_> = with.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

#[track_caller]
fn check_done(machine: &Machine, after: &str) {
    assert_eq!(machine.credentials(), after);
    assert_eq!(files_with_secret(machine), Vec::<String>::new());
    let found = machine.search_keyring();
    assert_eq!(found.matches(&machine.sts.alice().secret_access_key).count(), 1, "{found}");
    assert!(machine.configuration().contains("[profiles.work]"));
}

#[test]
fn a_plaintext_key_moves_into_the_keyring_and_works_from_there() {
    if !has_desktop() {
        return;
    }
    let (machine, after) = machine();
    let alice = machine.sts.alice();
    let serial = ["--mfa-serial", alice.serial.as_str()];
    let ran = machine.run(&[&IMPORT[..], &serial].concat()).succeeded();
    let (_, last_four) = alice.access_key_id.split_at(16);
    let words =
        format!("work: key …{last_four} of {} stored in the keychain and taken out of [work] in ", alice.arn);
    assert!(ran.stderr.contains(&words) && ran.stderr.contains("next: stsd refresh work"), "{ran:#?}");
    assert!(!ran.stderr.contains("warning") && ran.stdout.is_empty(), "{ran:#?}");
    ran.hides(&alice.secret_access_key);
    ran.hides(&alice.access_key_id);
    assert_eq!(machine.sts.requests_of("GetCallerIdentity").len(), 1);
    check_done(&machine, &after);
    machine.run(&["refresh", "--code", &machine.code()]).succeeded();
    assert!(machine.credential("aws_access_key_id").starts_with("ASIA"));
    let again = machine.run(&IMPORT).succeeded();
    assert!(again.stderr.contains("nothing left to import"), "{again:#?}");
    machine.run(&["forget"]).succeeded();
    check_done(&machine, &after);
}

#[test]
fn a_refresh_into_a_section_with_a_key_names_the_command_that_helps() {
    if !has_desktop() {
        return;
    }
    let (machine, after) = machine();
    let alice = machine.sts.alice();
    machine.configure(&format!("[profiles.work]\nmfa_serial = \"{}\"\n", alice.serial));
    machine.add("work", &alice).succeeded();
    let ran = machine.run(&["refresh", "--code", &machine.code()]);
    ran.failed_with(8, &["[work] holds a long-term key", "hint: stsd add work --import work"]);
    assert_eq!(machine.sts.codes_sent(), 0);
    machine.run(&IMPORT).succeeded();
    check_done(&machine, &after);
}

#[test]
fn a_dead_key_stays_in_the_file_and_never_in_the_keyring() {
    if !has_desktop() {
        return;
    }
    let (machine, after) = machine();
    let before = machine.credentials();
    machine.sts.set_key_state(&machine.sts.alice().access_key_id, KeyState::Inactive);
    let ran = machine.run(&[&["-q"], &IMPORT[..]].concat());
    ran.failed_with(6, &["the key is still in [work]", "stsd add work --import work"]);
    assert_eq!(
        (machine.credentials(), machine.search_keyring(), machine.configuration()),
        (before, String::new(), String::new())
    );
    machine.sts.set_key_state(&machine.sts.alice().access_key_id, KeyState::Active);
    machine.run(&IMPORT).succeeded();
    check_done(&machine, &after);
}

#[test]
fn a_file_that_is_kept_and_every_copy_are_listed() {
    if !has_desktop() {
        return;
    }
    let (machine, _) = machine();
    let before = machine.credentials();
    machine.write(".aws/credentials.bkp", &before);
    machine.write(".aws/config", &format!("[profile old]\n{}", key(&machine)));
    let ran = machine.run(&[&IMPORT[..], &["--keep-file", "--no-verify"]].concat()).succeeded();
    let path = |name: &str| machine.path(name).display().to_string();
    for words in [
        "unverified".to_owned(),
        format!("in [work] of {}, line 5: stsd add work --import work\n", path(".aws/credentials")),
        format!("line 8: rm {}\n", path(".aws/credentials.bkp")),
        format!("line 3: \"${{EDITOR:-vi}}\" +3 {}\n", path(".aws/config")),
    ] {
        assert!(ran.stderr.contains(&words), "no {words:?} in {ran:#?}");
    }
    ran.hides(&machine.sts.alice().secret_access_key);
    assert_eq!((machine.credentials(), machine.sts.requests()), (before, vec![]));
    assert_eq!(files_with_secret(&machine), ["config", "credentials", "credentials.bkp"]);
    assert!(machine.search_keyring().contains(&machine.sts.alice().secret_access_key));
}

/// Killed (SIGKILL) at many moments of its run; at each the key is somewhere, and the next run completes it.
#[test]
fn killed_at_any_moment_the_key_is_somewhere_and_the_next_run_completes_it() {
    const KILLS: u32 = 30;
    const SWEEPS: u32 = 4;
    if !has_desktop() {
        return;
    }
    let (machine, after) = machine();
    let secret = machine.sts.alice().secret_access_key;
    let started = Instant::now();
    machine.run(&IMPORT).succeeded();
    let whole = started.elapsed();
    let (mut with_both, mut in_file_only, mut in_keyring_only) = (0, 0, 0);
    for kill in 0..KILLS * SWEEPS {
        let (sweep, step) = (kill / KILLS, kill % KILLS);
        if step == 0 && with_both > 0 && in_keyring_only > 0 {
            break;
        }
        machine.run(&["remove", "work", "--yes"]).succeeded();
        plant(&machine);
        let before = machine.credentials();
        let mut command = machine.stsd(&IMPORT);
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // No sleep for luck: where it ends is looked at, not assumed.
        // A sweep that missed a stage, since the machine is busy, is followed by a longer one.
        std::thread::sleep(whole * (2 + sweep) * step / (2 * KILLS));
        drop(child.kill());
        child.wait().unwrap();
        let file = machine.credentials();
        let held = machine.search_keyring().contains(&secret);
        assert!(file == before || file == after, "kill {kill}: a torn file:\n{file}");
        assert!(held || file == before, "kill {kill}: the key is lost");
        match (held, file == before) {
            (true, true) => with_both += 1,
            (true, false) => in_keyring_only += 1,
            (false, _) => in_file_only += 1,
        }
        machine.run(&IMPORT).succeeded();
        check_done(&machine, &after);
    }
    crate::say(&format!(
        "import killed: the key was then {in_file_only} times in the file, {with_both} in both, {in_keyring_only} in the keyring"
    ));
    assert!(in_file_only > 0 && with_both > 0 && in_keyring_only > 0, "not every stage was hit");
}
