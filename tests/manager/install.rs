//! `stsd service`, with the manager that it is about.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::Signal;

use crate::has_machine;
use crate::ran::Ran;
use crate::service::{SERVICE, SOCKET};
use crate::user::{User, await_that, stsd};

const UNITS: &str = ".config/systemd/user";

impl User {
    fn service(&self, arguments: &[&str]) -> Ran {
        Ran::of(&mut self.stsd(&[&["service"], arguments].concat()), b"")
    }

    /// The daemon means the STS of this user's shell.
    fn same_sts(&self) {
        self.drop_in("test", &format!("[Service]\nEnvironment=AWS_ENDPOINT_URL_STS={}\n", self.endpoint()));
    }

    /// The program at another path of this user's, as an upgrade or a second installation brings it.
    fn program_at(&self, name: &str) -> Command {
        let path = self.path(name);
        let directory = path.parent().unwrap().to_str().unwrap();
        self.run("mkdir", &["-p", directory]).succeeded();
        fs::hard_link(stsd(), &path).unwrap();
        self.command(path)
    }

    /// The program that the daemon is, by its path.
    fn daemons_program(&self) -> PathBuf {
        fs::read_link(format!("/proc/{}/exe", self.main_pid())).unwrap()
    }

    /// All that systemd has of the service in the user's configuration.
    fn files(&self) -> Vec<String> {
        let ran = self.run("find", &[".config", "-path", "*systemd*", "-printf", "%P\n"]).succeeded();
        let mut files: Vec<_> = ran.stdout.lines().map(ToOwned::to_owned).collect();
        files.sort();
        files
    }
}

#[test]
fn it_is_installed_twice_runs_at_the_next_login_and_leaves_nothing() {
    if !has_machine() {
        return;
    }
    let mut user = User::new();
    user.run("mkdir", &["-p", ".config"]).succeeded();
    let before = user.files();
    user.service(&["status"]).code_and_words(4, &["not installed"]);
    user.same_sts();
    user.service(&["install"]).succeeded();
    for unit in [SOCKET, SERVICE] {
        assert_eq!(user.property(unit, "ActiveState"), "active", "{unit}");
        assert_eq!(user.property(unit, "UnitFileState"), "enabled", "{unit}");
    }
    assert_eq!(user.daemons_program(), stsd());
    let pid = user.main_pid();
    assert_eq!(user.answering(), Some(pid));

    user.service(&["install"]).succeeded();
    assert_eq!(user.main_pid(), pid, "the second run has disturbed the daemon");
    let told = user.service(&["status"]).succeeded();
    for words in ["active since", &format!("pid {pid}"), "enabled", "none known", "journalctl --user"] {
        assert!(told.stdout.contains(words), "no {words:?} in {}", told.stdout);
    }

    user.log_out();
    user.log_in();
    assert_eq!(user.answering(), Some(user.main_pid()));

    user.run("rm", &["-r", &format!("{UNITS}/stsd.service.d")]).succeeded();
    for time in 1..=2 {
        user.service(&["uninstall"]).succeeded();
        assert_eq!(user.files(), before, "uninstalled {time}");
        let known = user.systemctl(&["list-units", "--all", "--no-legend", "stsd*"]).succeeded();
        assert_eq!(known.stdout, "");
    }
    user.service(&["status"]).code_and_words(4, &["not installed"]);
    assert_eq!(user.answering(), None);
    user.log_out();
    user.log_in();
    assert_eq!(user.answering(), None);
}

#[test]
fn a_program_is_started_whatever_its_path_is() {
    if !has_machine() {
        return;
    }
    let user = User::new();
    user.same_sts();
    for directory in
        ["a b", "100%h", "$HOME ${PATH}", "it's \"this\"", "back\\slash\\x41", "new\nline", "ü;#"]
    {
        let name = format!("{directory}/stsd");
        let mut program = user.program_at(&name);
        Ran::of(program.args(["service", "install"]), b"").succeeded();
        assert_eq!(user.daemons_program(), user.path(&name));
    }
}

