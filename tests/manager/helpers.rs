//! Programs that are more than their user, by the set-group-ID bit: in the daemon's sandbox they are not, and so they run
//! beside it.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::has_machine;
use crate::ran::Ran;
use crate::roles::{ARGUMENTS, asks_with, said};
use crate::service::{SERVICE, unit};
use crate::user::{User, await_that, this_program};

/// A group without members, to which a file with a code belongs.
struct Group {
    id: u32,
    code: PathBuf,
}

impl Group {
    fn new(user: &User) -> Self {
        let group = Self { id: user.uid() + 1000, code: user.path("code") };
        group.keep("");
        group
    }

    /// Puts the code into the file, which nobody but the group and root may read.
    fn keep(&self, code: &str) {
        fs::write(&self.code, format!("{code}\n")).unwrap();
        chown(&self.code, Some(0), Some(self.id)).unwrap();
        fs::set_permissions(&self.code, fs::Permissions::from_mode(0o640)).unwrap();
    }

    /// Gives the program to the group, with the bit.
    fn take(&self, program: &Path) {
        // In this order: a new owner takes the bit away.
        chown(program, Some(0), Some(self.id)).unwrap();
        fs::set_permissions(program, fs::Permissions::from_mode(0o2755)).unwrap();
    }
}

/// The daemon finds no `systemd-run`: what it starts stays in its sandbox.
const NO_WAY_OUT: &str = "[Service]\nEnvironment=PATH=/nowhere\n";

#[test]
fn a_command_for_codes_may_be_a_helper_with_a_group_of_its_own() {
    if !has_machine() {
        return;
    }
    let user = User::new();
    let group = Group::new(&user);
    let helper = user.path("helper");
    fs::copy("/bin/cat", &helper).unwrap();
    group.take(&helper);
    let (helper, code) = (helper.to_str().unwrap(), group.code.to_str().unwrap());
    // It is what it is: the user may not, the helper may, and in a sandbox it may not.
    assert_ne!(user.run("cat", &[code]).code, 0);
    user.run(helper, &[code]).succeeded();
    let pipe = ["--user", "--pipe", "--wait", "--collect", "--quiet"];
    user.run("systemd-run", &[&pipe, &[helper, code][..]].concat()).succeeded();
    let inside = [&pipe, &["--property=NoNewPrivileges=yes", helper, code][..]].concat();
    assert_eq!(user.run("systemd-run", &inside).code, 1);

    user.add_work();
    let serial = user.sts.alice().serial;
    let profile = "[profiles.work]\nmfa_serial";
    let command = format!("mfa = {{ command = [\"{helper}\", \"{code}\"] }}");
    user.write(".config/stsd/config.toml", &format!("{profile} = \"{serial}\"\n{command}\n"));
    user.install_and_start();
    assert_eq!(user.answering(), Some(user.main_pid()));
    group.keep(&user.code());
    user.run(".cargo/bin/stsd", &["refresh", "work"]).succeeded();
    assert_eq!(user.state(), "active");
    assert_eq!(user.sts.codes_sent(), 1);
    assert_eq!(user.systemctl(&["list-units", "--all", "--plain", "--no-legend", "stsd-code-*"]).stdout, "");

    user.drop_in("no-way-out", NO_WAY_OUT);
    user.systemctl(&["restart", SERVICE]).succeeded();
    group.keep(&user.code());
    user.run(".cargo/bin/stsd", &["refresh", "work"])
        .failed_with(4, &["of profile work gave no code", "it ended with exit status: 1"]);
    assert_eq!(user.sts.codes_sent(), 1);
}

/// The failure of a command reads the same beside the sandbox as anywhere, and AWS's variables stay away from it.
#[test]
fn beside_the_sandbox_a_command_is_what_it_is_elsewhere() {
    if !has_machine() {
        return;
    }
    let user = User::new();
    user.add_work();
    // From there the daemon and the command would have it.
    user.systemctl(&["set-environment", "AWS_OF_THE_MANAGER=1", "OF_THE_MANAGER=1"]).succeeded();
    user.install_and_start();
    let serial = user.sts.alice().serial;
    let configure = |words: &str| {
        let text = format!("[profiles.work]\nmfa_serial = \"{serial}\"\nmfa = {{ command = [{words}] }}\n");
        user.write(".config/stsd/config.toml", &text);
        user.systemctl(&["reload", SERVICE]).succeeded();
    };
    let refresh = || Ran::of(&mut user.stsd(&["refresh", "work"]), b"");
    for (words, expected) in [
        ("\"sh\", \"-c\", \"exit 3\"", "it ended with exit status: 3"),
        ("\"sh\", \"-c\", \"exit 255\"", "it ended with an exit status above 153"),
        ("\"no-such-program\"", "it cannot be started: entity not found"),
        ("\"/etc/passwd\"", "it cannot be started: permission denied"),
        ("\"echo\", \"no code\"", "is not six digits"),
    ] {
        configure(words);
        refresh().failed_with(4, &[expected]);
    }
    // It is in a unit of its own, with the manager's variables, and the words reach it as they are.
    let script = r#"grep -q /stsd-code- /proc/self/cgroup && [ -n "$OF_THE_MANAGER" ] && [ -z "$(env | grep ^AWS_)" ] && \
[ "$1" = '$HOME %h "x" ${1}' ] && echo "#;
    configure(&format!("\"sh\", \"-c\", '''{script}{}''', \"sh\", '''$HOME %h \"x\" ${{1}}'''", user.code()));
    refresh().succeeded();
}

