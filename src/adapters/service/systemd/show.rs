//! What `systemctl show` and the journal tell of the units.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDateTime, Utc};

use crate::domain::service::{Activity, Known, LastFailure, ServiceState};

/// The properties that are asked for.
pub(super) const PROPERTIES: &str = "Id,LoadState,ActiveState,SubState,UnitFileState,FragmentPath,MainPID,StatusText,\
     Result,StateChangeTimestamp,ActiveEnterTimestamp,NeedDaemonReload";

/// The journal's number of "a unit failed" (`systemd-messages.h`, `SD_MESSAGE_UNIT_FAILURE_RESULT`).
pub(super) const FAILED: &str = "MESSAGE_ID=d9b373ed55a64feb8242e02dbe79a49c";

/// The properties of one unit.
type Properties<'a> = BTreeMap<&'a str, &'a str>;

/// The state that `printed` tells; `is_ours` says whether a unit's file is one that we write.
pub(super) fn state(printed: &str, is_ours: impl Fn(&str) -> bool) -> ServiceState {
    let units: Vec<Properties<'_>> = printed.split("\n\n").map(properties).collect();
    let unit = |id: &str| units.iter().find(|unit| unit.get("Id") == Some(&id));
    let value = |unit: Option<&Properties<'_>>, name: &str| {
        unit.and_then(|unit| unit.get(name)).map(ToString::to_string)
    };
    let (service, socket) = (unit("stsd.service"), unit("stsd.socket"));
    let is = |unit, name: &str, expected: &str| value(unit, name).as_deref() == Some(expected);
    let activity = match value(service, "ActiveState").as_deref() {
        Some("active" | "reloading" | "refreshing") => Activity::Active,
        Some("activating") => Activity::Starting,
        Some("deactivating") => Activity::Stopping,
        Some("failed") => Activity::Failed,
        Some(_) | None => Activity::Inactive,
    };
    let entered = if activity == Activity::Active { "ActiveEnterTimestamp" } else { "StateChangeTimestamp" };
    let since = value(service, entered).and_then(|text| time(&text));
    let result = value(service, "Result").filter(|result| !result.is_empty() && result != "success");
    let loaded = is(service, "LoadState", "loaded");
    let ours = [service, socket].into_iter().all(|unit| {
        let path = value(unit, "FragmentPath").filter(|path| !path.is_empty());
        path.is_none_or(|path| is_ours(&path))
    });
    ServiceState {
        known: match (loaded, ours) {
            (false, _) => Known::No,
            (true, false) => Known::ByOthers,
            (true, true) => Known::ByOurs,
        },
        enabled: is(service, "UnitFileState", "enabled"),
        activity,
        listening: Some(is(socket, "ActiveState", "active")),
        since,
        pid: value(service, "MainPID").and_then(|pid| pid.parse().ok()).filter(|pid| *pid != 0),
        says: value(service, "StatusText").filter(|text| !text.is_empty()),
        last_failure: result.map(|how| LastFailure { how, at: since }),
        stale: is(service, "NeedDaemonReload", "yes") || is(socket, "NeedDaemonReload", "yes"),
    }
}

/// The failure that the journal's newest entry tells, as JSON.
pub(super) fn failure(printed: &str) -> Option<LastFailure> {
    let entry: serde_json::Value = serde_json::from_str(printed.lines().last()?).ok()?;
    let text = |name: &str| entry.get(name).and_then(serde_json::Value::as_str);
    let at = text("__REALTIME_TIMESTAMP")
        .and_then(|microseconds| microseconds.parse().ok())
        .and_then(DateTime::from_timestamp_micros);
    Some(LastFailure { how: text("UNIT_RESULT")?.to_owned(), at })
}

fn properties(block: &str) -> Properties<'_> {
    block.lines().filter_map(|line| line.split_once('=')).collect()
}

