//! One prompt for everybody who waits.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use stsd::client::{Client, Dialogue, Typing};
use stsd::domain::failure::FailureClass;
use stsd::ports::prompter::{PromptError, Screen};
use stsd::ports::time::Clock as _;
use stsd::protocol::message::{
    Action, Answer, Display, FromClient, FromDaemon, Outcome, Refreshed, WireCode,
};
use stsd_test_support::Fault;

use crate::harness::{Daemon, Raw, Stage, refresh};
use crate::world::World;

/// A command without a terminal on a desktop.
fn on_desktop(profiles: &[&str]) -> Action {
    with_display(refresh(profiles, None), false)
}

fn with_display(action: Action, terminal: bool) -> Action {
    on(":7", action, terminal)
}

fn on(display: &str, action: Action, terminal: bool) -> Action {
    let Action::Refresh { profiles, duration_seconds, code, min_seconds, .. } = action else {
        panic!("a refresh")
    };
    let display = Some(Display { x11: Some(display.to_owned()), ..Display::default() });
    Action::Refresh { profiles, duration_seconds, code, may_ask: terminal, display, min_seconds }
}

/// Makes a request and waits for nothing.
fn sent(daemon: &Daemon<'_>, action: Action) -> Raw {
    let mut raw = daemon.raw().greeted();
    raw.request(action);
    raw
}

/// What the daemon asks at a terminal.
fn asked_at(raw: &mut Raw) -> Option<String> {
    match raw.answer() {
        FromDaemon::CodeWanted { refused, .. } => refused,
        other => panic!("{other:?}"),
    }
}

/// What became of the request.
fn outcomes(raw: &mut Raw) -> Vec<Outcome<Refreshed>> {
    match raw.answer() {
        FromDaemon::Done { id: 7, answer: Answer::Refreshed(outcomes) } => outcomes,
        other => panic!("{other:?}"),
    }
}

fn class(raw: &mut Raw) -> String {
    outcomes(raw).remove(0).result.unwrap_err().class
}

fn assert_done(raw: &mut Raw) {
    for outcome in outcomes(raw) {
        outcome.result.unwrap();
    }
}

fn types(raw: &mut Raw, code: &str) {
    raw.send(&FromClient::Code { id: 7, code: WireCode::new(code), question: None });
}

fn code(stage: &Stage) -> String {
    stage.world.sts.unused_code(&stage.world.sts.alice().serial)
}

/// A code that is wrong, and another one each time.
fn wrong_code(stage: &Stage) -> String {
    static GIVEN: AtomicUsize = AtomicUsize::new(0);
    let wrong = stage.world.sts.wrong_code(&stage.world.sts.alice().serial);
    let other = (wrong.parse::<usize>().unwrap() + 7 * GIVEN.fetch_add(1, Ordering::Relaxed)) % 1_000_000;
    format!("{other:06}")
}

fn stage_with_two() -> Stage {
    let world = World::with_work();
    world.add("second", &world.sts.alice()).unwrap();
    Stage::of(world)
}

/// Waits until so many wait for a code that somebody is asked for.
#[track_caller]
fn await_waiting(daemon: &Daemon<'_>, count: usize) {
    daemon.stage.supervisor.wait_waiting(count);
}

#[test]
fn fifty_commands_cause_one_dialog_and_one_call() {
    let stage = stage_with_two();
    let daemon = stage.daemon();
    let mut commands: Vec<_> = (0..50)
        .map(|number| sent(&daemon, on_desktop(if number % 5 == 0 { &["second"] } else { &["work"] })))
        .collect();
    let dialog = stage.dialogs.wait_shown(1);
    assert_eq!(dialog.screen, Some(Screen { display: Some(":7".into()), ..Screen::default() }));
    assert_eq!(dialog.question.serial.as_str(), stage.world.sts.alice().serial);
    assert_eq!(stage.world.sts.codes_sent(), 0);
    await_waiting(&daemon, 50);
    stage.dialogs.type_code(&code(&stage));
    for command in &mut commands {
        assert_done(command);
    }
    assert_eq!((stage.dialogs.count(), stage.world.sts.codes_sent()), (1, 1));
    let file = stage.world.credentials();
    assert!(file.contains("[work]") && file.contains("[second]"), "{file}");
    let tokens: BTreeSet<_> = file.lines().filter(|line| line.starts_with("aws_session_token")).collect();
    assert_eq!(tokens.len(), 1, "one session for both");
}

