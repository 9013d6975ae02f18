//! Other users of the machine, root among them, and other programs of the same user.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use stsd_test_support::Fault;

use crate::has_machine;
use crate::ran::Ran;
use crate::roles::{ARGUMENTS, knocks_at, said};
use crate::service::SERVICE;
use crate::user::{User, this_program};

fn allow(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// What somebody hears who says hello at a socket.
fn hears(mut who: Command, socket: &str) -> String {
    let (name, value) = knocks_at(socket);
    let ran = Ran::of(who.args(ARGUMENTS).env(name, value), b"").succeeded();
    said(&ran.stdout)
}

#[test]
fn nobody_else_is_served_however_wide_the_doors_stand_open() {
    if !has_machine() {
        return;
    }
    let (user, other) = (User::new(), User::new());
    user.add_work();
    user.install_and_start();
    let run = format!("/run/user/{}", user.uid());
    let socket = format!("{run}/stsd/stsd.sock");
    for (path, mode) in [(run.as_str(), 0o777), (&format!("{run}/stsd"), 0o777), (&socket, 0o666)] {
        allow(path.as_ref(), mode);
    }
    let root = || Command::new(this_program());
    assert_eq!(hears(other.command(this_program()), &socket), "0 bytes");
    assert_eq!(hears(root(), &socket), "0 bytes");
    assert_eq!(user.journal().matches("another user").count(), 2, "{}", user.journal());
    assert_ne!(hears(user.command(this_program()), &socket), "0 bytes", "its own user");

    // Nor do their clients trust it.
    let refused = |mut client: Command| {
        let ran = Ran::of(client.args(["refresh", "work", "--code", "123456"]), b"");
        ran.failed_with(3, &["belongs to another user"]);
    };
    allow(format!("{run}/stsd").as_ref(), 0o755);
    let configured = |client: &mut Command, home: &Path| {
        let config = home.join("config.toml");
        fs::write(&config, "[profiles.work]\nmfa_serial = \"arn:aws:iam::123456789012:mfa/alice\"\n")
            .unwrap();
        client.env("STSD_SOCKET", &socket).env("STSD_CONFIG", &config);
        config
    };
    let mut client = other.stsd(&[]);
    let config = configured(&mut client, &other.path(""));
    chown(config, Some(other.uid()), None).unwrap();
    refused(client);
    let mut client = Command::new(crate::user::stsd());
    let home = tempfile::tempdir().unwrap();
    client.env_clear().env("HOME", home.path());
    configured(&mut client, home.path());
    refused(client);
}

#[test]
fn a_daemon_that_is_another_users_gets_no_code_though_its_socket_looks_like_ours() {
    if !has_machine() {
        return;
    }
    let user = User::new();
    user.add_work();
    let directory = user.path("own");
    fs::create_dir(&directory).unwrap();
    let socket = directory.join("stsd.sock");
    // Root's, but for the names of the owners.
    let listener = UnixListener::bind(&socket).unwrap();
    allow(&socket, 0o600);
    allow(&directory, 0o700);
    for path in [&socket, &directory] {
        chown(path, Some(user.uid()), Some(user.uid())).unwrap();
    }
    let mut client = user.stsd(&["refresh", "work", "--code", "123456"]);
    let ran = Ran::of(client.env("STSD_SOCKET", &socket), b"");
    ran.failed_with(3, &["the daemon at the socket is another user's", "STSD_SOCKET"]);
    let (mut stream, _) = listener.accept().unwrap();
    let mut heard = Vec::new();
    std::io::Read::read_to_end(&mut stream, &mut heard).unwrap();
    assert_eq!(heard, b"", "it was told something");
    assert_eq!(user.sts.requests(), []);
}

/// A process keeps its memory and its environment even from other programs of its user, and leaves no core.
#[track_caller]
fn keeps_to_itself(user: &User, pid: u32) {
    for name in ["mem", "environ", "maps"] {
        let path = format!("/proc/{pid}/{name}");
        assert_eq!(fs::metadata(&path).unwrap().uid(), 0, "{path} is its user's");
        assert_ne!(user.run("head", &["-c", "1", &path]).code, 0, "{path} can be read");
    }
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(line.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{line}");
}

#[test]
fn no_program_of_the_user_sees_into_ours() {
    if !has_machine() {
        return;
    }
    let user = User::new();
    user.add_work();
    // A program like any other can be seen into, so what follows says something.
    let mut other = user.command("sleep").arg("30").spawn().unwrap();
    let path = format!("/proc/{}/environ", other.id());
    let seen = user.run("head", &["-c", "1", &path]);
    other.kill().unwrap();
    other.wait().unwrap();
    seen.succeeded();

    // Alone, with the key in its hands.
    user.sts.fail_next_of("GetSessionToken", 1, Fault::Hang);
    let mut client = user.stsd(&["refresh", "work", "--code", "-"]);
    let mut client = client.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    client.stdin.take().unwrap().write_all(user.code().as_bytes()).unwrap();
    assert!(user.sts.wait_for_requests(Duration::from_secs(20), |requests| !requests.is_empty()));
    keeps_to_itself(&user, client.id());
    client.kill().unwrap();
    client.wait().unwrap();

    user.install_and_start();
    keeps_to_itself(&user, user.main_pid());
    assert_eq!(user.property(SERVICE, "ActiveState"), "active");
}
