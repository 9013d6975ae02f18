//! `stsd status`

use std::io::{self, IsTerminal as _};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Local, SecondsFormat, Utc};
use serde::Serialize;

use crate::cli::args::StatusArgs;
use crate::cli::here::{Here, Silent, unexpected};
use crate::cli::output::{Output, clean, data, draw};
use crate::cli::profile;
use crate::client::{Client, Dialogue, Typing};
use crate::config::Config;
use crate::config::PromptKind;
use crate::daemon::answers;
use crate::domain::duration::{Human, SessionDuration};
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::profile::ProfileName;
use crate::domain::session::State;
use crate::ports::time::Clock;
use crate::protocol::message::{Action, Answer, Hello, ProfileStatus};
use crate::usecase::profiles::load_config;
use crate::usecase::status::status;

/// Cells of the bar.
const CELLS: usize = 12;

pub(crate) async fn run(args: &StatusArgs, here: &Here, output: Output) -> Result<u8, Failure> {
    let names = args.profiles.iter().map(|name| profile(name)).collect::<Result<Vec<_>, _>>()?;
    let config = load_config(&here.ports)?;
    let daemon = here.daemon().await?;
    if args.watch {
        return watch(daemon, &names, here).await;
    }
    let running = daemon.as_ref().map_or(JsonDaemon::NONE, |client| JsonDaemon::of(client.daemon()));
    let statuses = statuses(daemon, here, &config, &names).await?;
    if args.json {
        data(&json(running, &statuses)?)?;
    } else if statuses.is_empty() {
        output.say("no profile is configured yet; begin with: stsd add work");
    } else {
        data(&table(&statuses, here.ports.clock.now()))?;
    }
    let all_valid = !statuses.is_empty() && statuses.iter().all(is_valid);
    Ok(if all_valid { 0 } else { FailureClass::NoSession.exit_code() })
}

/// How the sessions are, by the daemon if there is one.
pub(super) async fn statuses(
    daemon: Option<Client>,
    here: &Here,
    config: &Config,
    names: &[ProfileName],
) -> Result<Vec<ProfileStatus>, Failure> {
    let Some(client) = daemon else {
        return Ok(answers::statuses(status(&here.ports, config, names).await?));
    };
    match client.call(asked(names, false), &mut Silent).await? {
        Answer::Status(statuses) => Ok(statuses),
        Answer::Refreshed(_) | Answer::Forgotten(_) | Answer::Nothing => Err(unexpected()),
    }
}

/// True while AWS honours the session.
pub(super) fn is_valid(one: &ProfileStatus) -> bool {
    one.state == State::Active.name() || one.state == State::Expiring.name()
}

fn asked(names: &[ProfileName], watch: bool) -> Action {
    Action::Status { profiles: names.iter().map(ToString::to_string).collect(), watch }
}

/// Draws the table anew at every change, until the user ends it or the daemon does.
async fn watch(daemon: Option<Client>, names: &[ProfileName], here: &Here) -> Result<u8, Failure> {
    let Some(daemon) = daemon else {
        return Err(Failure::new(FailureClass::Unavailable, "--watch needs the daemon, and it does not run")
            .hint("stsd daemon"));
    };
    let mut screen = Screen { clock: Arc::clone(&here.ports.clock), clears: io::stdout().is_terminal() };
    daemon.call(asked(names, true), &mut screen).await.map(|_ended| 0)
}

/// Where a watched status is drawn.
struct Screen {
    clock: Arc<dyn Clock>,
    clears: bool,
}

impl Dialogue for Screen {
    fn code<'a>(
        &'a mut self,
        profiles: &'a [String],
        _serial: &'a str,
        _refused: Option<&'a str>,
    ) -> Typing<'a> {
        Box::pin(std::future::ready(Err(answers::nobody(profiles, PromptKind::Terminal))))
    }

    fn progress(&mut self, answer: Answer) -> bool {
        let Answer::Status(statuses) = answer else { return false };
        let begin = if self.clears { "\x1b[H\x1b[2J" } else { "" };
        let end = if self.clears { "" } else { "\n" };
        // A reader that has gone ends the watch, or it would hold its connection for ever.
        draw(&[begin, &table(&statuses, self.clock.now()), end].concat())
    }
}

/// The JSON that scripts rely on: keys may be added, never changed.
#[derive(Serialize)]
struct Json<'a> {
    version: u32,
    daemon: JsonDaemon,
    profiles: Vec<JsonProfile<'a>>,
}

