//! The messages. Keys may be added to them, never changed: frames of every version are kept as tests.

use std::fmt;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::failure::{Failure, FailureClass};

/// The first message of each side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The version of the dialogue.
    pub protocol: u32,
    /// The version of the program.
    pub version: String,
    /// The process.
    pub pid: u32,
    /// What the environment of this side leads to. Both sides must mean the same files and the same AWS.
    pub places: Places,
}

/// Where a side's environment leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Places {
    /// stsd's configuration.
    pub config: String,
    /// AWS's credentials file.
    pub aws_credentials: String,
    /// AWS's configuration file.
    pub aws_config: String,
    /// The STS endpoint that the environment names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
}

/// What a client says after its hello.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FromClient {
    /// What it wants.
    Request(Request),
    /// The answer to `CodeWanted`.
    Code {
        /// The request's id.
        id: u64,
        /// The code.
        code: WireCode,
        /// The number of the question that it answers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        question: Option<u64>,
    },
    /// Nobody answers `CodeWanted`; says why.
    NoCode {
        /// The request's id.
        id: u64,
        /// The failure that the client would report.
        failure: WireFailure,
    },
}

/// A request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Request {
    /// Repeated in every answer.
    pub id: u64,
    /// What is to be done.
    pub action: Action,
}

/// What can be asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// A new session.
    Refresh {
        /// Names of profiles; none means the implied one.
        profiles: Vec<String>,
        /// In seconds, in place of the configured duration.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        duration_seconds: Option<u64>,
        /// A code that is there already.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<WireCode>,
        /// True if the client can ask its user.
        #[serde(default)]
        may_ask: bool,
        /// Where a dialog for it may appear; nothing if nobody would see one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        display: Option<Display>,
        /// In seconds: a session that lasts so long is left as it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        min_seconds: Option<u64>,
    },
    /// How the sessions are.
    Status {
        /// Names of profiles; none means all.
        profiles: Vec<String>,
        /// True if an answer is wanted now and after every change, until the connection ends.
        #[serde(default)]
        watch: bool,
    },
    /// Drop sessions.
    Forget {
        /// Names of profiles; none means the implied one.
        profiles: Vec<String>,
        /// All that are configured.
        #[serde(default)]
        all: bool,
    },
    /// Forget a profile's session and delete its key.
    Remove {
        /// The profile.
        profile: String,
    },
    /// Read the configuration again.
    Reload,
}

/// What a client's environment says of its display, and nothing else of that. A window of macOS needs none of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Display {
    /// `DISPLAY`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x11: Option<String>,
    /// `WAYLAND_DISPLAY`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wayland: Option<String>,
    /// `XAUTHORITY`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub xauthority: Option<String>,
}

/// What the daemon says after its hello.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FromDaemon {
    /// Somebody has to type a code. The request may be done before anybody has: another's code serves as well.
    CodeWanted {
        /// The request's id.
        id: u64,
        /// The profiles that will share the session.
        profiles: Vec<String>,
        /// The device that shows the code.
        serial: String,
        /// Why the last code was not taken, if there was one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        refused: Option<String>,
        /// The number of the question, to be repeated with the code.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        question: Option<u64>,
    },
    /// An answer of a request that gives several: a watched status.
    Progress {
        /// The request's id.
        id: u64,
        /// The answer as it is now.
        answer: Answer,
    },
    /// The request is done, and what it wrote is on disk.
    Done {
        /// The request's id.
        id: u64,
        /// The answer.
        answer: Answer,
    },
    /// The request failed as a whole.
    Failed {
        /// The request's id; 0 if no request could be read.
        id: u64,
        /// Why.
        failure: WireFailure,
    },
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Of a refresh: each profile in the order asked for.
    Refreshed(Vec<Outcome<Refreshed>>),
    /// Of a status.
    Status(Vec<ProfileStatus>),
    /// Of forget and remove.
    Forgotten(Vec<Outcome<Forgotten>>),
    /// Nothing to tell.
    Nothing,
}

/// What became of one profile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome<T> {
    /// The profile.
    pub profile: String,
    /// What was done, or why not.
    pub result: Result<T, WireFailure>,
}

/// A session that is on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refreshed {
    /// When it expires.
    pub expires_at: DateTime<Utc>,
    /// Where it was written.
    pub sections: Vec<String>,
    /// The file.
    pub file: String,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// What was dropped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forgotten {
    /// By section.
    pub sections: Vec<(String, Removal)>,
}

/// What a removal found in a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Removal {
    /// The session was there and is gone.
    Removed,
    /// Nothing of a session was there.
    Absent,
    /// What stands there is not what we wrote; it was left alone.
    Foreign,
}

/// How one profile is. The keys are those of `status --json`; one more for the bar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileStatus {
    /// The profile.
    pub profile: String,
    /// The first of its sections.
    pub section: Option<String>,
    /// The sections that hold its session.
    pub sections: Vec<String>,
    /// `session` or `role`.
    pub kind: String,
    /// `absent`, `active`, `expiring` or `expired`.
    pub state: String,
    /// `…WXYZ`.
    pub access_key_id: Option<String>,
    /// When the session expires.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was issued, where that is known.
    #[serde(default)]
    pub issued_at: Option<DateTime<Utc>>,
    /// Whole seconds; 0 once it has expired.
    pub seconds_left: Option<u64>,
    /// The MFA device.
    pub mfa_serial: Option<String>,
    /// The last failure since the last success.
    pub last_error: Option<LastError>,
    /// The next lead, else the expiry.
    pub next_notice_at: Option<DateTime<Utc>>,
}

/// A failure that is remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastError {
    /// The name of its class.
    pub class: String,
    /// One line.
    pub message: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// A failure as the wire carries it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireFailure {
    /// The name of its class.
    pub class: String,
    /// One line.
    pub message: String,
    /// What to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl From<Failure> for WireFailure {
    fn from(failure: Failure) -> Self {
        Self { class: failure.class.name().to_owned(), message: failure.message, hint: failure.hint }
    }
}

impl From<WireFailure> for Failure {
    fn from(failure: WireFailure) -> Self {
        // A class of a later version is a failure all the same.
        let class = FailureClass::from_name(&failure.class).unwrap_or(FailureClass::Internal);
        Self { class, message: failure.message, hint: failure.hint }
    }
}

/// The one field of the protocol that holds a one-time code.
#[derive(Clone)]
pub struct WireCode(SecretString);

impl WireCode {
    /// Takes the digits; whoever uses them parses them.
    #[must_use]
    pub fn new(digits: &str) -> Self {
        Self(SecretString::from(digits))
    }

    /// The digits.
    #[must_use]
    pub fn digits(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for WireCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

impl Serialize for WireCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose_secret())
    }
}

impl<'de> Deserialize<'de> for WireCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|digits| Self(digits.into()))
    }
}
