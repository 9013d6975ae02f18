//! One request to STS: its log entry, the fault that applies, the call, the answer.

use std::collections::BTreeMap;

use crate::actions::{Success, Terms, assume_role, get_caller_identity, get_session_token};
use crate::answer::{Answer, Outcome};
use crate::auth::authenticate;
use crate::error::StsError;
use crate::fault::{self, Fault};
use crate::http::HttpRequest;
use crate::log::Request;
use crate::state::State;
use crate::{clock, ids};

const VERSION: &str = "2011-06-15";

/// Decides on a request and logs it.
pub(crate) fn handle(state: &mut State, request: &HttpRequest) -> Outcome {
    let form = request.form();
    state.counted += 1;
    let mut entry = Request::read(state.counted, request, &form);
    let fault = fault::take(&mut state.faults, &entry.action);
    entry.fault = fault.as_ref().map(|fault| fault.name().to_owned());
    let outcome = instead(fault.as_ref(), state, &mut entry)
        .unwrap_or_else(|| process(fault.as_ref(), state, request, &form, &mut entry));
    entry.status = match &outcome {
        Outcome::Send(answer, _) | Outcome::Drip(answer, _) | Outcome::Cut(answer, _) => Some(answer.status),
        Outcome::Raw(_) | Outcome::Close | Outcome::Reset | Outcome::Hang => None,
    };
    state.log.push(entry);
    outcome
}

/// What a fault does in place of the call.
fn instead(fault: Option<&Fault>, state: &State, entry: &mut Request) -> Option<Outcome> {
    let now = clock::now(state.knobs.clock_skew);
    let mut refuse = |error: &StsError| {
        entry.error = Some(error.code.clone());
        Answer::error(error, &ids::request_id(), now)
    };
    let answer = match fault? {
        Fault::Throttle => refuse(&StsError::throttled()),
        Fault::InternalFailure => refuse(&StsError::internal()),
        Fault::Error { status, code, message } => refuse(&StsError::new(*status, code, message.as_str())),
        Fault::Html503 => Answer::html(503, now, "503 Service Temporarily Unavailable"),
        Fault::ProxyPage403 => {
            Answer::html(403, now, "Access to this site is blocked by your organisation's proxy")
        }
        Fault::Html200 => Answer::html(200, now, "Please log in to the network"),
        Fault::Garbage => {
            Answer::new(200, "text/xml", now, b"\x00\xff\xfe<<<&;\x80\x81 not xml \x00".as_slice())
        }
        Fault::Body { status, content_type, body } => {
            Answer::new(*status, content_type, now, body.as_bytes())
        }
        Fault::NotHttp => return Some(Outcome::Raw(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec())),
        Fault::DropBeforeRead => return Some(Outcome::Reset),
        Fault::DropUnprocessed => return Some(Outcome::Close),
        Fault::Hang => return Some(Outcome::Hang),
        Fault::DropAfterRead
        | Fault::DropAfterHead
        | Fault::Truncated
        | Fault::SlowDrip { .. }
        | Fault::Delay { .. }
        | Fault::BadExpiration
        | Fault::MissingToken
        | Fault::EmptyResult
        | Fault::ExpiredAnswer
        | Fault::ClockSkew { .. } => return None,
    };
    Some(Outcome::Send(answer, 0))
}

/// The call, and what a fault makes of its answer.
fn process(
    fault: Option<&Fault>,
    state: &mut State,
    request: &HttpRequest,
    form: &BTreeMap<String, String>,
    entry: &mut Request,
) -> Outcome {
    let skew = match fault {
        Some(Fault::ClockSkew { seconds }) => *seconds,
        _ => state.knobs.clock_skew,
    };
    let terms = Terms {
        now: clock::now(skew),
        session_seconds: state.knobs.session_seconds,
        token_size: state.knobs.token_size,
        expired: state.knobs.expired_answers || fault == Some(&Fault::ExpiredAnswer),
    };
    let id = ids::request_id();
    let answer = match call(state, request, form, &terms) {
        Ok((result, consumed)) => {
            entry.code_consumed = consumed;
            Answer::result(&entry.action, &id, terms.now, &spoil(fault, result))
        }
        Err(error) => {
            entry.error = Some(error.code.clone());
            Answer::error(&error, &id, terms.now)
        }
    };
    match fault {
        Some(Fault::DropAfterRead) => Outcome::Close,
        Some(Fault::DropAfterHead) => Outcome::Cut(answer, 0),
        Some(Fault::Truncated) => {
            let half = answer.body.len() / 2;
            Outcome::Cut(answer, half)
        }
        Some(Fault::SlowDrip { millis }) => Outcome::Drip(answer, *millis),
        Some(Fault::Delay { millis }) => Outcome::Send(answer, *millis),
        _ => Outcome::Send(answer, 0),
    }
}

fn call(
    state: &mut State,
    request: &HttpRequest,
    form: &BTreeMap<String, String>,
    terms: &Terms,
) -> Result<Success, StsError> {
    let caller = authenticate(&state.world, request, terms.now)?;
    let parameter = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let (action, version) = (parameter("Action"), parameter("Version"));
    match action {
        "GetCallerIdentity" if version == VERSION => Ok(get_caller_identity(&caller)),
        "GetSessionToken" if version == VERSION => get_session_token(&mut state.world, &caller, form, terms),
        "AssumeRole" if version == VERSION => assume_role(&mut state.world, &caller, form, terms),
        _ => Err(StsError::unknown_action(action, version)),
    }
}

/// Spoils the content of a result.
fn spoil(fault: Option<&Fault>, result: String) -> String {
    let without = |tag: &str, instead: &str| {
        let lines = result.lines().map(|line| if line.contains(tag) { instead } else { line });
        lines.flat_map(|line| [line, "\n"]).collect()
    };
    match fault {
        Some(Fault::BadExpiration) => without("<Expiration>", "      <Expiration>not-a-date</Expiration>"),
        Some(Fault::MissingToken) => without("<SessionToken>", ""),
        Some(Fault::EmptyResult) => String::new(),
        _ => result,
    }
}
