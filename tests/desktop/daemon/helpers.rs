//! What the programs that the daemon starts get to know, and who could see it meanwhile: other users see the list of
//! processes, and the user's own programs their environments.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use super::running::Daemon;
use crate::binary::machine::Machine;
use crate::has_desktop;
use crate::looks::{seen, stands};

/// In every variable of the client.
const MARK: &str = "mark-of-the-client";

/// Stand-ins that take note of what they find, and of how they were started; slowly enough to be seen.
pub(super) fn stand_in(machine: &Machine, name: &str, answers: &str) -> String {
    let script = format!(
        "#!/bin/sh\n{{ env; echo \"arguments=$*\"; }} >\"$HOME/{name}.found\"\n\
         read -r code <\"$HOME/code\"\nsleep 0.2\n{answers}\n"
    );
    machine.write(name, &script);
    let path = machine.path(name);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.display().to_string()
}

pub(super) const PINENTRY: &str =
    "echo OK\nwhile read -r line; do\n  case $line in GETPIN) echo \"D $code\" ;; esac\n  echo OK\ndone";

/// What a stand-in has found, by name.
fn found(machine: &Machine, name: &str) -> BTreeMap<String, String> {
    let text = fs::read_to_string(machine.path(&format!("{name}.found"))).unwrap();
    text.lines().filter_map(|line| line.split_once('=')).map(|(a, b)| (a.to_owned(), b.to_owned())).collect()
}

/// Refreshes by a command whose environment is full of marks.
fn refresh_marked(machine: &Machine) {
    let mut command = machine.stsd(&["refresh", "work"]);
    let names = "AWS_PROFILE AWS_SECRET_ACCESS_KEY AWS_REGION AWS_SESSION_TOKEN LD_PRELOAD PATH LANG LC_ALL \
        GTK_MODULES QT_PLUGIN_PATH TERM GPG_TTY SSH_AUTH_SOCK EDITOR DBUS_STARTER_ADDRESS XDG_DATA_DIRS STSD_ANYTHING \
        DISPLAY WAYLAND_DISPLAY XAUTHORITY";
    for name in names.split_whitespace() {
        let mark = if name == "LD_PRELOAD" { format!("/{MARK}.so") } else { format!("{MARK}-{name}") };
        command.env(name, mark);
    }
    command.stdin(Stdio::null());
    crate::ran::Ran::of(&mut command, b"").succeeded();
}

#[test]
fn a_program_gets_nothing_of_the_client_but_its_display_and_no_secret_is_in_any_list() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    let alice = machine.sts.alice();
    let pinentry = stand_in(&machine, "pinentry", PINENTRY);
    let zenity = stand_in(&machine, "bin/zenity", "echo \"$code\"");
    let command = stand_in(&machine, "command", "echo \"$code\"");
    machine.run_with(&["add", "work", "--totp-seed", "-"], &alice.seed).succeeded();
    let profile = format!("[profiles.work]\nmfa_serial = \"{}\"\n", alice.serial);
    let mut daemon = machine.stsd(&["daemon", "-vv"]);
    let bin = fs::canonicalize(std::path::Path::new(&zenity).parent().unwrap()).unwrap();
    daemon.env("PATH", format!("{}:/usr/bin:/bin", bin.display()));
    let daemon = Daemon::of(&machine, &daemon, Stdio::null());
    let mut secrets = vec![alice.secret_access_key.clone(), alice.seed.clone()];
    let mut codes = Vec::new();
    let ways = [
        // First, or it might wait for a step whose code was not sent yet.
        ("totp", format!("{profile}duration = \"2h\"\nmfa = \"totp\"\n")),
        ("pinentry", format!("prompt = \"pinentry\"\npinentry = \"{pinentry}\"\n{profile}")),
        ("bin/zenity", format!("prompt = \"zenity\"\n{profile}")),
        ("command", format!("{profile}mfa = {{ command = [\"{command}\", \"--otp\"] }}\n")),
    ];
    for (turn, (name, configuration)) in (1..).zip(ways) {
        let code = machine.code();
        machine.write("code", &format!("{code}\n"));
        machine.configure(&configuration);
        daemon.await_said("configuration changed", turn);
        let ((), looks) = seen(&machine.path(""), || refresh_marked(&machine));
        codes.push(code);
        for key in ["aws_secret_access_key", "aws_session_token"] {
            secrets.push(machine.credential(key));
        }
        for look in &looks {
            let secret = secrets.iter().find(|secret| look.contains(secret.as_str()));
            let code = codes.iter().find(|code| stands(look, code));
            assert_eq!((secret, code), (None, None), "{look}");
        }
        let started = looks.iter().filter(|look| look.contains(&format!("/{name}\n"))).count();
        if name == "totp" {
            continue;
        }
        assert!(started > 0, "{name} was not seen");
        let found = found(&machine, name);
        for (variable, value) in &found {
            // A command gets no display: it is not to show anything where the client is.
            let display = ["DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY"].contains(&variable.as_str());
            let may = display && name != "command";
            assert_eq!(value.contains(MARK), may, "{name}: {variable}={value}");
        }
        assert_eq!(found.contains_key("DISPLAY"), name != "command", "{name}");
        assert!(!found.keys().any(|variable| variable.starts_with("AWS_")), "{name}: {found:?}");
    }
    assert_eq!(machine.sts.codes_sent(), 4);
    let log = daemon.log();
    let lines = log.lines().map(|line| line.split_once("Z ").map_or(line, |(_time, rest)| rest));
    for line in lines {
        assert!(!line.contains(MARK), "{line}");
        let secret = secrets.iter().find(|secret| line.contains(secret.as_str()));
        let code = codes.iter().find(|code| stands(line, code));
        assert_eq!((secret, code), (None, None), "{line}");
    }
}
