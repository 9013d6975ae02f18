//! `stsd status`

use std::time::Duration;

use chrono::{DateTime, Local, SecondsFormat, Utc};
use serde::Serialize;

use crate::cli::args::StatusArgs;
use crate::cli::output::{Output, clean, data};
use crate::cli::profile;
use crate::domain::duration::{Human, SessionDuration};
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::mfa::MfaSerial;
use crate::domain::profile::SectionName;
use crate::domain::record::LastError;
use crate::domain::session::State;
use crate::usecase::Ports;
use crate::usecase::profiles::load_config;
use crate::usecase::status::{ProfileStatus, status};

/// Cells of the bar.
const CELLS: usize = 12;

pub(crate) async fn run(args: &StatusArgs, ports: &Ports, output: Output) -> Result<u8, Failure> {
    let names = args.profiles.iter().map(|name| profile(name)).collect::<Result<Vec<_>, _>>()?;
    let config = load_config(ports)?;
    let statuses = status(ports, &config, &names).await?;
    if args.json {
        data(&json(&statuses)?)?;
    } else if statuses.is_empty() {
        output.say("no profile is configured yet; begin with: stsd add work");
    } else {
        data(&table(&statuses, ports.clock.now()))?;
    }
    let all_valid = !statuses.is_empty() && statuses.iter().all(|one| one.status.state.is_valid());
    Ok(if all_valid { 0 } else { FailureClass::NoSession.exit_code() })
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

#[derive(Serialize)]
struct JsonProfile<'a> {
    profile: &'a str,
    section: Option<&'a str>,
    sections: Vec<&'a str>,
    kind: &'static str,
    state: &'static str,
    access_key_id: Option<String>,
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

fn json(statuses: &[ProfileStatus]) -> Result<String, Failure> {
    let json = Json {
        version: 1,
        daemon: JsonDaemon { running: false, version: None, pid: None },
        profiles: statuses.iter().map(json_profile).collect(),
    };
    serde_json::to_string_pretty(&json).map(|text| text + "\n").map_err(|_impossible| {
        Failure::new(FailureClass::Internal, "the status could not be printed as JSON")
    })
}

fn json_profile(one: &ProfileStatus) -> JsonProfile<'_> {
    let session = one.status.session.as_ref();
    JsonProfile {
        profile: one.profile.name.as_str(),
        section: one.profile.sections.first().map(SectionName::as_str),
        sections: one.profile.sections.iter().map(SectionName::as_str).collect(),
        kind: if one.profile.role.is_some() { "role" } else { "session" },
        state: one.status.state.name(),
        access_key_id: session.map(|session| session.id.last_four().to_string()),
        expires_at: session.map(|session| rfc3339(session.expires_at)),
        seconds_left: one.status.seconds_left,
        mfa_serial: one.mfa_serial.as_ref().map(MfaSerial::as_str),
        last_error: one.last_error.as_ref().map(json_error),
        next_notice_at: one.status.next_notice_at.map(rfc3339),
    }
}

fn json_error(error: &LastError) -> JsonError<'_> {
    JsonError { class: &error.class, message: &error.message, at: rfc3339(error.at) }
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
            text += &[
                "\n",
                one.profile.name.as_str(),
                ": ",
                &clean(&error.message),
                " (",
                &words(ago),
                " ago)\n",
            ]
            .concat();
        }
    }
    text
}

fn row(one: &ProfileStatus) -> [String; 6] {
    let left = Duration::from_secs(one.status.seconds_left.unwrap_or_default());
    let (left_words, bar) = match one.status.state {
        State::Absent | State::Expired => ("-".to_owned(), format!("[{}]", "-".repeat(CELLS))),
        State::Active | State::Expiring => (words(left), bar(one, left)),
    };
    let expires = one
        .status
        .session
        .as_ref()
        .map(|session| session.expires_at.with_timezone(&Local).format("%Y-%m-%d %H:%M").to_string());
    let sections: Vec<_> = one.profile.sections.iter().map(SectionName::as_str).collect();
    [
        one.profile.name.to_string(),
        one.status.state.name().to_owned(),
        left_words,
        bar,
        expires.unwrap_or_else(|| "-".to_owned()),
        sections.join(", "),
    ]
}

/// `11h58m`, `29m`, `45s`: no seconds where minutes say enough.
fn words(left: Duration) -> String {
    let seconds = left.as_secs();
    let shown = if seconds >= 60 { seconds / 60 * 60 } else { seconds };
    Human(Duration::from_secs(shown)).to_string()
}

/// What is left of the session's whole life; of 12 hours where its begin is unknown.
fn bar(one: &ProfileStatus, left: Duration) -> String {
    let session = one.status.session.as_ref();
    let life = session.and_then(|session| (session.expires_at - session.issued_at?).to_std().ok());
    let whole = life.map_or(SessionDuration::DEFAULT.as_secs(), |life| life.as_secs()).max(1);
    let full = (1..=CELLS).filter(|cell| {
        let reached = u64::try_from(cell - 1).unwrap_or_default() * whole;
        left.as_secs() * u64::try_from(CELLS).unwrap_or_default() > reached
    });
    let full = full.count();
    format!("[{}{}]", "#".repeat(full), "-".repeat(CELLS - full))
}