#[test]
fn a_terminal_and_a_dialog_race_and_the_first_code_wins() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let mut desktop = sent(&daemon, on_desktop(&["work"]));
    stage.dialogs.wait_shown(1);
    let mut terminal = sent(&daemon, with_display(refresh(&["work"], None), true));
    assert_eq!(asked_at(&mut terminal), None);
    types(&mut terminal, &code(&stage));
    assert_done(&mut terminal);
    assert_done(&mut desktop);
    stage.dialogs.wait_closed(1);
    // The other way round.
    let mut terminal = sent(&daemon, refresh(&["work"], None));
    asked_at(&mut terminal);
    let mut desktop = sent(&daemon, on_desktop(&["work"]));
    stage.dialogs.wait_shown(2);
    stage.dialogs.type_code(&code(&stage));
    assert_done(&mut desktop);
    assert_done(&mut terminal);
    assert_eq!(stage.world.sts.codes_sent(), 2);
}

#[test]
fn a_code_of_the_command_line_answers_the_open_question() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let mut desktop = sent(&daemon, on_desktop(&["work"]));
    stage.dialogs.wait_shown(1);
    assert!(daemon.refresh(&["work"])[0].result.is_ok());
    assert_done(&mut desktop);
    stage.dialogs.wait_closed(1);
    assert_eq!(stage.world.sts.codes_sent(), 1);
}

#[test]
fn a_refused_code_of_the_command_line_fails_that_command_and_the_others_are_asked_again() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let mut desktop = sent(&daemon, on_desktop(&["work"]));
    stage.dialogs.wait_shown(1);
    let mut script = sent(&daemon, refresh(&["work"], Some(&wrong_code(&stage))));
    assert_eq!(class(&mut script), "mfa-refused");
    let again = stage.dialogs.wait_shown(2);
    assert!(again.question.refused.unwrap().contains("refused"));
    stage.dialogs.type_code(&code(&stage));
    assert_done(&mut desktop);
}

#[test]
fn a_refused_code_is_asked_for_again_with_the_reason_three_times() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let mut command = sent(&daemon, on_desktop(&["work"]));
    assert_eq!(stage.dialogs.wait_shown(1).question.refused, None);
    for count in 2..=3 {
        stage.dialogs.type_code(&wrong_code(&stage));
        let reason = stage.dialogs.wait_shown(count).question.refused.unwrap();
        assert!(reason.starts_with("AWS refused the MFA code"), "{reason}");
    }
    stage.dialogs.type_code(&wrong_code(&stage));
    assert_eq!(class(&mut command), "mfa-refused");
    assert_eq!(stage.dialogs.count(), 3);
    assert_eq!(daemon.status()[0].last_error.as_ref().unwrap().class, "mfa-refused");
    // The same at a terminal; the third is right.
    let mut terminal = sent(&daemon, refresh(&["work"], None));
    assert_eq!(asked_at(&mut terminal), None);
    types(&mut terminal, &wrong_code(&stage));
    assert!(asked_at(&mut terminal).is_some());
    types(&mut terminal, &wrong_code(&stage));
    assert!(asked_at(&mut terminal).is_some());
    types(&mut terminal, &code(&stage));
    assert_done(&mut terminal);
}

#[test]
fn a_code_that_was_used_is_asked_for_again_and_not_sent() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let used = code(&stage);
    assert!(matches!(daemon.call(refresh(&["work"], Some(&used))), Ok(Answer::Refreshed(_))));
    let mut command = sent(&daemon, on_desktop(&["work"]));
    stage.dialogs.wait_shown(1);
    stage.dialogs.type_code(&used);
    let reason = stage.dialogs.wait_shown(2).question.refused.unwrap();
    assert!(reason.starts_with("this code was used; the next one comes in "), "{reason}");
    assert_eq!(stage.world.sts.codes_sent(), 1);
    stage.dialogs.type_code(&code(&stage));
    assert_done(&mut command);
}

