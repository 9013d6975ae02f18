use super::edit::{ProfileChange, put_profile};
use super::*;

fn error(text: &str) -> String {
    parse(text).map_err(|e| e.to_string()).unwrap_err()
}

fn name(text: &str) -> ProfileName {
    ProfileName::parse(text).unwrap()
}

#[test]
fn the_shipped_configuration_is_the_default_one() {
    let shipped = parse(include_str!("../../config/stsd.toml")).unwrap();
    assert_eq!(shipped, Config::default());
}

/// Every setting that the shipped file shows commented out is one that we read.
#[test]
fn the_shipped_examples_are_valid_too() {
    let text: String = include_str!("../../config/stsd.toml")
        .lines()
        .map(|line| line.strip_prefix("#| ").unwrap_or(line).to_owned() + "\n")
        .collect();
    let config = parse(&text).unwrap();
    assert_eq!(config.default_profile, Some(name("work")));
    let names: Vec<_> = config.profiles.iter().map(|profile| profile.name.as_str()).collect();
    assert_eq!(names, ["work", "ci", "work-admin"]);
    assert!(config.profiles.iter().any(|profile| profile.role.is_some()));
}

#[test]
fn a_full_profile_is_read() {
    let config = parse(
        r#"
        default_profile = "work"
        warn_before = ["5m", "1h"]
        keychain = "os"
        [profiles.zeta]
        mfa = { command = ["op", "item", "get", "aws", "--otp"] }
        [profiles.work]
        mfa_serial = "arn:aws:iam::123456789012:mfa/alice"
        region = "eu-west-1"
        duration = "1h30m"
        sections = ["work", "default"]
        on_expiry = "remove"
        "#,
    )
    .unwrap();
    assert_eq!(config.warn_before, [Duration::from_hours(1), Duration::from_mins(5)]);
    let order: Vec<_> = config.profiles.iter().map(|profile| profile.name.as_str()).collect();
    assert_eq!(order, ["zeta", "work"], "the order of the file");
    let work = config.profile(&name("work")).unwrap();
    assert_eq!(work.duration.unwrap().as_secs(), 5400);
    assert_eq!(work.sections.len(), 2);
    assert_eq!(work.on_expiry, OnExpiry::Remove);
    let zeta = config.profile(&name("zeta")).unwrap();
    assert_eq!(
        zeta.mfa,
        MfaSource::Command(["op", "item", "get", "aws", "--otp"].map(str::to_owned).to_vec())
    );
    assert_eq!(zeta.sections, [name("zeta").own_section()]);
}

#[test]
fn an_error_names_the_line_the_key_and_the_nearest_key() {
    let check = |text: &str, expected: &str| assert_eq!(error(text), expected, "{text}");
    check("\nwarn_befor = []", "line 2: unknown key `warn_befor`; did you mean `warn_before`?");
    check(
        "[profiles.work]\nmfa_serail = \"x\"",
        "line 2: unknown key `mfa_serail`; did you mean `mfa_serial`?",
    );
    check("zzz = 1", "line 1: unknown key `zzz`");
    check("[profiles.work]\n\nduration = \"1m\"", "line 3: duration: a session lasts 15m to 36h, not 1m");
    check("notifications = \"yes\"", "line 1: notifications: expected a boolean");
    check("keychain = \"cloud\"", "line 1: keychain: expected one of \"os\", \"file\"");
    check("default_profile = \"work\"", "line 1: default_profile: there is no [profiles.work]");
    check("[profiles.work]\nsections = [\"a\", \"a\"]", "line 2: sections: [a] stands twice");
    check("[profiles.work]\nsections = []", "line 2: sections: at least one section is needed");
    check(
        "[profiles.work]\nmfa = \"sms\"",
        "line 2: mfa: expected \"prompt\", \"totp\", \"none\" or { command = [\"program\", \"argument\"] }",
    );
    check(
        "[profiles.a]\nsections = [\"x\"]\n[profiles.b]\nsections = [\"x\"]",
        "line 4: sections: [x] is written by profile a already",
    );
    assert!(error("[profiles.work\n").starts_with("line 1: "));
    assert!(error("[profiles.\"my work\"]\n").starts_with("line 1: profiles: character 3 is U+0020"));
    assert!(
        error("[profiles.work]\nmfa_serial = \"arn:aws:iam::123456789012:u2f/user/a/b\"").contains("FIDO")
    );
}

