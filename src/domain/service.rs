//! The service that starts the daemon at login: whose the files at its place are, and how it is.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};

/// What the line has in it by which we know our own writing; a checksum of all other lines follows.
const MARK: &str = "stsd service install; checksum ";

/// Bytes of the checksum that are written out: it finds an edit, it need not withstand anybody.
const CHECKSUM_BYTES: usize = 8;

/// What stands at the place of a file of the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing.
    Absent,
    /// What would be written, to the byte.
    Current,
    /// What another version or another path of stsd wrote, or a copy by hand of what stsd ships: nothing of anybody's is
    /// lost with it.
    Outdated,
    /// What stsd wrote and somebody has changed since.
    Edited,
    /// Somebody else's.
    Foreign,
    /// A link to somebody else's file, or to none: a dotfile manager's.
    Linked(PathBuf),
    /// A link to `/dev/null`, by which systemd's users forbid a unit.
    Masked,
}

/// How the service is, as the service manager tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceState {
    /// Whether the manager knows a service of this name.
    pub known: Known,
    /// True if it starts at login.
    pub enabled: bool,
    /// Whether the daemon runs.
    pub activity: Activity,
    /// True if the manager holds the socket open and starts the daemon when a command asks; `None` for one that holds
    /// no sockets.
    pub listening: Option<bool>,
    /// When the daemon came into that state.
    pub since: Option<DateTime<Utc>>,
    /// The daemon's process.
    pub pid: Option<u32>,
    /// What the daemon says of itself.
    pub says: Option<String>,
    /// How it failed the last time, if it is known to have failed.
    pub last_failure: Option<LastFailure>,
    /// True if the manager has not read the files since they were changed.
    pub stale: bool,
}

impl ServiceState {
    /// True if the manager has a daemon, or a socket that stands for it.
    #[must_use]
    pub fn runs(&self) -> bool {
        self.listening == Some(true) || !matches!(self.activity, Activity::Inactive | Activity::Failed)
    }
}

/// Whether the manager knows a service of this name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Known {
    /// It does not.
    #[default]
    No,
    /// By other files than those that we write: a package's, another directory's.
    ByOthers,
    /// By those that we write.
    ByOurs,
}

/// Whether the daemon runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activity {
    /// It serves.
    Active,
    /// It starts, for the first time or after a failure.
    Starting,
    /// It ends.
    Stopping,
    /// It does not run.
    #[default]
    Inactive,
    /// It does not run because it failed.
    Failed,
}

/// How a daemon failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastFailure {
    /// The manager's word for it: `exit-code`, `signal`, `watchdog`, `timeout`, …
    pub how: String,
    /// When, if the manager knows.
    pub at: Option<DateTime<Utc>>,
}

/// The line by which a text is known as ours, as the inside of a comment; `rest` is all else that the file holds, line
/// end by line end.
#[must_use]
pub fn mark(rest: &str) -> String {
    format!("{MARK}{}", checksum(rest))
}

/// Whose `found` is, where `ours` would be written; `same` says that it is what stsd ships, copied by hand.
#[must_use]
pub fn standing(found: &str, ours: &str, same: impl FnOnce(&str) -> bool) -> Standing {
    if found == ours {
        return Standing::Current;
    }
    let mut rest = String::with_capacity(found.len());
    let mut written = None;
    for line in found.split_inclusive('\n') {
        match line.split_once(MARK) {
            Some((_, after)) if written.is_none() => {
                written = after.get(..CHECKSUM_BYTES * 2).map(ToOwned::to_owned);
            }
            Some(_) | None => rest.push_str(line),
        }
    }
    match written {
        Some(written) if written == checksum(&rest) => Standing::Outdated,
        Some(_) => Standing::Edited,
        None if same(found) => Standing::Outdated,
        None => Standing::Foreign,
    }
}

fn checksum(text: &str) -> String {
    let hash = Sha256::digest(text);
    let bytes = hash.iter().take(CHECKSUM_BYTES);
    bytes
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(rest: &str) -> String {
        format!("# {}\n{rest}", mark(rest))
    }

    #[test]
    fn only_what_stsd_wrote_and_nobody_changed_is_ours() {
        let ours = marked("[Service]\nExecStart=/new\n");
        let old = marked("[Service]\nExecStart=/old\n");
        let check = |found: &str, expected: Standing| {
            assert_eq!(standing(found, &ours, |text| text == "shipped\n"), expected, "{found}");
        };
        check(&ours, Standing::Current);
        check(&old, Standing::Outdated);
        check(&old.replace("/old", "/mine"), Standing::Edited);
        check(&format!("{old}Nice=5\n"), Standing::Edited);
        check(&format!("# my own words\n{old}"), Standing::Edited);
        check(&old.replace("# ", "#"), Standing::Outdated);
        check("[Service]\nExecStart=/new\n", Standing::Foreign);
        check("shipped\n", Standing::Outdated);
        check("", Standing::Foreign);
        check(&format!("# {MARK}\n"), Standing::Foreign);
        check(&format!("# {MARK}ü"), Standing::Foreign);
    }

    #[test]
    fn a_second_mark_makes_nobody_elses_lines_ours() {
        let ours = marked("a\n");
        let twice = format!("{ours}# {}\nb\n", mark("b\n"));
        assert_eq!(standing(&twice, &ours, |_| false), Standing::Edited);
    }

    #[test]
    fn a_socket_stands_for_a_daemon() {
        let check = |listening: Option<bool>, activity: Activity, expected: bool| {
            let state = ServiceState { activity, listening, ..ServiceState::default() };
            assert_eq!(state.runs(), expected, "{listening:?} {activity:?}");
        };
        check(Some(false), Activity::Inactive, false);
        check(None, Activity::Failed, false);
        check(Some(true), Activity::Inactive, true);
        check(Some(false), Activity::Starting, true);
        check(None, Activity::Active, true);
    }
}