#[derive(Serialize)]
struct JsonDaemon {
    running: bool,
    version: Option<String>,
    pid: Option<u32>,
}

impl JsonDaemon {
    const NONE: Self = Self { running: false, version: None, pid: None };

    fn of(hello: &Hello) -> Self {
        Self { running: true, version: Some(hello.version.clone()), pid: Some(hello.pid) }
    }
}

#[derive(Serialize)]
struct JsonProfile<'a> {
    profile: &'a str,
    section: Option<&'a str>,
    sections: &'a [String],
    kind: &'a str,
    state: &'a str,
    access_key_id: Option<&'a str>,
    expires_at: Option<String>,
    seconds_left: Option<u64>,
    mfa_serial: Option<&'a str>,
    last_error: Option<JsonError<'a>>,
    next_notice_at: Option<String>,
}

#[derive(Serialize)]
struct JsonError<'a> {
    class: &'a str,
    message: &'a str,
    at: String,
}

fn json(daemon: JsonDaemon, statuses: &[ProfileStatus]) -> Result<String, Failure> {
    let json = Json { version: 1, daemon, profiles: statuses.iter().map(json_profile).collect() };
    serde_json::to_string_pretty(&json).map(|text| text + "\n").map_err(|_impossible| {
        Failure::new(FailureClass::Internal, "the status could not be printed as JSON")
    })
}

fn json_profile(one: &ProfileStatus) -> JsonProfile<'_> {
    JsonProfile {
        profile: &one.profile,
        section: one.section.as_deref(),
        sections: &one.sections,
        kind: &one.kind,
        state: &one.state,
        access_key_id: one.access_key_id.as_deref(),
        expires_at: one.expires_at.map(rfc3339),
        seconds_left: one.seconds_left,
        mfa_serial: one.mfa_serial.as_deref(),
        last_error: one.last_error.as_ref().map(|last| JsonError {
            class: &last.class,
            message: &last.message,
            at: rfc3339(last.at),
        }),
        next_notice_at: one.next_notice_at.map(rfc3339),
    }
}

fn rfc3339(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The table for people.
fn table(statuses: &[ProfileStatus], now: DateTime<Utc>) -> String {
    let header = ["PROFILE", "STATE", "LEFT", "", "EXPIRES", "SECTIONS"].map(str::to_owned);
    let mut rows = vec![header];
    rows.extend(statuses.iter().map(row));
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<usize> = (0..6).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        text += line.trim_end();
        text += "\n";
    }
    for one in statuses {
        if let Some(error) = &one.last_error {
            let ago = (now - error.at).to_std().unwrap_or_default();
            text += &["\n", one.profile.as_str(), ": ", &clean(&error.message), " (", &words(ago), " ago)\n"]
                .concat();
        }
    }
    text
}

fn row(one: &ProfileStatus) -> [String; 6] {
    let left = Duration::from_secs(one.seconds_left.unwrap_or_default());
    let (left_words, bar) = if left.is_zero() {
        ("-".to_owned(), format!("[{}]", "-".repeat(CELLS)))
    } else {
        (words(left), bar(one, left))
    };
    let expires = one.expires_at.map(|at| at.with_timezone(&Local).format("%Y-%m-%d %H:%M").to_string());
    [
        one.profile.clone(),
        one.state.clone(),
        left_words,
        bar,
        expires.unwrap_or_else(|| "-".to_owned()),
        one.sections.join(", "),
    ]
}

/// `11h58m`, `29m`, `45s`: no seconds where minutes say enough.
pub(super) fn words(left: Duration) -> String {
    let seconds = left.as_secs();
    let shown = if seconds >= 60 { seconds / 60 * 60 } else { seconds };
    Human(Duration::from_secs(shown)).to_string()
}

/// What is left of the session's whole life; of 12 hours where its begin is unknown.
fn bar(one: &ProfileStatus, left: Duration) -> String {
    let life = one.expires_at.zip(one.issued_at).and_then(|(end, begin)| (end - begin).to_std().ok());
    let whole = life.map_or(SessionDuration::DEFAULT.as_secs(), |life| life.as_secs()).max(1);
    let full = (1..=CELLS).filter(|cell| {
        let reached = u64::try_from(cell - 1).unwrap_or_default() * whole;
        left.as_secs() * u64::try_from(CELLS).unwrap_or_default() > reached
    });
    let full = full.count();
    format!("[{}{}]", "#".repeat(full), "-".repeat(CELLS - full))
}
