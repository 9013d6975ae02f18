//! The user units.

use std::fs;
use std::process::Command;

use tempfile::TempDir;

use crate::file;

const PROGRAM: &str = "%h/.cargo/bin/stsd";

fn unit(name: &str) -> String {
    fs::read_to_string(file("systemd").join(name)).unwrap()
}

/// The settings of a unit as `Section.Name=value`, in the order of the file.
fn settings(name: &str) -> Vec<String> {
    let mut section = String::new();
    let mut settings = Vec::new();
    for line in unit(name).lines().map(str::trim) {
        if let Some(title) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            title.clone_into(&mut section);
        } else if !line.is_empty() && !line.starts_with('#') {
            settings.push(format!("{section}.{line}"));
        }
    }
    settings
}

/// What `systemd-analyze verify` prints about the two units; None where there is no such program. The service runs a
/// program that is there, `change` may spoil what is left.
fn verify(change: impl Fn(String) -> String) -> Option<String> {
    let units = TempDir::new().unwrap();
    for name in ["stsd.service", "stsd.socket"] {
        let text = unit(name).replace(PROGRAM, "/bin/true");
        fs::write(units.path().join(name), change(text)).unwrap();
    }
    let output = Command::new("systemd-analyze")
        .args(["--user", "verify"])
        .args(["stsd.service", "stsd.socket"].map(|name| units.path().join(name)))
        // Without it the manager of a user does not know what %t is.
        .env("XDG_RUNTIME_DIR", units.path())
        .env("HOME", units.path())
        .output()
        .ok()?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    // It succeeds over settings that it does not know.
    if said.is_empty() {
        assert!(output.status.success(), "it failed and said nothing");
    }
    Some(said)
}

#[test]
fn systemd_has_nothing_to_say_about_the_units() {
    let Some(said) = verify(|unit| unit) else {
        stsd_test_support::not_run("the systemd units: no systemd-analyze to verify them with");
        return;
    };
    assert_eq!(said, "");
    let spoilt = verify(|unit| unit.replace("RestartSec=", "RestartSecs=")).unwrap();
    assert!(spoilt.contains("RestartSecs"), "it would not notice a misspelt setting: {spoilt}");
}

#[test]
fn the_units_say_what_clients_and_the_daemon_rely_on() {
    let check = |name: &str, expected: &[&str]| {
        let settings = settings(name);
        for setting in expected {
            assert!(settings.iter().any(|found| found == setting), "{name}: no {setting} in {settings:?}");
        }
    };
    check(
        "stsd.socket",
        &[
            "Unit.StartLimitIntervalSec=0",
            "Socket.ListenStream=%t/stsd/stsd.sock",
            "Socket.FileDescriptorName=control",
            "Socket.SocketMode=0600",
            "Socket.DirectoryMode=0700",
            "Install.WantedBy=sockets.target",
        ],
    );
    check(
        "stsd.service",
        &[
            "Unit.Requires=stsd.socket",
            "Unit.After=stsd.socket",
            "Unit.StartLimitIntervalSec=0",
            "Service.Type=notify",
            "Service.ExecStart=%h/.cargo/bin/stsd daemon",
            "Service.Restart=on-failure",
            "Service.RestartSec=1",
            "Service.UMask=0077",
            "Service.LimitCORE=0",
            "Install.Also=stsd.socket",
            "Install.WantedBy=default.target",
        ],
    );
}

#[test]
fn what_breaks_the_daemon_on_real_systems_is_in_no_unit() {
    for name in ["stsd.service", "stsd.socket"] {
        for setting in settings(name) {
            for absent in [
                "RuntimeDirectory=",
                "StateDirectory=",
                "ProtectHome=",
                "PrivateUsers=",
                "PartOf=",
                "graphical-session.target",
            ] {
                assert!(!setting.contains(absent), "{name}: {setting}");
            }
        }
    }
}
