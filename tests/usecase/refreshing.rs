//! What a refresh does when all is well.

use chrono::{TimeDelta, Utc};
use stsd::domain::failure::FailureClass;
use stsd::domain::mfa::MfaCode;
use stsd::domain::session::State;

use crate::world::{Asked, Given, World};

#[test]
fn a_code_becomes_a_session_in_the_file_and_the_rest_of_the_file_stays() {
    let world = World::with_work();
    let before = "# mine\r\n[default]\r\nregion = eu-west-1\r\n";
    world.write(".aws/credentials", before);
    let alice = world.sts.alice();
    let refreshed = world.refresh("work", &world.sts.unused_code(&alice.serial)).unwrap();
    let after = world.credentials();
    assert!(after.starts_with(before), "{after}");
    let lines: Vec<_> = after[before.len()..].split("\r\n").filter(|line| !line.is_empty()).collect();
    assert_eq!(lines[0], "[work]");
    assert!(lines[1].starts_with("aws_access_key_id = ASIA"));
    assert!(lines[2].starts_with("aws_secret_access_key = "));
    assert!(lines[3].starts_with("aws_session_token = "));
    let expires = lines[4].strip_prefix("x_security_token_expires = ").unwrap();
    assert!(expires.ends_with('Z'), "{expires}");
    assert_eq!(expires.parse::<chrono::DateTime<Utc>>().unwrap(), refreshed.expires_at);
    let status = world.status("work").unwrap();
    assert_eq!(status.status.state, State::Active);
    assert!((43_190..=43_200).contains(&status.status.seconds_left.unwrap()));
    assert_eq!(status.status.next_notice_at, Some(refreshed.expires_at - TimeDelta::minutes(30)));
    assert_eq!(status.mfa_serial.unwrap().as_str(), alice.serial);
    assert_eq!(world.sts.codes_sent(), 1);
    let state = std::fs::read_to_string(world.path(".local/state/stsd/state.json")).unwrap();
    for line in &lines[1..4] {
        let secret = line.split(" = ").nth(1).unwrap();
        assert!(!state.contains(secret), "the state file holds a secret");
    }
    assert!(!state.contains(&alice.secret_access_key));
}

#[test]
fn what_sts_grants_counts_not_what_was_asked_for() {
    let world = World::with_work();
    world.sts.set_session_seconds(Some(600));
    let code = world.sts.unused_code(&world.sts.alice().serial);
    let refreshed = world.refresh("work", &code).unwrap();
    let left = refreshed.expires_at - Utc::now();
    assert!(left <= TimeDelta::seconds(600), "{left}");
    // 30 minutes are longer than this session's whole life, so only the second lead applies.
    assert_eq!(
        world.status("work").unwrap().status.next_notice_at,
        Some(refreshed.expires_at - TimeDelta::minutes(5))
    );
}

#[test]
fn the_duration_of_the_profile_is_asked_for() {
    let world = World::with_work();
    let text = std::fs::read_to_string(world.path(".config/stsd/config.toml")).unwrap();
    world.configure(&(text + "duration = \"1h30m\"\n"));
    world.refresh("work", &world.sts.unused_code(&world.sts.alice().serial)).unwrap();
    assert_eq!(world.sts.requests_of("GetSessionToken")[0].duration.as_deref(), Some("5400"));
}

#[test]
fn the_duration_of_aws_configuration_is_asked_for_unless_it_is_a_roles() {
    let world = World::with_work();
    let asked = |config: &str| {
        world.sts.clear_requests();
        world.write(".aws/config", config);
        world
            .refresh("work", &world.sts.unused_code(&world.sts.alice().serial))
            .map(|_| world.sts.requests_of("GetSessionToken")[0].duration.clone().unwrap_or_default())
    };
    assert_eq!(asked("[profile work]\nduration_seconds = 1800\n").unwrap(), "1800");
    assert_eq!(asked("[profile work]\nduration_seconds = 1800\nrole_arn = x\n").unwrap(), "43200");
    let failure = asked("[profile work]\nduration_seconds = 60\n").unwrap_err();
    assert_eq!(failure.class, FailureClass::Config);
    assert!(failure.to_string().contains("a session lasts 15m to 36h"), "{failure}");
}

