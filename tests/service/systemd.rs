//! The user units.

use std::fs;
use std::process::{Command, Output};

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

/// The units in a directory of their own. The service runs a program that is there, `change` may spoil what is left.
fn units(change: impl Fn(String) -> String, hardened: bool) -> TempDir {
    let units = TempDir::new().unwrap();
    for name in ["stsd.service", "stsd.socket"] {
        let text = unit(name).replace(PROGRAM, "/bin/true");
        fs::write(units.path().join(name), change(text)).unwrap();
    }
    if hardened {
        let drop_ins = units.path().join("stsd.service.d");
        fs::create_dir(&drop_ins).unwrap();
        fs::write(drop_ins.join("hardening.conf"), unit("hardening.conf")).unwrap();
    }
    units
}

/// `systemd-analyze` about units; None where there is no such program.
fn analyze(units: &TempDir, arguments: &[&str], names: &[&str]) -> Option<Output> {
    let output = Command::new("systemd-analyze")
        .args(arguments)
        .args(names.iter().map(|name| units.path().join(name)))
        // Without it the manager of a user does not know what %t is.
        .env("XDG_RUNTIME_DIR", units.path())
        .env("HOME", units.path())
        .output();
    if output.is_err() {
        stsd_test_support::not_run("the systemd units: no systemd-analyze to look at them with");
    }
    output.ok()
}

/// What `systemd-analyze verify` prints about units.
fn verify(units: &TempDir) -> Option<String> {
    let output = analyze(units, &["--user", "verify"], &["stsd.service", "stsd.socket"])?;
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
    for hardened in [false, true] {
        let Some(said) = verify(&units(|unit| unit, hardened)) else { return };
        assert_eq!(said, "", "hardened: {hardened}");
    }
    let spoilt = units(|unit| unit.replace("RestartSec=", "RestartSecs="), false);
    let said = verify(&spoilt).unwrap();
    assert!(said.contains("RestartSecs"), "it would not notice a misspelt setting: {said}");
}

/// The sandbox does not become weaker by accident. Most of what is left of the exposure (0 to 10, here times ten) is what
/// a service of root could do and one of a user cannot anyway.
#[test]
fn the_exposure_stays_below_its_limits() {
    for (hardened, limit) in [(false, 65), (true, 20)] {
        let threshold = format!("--threshold={limit}");
        let arguments = ["security", "--offline=true", "--no-pager", &threshold];
        let Some(output) = analyze(&units(|unit| unit, hardened), &arguments, &["stsd.service"]) else {
            return;
        };
        let said = String::from_utf8_lossy(&output.stdout);
        if String::from_utf8_lossy(&output.stderr).contains("unrecognized option") {
            stsd_test_support::not_run(
                "the exposure of the service: systemd before 250 tells only of loaded units",
            );
            return;
        }
        assert!(output.status.success(), "hardened: {hardened}, limit {limit}: {said}");
    }
    let open = units(|unit| unit.replace("SystemCallFilter=", "#"), false);
    let output =
        analyze(&open, &["security", "--offline=true", "--threshold=65"], &["stsd.service"]).unwrap();
    assert!(!output.status.success(), "it would not notice that system calls are not filtered");
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
            "Service.NoNewPrivileges=yes",
            "Service.MemoryDenyWriteExecute=yes",
            "Service.RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6",
            "Service.SystemCallFilter=@system-service",
            "Service.SystemCallFilter=~@privileged @resources",
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
                // These keep it from starting where user name spaces are forbidden.
                "CapabilityBoundingSet=",
                "PrivateDevices=",
                "ProtectClock=",
                "ProtectKernelLogs=",
                "ProtectKernelModules=",
                "PartOf=",
                "graphical-session.target",
            ] {
                assert!(!setting.contains(absent), "{name}: {setting}");
            }
        }
    }
}
