//! A command gets the same from the daemon as without it.

use std::cell::RefCell;

use chrono::{DateTime, Utc};
use stsd::daemon::{Order, answers};
use stsd::domain::failure::{Failure, FailureClass};
use stsd::ports::time::Clock as _;
use stsd::protocol::message::{Action, Answer};
use stsd::usecase::forget::{Which, forget};
use stsd::usecase::profiles::load_config;
use stsd::usecase::refresh::RefreshRequest;
use stsd::usecase::remove::remove;
use stsd::usecase::status::status;

use crate::harness::{Daemon, Stage, refresh, until};
use crate::world::{Given, World};

/// Performs an action without a daemon, as the command line does.
fn alone(world: &World, action: Action) -> Result<Answer, Failure> {
    world.run(async {
        let config = load_config(&world.ports)?;
        match action {
            Action::Refresh { profiles, code, .. } => {
                let request = RefreshRequest { profiles: answers::names(&profiles)?, duration: None };
                let codes = Given::new(code.unwrap().digits());
                let done = stsd::usecase::refresh::refresh(&world.ports, &config, &request, &codes).await?;
                if let Some(settling) = done.settling {
                    settling.finish(&world.ports).await?;
                }
                Ok(Answer::Refreshed(answers::refreshed(done.profiles, world.ports.store.path())))
            }
            Action::Status { profiles, .. } => {
                let found = status(&world.ports, &config, &answers::names(&profiles)?).await?;
                Ok(Answer::Status(answers::statuses(found)))
            }
            Action::Forget { profiles, all } => {
                let which = if all { Which::All } else { Which::Named(answers::names(&profiles)?) };
                Ok(Answer::Forgotten(answers::forgotten(forget(&world.ports, &config, &which).await?)))
            }
            Action::Remove { profile } => {
                let name = answers::name(&profile)?;
                let done = remove(&world.ports, &config, &name).await?;
                Ok(Answer::Forgotten(answers::forgotten(vec![(name, Ok(done))])))
            }
            Action::Reload => Ok(Answer::Nothing),
        }
    })
}

/// The same answer without what differs from session to session and from home to home.
fn comparable(world: &World, answer: Result<Answer, Failure>) -> String {
    let answer = answer.map(|answer| match answer {
        Answer::Refreshed(mut outcomes) => {
            // The seconds until the next code go by.
            for failure in outcomes.iter_mut().filter_map(|outcome| outcome.result.as_mut().err()) {
                if let Some((head, _seconds)) = failure.message.split_once("the next one comes in ") {
                    failure.message = [head, "the next one comes"].concat();
                }
            }
            for refreshed in outcomes.iter_mut().filter_map(|outcome| outcome.result.as_mut().ok()) {
                refreshed.expires_at = DateTime::UNIX_EPOCH;
            }
            Answer::Refreshed(outcomes)
        }
        Answer::Status(mut profiles) => {
            let known = |time: Option<DateTime<Utc>>| time.map(|_| DateTime::UNIX_EPOCH);
            for one in &mut profiles {
                one.access_key_id = one.access_key_id.as_ref().map(|_| "…".to_owned());
                one.seconds_left = one.seconds_left.map(|_| 1);
                one.expires_at = known(one.expires_at);
                one.issued_at = known(one.issued_at);
                one.next_notice_at = known(one.next_notice_at);
                if let Some(error) = &mut one.last_error {
                    error.at = DateTime::UNIX_EPOCH;
                    error.message = error.message.split(" comes in ").next().unwrap_or_default().to_owned();
                }
            }
            Answer::Status(profiles)
        }
        other => other,
    });
    let home = world.home.path().display().to_string();
    format!("{answer:?}").replace(&home, "HOME").replace(world.sts.url(), "STS")
}

/// The file without the values that STS makes up.
fn shape(world: &World) -> String {
    let made_up = |line: &str| ["aws_", "x_security"].iter().any(|key| line.starts_with(key));
    let line = |line: &str| {
        let end = &line[line.trim_end().len()..];
        if made_up(line) { format!("{}…{end}", line.split('=').next().unwrap()) } else { line.to_owned() }
    };
    world.credentials().split_inclusive('\n').map(line).collect()
}

fn stage() -> Stage {
    let world = World::with_work();
    world.add("second", &world.sts.alice()).unwrap();
    world.add("bob", &world.sts.bob()).unwrap();
    world.write(".aws/credentials", "# mine\r\n[default]\r\nregion = eu-west-1\r\n");
    Stage::of(world)
}