/// A time as systemd prints it where it is UTC: `Sun 2026-11-22 05:37:38 UTC`.
fn time(text: &str) -> Option<DateTime<Utc>> {
    let (_weekday, rest) = text.split_once(' ')?;
    NaiveDateTime::parse_from_str(rest, "%Y-%m-%d %H:%M:%S UTC").ok().map(|time| time.and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As systemd 252 prints it; the order of the properties is its own.
    const ACTIVE: &str = "MainPID=123
StatusText=next: work at 14:02
Result=success
Id=stsd.service
LoadState=loaded
ActiveState=active
SubState=running
FragmentPath=/home/alice/.config/systemd/user/stsd.service
UnitFileState=enabled
StateChangeTimestamp=Sun 2026-11-22 05:40:00 UTC
ActiveEnterTimestamp=Sun 2026-11-22 05:37:38 UTC
NeedDaemonReload=no

Id=stsd.socket
LoadState=loaded
ActiveState=active
SubState=running
FragmentPath=/home/alice/.config/systemd/user/stsd.socket
UnitFileState=enabled
NeedDaemonReload=no
";

    fn read(printed: &str) -> ServiceState {
        state(printed, |path| path.starts_with("/home/alice/.config/systemd/user/"))
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_service_that_runs_is_told_whole() {
        let expected = ServiceState {
            known: Known::ByOurs,
            enabled: true,
            activity: Activity::Active,
            listening: Some(true),
            since: Some(at("2026-11-22T05:37:38Z")),
            pid: Some(123),
            says: Some("next: work at 14:02".to_owned()),
            last_failure: None,
            stale: false,
        };
        assert_eq!(read(ACTIVE), expected);
    }

    #[test]
    fn every_activity_has_its_name() {
        let check = |word: &str, expected: Activity| {
            let printed = ACTIVE.replacen("ActiveState=active", &format!("ActiveState={word}"), 1);
            assert_eq!(read(&printed).activity, expected, "{word}");
        };
        check("reloading", Activity::Active);
        check("activating", Activity::Starting);
        check("deactivating", Activity::Stopping);
        check("inactive", Activity::Inactive);
        check("failed", Activity::Failed);
        check("a word of tomorrow", Activity::Inactive);
    }

    #[test]
    fn a_failure_has_its_word_and_time() {
        let printed = ACTIVE
            .replacen("ActiveState=active", "ActiveState=failed", 1)
            .replace("Result=success", "Result=watchdog")
            .replace("MainPID=123", "MainPID=0");
        let state = read(&printed);
        let failure = LastFailure { how: "watchdog".to_owned(), at: Some(at("2026-11-22T05:40:00Z")) };
        assert_eq!((state.last_failure, state.pid), (Some(failure), None));
    }

    #[test]
    fn another_place_is_not_ours_and_nothing_is_nothing() {
        let elsewhere = ACTIVE.replace("/home/alice/.config/systemd/user/stsd.socket", "/usr/lib/x");
        assert_eq!(read(&elsewhere).known, Known::ByOthers);
        let half =
            ACTIVE.replace("FragmentPath=/home/alice/.config/systemd/user/stsd.socket", "FragmentPath=");
        assert_eq!(read(&half).known, Known::ByOurs, "a file that was removed by hand is nobody else's");
        let absent = "Id=stsd.service\nLoadState=not-found\nActiveState=inactive\nUnitFileState=\nFragmentPath=\n\n\
                      Id=stsd.socket\nLoadState=not-found\nActiveState=inactive\n";
        let nothing = ServiceState { listening: Some(false), ..ServiceState::default() };
        assert_eq!(read(absent), nothing);
        assert_eq!(read(""), nothing);
        assert!(read(&ACTIVE.replacen("Reload=no", "Reload=yes", 1)).stale);
    }

    #[test]
    fn the_journal_knows_failures_that_are_over() {
        let line =
            r#"{"__CURSOR":"s=1","__REALTIME_TIMESTAMP":"1795325858000000","UNIT_RESULT":"exit-code"}"#;
        let expected =
            LastFailure { how: "exit-code".to_owned(), at: DateTime::from_timestamp(1_795_325_858, 0) };
        assert_eq!(failure(line), Some(expected));
        for nothing in ["", "-- No entries --", "{}", "[1]"] {
            assert_eq!(failure(nothing), None, "{nothing}");
        }
    }
}