#[test]
fn profiles_that_share_key_and_device_share_the_code() {
    let world = World::with_work();
    world.add("second", &world.sts.alice()).unwrap();
    world.sts.clear_requests();
    let code = world.sts.unused_code(&world.sts.alice().serial);
    let outcomes = world.refresh_all(&["second", "work"], &Given::new(&code)).unwrap();
    let names: Vec<_> = outcomes.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["second", "work"]);
    assert!(outcomes.iter().all(|(_, outcome)| outcome.is_ok()));
    assert_eq!(world.sts.requests().len(), 1);
    let file = world.credentials();
    let ids: Vec<_> = file.lines().filter(|line| line.starts_with("aws_access_key_id")).collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1], "one session in both sections");
    for profile in ["work", "second"] {
        assert_eq!(world.status(profile).unwrap().status.state, State::Active);
    }
}

#[test]
fn one_code_for_two_devices_is_refused_before_any_call() {
    let world = World::with_work();
    world.add("bob", &world.sts.bob()).unwrap();
    world.sts.clear_requests();
    let failure = world.refresh_all(&["work", "bob"], &Given::new("123456")).unwrap_err();
    assert_eq!(failure.class, FailureClass::Usage);
    assert!(world.sts.requests().is_empty());
    assert_eq!(world.credentials(), "");
}

#[test]
fn each_of_several_profiles_is_tried() {
    let world = World::with_work();
    world.add("bob", &world.sts.bob()).unwrap();
    world.configure(
        &(std::fs::read_to_string(world.path(".config/stsd/config.toml")).unwrap() + "[profiles.empty]\n"),
    );
    let codes = Asked(|wanted: &stsd::usecase::refresh::CodeWanted| {
        let bob = wanted.profiles[0].as_str() == "bob";
        let serial = if bob { world.sts.bob().serial } else { world.sts.alice().serial };
        Ok(MfaCode::parse(&world.sts.unused_code(&serial)).unwrap())
    });
    let outcomes = world.refresh_all(&["empty", "work", "bob"], &codes).unwrap();
    assert_eq!(outcomes[0].1.as_ref().unwrap_err().class, FailureClass::Config, "no serial");
    assert!(outcomes[1].1.is_ok() && outcomes[2].1.is_ok());
}

#[test]
fn a_profile_without_mfa_needs_no_code() {
    let world = World::with_work();
    world.configure("[profiles.work]\nmfa = \"none\"\n");
    let nobody = Asked(|_: &stsd::usecase::refresh::CodeWanted| panic!("nobody is to be asked"));
    let outcomes = world.refresh_all(&["work"], &nobody).unwrap();
    assert!(outcomes[0].1.is_ok());
    let request = &world.sts.requests_of("GetSessionToken")[0];
    assert_eq!((request.serial.clone(), request.code.clone()), (None, None));
}

#[test]
fn the_serial_may_come_from_aws_configuration() {
    let world = World::with_work();
    world.configure("[profiles.work]\n");
    let serial = world.sts.alice().serial;
    world.write(".aws/config", format!("[profile work]\nmfa_serial = {serial}\nregion = eu-west-1\n"));
    world.refresh("work", &world.sts.unused_code(&serial)).unwrap();
    let request = &world.sts.requests_of("GetSessionToken")[0];
    assert_eq!(request.serial.as_deref(), Some(serial.as_str()));
    assert_eq!(request.region.as_deref(), Some("eu-west-1"));
}

#[test]
fn several_sections_get_the_session_in_one_replacement() {
    let world = World::with_work();
    let text = std::fs::read_to_string(world.path(".config/stsd/config.toml")).unwrap();
    world.configure(&(text + "sections = [\"work\", \"default\"]\n"));
    let refreshed = world.refresh("work", &world.sts.unused_code(&world.sts.alice().serial)).unwrap();
    assert_eq!(refreshed.sections.len(), 2);
    assert_eq!(world.credentials().matches("aws_session_token").count(), 2);
}

#[test]
fn a_rival_in_aws_configuration_is_named() {
    let world = World::with_work();
    world.write(".aws/config", "[profile work]\ncredential_process = /bin/other\n");
    let refreshed = world.refresh("work", &world.sts.unused_code(&world.sts.alice().serial)).unwrap();
    assert!(refreshed.warnings[0].contains("credential_process"), "{:?}", refreshed.warnings);
}

#[test]
fn status_knows_a_session_of_which_only_the_file_tells() {
    let world = World::with_work();
    let code = world.sts.unused_code(&world.sts.alice().serial);
    world.refresh("work", &code).unwrap();
    std::fs::remove_file(world.path(".local/state/stsd/state.json")).unwrap();
    assert_eq!(world.status("work").unwrap().status.state, State::Active);
    std::fs::remove_file(world.path(".aws/credentials")).unwrap();
    assert_eq!(world.status("work").unwrap().status.state, State::Absent, "the file wins on presence");
}
