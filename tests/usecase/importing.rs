//! `add --import`: at every moment the key is in the file or in the keychain, and at the end once, in the keychain.

use stsd::config::edit::ProfileChange;
use stsd::domain::failure::{Failure, FailureClass};
use stsd::domain::profile::SectionName;
use stsd::ports::keychain::KeychainError;
use stsd::ports::session_store::Removal;
use stsd::usecase::Ports;
use stsd::usecase::import::{ImportRequest, Imported, Plan, import, plan};
use stsd_test_support::{Fault, Identity, KeyState};

use crate::mortal::{End, Fate};
use crate::world::{World, key, name};

const CONFIG: &str = ".config/stsd/config.toml";
const FILE: &str = ".aws/credentials";
/// What surrounds the key.
const BEFORE: &str = "# mine\n[default]\nregion = x\n\n";

fn request(section: &str) -> ImportRequest {
    ImportRequest {
        profile: name("work"),
        section: SectionName::parse(section).unwrap(),
        change: ProfileChange::default(),
        verify: true,
        keep_file: false,
    }
}

fn lines(who: &Identity) -> String {
    format!("aws_access_key_id = {}\naws_secret_access_key = {}\n", who.access_key_id, who.secret_access_key)
}

/// A world in which alice's key stands in `[work]`, between other things.
fn world() -> World {
    let world = World::new();
    let alice = world.sts.alice();
    world.write(FILE, format!("{BEFORE}[work] # hers\n{}output = text\n", lines(&alice)));
    world
}

async fn run(ports: &Ports, request: &ImportRequest) -> Result<(Plan, Imported), Failure> {
    let plan = plan(ports, request).await?;
    let imported = import(ports, request, &plan).await?;
    Ok((plan, imported))
}

fn imported(world: &World, request: &ImportRequest) -> Result<Imported, Failure> {
    world.run(run(&world.ports, request)).map(|(_, imported)| imported)
}

/// The keychain's key of `work` is this person's.
fn keychain_holds(world: &World, who: &Identity) -> bool {
    let expected = key(&who.access_key_id, &who.secret_access_key);
    world.keychain.key("work").is_some_and(|held| held.is_same_as(&expected))
}

/// Alice's key is in the keychain alone, and all else is as it was.
#[track_caller]
fn check_done(world: &World) {
    let alice = world.sts.alice();
    assert!(keychain_holds(world, &alice));
    assert_eq!(world.credentials(), format!("{BEFORE}[work] # hers\noutput = text\n"));
    for entry in std::fs::read_dir(world.path(".aws")).unwrap() {
        let content = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(!content.contains(&alice.secret_access_key), "a copy was left");
    }
    assert!(std::fs::read_to_string(world.path(CONFIG)).unwrap().contains("[profiles.work]"));
}

/// It fails in this class, and neither file nor keychain nor configuration has changed.
#[track_caller]
fn check_refused(world: &World, request: &ImportRequest, class: FailureClass, words: &str) -> Failure {
    let (file, held) = (world.credentials(), world.keychain.holds("work"));
    let failure = imported(world, request).unwrap_err();
    let shown = format!("{failure} {:?}", failure.hint);
    assert_eq!(failure.class, class, "{shown}");
    assert!(shown.contains(words), "{shown}");
    assert!(!shown.contains(&world.sts.alice().secret_access_key), "{shown}");
    assert_eq!((world.credentials(), world.keychain.holds("work")), (file, held), "{shown}");
    assert!(!world.path(CONFIG).exists(), "{shown}");
    failure
}

#[test]
fn a_key_moves_from_the_file_into_the_keychain() {
    let world = world();
    let outcome = imported(&world, &request("work")).unwrap();
    assert_eq!(outcome.identity.unwrap().arn, world.sts.alice().arn);
    assert_eq!((outcome.removal, outcome.copies), (Some(Removal::Removed), Vec::new()));
    check_done(&world);
    assert_eq!(world.sts.requests().len(), 1);
    // What it is for: the section takes a session now.
    world.configure(&format!("[profiles.work]\nmfa_serial = \"{}\"\n", world.sts.alice().serial));
    world.refresh("work", &world.sts.unused_code(&world.sts.alice().serial)).unwrap();
}

