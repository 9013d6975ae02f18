//! Secrets while the daemon asks for codes beside its sandbox: nothing of them is in a list of processes, in the journal,
//! or with those who need not know.

use std::process::Command;

use crate::has_machine;
use crate::looks::{seen, stands};
use crate::ran::Ran;
use crate::service::SERVICE;
use crate::user::User;

/// In every variable of the client.
const MARK: &str = "mark-of-the-client";

/// A program of the user that takes note of what it finds, and is slow enough to be seen.
fn program(user: &User, name: &str, answers: &str) -> String {
    let script = format!(
        "#!/bin/sh\nenv >\"$HOME/{name}.found\"\nread -r code <\"$HOME/code\"\nsleep 0.3\n{answers}\n"
    );
    user.write(name, &script);
    user.run("chmod", &["+x", name]).succeeded();
    user.path(name).display().to_string()
}

/// All that the journal of the machine has, of everybody, each line with all its fields.
fn journal() -> String {
    assert!(Command::new("journalctl").arg("--sync").status().unwrap().success());
    let output =
        Command::new("journalctl").args(["--merge", "--output=json", "--no-pager"]).output().unwrap();
    assert!(output.status.success());
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_program_beside_the_sandbox_gets_the_display_of_the_client_and_nobody_sees_a_secret() {
    if !has_machine() {
        return;
    }
    let user = User::new();
    user.add_work();
    let alice = user.sts.alice();
    Ran::of(&mut user.stsd(&["add", "work", "--totp-seed", "-"]), alice.seed.as_bytes()).succeeded();
    let dialog =
        "echo OK\nwhile read -r line; do\n  case $line in GETPIN) echo \"D $code\" ;; esac\n  echo OK\ndone";
    let pinentry = program(&user, "pinentry", dialog);
    let command = program(&user, "command", "echo \"$code\"");
    let profile = format!("[profiles.work]\nmfa_serial = \"{}\"\n", alice.serial);
    user.install_and_start();
    let mut secrets = vec![alice.secret_access_key.clone(), alice.seed.clone()];
    let mut codes = Vec::new();
    for (name, configuration) in [
        // First, or it might wait for a step whose code was not sent yet.
        ("totp", format!("{profile}mfa = \"totp\"\n")),
        ("pinentry", format!("prompt = \"pinentry\"\npinentry = \"{pinentry}\"\n{profile}")),
        ("command", format!("{profile}mfa = {{ command = [\"{command}\", \"--otp\"] }}\n")),
    ] {
        let code = user.code();
        user.write("code", &format!("{code}\n"));
        user.write(".config/stsd/config.toml", &configuration);
        user.systemctl(&["reload", SERVICE]).succeeded();
        let ((), looks) = seen(&user.path(""), || {
            let mut client = user.stsd(&["refresh", "work"]);
            for name in
                "AWS_PROFILE AWS_SESSION_TOKEN LANG TERM GPG_TTY XDG_DATA_DIRS GTK_MODULES STSD_ANYTHING \
                DISPLAY WAYLAND_DISPLAY XAUTHORITY"
                    .split_whitespace()
            {
                client.env(name, format!("{MARK}-{name}"));
            }
            Ran::of(&mut client, b"").succeeded();
        });
        codes.push(code);
        let session = user.read(".aws/credentials");
        for key in ["aws_secret_access_key = ", "aws_session_token = "] {
            secrets.push(session.lines().find_map(|line| line.strip_prefix(key)).unwrap().to_owned());
        }
        for look in &looks {
            let secret = secrets.iter().find(|secret| look.contains(secret.as_str()));
            let code = codes.iter().find(|code| stands(look, code));
            assert_eq!((secret, code), (None, None), "{look}");
        }
        if name == "totp" {
            continue;
        }
        assert!(looks.iter().any(|look| look.contains("systemd-run\n") && look.contains(name)), "{looks:#?}");
        let found = user.read(&format!("{name}.found"));
        for line in found.lines() {
            let (variable, value) = line.split_once('=').unwrap_or_default();
            let display = ["DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY"].contains(&variable);
            assert_eq!(value.contains(MARK), display && name == "pinentry", "{name}: {line}");
        }
        assert_eq!(found.contains("DISPLAY="), name == "pinentry", "{name}: {found}");
    }
    assert_eq!(user.sts.codes_sent(), 3);
    let journal = journal();
    assert!(journal.contains("session issued") && journal.contains("stsd-prompt-"), "{journal}");
    for line in journal.lines() {
        // A number among the fields may look like a code.
        let message: serde_json::Value = serde_json::from_str(line).unwrap();
        let message = message["MESSAGE"].as_str().unwrap_or_default();
        let message = message.split_once("Z ").map_or(message, |(_time, rest)| rest);
        let secret = secrets.iter().find(|secret| line.contains(secret.as_str()));
        let code = codes.iter().find(|code| stands(message, code));
        assert_eq!((secret, code), (None, None), "{line}");
    }
}