#[test]
fn a_link_that_outlives_upgrades_is_what_the_service_starts() {
    if !has_machine() {
        return;
    }
    let user = User::new();
    user.same_sts();
    drop(user.program_at("cellar/1.0/stsd"));
    user.run("mkdir", &["bin"]).succeeded();
    symlink(user.path("cellar/1.0/stsd"), user.path("bin/stsd")).unwrap();
    let path = format!("{}:/usr/bin:/bin", user.path("bin").display());
    let mut named = user.command("sh");
    Ran::of(named.env("PATH", path).args(["-c", "stsd service install"]), b"").succeeded();
    let unit = user.read(&format!("{UNITS}/{SERVICE}"));
    assert!(unit.contains(&format!("ExecStart={} daemon\n", user.path("bin/stsd").display())), "{unit}");
}

#[test]
fn an_upgrade_replaces_the_daemon_and_a_session_is_still_there() {
    if !has_machine() {
        return;
    }
    let user = User::new();
    user.same_sts();
    user.service(&["install"]).succeeded();
    user.add_work();
    user.refresh();
    let first = user.main_pid();
    let restarted = user.service(&["restart"]).succeeded();
    assert!(restarted.stderr.contains("started anew"), "{restarted:?}");
    let second = user.main_pid();
    assert_ne!(first, second);
    assert_eq!(user.state(), "active");

    let mut other = user.program_at("other/stsd");
    let ran = Ran::of(other.args(["service", "restart"]), b"").succeeded();
    assert!(ran.stderr.contains("warning") && ran.stderr.contains("stsd service install"), "{ran:?}");
    assert_eq!(user.daemons_program(), stsd());
    let mut other = user.command(user.path("other/stsd"));
    Ran::of(other.args(["service", "install"]), b"").succeeded();
    assert_eq!(user.daemons_program(), user.path("other/stsd"));
    assert_eq!(user.state(), "active");
}

#[test]
fn a_command_waits_while_the_daemon_is_started_anew() {
    if !has_machine() {
        return;
    }
    let user = User::new();
    user.same_sts();
    user.service(&["install"]).succeeded();
    let door = || fs::metadata(format!("/run/user/{}/stsd/stsd.sock", user.uid())).unwrap();
    let before = door();
    let mut restart = user.stsd(&["service", "restart"]).stderr(Stdio::null()).spawn().unwrap();
    let mut asked = 0;
    while restart.try_wait().unwrap().is_none() {
        assert!(user.answering().is_some(), "a command was turned away");
        asked += 1;
    }
    assert!(restart.wait().unwrap().success());
    assert!(asked > 0);
    // A new socket would have a moment without any.
    assert_eq!((before.ino(), before.ctime_nsec()), (door().ino(), door().ctime_nsec()));
}

#[test]
fn a_crash_is_told_when_it_is_long_mended() {
    if !has_machine() {
        return;
    }
    let user = User::new();
    user.same_sts();
    user.service(&["install"]).succeeded();
    let pid = user.main_pid();
    user.signal_daemon(Signal::KILL);
    await_that(|| user.journal(), || ![0, pid].contains(&user.main_pid()));
    user.await_property(SERVICE, "ActiveState", "active");
    let told = || user.service(&["status"]).succeeded().stdout;
    await_that(told, || told().contains("last failure  signal at 20"));
    // Also after a start that systemd counts as the first.
    user.service(&["restart"]).succeeded();
    assert!(told().contains("last failure  signal at 20"), "{}", told());
}

#[test]
fn a_daemon_that_does_not_start_is_an_error_with_the_way_to_its_log() {
    if !has_machine() {
        return;
    }
    let user = User::new();
    user.drop_in("broken", "[Service]\nExecStart=\nExecStart=/bin/false\n");
    user.service(&["install"]).failed_with(1, &["installed but did not start", "stsd service logs"]);
    user.service(&["status"]).code_and_words(4, &["last failure  exit-code"]);
    let logs = user.service(&["logs"]).succeeded();
    assert!(logs.stdout.contains("Failed with result"), "{logs:?}");
    user.run("rm", &[&format!("{UNITS}/stsd.service.d/broken.conf")]).succeeded();
    user.same_sts();
    user.service(&["install"]).succeeded();
    assert_eq!(user.answering(), Some(user.main_pid()));
}