#[test]
fn the_second_run_finds_it_done() {
    let world = world();
    imported(&world, &request("work")).unwrap();
    let (plan, again) = world.run(run(&world.ports, &request("work"))).unwrap();
    assert!(!plan.in_file && again.removal == Some(Removal::Absent));
    check_done(&world);
    // Also under a session.
    world.configure(&format!("[profiles.work]\nmfa_serial = \"{}\"\n", world.sts.alice().serial));
    world.refresh("work", &world.sts.unused_code(&world.sts.alice().serial)).unwrap();
    let file = world.credentials();
    assert!(!world.run(run(&world.ports, &request("work"))).unwrap().0.in_file);
    assert_eq!(world.credentials(), file);
}

#[test]
fn a_file_that_is_to_be_kept_is_kept() {
    let world = world();
    let file = world.credentials();
    let outcome = imported(&world, &ImportRequest { keep_file: true, ..request("work") }).unwrap();
    assert!(keychain_holds(&world, &world.sts.alice()) && outcome.removal.is_none());
    assert_eq!(world.credentials(), file);
    let [(place, command)] = outcome.copies.as_slice() else { panic!("{:?}", outcome.copies) };
    assert!(place.contains("[work]") && command == "stsd add work --import work", "{place} {command}");
    imported(&world, &request("work")).unwrap();
    check_done(&world);
}

#[test]
fn a_key_that_aws_refuses_stays_where_it_was() {
    let world = world();
    let alice = world.sts.alice();
    world.sts.set_key_state(&alice.access_key_id, KeyState::Inactive);
    check_refused(&world, &request("work"), FailureClass::AwsRefused, "the key is still in [work]");
    assert!(!world.keychain.holds("work"));
}

#[test]
fn another_key_of_the_profile_is_not_replaced() {
    let world = world();
    let (alice, bob) = (world.sts.alice(), world.sts.bob());
    world.keychain.put("work", key(&bob.access_key_id, &bob.secret_access_key));
    let last_four = |id: &str| format!("…{}", &id[id.len() - 4..]);
    let failure =
        check_refused(&world, &request("work"), FailureClass::Config, &last_four(&bob.access_key_id));
    assert!(failure.message.contains(&last_four(&alice.access_key_id)), "{failure}");
    assert!(failure.hint.unwrap().contains("stsd remove work"));
    assert!(keychain_holds(&world, &bob));
    assert_eq!(world.sts.requests(), []);
}

#[test]
fn a_mistyped_section_is_not_taken_for_one_that_is_done() {
    let world = world();
    imported(&world, &request("work")).unwrap();
    let bob = world.sts.bob();
    let session = lines(&bob).replace("AKIA", "ASIA") + "aws_session_token = t\n";
    world.write(FILE, format!("{}[dev]\n{session}", world.credentials()));
    let failure = imported(&world, &request("dev")).unwrap_err();
    assert_eq!(
        (failure.class, failure.message.contains("[dev] holds temporary")),
        (FailureClass::Config, true)
    );
    world.write(
        FILE,
        format!(
            "{}[dev-long-term]\n{}[none]\n[none-long-term]\n{}",
            world.credentials(),
            lines(&bob),
            lines(&bob).replace("aws_s", "# x\naws_s")
        ),
    );
    for section in ["dev", "none"] {
        let failure = imported(&world, &request(section)).unwrap_err();
        assert_eq!(failure.hint.unwrap(), format!("stsd add work --import {section}-long-term"));
    }
    world.write(FILE, "# nothing\n");
    let failure = imported(&world, &request("work")).unwrap_err();
    assert_eq!((failure.class, failure.hint.as_deref()), (FailureClass::Config, Some("stsd add work")));
}

#[test]
fn without_an_answer_of_aws_the_key_is_in_both_places_and_the_next_run_goes_on() {
    let world = world();
    let file = world.credentials();
    world.sts.fail_next(1, Fault::Throttle);
    let failure = imported(&world, &request("work")).unwrap_err();
    assert_eq!(failure.class, FailureClass::Unavailable);
    assert!(failure.message.ends_with("(the key is in the keychain and still in [work])"), "{failure}");
    assert_eq!(failure.hint.as_deref(), Some("try again in a while: stsd add work --import work"));
    assert_eq!(world.credentials(), file);
    imported(&world, &request("work")).unwrap();
    check_done(&world);
}

