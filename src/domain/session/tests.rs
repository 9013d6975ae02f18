use proptest::prelude::*;

use super::*;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

fn issued(from: i64, to: i64) -> Issued {
    Issued {
        id: AccessKeyId::parse("ASIAY34FZKBOKMUTVV7A").unwrap(),
        issued_at: Some(at(from)),
        expires_at: at(to),
    }
}

fn fresh(to: i64) -> Event {
    Event::Issued { id: AccessKeyId::parse("ASIAY34FZKBOKMUTVV7A").unwrap(), expires_at: at(to) }
}

fn session(kind: Kind) -> Session {
    Session::new(kind, vec![Duration::from_mins(5), Duration::from_mins(30)])
}

/// Feeds an event whose effects do not matter to the test.
fn feed(session: &mut Session, event: Event, now: DateTime<Utc>) {
    drop(session.on(event, now));
}

fn restored(found: Issued) -> Session {
    let mut session = session(Kind::Mfa { code: true });
    assert_eq!(session.on(Event::Restored(Some(found)), at(0)), []);
    session
}

#[test]
fn a_code_is_asked_for_after_the_checks_and_spent_once() {
    let mut session = session(Kind::Mfa { code: true });
    assert_eq!(session.on(Event::RefreshAsked, at(0)), [Effect::Check]);
    assert_eq!(session.on(Event::RefreshAsked, at(0)), [], "one refresh at a time");
    assert_eq!(session.on(Event::Checked, at(0)), [Effect::ObtainCode]);
    assert_eq!(session.on(Event::CodeGiven, at(0)), [Effect::CallSts]);
    assert_eq!(session.on(Event::CodeGiven, at(0)), [], "a second code starts no second call");
    assert_eq!(session.on(fresh(12 * HOUR), at(0)), [Effect::Deliver]);
    assert_eq!(session.status(at(0)).state, State::Absent, "not a session before it is on disk");
    assert_eq!(session.on(Event::Delivered, at(0)), [Effect::Record]);
    assert_eq!(session.status(at(0)).state, State::Active);
    assert!(!session.is_refreshing());
}

#[test]
fn a_role_and_a_profile_without_mfa_need_no_code() {
    let parent = ProfileName::parse("work").unwrap();
    for kind in [Kind::Mfa { code: false }, Kind::Role { parent }] {
        let mut session = session(kind);
        assert_eq!(session.on(Event::RefreshAsked, at(0)), [Effect::Check]);
        assert_eq!(session.on(Event::Checked, at(0)), [Effect::CallSts]);
    }
}

#[test]
fn a_failure_keeps_the_session_that_was_there() {
    let mut session = restored(issued(0, 12 * HOUR));
    feed(&mut session, Event::RefreshAsked, at(1));
    assert_eq!(session.on(Event::Failed(FailureClass::MfaRefused), at(1)), [Effect::Record]);
    assert_eq!(session.status(at(1)).state, State::Active);
    assert_eq!(session.on(Event::Checked, at(2)), [], "a late answer revives nothing");
}

#[test]
fn forgetting_ends_everything() {
    let mut session = restored(issued(0, HOUR));
    assert_eq!(session.on(Event::Forgotten, at(1)), [Effect::Record]);
    assert_eq!(session.status(at(1)).state, State::Absent);
    assert_eq!(session.next_wake(at(1)), None);
}

#[test]
fn the_state_follows_the_leads() {
    let check = |found: Issued, now: i64, state: State, left: u64, next: Option<i64>| {
        let status = restored(found).status(at(now));
        assert_eq!(status.state, state, "at {now}");
        assert_eq!(status.seconds_left, Some(left), "at {now}");
        assert_eq!(status.next_notice_at, next.map(at), "at {now}");
    };
    let twelve = || issued(0, 12 * HOUR);
    check(twelve(), 0, State::Active, 43_200, Some(12 * HOUR - 30 * MINUTE));
    check(twelve(), 12 * HOUR - 30 * MINUTE, State::Expiring, 1800, Some(12 * HOUR - 5 * MINUTE));
    check(twelve(), 12 * HOUR - 4 * MINUTE, State::Expiring, 240, Some(12 * HOUR));
    check(twelve(), 12 * HOUR, State::Expired, 0, None);
    check(twelve(), 13 * HOUR, State::Expired, 0, None);
    // A lead not shorter than the whole life is skipped: 30 minutes of 15, and 30 of 30.
    check(issued(0, 15 * MINUTE), 0, State::Active, 900, Some(10 * MINUTE));
    check(issued(0, 15 * MINUTE), 10 * MINUTE, State::Expiring, 300, Some(15 * MINUTE));
    check(issued(0, 30 * MINUTE), 0, State::Active, 1800, Some(25 * MINUTE));
    // Shorter than every lead: only the expiry is left.
    check(issued(0, 60), 59, State::Active, 1, Some(60));
    // Found in the file only: its life is unknown, so every lead counts.
    let unknown = Issued { issued_at: None, ..issued(0, 15 * MINUTE) };
    check(unknown, 0, State::Expiring, 900, Some(10 * MINUTE));
}