/// Some actions with codes of this world, one after another.
fn script(world: &World, perform: impl Fn(Action) -> Result<Answer, Failure>) -> Vec<String> {
    let serial = world.sts.alice().serial;
    let last = RefCell::new(String::new());
    let good = |profiles: &[&str]| {
        last.replace(world.sts.unused_code(&serial));
        refresh(profiles, Some(&last.borrow()))
    };
    let wrong = |profiles: &[&str]| refresh(profiles, Some(&world.sts.wrong_code(&serial)));
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    let status = |of: &[&str]| Action::Status { profiles: names(of), watch: false };
    let forget = |of: &[&str], all| Action::Forget { profiles: names(of), all };
    let remove = |profile: &str| Action::Remove { profile: profile.to_owned() };
    let actions: [&dyn Fn() -> Action; 19] = [
        &|| status(&[]),
        &|| status(&["nobody"]),
        &|| status(&["../.."]),
        &|| wrong(&["work"]),
        &|| status(&["work"]),
        &|| good(&["work"]),
        &|| good(&["second", "work"]),
        &|| refresh(&["work"], Some(&last.borrow())),
        &|| good(&["second", "bob"]),
        &|| good(&[]),
        &|| good(&["nobody"]),
        &|| status(&[]),
        &|| forget(&["work"], false),
        &|| forget(&["work"], false),
        &|| forget(&["nobody"], false),
        &|| remove("work"),
        &|| remove("work"),
        &|| forget(&[], true),
        &|| status(&[]),
    ];
    let mut told = Vec::new();
    for action in actions {
        let answer = perform(action());
        told.push(format!("{}\n{}", comparable(world, answer), shape(world)));
    }
    told
}

#[test]
fn a_script_of_commands_gives_the_same_with_the_daemon_and_without() {
    let without = stage();
    let expected = script(&without.world, |action| alone(&without.world, action));
    let with = stage();
    let daemon = with.daemon();
    let told = script(&with.world, |action| daemon.call(action));
    for (expected, told) in expected.iter().zip(&told) {
        assert_eq!(expected, told);
    }
    assert!(expected[5].contains("Ok(Refreshed {"), "the script is of use: {}", expected[5]);
    assert!(expected[7].contains("mfa-refused"), "a code is taken once: {}", expected[7]);
    assert!(!with.world.keychain.holds("work"));
}

fn failure(daemon: &Daemon<'_>, action: Action) -> Failure {
    match daemon.call(action).unwrap() {
        Answer::Refreshed(mut outcomes) => outcomes.remove(0).result.unwrap_err().into(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_code_of_the_wrong_shape_is_refused_and_not_sent() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let refused = failure(&daemon, refresh(&["work"], Some("12345x")));
    assert_eq!(refused.class, FailureClass::Usage);
    assert!(!refused.message.contains("12345x"), "{refused}");
    assert_eq!(stage.world.sts.codes_sent(), 0);
}

#[test]
fn a_duration_of_the_wrong_length_is_refused() {
    let stage = Stage::with_work();
    let action = Action::Refresh {
        profiles: vec!["work".to_owned()],
        duration_seconds: Some(60),
        code: None,
        may_ask: false,
        display: None,
        min_seconds: None,
    };
    assert_eq!(stage.daemon().call(action).unwrap_err().class, FailureClass::Usage);
}

#[test]
fn a_profile_is_known_as_soon_as_it_stands_in_the_file() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    stage.world.add("second", &stage.world.sts.alice()).unwrap();
    // Nothing was announced: a request looks for itself.
    assert!(daemon.refresh(&["second"])[0].result.is_ok());
    assert_eq!(daemon.status().len(), 2);
}

#[test]
fn a_reload_is_answered_once_the_configuration_is_in_force() {
    let stage = Stage::with_work();
    let expires_at = stage.daemon().refresh_for("work", 12 * 3600);
    let daemon = stage.daemon();
    stage.hand.wait_armed(expires_at - chrono::TimeDelta::minutes(30));
    let text = std::fs::read_to_string(stage.world.path(".config/stsd/config.toml")).unwrap();
    stage.world.configure(&format!("warn_before = [\"1h\"]\n{text}"));
    assert_eq!(daemon.call(Action::Reload).unwrap(), Answer::Nothing);
    stage.hand.wait_armed(expires_at - chrono::TimeDelta::hours(1));
    stage.world.configure(&format!("warn_before = [\"2h\"]\n{text}"));
    daemon.order(Order::Reload);
    stage.hand.wait_armed(expires_at - chrono::TimeDelta::hours(2));
    stage.world.configure(&format!("warn_before = [\"3h\"]\n{text}"));
    stage.files.have_changed();
    stage.hand.wait_armed(expires_at - chrono::TimeDelta::hours(3));
}

#[test]
fn a_broken_configuration_is_reported_and_the_old_one_stays_in_force() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let expires_at = daemon.refresh_for("work", 12 * 3600);
    stage.world.configure("profiles = 7\n");
    let failure = daemon.call(Action::Reload).unwrap_err();
    assert_eq!(failure.class, FailureClass::Config);
    assert!(failure.message.contains("config.toml"), "{failure}");
    assert_eq!(daemon.status()[0].state, "active");
    assert!(daemon.refresh(&["work"])[0].result.is_ok());
    // A change of the other file is seen all the same.
    stage.rest();
    let theirs = "[work]\naws_access_key_id = ASIASOMEBODYELSES000\naws_secret_access_key = s\naws_session_token = t\n";
    stage.world.write(".aws/credentials", theirs);
    stage.files.have_changed();
    until("the session is gone", || daemon.status()[0].last_error.is_some());
    stage.hand.wait_armed(stage.hand.now() + chrono::TimeDelta::days(365));
    stage.hand.pass_to(expires_at);
    assert_eq!(daemon.status()[0].state, "absent");
    assert_eq!(stage.desktop.notices(), []);
}
