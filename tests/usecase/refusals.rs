//! What AWS, the network and the keychain refuse: each has its class, and each leaves the file as it was.

use stsd::config::edit::ProfileChange;
use stsd::domain::failure::FailureClass;
use stsd::domain::mfa::MfaSerial;
use stsd::ports::keychain::KeychainError;
use stsd_test_support::{Fault, KeyState};

use crate::world::{World, key, name};

const FILE: &str =
    "[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = x\n\n[work]\n# mine\n";

/// Refreshes `work` and expects a failure that changes nothing.
fn fails(world: &World, code: &str, class: FailureClass, words: &str) {
    world.write(".aws/credentials", FILE);
    let failure = world.refresh("work", code).unwrap_err();
    assert_eq!(failure.class, class, "{failure}");
    assert!(failure.to_string().contains(words), "{failure}");
    assert!(failure.hint.is_some(), "{failure}");
    assert_eq!(world.credentials(), FILE, "the file was changed by: {failure}");
    let files: Vec<_> =
        std::fs::read_dir(world.path(".aws")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(files.iter().all(|file| file == "credentials" || file == "credentials.lock"), "{files:?}");
    let told = format!("{failure:?}");
    let alice = world.sts.alice();
    assert!(!told.contains(&alice.secret_access_key) && !told.contains(code), "{told}");
    let error = world.status("work").unwrap().last_error;
    assert_eq!(error.map(|error| error.class), Some(class.name().to_owned()), "remembered for status");
}

#[test]
fn a_wrong_a_spent_and_an_old_code() {
    let world = World::with_work();
    let serial = world.sts.alice().serial;
    let words = "AWS refused the MFA code";
    fails(&world, &world.sts.wrong_code(&serial), FailureClass::MfaRefused, words);
    fails(&world, &world.sts.code_at_offset(&serial, -200), FailureClass::MfaRefused, words);
    let code = world.sts.unused_code(&serial);
    world.refresh("work", &code).unwrap();
    assert_eq!(world.sts.codes_sent(), 3);
    fails(&world, &code, FailureClass::MfaRefused, "this code was used; the next one comes in ");
    assert_eq!(world.sts.codes_sent(), 3, "a code that is known to be used is not sent");
}

#[test]
fn a_code_counts_as_used_once_aws_may_have_seen_it() {
    let world = World::with_work();
    let serial = world.sts.alice().serial;
    let used = "this code was used";
    let code = world.sts.unused_code(&serial);
    world.sts.fail_next(1, Fault::Html503);
    fails(&world, &code, FailureClass::Unavailable, "503");
    fails(&world, &code, FailureClass::MfaRefused, used);
    assert_eq!(world.sts.codes_sent(), 1);
}

#[test]
fn a_device_of_another_user_or_account() {
    let world = World::with_work();
    for who in [world.sts.bob(), world.sts.carol()] {
        world.configure(&format!("[profiles.work]\nmfa_serial = \"{}\"\n", who.serial));
        fails(
            &world,
            &world.sts.unused_code(&who.serial),
            FailureClass::MfaRefused,
            "could not validate the code",
        );
    }
}

#[test]
fn a_key_that_is_inactive_deleted_mistyped_or_has_another_secret() {
    let world = World::with_work();
    let alice = world.sts.alice();
    for state in [KeyState::Inactive, KeyState::Deleted] {
        world.sts.set_key_state(&alice.access_key_id, state);
        fails(&world, "123456", FailureClass::AwsRefused, "InvalidClientTokenId");
    }
    world.sts.set_key_state(&alice.access_key_id, KeyState::Active);
    world.keychain.put("work", key("AKIAY34FZKBOKMUTVV7A", &alice.secret_access_key));
    fails(&world, "123456", FailureClass::AwsRefused, "InvalidClientTokenId");
    world.keychain.put("work", key(&alice.access_key_id, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"));
    let code = world.sts.unused_code(&alice.serial);
    fails(&world, &code, FailureClass::AwsRefused, "does not belong to the access key id");
    world.keychain.put("work", key(&alice.access_key_id, &alice.secret_access_key));
    assert!(world.refresh("work", &code).is_ok(), "the code was not spent by the wrong signature");
}

#[test]
fn an_sts_that_is_slow_throttled_broken_or_not_an_sts() {
    let world = World::with_work();
    let serial = world.sts.alice().serial;
    for (fault, words) in [
        (Fault::Throttle, "throttling"),
        (Fault::InternalFailure, "unavailable (HTTP 500)"),
        (Fault::Html503, "unavailable (HTTP 503)"),
        (Fault::ProxyPage403, "not one of STS's"),
        (Fault::Html200, "not one of STS's"),
        (Fault::Garbage, "not one of STS's"),
        (Fault::NotHttp, ""),
        (Fault::BadExpiration, "not one of STS's"),
        (Fault::MissingToken, "not one of STS's"),
        (Fault::EmptyResult, "not one of STS's"),
        (Fault::Truncated, ""),
        (Fault::ExpiredAnswer, "already expired"),
        (Fault::DropBeforeRead, "could not be reached"),
        (Fault::DropUnprocessed, "could not be reached"),
        (Fault::DropAfterRead, "could not be reached"),
        (Fault::DropAfterHead, ""),
        (Fault::Hang, "did not answer within 2 s"),
    ] {
        let told = format!("{fault:?}");
        world.sts.clear_requests();
        world.sts.fail_next(1, fault);
        fails(&world, &world.sts.unused_code(&serial), FailureClass::Unavailable, words);
        assert_eq!(world.sts.requests().len(), 1, "sent once: {told}");
    }
}

#[test]
fn an_sts_that_nobody_listens_for() {
    let world = World::with_work();
    let alice = world.sts.alice();
    let url = world.sts.url().to_owned();
    let code = world.sts.unused_code(&alice.serial);
    let World { home, sts, keychain, ports, .. } = world;
    sts.stop();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let config = runtime.block_on(async { stsd::usecase::profiles::load_config(&ports) }).unwrap();
    let request = stsd::usecase::refresh::RefreshRequest { profiles: vec![name("work")], duration: None };
    let given = crate::world::Given::new(&code);
    let outcome =
        runtime.block_on(stsd::usecase::refresh::refresh(&ports, &config, &request, &given)).unwrap();
    let failure = outcome.profiles[0].1.as_ref().unwrap_err();
    assert_eq!(failure.class, FailureClass::Unavailable, "{url}: {failure}");
    let spent = runtime.block_on(ports.state.load()).spent;
    assert!(spent.is_empty(), "a code that never left can be used again");
    assert!(keychain.holds("work"));
    assert!(!home.path().join(".aws/credentials").exists());
}

#[test]
fn other_refusals_of_sts() {
    let world = World::with_work();
    let error = |status, code: &str, message: &str| Fault::Error {
        status,
        code: code.to_owned(),
        message: message.to_owned(),
    };
    for (fault, words) in [
        (
            error(403, "AccessDenied", "Cannot call GetSessionToken with session credentials"),
            "no session from a session",
        ),
        (error(403, "ExpiredToken", "The security token included in the request is expired"), "ExpiredToken"),
        (
            error(403, "RegionDisabledException", "STS is not activated in this region"),
            "not activated in region us-east-1",
        ),
        (
            error(400, "ValidationError", "1 validation error detected: Value '12'"),
            "malformed (ValidationError)",
        ),
        (
            error(403, "AccessDenied", "User: x is not authorized ... with an explicit deny"),
            "AWS denied the call",
        ),
        (error(400, "OptInRequired", "not subscribed"), "OptInRequired, HTTP 400"),
    ] {
        world.sts.fail_next(1, fault);
        fails(&world, &world.sts.unused_code(&world.sts.alice().serial), FailureClass::AwsRefused, words);
    }
}

#[test]
fn a_server_clock_an_hour_ahead_is_learnt_and_the_call_repeated_once() {
    let world = World::with_work();
    world.sts.set_clock_skew(3600);
    let code = world.sts.unused_code(&world.sts.alice().serial);
    world.refresh("work", &code).unwrap();
    let requests = world.sts.requests();
    assert_eq!(requests.len(), 2);
    assert!(!requests[0].code_consumed && requests[1].code_consumed);
}

#[test]
fn a_keychain_that_is_absent_locked_or_empty_stops_before_any_call() {
    let world = World::with_work();
    for (error, words) in [
        (KeychainError::NoBus("no such file".to_owned()), "no session bus"),
        (KeychainError::NoService, "no keychain is running"),
        (KeychainError::NoDefaultCollection, "no default collection"),
        (KeychainError::Locked, "locked"),
        (KeychainError::Dismissed, "dismissed"),
        (KeychainError::NoAnswer(10), "did not answer within 10 s"),
        (KeychainError::Missing(name("work")), "holds no key"),
        (KeychainError::Ambiguous(2), "2 items"),
        (KeychainError::Platform("gone".to_owned()), "gone"),
    ] {
        world.keychain.break_with(Some(error));
        fails(&world, "123456", FailureClass::Keychain, words);
    }
    world.keychain.break_with(None);
    // It goes away between the checks and the call.
    world.keychain.break_reads_with(Some(KeychainError::NoService));
    fails(&world, "123456", FailureClass::Keychain, "no keychain is running");
    assert!(world.sts.requests().is_empty(), "no code was sent");
}

#[test]
fn a_profile_without_a_serial_or_with_one_that_sts_cannot_use() {
    let world = World::with_work();
    let refused = |text: &str, words: &str| {
        world.configure(text);
        let failure = world.refresh("work", "123456").unwrap_err();
        assert_eq!(failure.class, FailureClass::Config, "{failure}");
        assert!(failure.to_string().contains(words), "{failure}");
    };
    refused("[profiles.work]\n", "no MFA serial");
    refused("[profiles.work]\nmfa_serial = \"arn:aws:iam::123456789012:u2f/user/alice/x\"\n", "FIDO");
    refused("[profiles.other]\n", "there is no [profiles.work]");
    refused("[profiles.work]\nmfa_sreial = \"x\"\n", "did you mean `mfa_serial`?");
    refused("[profiles.work]\ndeliver = \"agent\"\nmfa = \"none\"\n", "not supported by this version");
    world.write(
        ".aws/config",
        "[profile work]\nendpoint_url = http://sts.example.org\nmfa_serial = GAHT12345678\n",
    );
    assert!(world.sts.requests().is_empty());
}

#[test]
fn an_endpoint_in_the_clear_is_refused() {
    let mut world = World::with_work();
    let serial = world.sts.alice().serial;
    let elsewhere = |name: &str| (name == "AWS_ENDPOINT_URL_STS").then(|| "http://192.0.2.1:80".into());
    world.ports.aws =
        std::sync::Arc::new(stsd::adapters::aws_settings::SdkAwsSettings::new("/dev/null".into(), elsewhere));
    world.configure(&format!("[profiles.work]\nmfa_serial = \"{serial}\"\n"));
    let failure = world.refresh("work", "123456").unwrap_err();
    assert_eq!(failure.class, FailureClass::Config);
    assert!(failure.to_string().contains("in the clear"), "{failure}");
}

#[test]
fn a_clock_that_cannot_be_right_spends_no_code() {
    let mut world = World::with_work();
    for year in ["2020-01-01T00:00:00Z", "2060-01-01T00:00:00Z"] {
        let clock = crate::world::SetClock(std::sync::Mutex::new(year.parse().unwrap()));
        world.ports.clock = std::sync::Arc::new(clock);
        let failure = world.refresh("work", "123456").unwrap_err();
        assert_eq!(failure.class, FailureClass::Internal);
        assert!(failure.to_string().contains("clock says 20"), "{failure}");
    }
    assert!(world.sts.requests().is_empty());
}

#[test]
fn a_hardware_device_works_like_a_virtual_one() {
    let world = World::with_work();
    let device =
        world.sts.world(|w| w.find_user("alice").map(|user| (user.account.clone(), user.name.clone())));
    let (account, user) = device.unwrap();
    let serial = world.sts.world(|w| w.user(&account, &user).hardware_device().serial);
    let change =
        ProfileChange { mfa_serial: Some(MfaSerial::parse(&serial).unwrap()), ..ProfileChange::default() };
    let alice = world.sts.alice();
    world.add_with("work", &alice.access_key_id, &alice.secret_access_key, change).unwrap();
    world.refresh("work", &world.sts.unused_code(&serial)).unwrap();
}