#[test]
fn an_error_does_not_quote_a_value() {
    let texts =
        ["warn_before = \"hunter2\"", "[profiles.work]\nduration = \"hunter2\"", "pinentry = [\"hunter2\"]"];
    for text in texts {
        assert!(!error(text).contains("hunter2"), "{}", error(text));
    }
}

#[test]
fn one_profile_is_implied_and_several_are_not() {
    let implied = |text: &str| parse(text).unwrap().implied_profile().map(|p| p.name.to_string());
    assert_eq!(implied(""), None);
    assert_eq!(implied("[profiles.a]"), Some("a".to_owned()));
    assert_eq!(implied("[profiles.a]\n[profiles.b]"), None);
    assert_eq!(implied("default_profile = \"b\"\n[profiles.a]\n[profiles.b]"), Some("b".to_owned()));
}

#[test]
fn adding_a_profile_keeps_the_users_file() {
    let change = ProfileChange {
        mfa_serial: Some(MfaSerial::parse("arn:aws:iam::123456789012:mfa/alice").unwrap()),
        region: None,
        duration: Some("1h".parse().unwrap()),
        ..ProfileChange::default()
    };
    let check = |before: &str, after: &str| {
        let edited = put_profile(before, &name("work"), &change).unwrap();
        assert_eq!(edited, after);
        assert!(parse(&edited).is_ok());
        assert_eq!(put_profile(&edited, &name("work"), &change).unwrap(), edited, "twice is once");
    };
    check("", "[profiles.work]\nmfa_serial = \"arn:aws:iam::123456789012:mfa/alice\"\nduration = \"1h\"\n");
    check(
        "# mine\nnotifications = true # yes\n\n[profiles.other] # keep\nregion = 'eu-west-1'\n",
        "# mine\nnotifications = true # yes\n\n[profiles.other] # keep\nregion = 'eu-west-1'\n\n[profiles.work]\n\
         mfa_serial = \"arn:aws:iam::123456789012:mfa/alice\"\nduration = \"1h\"\n",
    );
    check(
        "[profiles.work]\n# long days\nduration = \"12h\" # was 8\nregion = \"eu-west-1\"\n",
        "[profiles.work]\n# long days\nduration = \"1h\" # was 8\nregion = \"eu-west-1\"\n\
         mfa_serial = \"arn:aws:iam::123456789012:mfa/alice\"\n",
    );
    check(
        "profiles.work.region = \"eu-west-1\"\n",
        "profiles.work.region = \"eu-west-1\"\nprofiles.work.mfa_serial = \"arn:aws:iam::123456789012:mfa/alice\"\n\
         profiles.work.duration = \"1h\"\n",
    );
    assert_eq!(
        put_profile("profiles = 1", &name("work"), &change).unwrap_err().problem,
        "profiles: expected a table"
    );
    assert_eq!(put_profile("\n[x", &name("work"), &change).unwrap_err().line, 2);
}

#[test]
fn a_seed_changes_where_the_code_comes_from_and_nothing_else() {
    let work = ProfileName::parse("work").unwrap();
    let change = ProfileChange { totp: true, ..ProfileChange::default() };
    let check = |before: &str, after: &str| {
        assert_eq!(put_profile(before, &work, &change).unwrap(), after);
        assert_eq!(parse(after).unwrap().profile(&work).unwrap().mfa, MfaSource::Totp);
    };
    check("", "[profiles.work]\nmfa = \"totp\"\n");
    check(
        "# mine\n[profiles.work]\nmfa = \"prompt\" # by hand\nregion = \"eu-west-1\"\n",
        "# mine\n[profiles.work]\nmfa = \"totp\" # by hand\nregion = \"eu-west-1\"\n",
    );
    check("[profiles.work]\nmfa = { command = [\"op\"] } # op\n", "[profiles.work]\nmfa = \"totp\" # op\n");
    check("[profiles.work.mfa]\ncommand = [\"op\"]\n", "[profiles.work]\nmfa = \"totp\"\n");
    let again = put_profile("[profiles.work]\nmfa = \"totp\"\n", &work, &change).unwrap();
    assert_eq!(put_profile(&again, &work, &ProfileChange::default()).unwrap(), again);
}
