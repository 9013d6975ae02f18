//! Codes that need nobody: from the seed in the keychain, or from a command.

use std::sync::{Arc, Mutex};

use chrono::{DateTime, FixedOffset, TimeDelta, Utc};
use stsd::config::MfaSource;
use stsd::config::edit::ProfileChange;
use stsd::domain::failure::{Failure, FailureClass};
use stsd::domain::mfa::MfaCode;
use stsd::domain::totp::{self, TotpSeed};
use stsd::ports::Answer;
use stsd::ports::keychain::KeychainError;
use stsd::ports::time::{Clock, Timer};
use stsd::usecase::profiles::load_config;
use stsd::usecase::refresh::Refreshed;
use stsd::usecase::{remove, seed};

use crate::world::{Asked, World, name};

/// A clock that stands still, and a timer that lets it jump to where somebody waits.
struct Jumps {
    now: Mutex<DateTime<Utc>>,
    waits: Mutex<Vec<DateTime<Utc>>>,
}

impl Clock for Jumps {
    fn now(&self) -> DateTime<Utc> {
        *self.now.lock().unwrap()
    }

    fn local(&self, at: DateTime<Utc>) -> DateTime<FixedOffset> {
        at.fixed_offset()
    }
}

impl Timer for Jumps {
    fn wait_until(&self, deadline: DateTime<Utc>) -> Answer<'_, ()> {
        *self.now.lock().unwrap() = deadline;
        self.waits.lock().unwrap().push(deadline);
        Box::pin(async {})
    }
}

/// A world whose time jumps; the server takes the codes of some minutes.
fn jumping(world: &mut World) -> Arc<Jumps> {
    world.sts.set_code_tolerance(10);
    let jumps = Arc::new(Jumps { now: Mutex::new(Utc::now()), waits: Mutex::default() });
    world.ports.clock = Arc::<Jumps>::clone(&jumps);
    world.ports.timer = Arc::<Jumps>::clone(&jumps);
    jumps
}

/// Alice's key and the seed of her device are stored as profile `work`.
fn with_seed() -> World {
    let world = World::with_work();
    let alice = world.sts.alice();
    let seed = TotpSeed::parse(&alice.seed.into()).unwrap();
    world.run(seed::store(&world.ports, &name("work"), &seed, &ProfileChange::default())).unwrap();
    world
}

/// Refreshes `work`; nobody may be asked.
fn refresh(world: &World) -> Result<Refreshed, Failure> {
    let nobody = Asked(|_: &_| -> Result<MfaCode, Failure> { panic!("a person was asked") });
    world.refresh_all(&["work"], &nobody).unwrap().remove(0).1
}

fn configure(world: &World, mfa: &str) {
    let serial = world.sts.alice().serial;
    world.configure(&format!("[profiles.work]\nmfa_serial = \"{serial}\"\nmfa = {mfa}\n"));
}

#[test]
fn a_seed_makes_the_code_and_the_configuration_says_so() {
    let world = with_seed();
    let config = world.run(async { load_config(&world.ports) }).unwrap();
    assert_eq!(config.profile(&name("work")).unwrap().mfa, MfaSource::Totp);
    refresh(&world).unwrap();
    assert!(world.credentials().contains("aws_session_token"));
    assert_eq!(world.sts.codes_sent(), 1);
    let state = std::fs::read_to_string(world.path(".local/state/stsd/state.json")).unwrap();
    assert!(!state.contains(&world.sts.alice().seed));
}

#[test]
fn a_code_that_was_used_is_not_sent_again_but_the_next_one_waited_for() {
    let mut world = with_seed();
    let jumps = jumping(&mut world);
    let first = totp::step(jumps.now());
    refresh(&world).unwrap();
    assert_eq!(jumps.waits.lock().unwrap().len(), 0);
    refresh(&world).unwrap();
    assert_eq!(*jumps.waits.lock().unwrap(), [totp::begin(first + 1)]);
    refresh(&world).unwrap();
    assert_eq!(*jumps.waits.lock().unwrap(), [totp::begin(first + 1), totp::begin(first + 2)]);
    assert_eq!(world.sts.codes_sent(), 3);
    // In its own time nobody waits.
    *jumps.now.lock().unwrap() += TimeDelta::seconds(30);
    refresh(&world).unwrap();
    assert_eq!(jumps.waits.lock().unwrap().len(), 2);
}

#[test]
fn profiles_with_one_device_each_wait_for_a_code_of_their_own() {
    let mut world = with_seed();
    let alice = world.sts.alice();
    // Other keys, other sessions, one device.
    world.configure(&format!(
        "[profiles.work]\nmfa_serial = \"{0}\"\nmfa = \"totp\"\n[profiles.too]\nmfa_serial = \"{0}\"\nmfa = \"totp\"\n",
        alice.serial
    ));
    world.keychain.put("too", world.keychain.key("work").unwrap());
    world.keychain.put_seed("too", &alice.seed);
    let jumps = jumping(&mut world);
    let nobody = Asked(|_: &_| -> Result<MfaCode, Failure> { panic!("a person was asked") });
    for profile in ["work", "too"] {
        world.refresh_all(&[profile], &nobody).unwrap().remove(0).1.unwrap();
    }
    assert_eq!(jumps.waits.lock().unwrap().len(), 1);
    // Together they share code and session.
    world.sts.clear_requests();
    assert!(world.refresh_all(&["work", "too"], &nobody).unwrap().iter().all(|(_, result)| result.is_ok()));
    assert_eq!(world.sts.codes_sent(), 1);
}