#[test]
fn cancel_and_time_out_are_told_apart_and_all_who_waited_are_told() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    for (shown, error, words) in
        [(1, PromptError::Cancelled, "cancelled"), (2, PromptError::TimedOut(120), "within 120 s")]
    {
        let mut commands = [sent(&daemon, on_desktop(&["work"])), sent(&daemon, on_desktop(&["work"]))];
        stage.dialogs.wait_shown(shown);
        await_waiting(&daemon, 2);
        stage.dialogs.end(error);
        for command in &mut commands {
            let failure = outcomes(command).remove(0).result.unwrap_err();
            assert_eq!(failure.class, "no-session");
            assert!(failure.message.contains(words), "{}", failure.message);
            assert_eq!(failure.hint.as_deref(), Some("stsd refresh work"));
        }
        assert_eq!(stage.dialogs.count(), shown, "it is quiet until somebody asks");
    }
    assert_eq!(stage.world.sts.requests().len(), 0);
}

#[test]
fn a_terminal_goes_on_when_the_dialog_of_another_is_cancelled() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let mut terminal = sent(&daemon, refresh(&["work"], None));
    asked_at(&mut terminal);
    let mut desktop = sent(&daemon, on_desktop(&["work"]));
    stage.dialogs.wait_shown(1);
    stage.dialogs.end(PromptError::Cancelled);
    assert_eq!(class(&mut desktop), "no-session");
    // Who asks now, asks.
    let mut desktop = sent(&daemon, on_desktop(&["work"]));
    stage.dialogs.wait_shown(2);
    types(&mut terminal, &code(&stage));
    assert_done(&mut terminal);
    assert_done(&mut desktop);
}

#[test]
fn without_display_and_terminal_it_fails_at_once_and_says_what_to_run() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let nowhere = Action::Refresh {
        profiles: vec!["work".to_owned()],
        duration_seconds: None,
        code: None,
        may_ask: false,
        display: None,
        min_seconds: None,
    };
    let failure = outcomes(&mut sent(&daemon, nowhere.clone())).remove(0).result.unwrap_err();
    assert_eq!(failure.class, "no-session");
    assert!(failure.hint.unwrap().contains("stsd refresh work --code -"));
    assert_eq!(stage.dialogs.count(), 0);
    // A display on which no dialog can be shown.
    let mut command = sent(&daemon, on_desktop(&["work"]));
    stage.dialogs.wait_shown(1);
    stage.dialogs.end(PromptError::Unavailable("zenity is not installed".to_owned()));
    let failure = outcomes(&mut command).remove(0).result.unwrap_err();
    assert!(failure.message.contains("zenity is not installed"), "{}", failure.message);
    // If somebody else is asked, it shares what comes of that.
    let mut terminal = sent(&daemon, refresh(&["work"], None));
    asked_at(&mut terminal);
    let mut silent = sent(&daemon, nowhere);
    await_waiting(&daemon, 2);
    types(&mut terminal, &code(&stage));
    assert_done(&mut terminal);
    assert_done(&mut silent);
}

#[test]
fn a_configured_dialog_is_shown_although_there_is_a_terminal_and_the_terminal_serves_where_it_cannot_be() {
    let stage = Stage::with_work();
    let text = std::fs::read_to_string(stage.world.path(".config/stsd/config.toml")).unwrap();
    stage.world.configure(&format!("prompt = \"zenity\"\n{text}"));
    let daemon = stage.daemon();
    let mut both = sent(&daemon, with_display(refresh(&["work"], None), true));
    asked_at(&mut both);
    stage.dialogs.wait_shown(1);
    stage.dialogs.type_code(&code(&stage));
    assert_done(&mut both);
    let mut both = sent(&daemon, with_display(refresh(&["work"], None), true));
    asked_at(&mut both);
    stage.dialogs.wait_shown(2);
    stage.dialogs.end(PromptError::Unavailable("zenity is not installed".to_owned()));
    types(&mut both, &code(&stage));
    assert_done(&mut both);
    // One that cancels does not want to be asked elsewhere.
    let mut both = sent(&daemon, with_display(refresh(&["work"], None), true));
    asked_at(&mut both);
    stage.dialogs.wait_shown(3);
    stage.dialogs.end(PromptError::Cancelled);
    assert_eq!(class(&mut both), "no-session");
}

