//! `add`: nothing is stored unless AWS knows the key.

use stsd::config::edit::ProfileChange;
use stsd::domain::failure::FailureClass;
use stsd::domain::mfa::MfaSerial;
use stsd::ports::keychain::KeychainError;
use stsd::usecase::add::{AddRequest, add, doubt, prepare};
use stsd_test_support::{Fault, KeyState};

use crate::world::{World, key, name};

#[test]
fn a_key_is_verified_stored_and_written_into_the_configuration() {
    let world = World::new();
    world.configure("# mine\nwarn_before = [\"1h\"]   # early\n");
    let alice = world.sts.alice();
    let added = world.add("work", &alice).unwrap();
    assert_eq!(added.identity.unwrap().arn, alice.arn);
    assert!(added.warnings.is_empty(), "{:?}", added.warnings);
    assert!(world.keychain.holds("work"));
    let text = std::fs::read_to_string(world.path(".config/stsd/config.toml")).unwrap();
    let expected = format!(
        "# mine\nwarn_before = [\"1h\"]   # early\n\n[profiles.work]\nmfa_serial = \"{}\"\n",
        alice.serial
    );
    assert_eq!(text, expected);
    assert!(!text.contains(&alice.secret_access_key));
}

#[test]
fn a_key_that_aws_refuses_is_not_stored() {
    let world = World::new();
    let alice = world.sts.alice();
    let refused = |id: &str, secret: &str, class: FailureClass| {
        let failure = world.add_with("work", id, secret, ProfileChange::default()).unwrap_err();
        assert_eq!(failure.class, class, "{failure}");
        assert!(!world.keychain.holds("work"));
        assert!(!world.path(".config/stsd/config.toml").exists());
    };
    refused(&alice.access_key_id, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", FailureClass::AwsRefused);
    refused("AKIAY34FZKBOKMUTVV7A", &alice.secret_access_key, FailureClass::AwsRefused);
    world.sts.fail_next(1, Fault::Throttle);
    refused(&alice.access_key_id, &alice.secret_access_key, FailureClass::Unavailable);
    world.sts.set_key_state(&alice.access_key_id, KeyState::Inactive);
    refused(&alice.access_key_id, &alice.secret_access_key, FailureClass::AwsRefused);
    world.keychain.break_with(Some(KeychainError::Locked));
    refused(&alice.access_key_id, &alice.secret_access_key, FailureClass::Keychain);
}

#[test]
fn without_verification_aws_is_not_asked() {
    let world = World::new();
    let change = ProfileChange::default();
    let key = key("minio_user_0123456", "secret");
    let request = AddRequest { profile: name("other"), key, change, verify: false };
    let added = world.run(async {
        let prepared = prepare(&world.ports, &request.profile, &request.change).await.unwrap();
        assert!(prepared.lacks_serial);
        add(&world.ports, &prepared, &request).await.unwrap()
    });
    assert!(world.sts.requests().is_empty());
    assert!(
        doubt(&request.key).is_some_and(|doubt| doubt.contains("does not look like a long-term key of AWS"))
    );
    assert!(!added.ready);
    assert!(added.warnings.iter().any(|warning| warning.contains("no MFA serial yet")));
}

#[test]
fn a_device_of_another_account_is_pointed_out() {
    let world = World::new();
    let (alice, carol) = (world.sts.alice(), world.sts.carol());
    let change = ProfileChange {
        mfa_serial: Some(MfaSerial::parse(&carol.serial).unwrap()),
        ..ProfileChange::default()
    };
    let added = world.add_with("work", &alice.access_key_id, &alice.secret_access_key, change).unwrap();
    assert!(added.warnings[0].contains(&format!("account {}", alice.account)), "{:?}", added.warnings);
}

#[test]
fn a_second_key_replaces_the_first_and_keeps_the_settings() {
    let world = World::with_work();
    let before = std::fs::read_to_string(world.path(".config/stsd/config.toml")).unwrap();
    let bob = world.sts.bob();
    world.add_with("work", &bob.access_key_id, &bob.secret_access_key, ProfileChange::default()).unwrap();
    assert_eq!(std::fs::read_to_string(world.path(".config/stsd/config.toml")).unwrap(), before);
    // The device is still alice's: AWS refuses, as it must.
    let failure = world.refresh("work", &world.sts.unused_code(&world.sts.alice().serial)).unwrap_err();
    assert_eq!(failure.class, FailureClass::MfaRefused);
}

#[test]
fn profiles_that_are_added_at_once_are_all_configured() {
    let world = World::new();
    let alice = world.sts.alice();
    let ports = &world.ports;
    std::thread::scope(|threads| {
        for number in 0..8 {
            let key = key(&alice.access_key_id, &alice.secret_access_key);
            threads.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                let profile = name(&format!("p{number}"));
                let request = AddRequest { profile, key, change: ProfileChange::default(), verify: false };
                runtime.block_on(async {
                    let prepared = prepare(ports, &request.profile, &request.change).await.unwrap();
                    add(ports, &prepared, &request).await.unwrap();
                });
            });
        }
    });
    let config = world.run(async { stsd::usecase::profiles::load_config(ports) }).unwrap();
    assert_eq!(config.profiles.len(), 8);
}

#[test]
fn a_broken_configuration_is_reported_before_a_key_is_asked_for() {
    let world = World::new();
    world.configure("warn_befor = []\n");
    let prepared = world.run(prepare(&world.ports, &name("work"), &ProfileChange::default()));
    let failure = prepared.unwrap_err();
    assert_eq!(failure.class, FailureClass::Config);
    assert!(failure.to_string().contains("config.toml: line 1: unknown key `warn_befor`"), "{failure}");
}
