//! What `launchctl print` and `ps` tell of the agent. Apple calls the form of the former no interface: what is not
//! found there is unknown, never a failure.

use std::time::Duration;

use crate::domain::service::{Activity, Known, LastFailure, ServiceState};

/// The state that `printed` tells of an agent that is loaded from the file at `path`.
pub(super) fn state(printed: &str, path: &str) -> ServiceState {
    // Those of the agent itself are indented once; what is deeper belongs to its parts.
    let value = |name: &str| {
        printed
            .lines()
            .filter_map(|line| line.strip_prefix('\t').filter(|rest| !rest.starts_with('\t')))
            .filter_map(|line| line.split_once(" = "))
            .find_map(|(key, value)| (key == name).then(|| value.to_owned()))
    };
    let pid = value("pid").and_then(|pid| pid.parse().ok());
    let code = value("last exit code").and_then(|code| code.split(':').next()?.trim().parse::<i64>().ok());
    let signal = value("last terminating signal");
    let how = signal.or_else(|| code.filter(|code| *code != 0).map(|code| format!("exit code {code}")));
    let activity = match (pid, value("state").as_deref()) {
        (Some(_), _) => Activity::Active,
        (None, Some("spawn scheduled" | "waiting")) => Activity::Starting,
        (None, _) if how.is_some() => Activity::Failed,
        (None, _) => Activity::Inactive,
    };
    ServiceState {
        known: if value("path").as_deref() == Some(path) { Known::ByOurs } else { Known::ByOthers },
        enabled: true,
        activity,
        listening: None,
        since: None,
        pid,
        says: None,
        last_failure: how.map(|how| LastFailure { how, at: None }),
        stale: false,
    }
}

/// True if `launchctl print-disabled` says that the user has forbidden the agent.
pub(super) fn is_disabled(printed: &str, label: &str) -> bool {
    let name = format!("\"{label}\"");
    printed
        .lines()
        .filter_map(|line| line.trim().split_once(" => "))
        .any(|(key, value)| key == name && (value == "true" || value == "disabled"))
}

/// How long a process has run, as `ps -o etime=` says it: `[[days-]hours:]minutes:seconds`.
pub(super) fn elapsed(printed: &str) -> Option<Duration> {
    let (days, rest) = printed.trim().split_once('-').unwrap_or(("0", printed.trim()));
    let mut seconds = days.parse::<u64>().ok()?;
    let parts: Vec<&str> = rest.split(':').collect();
    let hours = if parts.len() == 2 { vec!["0"] } else { Vec::new() };
    let parts: Vec<&str> = hours.into_iter().chain(parts).collect();
    if parts.len() != 3 {
        return None;
    }
    for (part, unit) in parts.into_iter().zip([24, 60, 60]) {
        seconds = seconds.checked_mul(unit)?.checked_add(part.parse().ok()?)?;
    }
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "/Users/alice/Library/LaunchAgents/io.github.stsd.plist";
    /// The form of macOS 14, shortened.
    const RUNNING: &str = "gui/501/io.github.stsd = {
\tactive count = 1
\tpath = /Users/alice/Library/LaunchAgents/io.github.stsd.plist
\ttype = LaunchAgent
\tstate = running

\tprogram = /opt/homebrew/bin/stsd
\targuments = {
\t\t/opt/homebrew/bin/stsd
\t\tdaemon
\t\tpid = 7
\t}

\truns = 1
\tpid = 4711
\tlast exit code = (never exited)
}
";

    #[test]
    fn an_agent_that_runs_is_told() {
        let state = state(RUNNING, PATH);
        assert!(state.known == Known::ByOurs && state.enabled);
        assert_eq!((state.activity, state.pid, state.last_failure), (Activity::Active, Some(4711), None));
    }

    #[test]
    fn one_that_failed_says_how() {
        let check = |exit: &str, activity: Activity, how: Option<&str>| {
            let printed = RUNNING
                .replace("state = running", "state = not running")
                .replace("\tpid = 4711\n", "")
                .replace("last exit code = (never exited)", exit);
            let state = state(&printed, "/elsewhere");
            assert_eq!(state.activity, activity, "{exit}");
            assert_eq!(state.last_failure.map(|failure| failure.how).as_deref(), how, "{exit}");
            assert_eq!(state.known, Known::ByOthers);
        };
        check("last exit code = 3", Activity::Failed, Some("exit code 3"));
        check("last exit code = 78: EX_CONFIG", Activity::Failed, Some("exit code 78"));
        check("last exit code = 0", Activity::Inactive, None);
        check("last terminating signal = Killed: 9", Activity::Failed, Some("Killed: 9"));
        check("", Activity::Inactive, None);
    }

    #[test]
    fn a_forbidden_agent_is_known() {
        let printed = "disabled services = {\n\t\"com.x\" => enabled\n\t\"io.github.stsd\" => disabled\n}\n";
        assert!(is_disabled(printed, "io.github.stsd"));
        assert!(!is_disabled(printed, "com.x") && !is_disabled(printed, "io.github"));
        assert!(is_disabled("\t\"io.github.stsd\" => true", "io.github.stsd"));
    }

    #[test]
    fn the_time_of_a_process_is_read() {
        let check = |text: &str, seconds: Option<u64>| {
            assert_eq!(elapsed(text), seconds.map(Duration::from_secs), "{text}");
        };
        check("   00:05\n", Some(5));
        check("12:34:56", Some(45_296));
        check("2-00:00:01", Some(172_801));
        check("", None);
        check("5", None);
        check("a:b", None);
        check("1:2:3:4", None);
    }
}