#[test]
fn a_command_that_goes_takes_its_dialog_along() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let command = sent(&daemon, on_desktop(&["work"]));
    stage.dialogs.wait_shown(1);
    let other = sent(&daemon, on_desktop(&["work"]));
    await_waiting(&daemon, 2);
    drop(command);
    await_waiting(&daemon, 1);
    assert_eq!(stage.dialogs.count(), 1, "the other still waits for it");
    drop(other);
    stage.dialogs.wait_closed(1);
    assert!(daemon.refresh(&["work"])[0].result.is_ok());
}

#[test]
fn dialogs_of_two_devices_come_one_after_the_other() {
    let stage = stage_with_two();
    stage.world.add("bob", &stage.world.sts.bob()).unwrap();
    let daemon = stage.daemon();
    let mut alice = sent(&daemon, on_desktop(&["work"]));
    stage.dialogs.wait_shown(1);
    let mut bob = sent(&daemon, on_desktop(&["bob"]));
    await_waiting(&daemon, 2);
    assert_eq!(stage.dialogs.count(), 1);
    stage.dialogs.type_code(&code(&stage));
    let second = stage.dialogs.wait_shown(2);
    assert_eq!(second.question.serial.as_str(), stage.world.sts.bob().serial);
    stage.dialogs.type_code(&stage.world.sts.unused_code(&stage.world.sts.bob().serial));
    assert_done(&mut alice);
    assert_done(&mut bob);
    assert_eq!(stage.dialogs.most_at_once(), 1);
}

#[test]
fn one_terminal_is_asked_for_two_devices_one_after_the_other() {
    let stage = Stage::with_work();
    stage.world.add("bob", &stage.world.sts.bob()).unwrap();
    let daemon = stage.daemon();
    let mut terminal = sent(&daemon, refresh(&["work", "bob"], None));
    let serial = |raw: &mut Raw| match raw.answer() {
        FromDaemon::CodeWanted { serial, .. } => serial,
        other => panic!("{other:?}"),
    };
    let sts = &stage.world.sts;
    let first = serial(&mut terminal);
    types(&mut terminal, &sts.unused_code(&first));
    let second = serial(&mut terminal);
    assert_ne!(first, second);
    types(&mut terminal, &sts.unused_code(&second));
    let outcomes = outcomes(&mut terminal);
    let names: Vec<_> = outcomes.iter().map(|one| one.profile.as_str()).collect();
    assert_eq!(names, ["work", "bob"]);
    assert!(outcomes.iter().all(|one| one.result.is_ok()));
}

#[test]
fn who_comes_while_the_code_is_on_its_way_shares_the_session_or_asks_for_the_next_code() {
    let stage = stage_with_two();
    let daemon = stage.daemon();
    let before = stage.world.sts.requests().len();
    stage.world.sts.fail_next(1, Fault::Delay { millis: 700 });
    let mut first = sent(&daemon, refresh(&["work"], Some(&code(&stage))));
    let on_its_way = |requests: &[_]| requests.len() > before;
    assert!(stage.world.sts.wait_for_requests(Duration::from_secs(20), on_its_way));
    let mut same = sent(&daemon, on_desktop(&["work"]));
    let mut other = sent(&daemon, on_desktop(&["second"]));
    assert_done(&mut first);
    assert_done(&mut same);
    stage.dialogs.wait_shown(1);
    assert_eq!(stage.world.sts.codes_sent(), 1);
    stage.dialogs.type_code(&code(&stage));
    assert_done(&mut other);
    assert_eq!(stage.world.sts.codes_sent(), 2);
}