/// What the daemon's prompter gives, with this pinentry: in the unit of the daemon, with one in it who asks once.
fn asks(user: &User, pinentry: &Path, seconds: u64, path: &str) -> String {
    let (mut section, mut text) = (String::new(), String::from("[Service]\n"));
    for line in unit(SERVICE).lines() {
        if line.starts_with('[') {
            line.clone_into(&mut section);
        } else if section == "[Service]"
            && !["Type=", "Exec", "Restart"].iter().any(|absent| line.starts_with(absent))
        {
            text.push_str(line);
            text.push('\n');
        }
    }
    let program = this_program();
    let (program, arguments) = (program.display(), ARGUMENTS.join(" "));
    let role = asks_with(pinentry.to_str().unwrap(), seconds);
    writeln!(text, "Type=oneshot\nExecStart={program} {arguments}").unwrap();
    writeln!(text, "Environment=\"{role}\" PATH={path}\nStandardOutput=truncate:%h/answer").unwrap();
    user.write(".config/systemd/user/ask.service", &text);
    // The pinentry of a test needs no display, but whoever asks does.
    user.systemctl(&["set-environment", "DISPLAY=:9"]).succeeded();
    user.systemctl(&["daemon-reload"]).succeeded();
    let ran = user.systemctl(&["start", "ask.service"]);
    let answer = user.read("answer");
    assert_eq!(ran.code, 0, "{ran:#?}\n{answer}");
    said(&answer)
}

#[test]
fn a_dialog_may_be_a_helper_with_a_group_of_its_own() {
    if !has_machine() {
        return;
    }
    let user = User::new();
    let group = Group::new(&user);
    let pinentry = user.path("pinentry");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/manager/pinentry.c");
    let mut compiler = Command::new("cc");
    compiler.arg(format!("-DCODE=\"{}\"", group.code.display())).arg("-o").arg(&pinentry).arg(source);
    Ran::of(&mut compiler, b"").succeeded();
    group.take(&pinentry);
    group.keep("123456");
    assert_eq!(asks(&user, &pinentry, 20, "/usr/bin:/bin"), "123456\nnothing is left");
    let inside = asks(&user, &pinentry, 20, "/nowhere");
    assert!(inside.contains("error 58 of GnuPG"), "{inside}");
}

#[test]
fn a_dialog_beside_the_sandbox_goes_when_nobody_answers() {
    if !has_machine() {
        return;
    }
    let user = User::new();
    let script = "#!/bin/sh\necho OK\nwhile read -r line; do case $line in GETPIN) exec sleep 60 ;; esac; echo OK; done\n";
    user.write("pinentry", script);
    user.run("chmod", &["+x", "pinentry"]).succeeded();
    assert_eq!(asks(&user, &user.path("pinentry"), 1, "/usr/bin:/bin"), "TimedOut(1)\nnothing is left");
}

#[test]
fn a_command_that_hangs_goes_with_the_daemon() {
    if !has_machine() {
        return;
    }
    let user = User::new();
    user.add_work();
    let serial = user.sts.alice().serial;
    let profile = format!("[profiles.work]\nmfa_serial = \"{serial}\"");
    user.write(
        ".config/stsd/config.toml",
        &format!("{profile}\nmfa = {{ command = [\"sleep\", \"29\"] }}\n"),
    );
    user.install_and_start();
    let units = || user.systemctl(&["list-units", "--all", "--plain", "--no-legend", "stsd-code-*"]).stdout;
    std::thread::scope(|scope| {
        let client = scope.spawn(|| Ran::of(&mut user.stsd(&["refresh", "work"]), b""));
        await_that(|| user.journal(), || !units().is_empty());
        user.systemctl(&["stop", SERVICE]).succeeded();
        let ran = client.join().unwrap();
        assert_ne!(ran.code, 0, "{ran:#?}");
        // Much earlier than its time is up.
        await_that(units, || units().is_empty());
        assert!(ran.took < Duration::from_secs(20), "{ran:#?}");
    });
}