#[test]
fn what_is_no_long_term_key_is_said_to_be_none() {
    use FailureClass::{Config, CredentialsFile};
    let world = world();
    let alice = world.sts.alice();
    let check = |body: &str, section: &str, class, words: &str| {
        world.write(FILE, format!("[default]\n[work]\n{body}"));
        check_refused(&world, &request(section), class, words);
    };
    let key = lines(&alice);
    check(&key, "wrok", Config, "did you mean work? Then: stsd add work --import work");
    check("region = x\n", "work", Config, "[work] holds no key");
    let session = format!("{}aws_session_token = t\n", key.replace("AKIA", "ASIA"));
    check(&session, "work", Config, "temporary credentials");
    check(&format!("{session}[work-long-term]\n{key}"), "work", Config, "--import work-long-term");
    check(
        &key.replace("key = ", "key = \u{200b}"),
        "work",
        CredentialsFile,
        "line 4: in the secret access key character 1",
    );
    check(&key.replace("id = ", "id = '"), "work", CredentialsFile, "+3 ");
    check(&format!("{key}  joined\n"), "work", CredentialsFile, "line 5");
    check(&format!("{key}[default]\n"), "work", CredentialsFile, "stands twice");
    assert!(world.sts.requests().is_empty(), "AWS was asked");
}

#[test]
fn a_keychain_that_is_locked_or_holds_something_strange_stops_it_before_anything() {
    let world = world();
    world.keychain.break_with(Some(KeychainError::Locked));
    check_refused(&world, &request("work"), FailureClass::Keychain, "locked");
    world.keychain.break_with(None);
    let strange = KeychainError::Item(stsd::domain::key_item::KeyItemError::Shape);
    world.keychain.break_reads_with(Some(strange));
    check_refused(&world, &request("work"), FailureClass::Keychain, "not one that stsd wrote");
    world.keychain.break_reads_with(None);
    let locked = std::fs::File::create(world.path(".aws/credentials.lock")).unwrap();
    locked.lock().unwrap();
    check_refused(&world, &request("work"), FailureClass::CredentialsFile, "locked by another program");
    assert!(world.sts.requests().is_empty());
}

#[test]
fn a_keychain_that_gives_back_another_key_is_not_believed() {
    for other_id in [false, true] {
        let world = world();
        let (alice, bob, file) = (world.sts.alice(), world.sts.bob(), world.credentials());
        let garbled = if other_id {
            key(&bob.access_key_id, &alice.secret_access_key)
        } else {
            key(&alice.access_key_id, &alice.secret_access_key.to_lowercase())
        };
        world.keychain.garble_writes_to(garbled);
        let failure = imported(&world, &request("work")).unwrap_err();
        assert_eq!(failure.class, FailureClass::Keychain);
        assert!(failure.message.contains("gives back another key"), "{failure}");
        assert_eq!(world.credentials(), file);
        assert!(world.sts.requests().iter().all(|request| request.action == "GetCallerIdentity"));
    }
}

#[test]
fn a_device_beside_the_key_goes_into_the_configuration() {
    let world = world();
    let alice = world.sts.alice();
    let body = format!("{}aws_mfa_device = {}\n", lines(&alice), alice.serial);
    world.write(FILE, format!("[work-long-term]\n{body}"));
    let (plan, outcome) = world.run(run(&world.ports, &request("work-long-term"))).unwrap();
    assert_eq!(plan.device.unwrap().as_str(), alice.serial);
    assert!(outcome.ready && outcome.warnings.is_empty(), "{:?}", outcome.warnings);
    assert_eq!(world.credentials(), format!("[work-long-term]\naws_mfa_device = {}\n", alice.serial));
    let configured = std::fs::read_to_string(world.path(CONFIG)).unwrap();
    assert_eq!(configured, format!("[profiles.work]\nmfa_serial = \"{}\"\n", alice.serial));
    // What is configured counts more.
    world.configure("[profiles.work]\nmfa_serial = \"GAHT12345678\"\n");
    world.write(FILE, format!("[work-long-term]\n{body}"));
    assert_eq!(world.run(run(&world.ports, &request("work-long-term"))).unwrap().0.device, None);
}