#[test]
fn a_profile_that_cannot_be_served_does_not_take_the_session_from_the_others() {
    let stage = stage_with_two();
    let daemon = stage.daemon();
    let mut work = sent(&daemon, on_desktop(&["work"]));
    stage.dialogs.wait_shown(1);
    // A key that exists nowhere else: nothing may be written there.
    stage.world.write(
        ".aws/credentials",
        "[second]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = x\n",
    );
    let mut second = sent(&daemon, on_desktop(&["second"]));
    await_waiting(&daemon, 2);
    stage.dialogs.type_code(&code(&stage));
    assert_done(&mut work);
    assert_eq!(class(&mut second), "credentials-file");
    assert!(stage.world.credentials().contains("AKIAIOSFODNN7EXAMPLE"));
}

#[test]
fn a_daemon_that_is_stopped_closes_its_dialog_and_tells_who_waits() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let mut command = sent(&daemon, on_desktop(&["work"]));
    stage.dialogs.wait_shown(1);
    let before = std::time::Instant::now();
    daemon.stop();
    assert_eq!(class(&mut command), "unavailable");
    assert!(before.elapsed() < Duration::from_secs(5), "{:?}", before.elapsed());
    stage.dialogs.wait_closed(1);
}

/// A terminal at which nobody types.
struct Sleeper;

impl Dialogue for Sleeper {
    fn code<'a>(
        &'a mut self,
        _profiles: &'a [String],
        _serial: &'a str,
        _refused: Option<&'a str>,
    ) -> Typing<'a> {
        Box::pin(std::future::pending())
    }

    fn progress(&mut self, _answer: Answer) -> bool {
        true
    }
}

#[test]
fn a_command_whose_question_was_answered_elsewhere_is_done_without_its_user() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let waiting = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let client = Client::connect(&stage.socket(), stage.places()).await.unwrap().unwrap();
                client.call(refresh(&["work"], None), &mut Sleeper).await
            })
        });
        await_waiting(&daemon, 1);
        daemon.refresh(&["work"]);
        waiting.join().unwrap()
    });
    let Ok(Answer::Refreshed(outcomes)) = waiting else { panic!("{waiting:?}") };
    assert!(outcomes[0].result.is_ok());
}

#[test]
fn codes_are_only_taken_in_their_shape() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let mut first = sent(&daemon, refresh(&["work"], None));
    asked_at(&mut first);
    let mut second = sent(&daemon, refresh(&["work"], None));
    asked_at(&mut second);
    types(&mut first, "12345");
    assert_eq!(class(&mut first), FailureClass::Usage.name());
    types(&mut second, &code(&stage));
    assert_done(&mut second);
}

/// A command without terminal and display.
fn nowhere(profiles: &[&str]) -> Action {
    let Action::Refresh { profiles, .. } = refresh(profiles, None) else { panic!("a refresh") };
    Action::Refresh {
        profiles,
        duration_seconds: None,
        code: None,
        may_ask: false,
        display: None,
        min_seconds: None,
    }
}

#[test]
fn who_leaves_the_code_of_one_device_still_gets_the_session_of_the_other() {
    let stage = Stage::with_work();
    stage.world.add("bob", &stage.world.sts.bob()).unwrap();
    let daemon = stage.daemon();
    let mut both = sent(&daemon, on_desktop(&["work", "bob"]));
    // Whichever is ready first is asked for first.
    let left = stage.dialogs.wait_shown(1).question.profiles[0].to_string();
    stage.dialogs.end(PromptError::Cancelled);
    let other = stage.dialogs.wait_shown(2).question.serial;
    stage.dialogs.type_code(&stage.world.sts.unused_code(other.as_str()));
    assert_one_left(&mut both, &left);
    // At a terminal as well.
    let mut terminal = sent(&daemon, refresh(&["work", "bob"], None));
    let (_, left, _) = asked_for(&mut terminal);
    let failure = stsd::domain::failure::Failure::new(FailureClass::NoSession, "not now");
    terminal.send(&FromClient::NoCode { id: 7, failure: failure.into() });
    let (serial, _, _) = asked_for(&mut terminal);
    types(&mut terminal, &stage.world.sts.unused_code(&serial));
    assert_one_left(&mut terminal, &left);
}