#[test]
fn a_step_of_a_clock_that_was_ahead_is_not_waited_for() {
    let mut world = with_seed();
    let jumps = jumping(&mut world);
    let now = jumps.now();
    *jumps.now.lock().unwrap() = now + TimeDelta::hours(1);
    refresh(&world).unwrap_err();
    *jumps.now.lock().unwrap() = now;
    refresh(&world).unwrap();
    assert_eq!(jumps.waits.lock().unwrap().len(), 0);
}

#[test]
fn a_code_that_was_typed_wins_and_is_not_made_again() {
    let mut world = with_seed();
    let jumps = jumping(&mut world);
    world.refresh("work", &world.sts.code_at_offset(&world.sts.alice().serial, 0)).unwrap();
    assert_eq!(jumps.waits.lock().unwrap().len(), 0);
    refresh(&world).unwrap();
    assert_eq!(jumps.waits.lock().unwrap().len(), 1);
}

#[test]
fn a_code_of_another_devices_seed_is_refused_with_what_may_be_wrong() {
    let world = with_seed();
    world.keychain.put_seed("work", &world.sts.bob().seed);
    let failure = refresh(&world).unwrap_err();
    assert_eq!(failure.class, FailureClass::MfaRefused);
    assert!(failure.hint.unwrap().contains("stsd add work --totp-seed -"));
    assert_eq!(world.sts.codes_sent(), 1);
}

#[test]
fn a_seed_that_is_not_there_is_asked_for_by_command() {
    let world = World::with_work();
    configure(&world, "\"totp\"");
    let failure = refresh(&world).unwrap_err();
    assert_eq!((failure.class, failure.class.exit_code()), (FailureClass::Keychain, 7));
    assert_eq!(failure.message, "the keychain holds no TOTP seed of profile \"work\"");
    assert_eq!(failure.hint.as_deref(), Some("stsd add work --totp-seed -"));
    assert_eq!(world.sts.requests(), []);
    assert_eq!(world.status("work").unwrap().last_error.unwrap().class, "keychain");
}

#[test]
fn a_seed_is_checked_against_what_the_device_shows() {
    let world = World::new();
    let alice = world.sts.alice();
    let seed = TotpSeed::parse(&alice.seed.clone().into()).unwrap();
    let check = |code: &str| {
        let code = MfaCode::parse(code).unwrap();
        seed::check(&world.ports, &name("work"), &seed, &code)
    };
    check(&world.sts.code_at_offset(&alice.serial, 0)).unwrap();
    check(&world.sts.code_at_offset(&alice.serial, -1)).unwrap_or_else(|_| {
        // A step ended between the two looks at the clock.
        check(&world.sts.code_at_offset(&alice.serial, -1)).unwrap();
    });
    let failure = check(&world.sts.code_at_offset(&world.sts.bob().serial, 0)).unwrap_err();
    assert_eq!(failure.class, FailureClass::MfaRefused);
    assert_eq!(world.sts.requests(), []);
}

#[test]
fn a_removal_takes_the_seed_along() {
    let world = with_seed();
    let config = world.run(async { load_config(&world.ports) }).unwrap();
    world.run(remove::remove(&world.ports, &config, &name("work"))).unwrap();
    assert!(!world.keychain.holds("work") && !world.keychain.holds_seed("work"));
    // A seed without a key goes too, although there is no key to remove.
    world.keychain.put_seed("work", &world.sts.alice().seed);
    world.run(remove::remove(&world.ports, &config, &name("work"))).unwrap_err();
    assert!(!world.keychain.holds_seed("work"));
}

#[test]
fn a_seed_that_cannot_be_stored_changes_no_configuration() {
    let world = World::with_work();
    let before = std::fs::read_to_string(world.path(".config/stsd/config.toml")).unwrap();
    world.keychain.break_with(Some(KeychainError::Locked));
    let seed = TotpSeed::parse(&world.sts.alice().seed.into()).unwrap();
    let stored = world.run(seed::store(&world.ports, &name("work"), &seed, &ProfileChange::default()));
    assert_eq!(stored.unwrap_err().class, FailureClass::Keychain);
    assert_eq!(std::fs::read_to_string(world.path(".config/stsd/config.toml")).unwrap(), before);
}

#[test]
fn a_command_gives_the_code() {
    let world = World::with_work();
    let code = world.sts.unused_code(&world.sts.alice().serial);
    configure(&world, &format!("{{ command = [\"printf\", \"%s\\\\n\", \"{code}\"] }}"));
    refresh(&world).unwrap();
    assert_eq!(world.sts.codes_sent(), 1);
}

#[test]
fn a_command_that_gives_no_code_is_named_and_nothing_is_sent() {
    let world = World::with_work();
    let check = |command: &str, words: &str| {
        configure(&world, &format!("{{ command = {command} }}"));
        let failure = refresh(&world).unwrap_err();
        assert_eq!((failure.class, failure.class.exit_code()), (FailureClass::NoSession, 4), "{failure}");
        assert!(failure.message.contains(words), "{failure}");
        assert!(failure.message.contains("of profile work gave no code"), "{failure}");
        let shown = format!("{} {:?}", failure.message, failure.hint);
        assert!(!shown.contains("hush"), "{shown}");
    };
    check(r#"["sh", "-c", "echo hush; exit 3"]"#, "the command \"sh\" of");
    check(r#"["sh", "-c", "echo hush; exit 3"]"#, "it ended with exit status: 3");
    check(r#"["echo", "hush"]"#, "not six digits");
    check(r#"["/no/such/op"]"#, "it cannot be started");
    // The test's commands may take 2 s.
    check(r#"["sleep", "60"]"#, "it did not end within 2 s");
    assert_eq!(world.sts.requests(), []);
    let error = world.status("work").unwrap().last_error.unwrap();
    assert!(error.message.contains("did not end"), "{error:?}");
}
