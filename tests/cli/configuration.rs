//! The configuration: which file is read, and what a wrong one leads to.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::home::{CONFIG, Home, WORK};
use crate::ran::Ran;

#[test]
fn a_wrong_configuration_is_named_by_file_line_and_key() {
    let check = |text: &str, line: &str, key: &str| {
        let home = Home::with(text);
        let file = home.path(CONFIG).display().to_string();
        for command in [&["status"][..], &["refresh", "--code", "123456"], &["forget", "--all"]] {
            home.run(command).failed_with(3, &[&format!("{file}: {line}: "), key, &file]);
        }
        assert_eq!(home.sts.requests(), []);
    };
    check("[profiles.work]\nmfa_serail = \"x\"\n", "line 2", "`mfa_serail`; did you mean `mfa_serial`?");
    check("keychian = \"os\"\n", "line 1", "did you mean `keychain`?");
    check("[profiles.work]\n\nduration = \"10m\"\n", "line 3", "duration: a session lasts 15m to 36h");
    check("[profiles.work]\nduration = 12\n", "line 2", "duration: expected a string");
    check("prompt = \"telepathy\"\n", "line 1", "prompt: expected one of");
    check(
        "[profiles.work]\nmfa_serial = \"arn:aws:iam::123456789012:u2f/x\"\n",
        "line 2",
        "mfa_serial: a FIDO device",
    );
    check("[profiles.work]\nsections = []\n", "line 2", "sections: at least one");
    check("[profiles.\"wo rk\"]\n", "line 1", "profiles: ");
    check(
        "default_profile = \"home\"\n[profiles.work]\n",
        "line 1",
        "default_profile: there is no [profiles.home]",
    );
    check(
        "[profiles.a]\nsections = [\"x\"]\n[profiles.b]\nsections = [\"x\"]\n",
        "line 4",
        "sections: [x] is written by profile a already",
    );
    check("[profiles.work]\nmfa = \"sms\"\n", "line 2", "mfa: expected");
    check("# first\n[profiles.work\n", "line 2", "");
}

/// It names commands to run.
#[test]
fn a_configuration_that_others_may_write_is_refused() {
    let check = |mode: u32, code: i32| {
        let home = Home::with(WORK);
        let file = home.path(CONFIG);
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let ran = home.run(&["status"]);
        if code == 3 {
            let path = file.display().to_string();
            ran.failed_with(3, &[&path, "can be written by other users", &format!("chmod go-w {path}")]);
        } else {
            assert_eq!(ran.code, code, "{mode:o}: {ran:#?}");
        }
    };
    check(0o622, 3);
    check(0o660, 3);
    check(0o602, 3);
    check(0o666, 3);
    check(0o644, 4);
    check(0o600, 4);
}

#[test]
fn the_flag_goes_before_the_variable_and_the_variable_before_the_directory() {
    let home = Home::with("[profiles.directory]\n");
    home.write("variable.toml", "[profiles.variable]\n");
    home.write("flag.toml", "[profiles.flag]\n");
    let variable = home.path("variable.toml");
    let flag = home.path("flag.toml").display().to_string();
    let check = |arguments: &[&str], set: bool, expected: &str| {
        let mut command = home.command(arguments);
        if set {
            command.env("STSD_CONFIG", &variable);
        }
        let ran = Ran::of(&mut command, b"");
        assert!(ran.stdout.contains(&format!("\n{expected} ")), "{expected}: {ran:#?}");
    };
    check(&["status"], false, "directory");
    check(&["status"], true, "variable");
    check(&["status", "--config", &flag], true, "flag");
    check(&["--config", &flag, "status"], false, "flag");
    let unset = Ran::of(home.command(&["status"]).env("STSD_CONFIG", ""), b"");
    assert!(unset.stdout.contains("\ndirectory "), "an empty variable is an unset one: {unset:#?}");
}

#[test]
fn a_broken_file_is_named_wherever_it_was_found() {
    let home = Home::with(WORK);
    home.write("broken.toml", "nonsense\n");
    let file = home.path("broken.toml").display().to_string();
    home.run(&["--config", &file, "status"]).failed_with(3, &[&file, "line 1"]);
    let mut command = home.command(&["status"]);
    Ran::of(command.env("STSD_CONFIG", &file), b"").failed_with(3, &[&file, "line 1"]);
}

#[test]
fn a_profile_that_is_not_configured_is_named_with_the_way_to_make_it() {
    let home = Home::with(WORK);
    let file = home.path(CONFIG).display().to_string();
    let check = |command: &[&str]| {
        home.run(command).failed_with(3, &[&file, "there is no [profiles.wrok]", "did you mean work?"]);
    };
    check(&["status", "wrok"]);
    check(&["refresh", "wrok", "--code", "123456"]);
    check(&["forget", "wrok"]);
    check(&["status", "work", "wrok"]);
    home.run(&["status", "other"]).failed_with(3, &["there is no [profiles.other]", "stsd add other"]);
    assert_eq!(home.sts.requests(), []);
}

#[test]
fn a_command_that_names_no_profile_means_the_only_one_or_the_default() {
    let check = |config: &str, code: i32, words: &[&str]| {
        let home = Home::with(config);
        home.run(&["refresh", "--code", "123456"]).failed_with(code, words);
    };
    check("", 3, &["no profile is configured yet", "stsd add"]);
    check("[profiles.a]\n[profiles.b]\n", 2, &["which profile?", "a, b", "default_profile"]);
    // Two that get as far as the keychain, which is not there.
    check(WORK, 7, &["no session bus"]);
    check(&format!("default_profile = \"work\"\n{WORK}[profiles.a]\n"), 7, &["no session bus"]);
    let home = Home::with("[profiles.a]\n[profiles.b]\n");
    home.run(&["forget"]).failed_with(2, &["which profile?"]);
    Home::new().run(&["forget"]).failed_with(3, &["no profile is configured yet"]);
}

#[test]
fn a_profile_without_a_device_is_refused_unless_it_says_that_it_has_none() {
    let check = |config: &str, code: i32, words: &[&str]| {
        Home::with(config).run(&["refresh", "--code", "123456"]).failed_with(code, words);
    };
    check("[profiles.work]\n", 3, &["profile work has no MFA serial", "mfa = \"none\""]);
    check("[profiles.work]\nmfa = \"none\"\n", 7, &["no session bus"]);
    let home = Home::with("[profiles.work]\n");
    home.write(".aws/config", "[profile work]\nmfa_serial = arn:aws:iam::123456789012:mfa/alice\n");
    home.run(&["refresh", "--code", "123456"]).failed_with(7, &["no session bus"]);
}

#[test]
fn an_endpoint_that_would_carry_a_code_in_the_clear_is_refused() {
    let home = Home::with(WORK);
    let mut command = home.command(&["refresh", "--code", "123456"]);
    let ran = Ran::of(command.env("AWS_ENDPOINT_URL_STS", "http://sts.example.org"), b"");
    ran.failed_with(3, &["plain http", "sts.example.org", "AWS_ENDPOINT_URL_STS"]);
    // However it is set.
    for settings in [
        "[profile work]\nendpoint_url = http://10.0.0.1\n",
        "[profile work]\nservices = local\n[services local]\nsts =\n  endpoint_url = http://10.0.0.1:4566/\n",
    ] {
        home.write(".aws/config", settings);
        let mut command = home.command(&["refresh", "--code", "123456"]);
        command.env_remove("AWS_ENDPOINT_URL_STS");
        Ran::of(&mut command, b"").failed_with(3, &["plain http", "10.0.0.1"]);
    }
}