/// The device, the first profile and the number of the question at a terminal.
fn asked_for(raw: &mut Raw) -> (String, String, Option<u64>) {
    match raw.answer() {
        FromDaemon::CodeWanted { serial, mut profiles, question, .. } => {
            (serial, profiles.remove(0), question)
        }
        other => panic!("{other:?}"),
    }
}

/// One profile was left, the other has its session.
fn assert_one_left(raw: &mut Raw, left: &str) {
    for outcome in outcomes(raw) {
        let expected = if outcome.profile == left { Err("no-session".to_owned()) } else { Ok(()) };
        assert_eq!(
            outcome.result.map(drop).map_err(|failure| failure.class),
            expected,
            "{}",
            outcome.profile
        );
    }
}

#[test]
fn a_code_goes_to_no_other_place_than_its_giver_meant() {
    let world = World::with_work();
    let alice = world.sts.alice();
    world.add("us", &alice).unwrap();
    world.configure(&format!(
        "[profiles.work]\nmfa_serial = \"{0}\"\n[profiles.us]\nmfa_serial = \"{0}\"\nregion = \"us-west-2\"\n",
        alice.serial
    ));
    let stage = Stage::of(world);
    let daemon = stage.daemon();
    let mut work = sent(&daemon, on_desktop(&["work"]));
    stage.dialogs.wait_shown(1);
    // The code is us's, and is spent for us.
    let mut us = sent(&daemon, refresh(&["us"], Some(&code(&stage))));
    assert_done(&mut us);
    await_waiting(&daemon, 1);
    let file = stage.world.credentials();
    assert!(file.contains("[us]") && !file.contains("[work]"), "{file}");
    stage.dialogs.type_code(&code(&stage));
    assert_done(&mut work);
    assert_eq!(stage.world.sts.codes_sent(), 2);
}

#[test]
fn a_dialog_that_cannot_be_seen_on_one_screen_is_shown_on_the_others() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let screen = |shown: crate::dialogs::Shown| shown.screen.unwrap().display.unwrap();
    let mut elsewhere = sent(&daemon, on(":99", refresh(&["work"], None), false));
    assert_eq!(screen(stage.dialogs.wait_shown(1)), ":99");
    let mut desktop = sent(&daemon, on(":7", refresh(&["work"], None), false));
    await_waiting(&daemon, 2);
    stage.dialogs.end(PromptError::Unavailable("no such display".to_owned()));
    assert_eq!(class(&mut elsewhere), "no-session");
    assert_eq!(screen(stage.dialogs.wait_shown(2)), ":7");
    stage.dialogs.type_code(&code(&stage));
    assert_done(&mut desktop);
    // Its owner goes: it is closed there and opened where somebody still waits.
    let gone = sent(&daemon, on(":99", refresh(&["work"], None), false));
    stage.dialogs.wait_shown(3);
    let mut desktop = sent(&daemon, on(":7", refresh(&["work"], None), false));
    await_waiting(&daemon, 2);
    drop(gone);
    assert_eq!(screen(stage.dialogs.wait_shown(4)), ":7");
    stage.dialogs.type_code(&code(&stage));
    assert_done(&mut desktop);
}

#[test]
fn a_profile_with_a_seed_or_a_command_waits_for_no_person() {
    let world = World::with_work();
    let serial = world.sts.alice().serial;
    world.add("ci", &world.sts.alice()).unwrap();
    world.configure(&format!(
        "[profiles.work]\nmfa_serial = \"{serial}\"\n[profiles.ci]\nmfa_serial = \"{serial}\"\n\
         mfa = {{ command = [\"/bin/false\"] }}\n"
    ));
    let stage = Stage::of(world);
    let daemon = stage.daemon();
    let mut work = sent(&daemon, on_desktop(&["work"]));
    stage.dialogs.wait_shown(1);
    let mut ci = sent(&daemon, nowhere(&["ci"]));
    let failure = outcomes(&mut ci).remove(0).result.unwrap_err();
    assert!(failure.message.contains("/bin/false"), "{}", failure.message);
    stage.dialogs.type_code(&code(&stage));
    assert_done(&mut work);
}