#[test]
fn without_leads_only_the_expiry_counts() {
    let mut session = Session::new(Kind::Mfa { code: true }, Vec::new());
    feed(&mut session, Event::Restored(Some(issued(0, 60))), at(0));
    assert_eq!(session.status(at(59)).state, State::Active);
    assert_eq!(session.next_wake(at(0)), Some(at(60)));
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        Just(Event::Restored(None)),
        (-100_i64..100_000).prop_map(|to| Event::Restored(Some(issued(-200, to)))),
        Just(Event::RefreshAsked),
        Just(Event::Checked),
        Just(Event::CodeGiven),
        (-100_i64..100_000).prop_map(fresh),
        Just(Event::Delivered),
        Just(Event::Failed(FailureClass::Unavailable)),
        Just(Event::Forgotten),
    ]
}

proptest! {
    #[test]
    fn in_every_order_of_events_one_call_is_made_per_code(events in prop::collection::vec(event(), 0..60)) {
        let mut session = session(Kind::Mfa { code: true });
        let (mut codes, mut calls, mut deliveries) = (0, 0, 0);
        for event in events {
            let code = matches!(event, Event::CodeGiven);
            let effects = session.on(event, at(0));
            calls += effects.iter().filter(|e| **e == Effect::CallSts).count();
            deliveries += effects.iter().filter(|e| **e == Effect::Deliver).count();
            codes += usize::from(code);
            prop_assert!(calls <= codes, "a call without a code");
            prop_assert!(deliveries <= calls, "a delivery without a call");
            prop_assert!(effects.len() <= 1);
        }
    }

    #[test]
    fn the_next_wake_lies_ahead_and_changes_the_state(to in 1_i64..200_000, now in 0_i64..250_000) {
        let session = restored(issued(0, to));
        if let Some(wake) = session.next_wake(at(now)) {
            prop_assert!(wake > at(now));
            prop_assert!(wake <= at(to));
            let before = session.status(at(now));
            let eve = session.status(wake - TimeDelta::seconds(1));
            prop_assert_eq!(before.state, eve.state, "nothing changes before the wake");
        } else {
            prop_assert_eq!(session.status(at(now)).state, State::Expired);
        }
    }
}

/// What can happen to a session and to the clock, in any order.
#[derive(Clone, Debug)]
enum Turn {
    /// Time passes, or the clock is set: forward or back, in seconds.
    Clock(i64),
    /// A new session of so many seconds is on disk.
    Refreshed(i64),
    Forgotten,
    /// The daemon starts again and knows what file and state say.
    Restarted,
}

fn turn() -> impl Strategy<Value = Turn> {
    prop_oneof![
        4 => (0..HOUR).prop_map(Turn::Clock),
        1 => (-2 * HOUR..2 * HOUR).prop_map(Turn::Clock),
        2 => prop_oneof![60..HOUR, Just(12 * HOUR)].prop_map(Turn::Refreshed),
        1 => Just(Turn::Forgotten),
        1 => Just(Turn::Restarted),
    ]
}

