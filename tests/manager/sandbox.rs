//! All that the daemon does, in the sandbox of its unit.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use crate::has_machine;
use crate::roles::Notifications;
use crate::service::{SERVICE, unit};
use crate::user::{User, await_that};

/// A line of the status of the daemon's process.
fn kernel_says(user: &User, name: &str) -> String {
    let status = fs::read_to_string(format!("/proc/{}/status", user.main_pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim_start_matches(':').trim().to_owned()
}

/// A session from the keychain and STS, into the file; what others change there and in the configuration is noticed; the
/// clock fires, and the notice is shown.
fn plays_a_whole_life(user: &User) {
    let shown = Notifications::of(user);
    assert_eq!(user.answering(), Some(user.main_pid()));
    user.refresh();
    assert_eq!(user.state(), "active");
    let file = user.path(".aws/credentials");
    let found = fs::metadata(&file).unwrap();
    assert_eq!((found.mode() & 0o777, found.uid()), (0o600, user.uid()));
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("[work]\n") && text.contains("aws_session_token = "), "not a session");

    let configuration = user.read(".config/stsd/config.toml");
    user.write(".config/stsd/config.toml", &format!("warn_before = [\"3s\"]\n{configuration}"));
    user.await_journal("configuration changed");
    user.write(".aws/credentials", "");
    await_that(|| user.journal(), || user.read(".aws/credentials").contains("aws_session_token = "));

    user.sts.set_session_seconds(Some(6));
    user.refresh();
    for words in ["work expires in ", "work has expired "] {
        let headline = shown.shown();
        assert!(headline.starts_with(words), "{headline}");
    }
    assert_eq!(user.state(), "expired");
    user.sts.set_session_seconds(None);
    user.refresh();
    assert_eq!(user.state(), "active");
    assert_eq!(user.property(SERVICE, "NRestarts"), "0", "{}", user.journal());
}

#[test]
fn everything_works_in_it_and_no_secret_is_in_the_journal() {
    if !has_machine() {
        return;
    }
    let user = User::new();
    user.add_work();
    user.install_and_start();
    assert_eq!(kernel_says(&user, "NoNewPrivs"), "1");
    assert_eq!(kernel_says(&user, "Seccomp"), "2", "no filter of system calls");
    plays_a_whole_life(&user);
    let journal = user.journal();
    let token = user.read(".aws/credentials");
    let token = token.lines().find_map(|line| line.strip_prefix("aws_session_token = ")).unwrap();
    for secret in [user.sts.alice().secret_access_key.as_str(), token] {
        assert!(!journal.contains(secret), "a secret is in the journal");
    }
    for refused in ["not permitted", "PermissionDenied", "EPERM"] {
        assert!(!journal.contains(refused), "{journal}");
    }
}

#[test]
fn the_example_of_a_stricter_one_keeps_what_it_promises() {
    if !has_machine() {
        return;
    }
    let user = User::new();
    let spaces = user.run("unshare", &["--user", "true"]);
    if spaces.code != 0 {
        stsd_test_support::not_run("systemd/hardening.conf: users may not make name spaces here");
        return;
    }
    user.run("mkdir", &["-p", ".aws", ".local/state/stsd", ".ssh"]).succeeded();
    user.add_work();
    user.install();
    user.drop_in("hardening", &unit("hardening.conf"));
    user.systemctl(&["enable", "--now", SERVICE]).succeeded();
    // Root of the machine, not of its name space: this is what the daemon sees.
    let seen = |name: &str| format!("/proc/{}/root{}", user.main_pid(), user.path(name).display());
    assert_eq!(fs::metadata(seen(".ssh")).unwrap().mode() & 0o777, 0);
    let read_only = rustix::fs::statvfs(seen("")).unwrap().f_flag;
    assert!(read_only.contains(rustix::fs::StatVfsMountFlags::RDONLY), "{read_only:?}");
    plays_a_whole_life(&user);
}
