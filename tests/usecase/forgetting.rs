//! `forget` and `remove`: what we wrote goes, nothing else does.

use std::sync::{Arc, Mutex};

use stsd::domain::failure::FailureClass;
use stsd::domain::profile::SectionName;
use stsd::domain::record;
use stsd::domain::session::State;
use stsd::ports::Answer;
use stsd::ports::keychain::KeychainError;
use stsd::ports::session_store::Removal;
use stsd::ports::state::{StateChange, StateError, StateStore};
use stsd::usecase::profiles::load_config;
use stsd::usecase::remove::remove;

use crate::world::{World, name};

const BEFORE: &str =
    "# mine\n[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = x\n";

fn refreshed(before: &str) -> World {
    let world = World::with_work();
    world.write(".aws/credentials", before);
    world.refresh("work", &world.sts.unused_code(&world.sts.alice().serial)).unwrap();
    world
}

#[test]
fn forgetting_restores_the_file_byte_for_byte() {
    for before in [BEFORE, "", "[default]\nregion = x", "[a]\r\nb = c\r\n\r\n"] {
        let world = refreshed(before);
        assert_ne!(world.credentials(), before);
        assert!(world.forget("work").unwrap().had_session());
        assert_eq!(world.credentials(), before);
        assert_eq!(world.status("work").unwrap().status.state, State::Absent);
        assert!(world.keychain.holds("work"), "the key stays");
        assert!(!world.forget("work").unwrap().had_session(), "twice is fine");
        assert_eq!(world.credentials(), before);
    }
}

#[test]
fn a_section_that_was_there_keeps_the_rest_of_itself() {
    let before = "[work]\n# mine\nregion = eu-west-1\n";
    let world = refreshed(before);
    world.forget("work").unwrap();
    assert_eq!(world.credentials(), before);
}

#[test]
fn a_renewed_session_is_still_ours_to_forget() {
    let world = refreshed(BEFORE);
    world.refresh("work", &world.sts.unused_code(&world.sts.alice().serial)).unwrap();
    world.forget("work").unwrap();
    assert_eq!(world.credentials(), BEFORE, "the section that we created goes whole");
}

#[test]
fn credentials_of_somebody_else_are_left_alone() {
    let world = refreshed("");
    let theirs = "[work]\naws_access_key_id = ASIAY34FZKBOKMUTVV7A\naws_secret_access_key = theirs\naws_session_token = t\n";
    world.write(".aws/credentials", theirs);
    let forgotten = world.forget("work").unwrap();
    assert_eq!(forgotten.sections[0].1, Removal::Foreign);
    assert_eq!(world.credentials(), theirs);
    assert_eq!(world.forget("work").unwrap().sections[0].1, Removal::Foreign, "also the second time");
    assert_eq!(world.credentials(), theirs);
}

#[test]
fn a_section_that_is_no_longer_configured_is_forgotten_too() {
    let world = World::with_work();
    let serial = world.sts.alice().serial;
    for sections in ["\"a\", \"b\"", "\"a\""] {
        world.configure(&format!("[profiles.work]\nmfa_serial = \"{serial}\"\nsections = [{sections}]\n"));
        world.refresh("work", &world.sts.unused_code(&serial)).unwrap();
    }
    assert!(world.credentials().contains("[b]"));
    world.forget("work").unwrap();
    assert_eq!(world.credentials(), "");
}

#[test]
fn a_session_whose_table_is_gone_can_be_forgotten_and_its_key_removed() {
    let world = refreshed(BEFORE);
    world.configure("");
    world.forget("work").unwrap();
    assert_eq!(world.credentials(), BEFORE);
    let config = world.run(async { load_config(&world.ports) }).unwrap();
    world.run(remove(&world.ports, &config, &name("work"))).unwrap();
    assert!(!world.keychain.holds("work"));
    let unknown = world.run(remove(&world.ports, &config, &name("work"))).unwrap_err();
    assert_eq!(unknown.class, FailureClass::Config);
}

#[test]
fn a_session_outlives_a_lost_state_and_can_still_be_forgotten() {
    let world = refreshed(BEFORE);
    std::fs::remove_file(world.path(".local/state/stsd/state.json")).unwrap();
    assert!(world.forget("work").unwrap().had_session());
    assert!(world.credentials().starts_with(BEFORE));
    assert!(!world.credentials().contains("aws_session_token"));
}

#[test]
fn removing_forgets_and_deletes_the_key_and_keeps_the_settings() {
    let world = refreshed(BEFORE);
    world
        .run(async {
            let config = load_config(&world.ports)?;
            remove(&world.ports, &config, &name("work")).await
        })
        .unwrap();
    assert_eq!(world.credentials(), BEFORE);
    assert!(!world.keychain.holds("work"));
    let config = world.run(async { load_config(&world.ports) }).unwrap();
    assert!(config.profile(&name("work")).is_some());
    let again = world.run(remove(&world.ports, &config, &name("work"))).unwrap_err();
    assert_eq!(again.class, FailureClass::Keychain);
    assert!(again.to_string().contains("holds no key"), "{again}");
}

#[test]
fn a_locked_keychain_stops_a_removal_before_the_session_goes() {
    let world = refreshed(BEFORE);
    let before = world.credentials();
    world.keychain.break_with(Some(KeychainError::Locked));
    let config = world.run(async { load_config(&world.ports) }).unwrap();
    let failure = world.run(remove(&world.ports, &config, &name("work"))).unwrap_err();
    assert_eq!(failure.class, FailureClass::Keychain);
    assert_eq!(world.credentials(), before);
}

/// A state that is read once as it was a moment ago.
struct Stale(Arc<dyn StateStore>, Mutex<Option<record::State>>);

impl StateStore for Stale {
    fn load(&self) -> Answer<'_, record::State> {
        let stale = self.1.lock().unwrap().take();
        Box::pin(async move {
            match stale {
                Some(stale) => stale,
                None => self.0.load().await,
            }
        })
    }

    fn update(&self, change: StateChange) -> Answer<'_, Result<(), StateError>> {
        self.0.update(change)
    }
}

#[test]
fn a_session_that_is_renewed_while_it_is_forgotten_goes_too() {
    let mut world = World::with_work();
    let code = || world.sts.unused_code(&world.sts.alice().serial);
    world.refresh("work", &code()).unwrap();
    let before = world.run(world.ports.state.load());
    world.refresh("work", &code()).unwrap();
    world.ports.state = Arc::new(Stale(Arc::clone(&world.ports.state), Mutex::new(Some(before))));
    let forgotten = world
        .run(stsd::usecase::forget::forget_one(&world.ports, &name("work"), &[section("work")]))
        .unwrap();
    assert!(forgotten.had_session());
    assert_eq!(world.credentials(), "");
}

fn section(text: &str) -> SectionName {
    SectionName::parse(text).unwrap()
}