proptest! {
    #[test]
    fn in_every_order_each_moment_of_a_session_is_told_once_at_most(turns in prop::collection::vec(turn(), 0..80)) {
        let mut machine = session(Kind::Mfa { code: true });
        let mut now = at(0);
        // What is remembered, as the daemon does: nothing of a session that is new.
        let mut told: Option<DateTime<Utc>> = None;
        let mut seen: Vec<DateTime<Utc>> = Vec::new();
        for turn in turns {
            match turn {
                Turn::Clock(by) => now += TimeDelta::seconds(by),
                Turn::Refreshed(life) => {
                    let found = Issued { issued_at: Some(now), expires_at: now + TimeDelta::seconds(life), ..issued(0, 0) };
                    feed(&mut machine, Event::Restored(Some(found)), now);
                    (told, seen) = (None, Vec::new());
                }
                Turn::Forgotten => {
                    feed(&mut machine, Event::Forgotten, now);
                    (told, seen) = (None, Vec::new());
                }
                Turn::Restarted => {
                    let found = machine.status(now).session;
                    machine = session(Kind::Mfa { code: true });
                    feed(&mut machine, Event::Restored(found), now);
                }
            }
            let known = machine.status(now).session;
            let due = machine.due(told, now);
            if let Some(moment) = due {
                prop_assert!(moment.at <= now, "before its time");
                prop_assert_eq!(Some(moment.expires_at), known.as_ref().map(|session| session.expires_at), "of another session");
                prop_assert!(Some(moment.at) > known.as_ref().and_then(|session| session.issued_at), "a lead longer than the life");
                prop_assert!(!seen.contains(&moment.at), "told twice");
                seen.push(moment.at);
                prop_assert!(seen.len() <= 3, "two leads and the end");
                told = Some(moment.at);
            }
            prop_assert_eq!(machine.due(told, now), None, "one notice at a time");
            if let Some(session) = known.filter(|session| session.expires_at <= now) {
                prop_assert_eq!(told, Some(session.expires_at), "the end is always told");
            }
        }
    }
}

/// A session of 12 hours with leads at 30 and 5 minutes, put off at some minute before its end.
fn snoozed(minutes_left: i64) -> (Session, DateTime<Utc>) {
    let mut session = restored(issued(0, 12 * HOUR));
    let now = at(12 * HOUR - minutes_left * MINUTE);
    assert_eq!(session.on(Event::Snoozed, now), []);
    (session, now)
}

#[test]
fn a_snooze_lasts_ten_minutes_and_never_past_the_last_lead() {
    let end = 12 * HOUR;
    let check = |minutes_left: i64, told_again: i64, pressing: bool| {
        let (session, now) = snoozed(minutes_left);
        let told = Some(at(end - 30 * MINUTE));
        let again = at(end - told_again * MINUTE);
        assert_eq!(session.due(told, now), None);
        assert_eq!(session.due(told, again - TimeDelta::seconds(1)), None);
        assert_eq!(session.next_wake(now), Some(again));
        let moment = Moment { at: again, expires_at: at(end), pressing };
        assert_eq!(session.due(told, again), Some(moment));
        assert_eq!(session.due(Some(again), again), None, "once");
    };
    check(30, 20, false);
    check(20, 10, false);
    check(16, 6, false);
    check(15, 5, true);
    check(12, 5, true);
    check(6, 5, true);
}

#[test]
fn at_the_last_lead_and_later_there_is_nothing_to_put_off() {
    for minutes_left in [5, 3, 0, -7] {
        let (session, now) = snoozed(minutes_left);
        let told = Some(at(12 * HOUR - 30 * MINUTE));
        assert!(session.due(told, now).is_some(), "{minutes_left}");
    }
}

#[test]
fn leads_that_pass_while_it_is_put_off_are_told_together_with_its_end() {
    let leads = [60, 55, 52, 5].map(Duration::from_mins).to_vec();
    let mut session = Session::new(Kind::Mfa { code: true }, leads);
    feed(&mut session, Event::Restored(Some(issued(0, 12 * HOUR))), at(0));
    let left = |minutes: i64| at(12 * HOUR - minutes * MINUTE);
    feed(&mut session, Event::Snoozed, left(60));
    for minutes in [59, 55, 52, 51] {
        assert_eq!(session.due(Some(left(60)), left(minutes)), None);
    }
    assert_eq!(session.due(Some(left(60)), left(50)).unwrap().at, left(50));
    assert_eq!(session.next_wake(left(50)), Some(left(5)));
}

#[test]
fn another_session_is_not_put_off_and_the_same_one_is() {
    let (session, now) = snoozed(30);
    let mut same = restored(issued(0, 12 * HOUR));
    same.snooze_like(&session);
    assert_eq!(same.next_wake(now), session.next_wake(now));
    let mut other = restored(issued(0, 13 * HOUR));
    other.snooze_like(&session);
    assert_eq!(other.next_wake(now), Some(at(13 * HOUR - 30 * MINUTE)));
    let mut renewed = session;
    feed(&mut renewed, Event::Restored(Some(issued(0, 13 * HOUR))), now);
    assert_eq!(renewed.next_wake(now), Some(at(13 * HOUR - 30 * MINUTE)));
}