#[test]
fn who_cannot_be_asked_waits_two_minutes_for_what_others_are_asked() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let mut terminal = sent(&daemon, refresh(&["work"], None));
    asked_at(&mut terminal);
    let mut silent = sent(&daemon, nowhere(&["work"]));
    await_waiting(&daemon, 2);
    let start = stage.hand.now();
    stage.hand.pass_to(start + chrono::TimeDelta::seconds(119));
    await_waiting(&daemon, 2);
    stage.hand.pass_to(start + chrono::TimeDelta::seconds(120));
    let failure = outcomes(&mut silent).remove(0).result.unwrap_err();
    assert_eq!(failure.message, "nobody who was asked gave a code within 120 s");
    types(&mut terminal, &code(&stage));
    assert_done(&mut terminal);
}

/// The same with other wishes about its session.
fn wishing(action: Action, duration: Option<u64>, least: Option<u64>) -> Action {
    let Action::Refresh { profiles, code, may_ask, display, .. } = action else { panic!("a refresh") };
    let (duration_seconds, min_seconds) = (duration, least);
    Action::Refresh { profiles, duration_seconds, code, may_ask, display, min_seconds }
}

#[test]
fn the_shorter_of_two_durations_counts() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let mut long = sent(&daemon, on_desktop(&["work"]));
    stage.dialogs.wait_shown(1);
    let mut brief = sent(&daemon, wishing(on_desktop(&["work"]), Some(900), None));
    await_waiting(&daemon, 2);
    stage.dialogs.type_code(&code(&stage));
    for raw in [&mut long, &mut brief] {
        let end = outcomes(raw).remove(0).result.unwrap().expires_at;
        assert!(end - stage.hand.now() < chrono::TimeDelta::minutes(16), "{end}");
    }
}

#[test]
fn a_session_that_lasts_long_enough_by_now_is_left_as_it_is() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let end = daemon.refresh_for("work", 6 * 3600);
    let least = |hours: u64| wishing(on_desktop(&["work"]), None, Some(hours * 3600));
    assert_eq!(outcomes(&mut sent(&daemon, least(5))).remove(0).result.unwrap().expires_at, end);
    assert_eq!((stage.dialogs.count(), stage.world.sts.codes_sent()), (0, 1));
    let mut more = sent(&daemon, least(7));
    stage.dialogs.wait_shown(1);
    stage.dialogs.type_code(&code(&stage));
    assert_done(&mut more);
}

#[test]
fn who_has_gone_gets_no_session_with_the_code_of_those_who_stay() {
    let stage = stage_with_two();
    let daemon = stage.daemon();
    let mut first = sent(&daemon, refresh(&["second"], None));
    asked_at(&mut first);
    let mut stays = sent(&daemon, refresh(&["work"], None));
    asked_at(&mut stays);
    await_waiting(&daemon, 2);
    drop(first);
    await_waiting(&daemon, 1);
    types(&mut stays, &code(&stage));
    assert_done(&mut stays);
    let file = stage.world.credentials();
    assert!(file.contains("[work]") && !file.contains("[second]"), "{file}");
}

#[test]
fn an_answer_to_a_question_that_was_answered_elsewhere_is_not_taken_for_the_next() {
    let stage = Stage::with_work();
    stage.world.add("bob", &stage.world.sts.bob()).unwrap();
    let daemon = stage.daemon();
    let mut terminal = sent(&daemon, refresh(&["work", "bob"], None));
    let (serial, profile, first) = asked_for(&mut terminal);
    let given = refresh(&[profile.as_str()], Some(&stage.world.sts.unused_code(&serial)));
    assert_done(&mut sent(&daemon, given));
    let (other, _, second) = asked_for(&mut terminal);
    assert_ne!((&serial, first), (&other, second));
    // Typed for the first, and on its way when the next question came.
    let late = stage.world.sts.unused_code(&serial);
    terminal.send(&FromClient::Code { id: 7, code: WireCode::new(&late), question: first });
    assert_eq!(asked_for(&mut terminal).2, second, "it is asked again");
    let code = stage.world.sts.unused_code(&other);
    terminal.send(&FromClient::Code { id: 7, code: WireCode::new(&code), question: second });
    assert_done(&mut terminal);
    assert_eq!(stage.world.sts.codes_sent(), 2);
}