#[test]
fn copies_are_listed_with_the_command_that_removes_them() {
    let world = world();
    let alice = world.sts.alice();
    let key = lines(&alice);
    world.write(FILE, format!("{}[work-long-term]\n{key}", world.credentials()));
    world.write(".aws/config", format!("[profile work]\n{key}"));
    world.write(".aws/credentials.bkp", format!("[work] # hers\n{key}"));
    world.write(".aws/it's credentials", format!("[work]\n{key}"));
    world.write(".aws/credentials.1", format!("[only-here]\nx = 1\n[work]\n{key}"));
    let outcome = imported(&world, &request("work")).unwrap();
    let commands: Vec<_> = outcome.copies.iter().map(|(_, command)| command.as_str()).collect();
    let path = |name: &str| world.path(name).display().to_string();
    assert_eq!(
        commands,
        [
            "stsd add work --import work-long-term".to_owned(),
            format!("\"${{EDITOR:-vi}}\" +2 {}", path(".aws/config")),
            format!("\"${{EDITOR:-vi}}\" +3 {}", path(".aws/config")),
            format!(
                "rm {}   (look into it first: it holds what stands nowhere else)",
                path(".aws/credentials.1")
            ),
            format!("rm {}", path(".aws/credentials.bkp")),
        ]
    );
    for (place, command) in &outcome.copies {
        assert!(!place.contains(&alice.secret_access_key) && !command.contains(&alice.secret_access_key));
        assert!(!place.contains(&alice.access_key_id) && !command.contains(&alice.access_key_id));
    }
    assert!(world.path(".aws/credentials.bkp").exists(), "it lists and deletes nothing");
    // The first command does what it says.
    let outcome = imported(&world, &request("work-long-term")).unwrap();
    assert_eq!(outcome.copies.len(), 4);
}

/// Stops the import at every call, in every way; then runs it again.
#[track_caller]
fn stop_everywhere(ends: &[End], prepare: impl Fn(&World)) -> usize {
    let mut stops = 0;
    for end in ends {
        for at in 0.. {
            assert!(at < 50, "no end to the calls");
            let world = world();
            let alice = world.sts.alice();
            prepare(&world);
            let before = world.credentials();
            let fate = Fate::new(at, *end);
            let ports = fate.over(&world.ports);
            let outcome = world.run(fate.live(run(&ports, &request("work"))));
            let stopped = fate.came();
            let (file, held) = (world.credentials(), keychain_holds(&world, &alice));
            let in_file = file.contains(&lines(&alice));
            assert!(in_file || held, "call {at} {end:?}: the key is lost");
            assert!(!in_file || file == before, "call {at} {end:?}: the file was changed");
            if let Some(Err(failure)) = &outcome {
                // What it says of the place is so.
                let says = failure.to_string();
                let words = [
                    ("in the keychain and still in [work])", held && in_file),
                    ("in the keychain and no longer in [work])", held && !in_file),
                    ("(the key is still in [work])", in_file),
                ];
                for (words, so) in words {
                    assert!(so || !says.contains(words), "call {at} {end:?}: {says}");
                }
            }
            world.run(run(&world.ports, &request("work"))).unwrap();
            check_done(&world);
            if !stopped {
                break;
            }
            stops += 1;
        }
    }
    stops
}

const KILLS: [End; 2] = [End::KilledBefore, End::KilledAfter];
const FAILURES: [End; 2] = [End::Fails, End::FailsAfter];

#[test]
fn killed_at_every_step_the_key_is_in_one_of_the_two_and_at_the_end_once() {
    let stops = stop_everywhere(&KILLS, |_| {});
    assert!(stops >= 20, "only {stops} steps were looked at");
}

#[test]
fn failing_at_every_step_the_key_is_in_one_of_the_two_and_at_the_end_once() {
    let stops = stop_everywhere(&FAILURES, |_| {});
    assert!(stops >= 20, "only {stops} steps were looked at");
}

#[test]
fn a_dead_key_never_stays_in_the_keychain_unless_it_was_killed() {
    for end in FAILURES {
        for at in 0.. {
            let world = world();
            let alice = world.sts.alice();
            world.sts.set_key_state(&alice.access_key_id, KeyState::Inactive);
            let before = world.credentials();
            let fate = Fate::new(at, end);
            let ports = fate.over(&world.ports);
            let failure = world.run(run(&ports, &request("work"))).unwrap_err();
            assert_eq!(world.credentials(), before);
            assert!(!world.path(CONFIG).exists());
            let both = failure.to_string().contains("in the keychain and still in");
            assert!(
                both || !world.keychain.holds("work") || failure.class == FailureClass::Keychain,
                "{at} {end:?} {failure}"
            );
            if !fate.came() {
                assert!(!world.keychain.holds("work"));
                break;
            }
        }
    }
}