#[test]
fn what_a_user_wrote_is_left_alone() {
    if !has_machine() {
        return;
    }
    let user = User::new();
    user.same_sts();
    user.service(&["install"]).succeeded();
    let unit = format!("{UNITS}/{SERVICE}");
    let edited = user.read(&unit) + "Nice=5\n";
    user.write(&unit, &edited);
    for action in ["install", "uninstall"] {
        user.service(&[action]).failed_with(3, &["was changed since stsd wrote it", "mv ", action]);
    }
    assert_eq!(user.read(&unit), edited);
    assert_eq!(user.property(SERVICE, "ActiveState"), "active");
    // As the hint says.
    user.run("mv", &[&unit, &format!("{unit}.mine")]).succeeded();
    user.service(&["uninstall"]).succeeded();
    assert_eq!(user.read(&format!("{unit}.mine")), edited);
    assert!(!user.read(&format!("{UNITS}/stsd.service.d/test.conf")).is_empty());

    user.systemctl(&["mask", SERVICE]).succeeded();
    user.service(&["install"]).failed_with(3, &["masked", "systemctl --user unmask stsd.service"]);
}

#[test]
fn a_copy_by_hand_is_taken_over() {
    if !has_machine() {
        return;
    }
    let user = User::new();
    user.install_and_start();
    user.run("rm", &[&format!("{UNITS}/stsd.service.d/test.conf")]).succeeded();
    user.same_sts();
    assert_eq!(user.daemons_program(), user.path(".cargo/bin/stsd"));
    user.service(&["install"]).succeeded();
    assert_eq!(user.daemons_program(), stsd());
}

#[test]
fn a_daemon_that_was_started_by_hand_is_named() {
    if !has_machine() {
        return;
    }
    let user = User::new();
    let mut by_hand = user.stsd(&["daemon"]).stderr(Stdio::null()).spawn().unwrap();
    await_that(|| "no daemon".to_owned(), || user.answering().is_some());
    let pid = by_hand.id().to_string();
    user.service(&["install"]).failed_with(1, &["started by hand", &pid, &format!("kill {pid}")]);
    assert!(!Path::new(&user.path(UNITS)).exists());
    by_hand.kill().unwrap();
    by_hand.wait().unwrap();
}

#[test]
fn an_environment_that_the_service_does_not_have_is_warned_of() {
    if !has_machine() {
        return;
    }
    let user = User::new();
    let ran = user.service(&["install"]).succeeded();
    let warning = "warning: commands in this shell cannot use the daemon: the STS endpoint here is";
    assert!(ran.stderr.contains(warning), "{ran:?}");
}

#[test]
fn its_lines_can_be_searched_by_their_fields() {
    if !has_machine() {
        return;
    }
    let user = User::new();
    user.same_sts();
    user.service(&["install"]).succeeded();
    user.await_journal("daemon ready profiles=0");
    let found = user.run("journalctl", &["--user", "--output=cat", "STSD_PROFILES=0", "PRIORITY=6"]);
    assert_eq!(found.succeeded().stdout, "daemon ready profiles=0\n");
    let shown = user.service(&["logs"]).succeeded();
    assert!(shown.stdout.contains("daemon ready profiles=0\n"), "{shown:?}");
}

impl Ran {
    /// It has printed its data with these words, and its exit code says what they mean.
    #[track_caller]
    fn code_and_words(&self, code: i32, words: &[&str]) {
        assert_eq!((self.code, self.stderr.as_str()), (code, ""), "{self:#?}");
        for word in words {
            assert!(self.stdout.contains(word), "no {word:?} in {self:#?}");
        }
    }
}
