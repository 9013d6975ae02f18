//! The control interface, for tests that are not written in Rust: JSON over HTTP under `/_control/`.
//!
//! | request | does |
//! |---|---|
//! | `GET identities` | all users by name: account, ARN, key, secret, serial, seed |
//! | `GET requests`, `DELETE requests` | the log of requests to STS; forgets it |
//! | `GET code?serial=S` or `?user=alice` | `{"code":"123456"}`; `&kind=fresh` (default: forgets used codes first), `current`, `unused`, `wrong`; `&offset=-5` for the code of another step |
//! | `POST fault` | `{"fault":NAME,"times":2,"action":"GetSessionToken",…}`; without `times` until cleared |
//! | `POST clear` | takes back all faults |
//! | `POST set` | `{"clock_skew":3600,"session_seconds":5,"token_size":2000,"expired_answers":true,"code_tolerance":1}`, any of them; `null` resets `session_seconds` |
//! | `POST key` | `{"access_key_id":ID,"state":"active"}`, or `inactive`, `deleted` |
//! | `POST device` | `{"serial":S,"enabled":false}` |
//! | `POST role` | `{"role_arn":ARN,"max_session_seconds":43200,"external_id":"x","needs_mfa":true,"trusted_account":"…"}` |
//! | `POST region` | `{"disabled":"eu-west-3"}` |
//! | `POST forget` | `{"sessions":true,"used_codes":true}`, either |
//!
//! What succeeds answers 200 with an object; what does not, 400 with `{"error":TEXT}`.

use serde_json::{Map, Value, json};

use crate::answer::{Answer, Outcome};
use crate::clock;
use crate::fault::{Fault, Rule};
use crate::http::{HttpRequest, form};
use crate::identity::Identity;
use crate::state::State;
use crate::world::KeyState;

/// The path under which the control interface is served.
pub(crate) const PREFIX: &str = "/_control/";

/// Answers a request to the control interface.
pub(crate) fn handle(state: &mut State, request: &HttpRequest) -> Outcome {
    let path = request.path.strip_prefix(PREFIX).unwrap_or_default();
    let decided = match (request.method.as_str(), path) {
        ("GET", "identities") => Ok(identities(state)),
        ("GET", "requests") => {
            Ok(json!({"requests": state.log.iter().map(crate::Request::to_json).collect::<Vec<_>>()}))
        }
        ("DELETE", "requests") => {
            state.log.clear();
            Ok(json!({}))
        }
        ("GET", "code") => code(state, &request.query),
        ("POST", "clear") => {
            state.faults.clear();
            Ok(json!({}))
        }
        ("POST", _) => serde_json::from_slice(&request.body)
            .map_err(|error| format!("the body is not JSON: {error}"))
            .and_then(|body| post(state, path, &body).map(|()| json!({}))),
        (method, _) => Err(format!("there is no {method} {path}")),
    };
    let (status, body) = match decided {
        Ok(value) => (200, value),
        Err(text) => (400, json!({"error": text})),
    };
    let mut text = body.to_string();
    text.push('\n');
    Outcome::Send(Answer::new(status, "application/json", clock::now(state.knobs.clock_skew), text), 0)
}

fn post(state: &mut State, path: &str, body: &Value) -> Result<(), String> {
    match path {
        "fault" => {
            let times = body.get("times").and_then(Value::as_u64);
            let left =
                times.map(u32::try_from).transpose().map_err(|_large| "\"times\" is too large".to_owned())?;
            let action = body.get("action").and_then(Value::as_str).map(str::to_owned);
            state.faults.push(Rule { fault: Fault::from_json(body)?, action, left });
            Ok(())
        }
        "set" => body
            .as_object()
            .ok_or("an object is wanted")?
            .iter()
            .try_for_each(|(name, value)| set(state, name, value)),
        "key" => {
            let key_state = match text(body, "state")? {
                "active" => KeyState::Active,
                "inactive" => KeyState::Inactive,
                "deleted" => KeyState::Deleted,
                other => return Err(format!("there is no state \"{other}\"")),
            };
            let key = state.world.key_mut(text(body, "access_key_id")?).ok_or("no such key")?;
            key.state = key_state;
            Ok(())
        }
        "device" => {
            let device = state.world.device_mut(text(body, "serial")?).ok_or("no such device")?;
            device.enabled =
                body.get("enabled").and_then(Value::as_bool).ok_or("\"enabled\": true or false is wanted")?;
            Ok(())
        }
        "role" => {
            let mut role = state.world.role(text(body, "role_arn")?);
            if let Some(seconds) = body.get("max_session_seconds").and_then(Value::as_i64) {
                role.max_session_seconds(seconds);
            }
            if let Some(id) = body.get("external_id").and_then(Value::as_str) {
                role.external_id(id);
            }
            if let Some(account) = body.get("trusted_account").and_then(Value::as_str) {
                role.trusts(account);
            }
            if body.get("needs_mfa") == Some(&Value::Bool(true)) {
                role.needs_mfa();
            }
            Ok(())
        }
        "region" => {
            state.world.disable_region(text(body, "disabled")?);
            Ok(())
        }
        "forget" => {
            if body.get("sessions") == Some(&Value::Bool(true)) {
                state.world.forget_sessions();
            }
            if body.get("used_codes") == Some(&Value::Bool(true)) {
                state.world.reset_used_codes();
            }
            Ok(())
        }
        _ => Err(format!("there is no POST {path}")),
    }
}

fn set(state: &mut State, name: &str, value: &Value) -> Result<(), String> {
    let wanted = |what: &str| format!("\"{name}\": {what} is wanted");
    let integer = || value.as_i64().ok_or_else(|| wanted("an integer"));
    let count = || value.as_u64().ok_or_else(|| wanted("an integer from 0"));
    match name {
        "clock_skew" => state.knobs.clock_skew = integer()?,
        "session_seconds" if value.is_null() => state.knobs.session_seconds = None,
        "session_seconds" => state.knobs.session_seconds = Some(integer()?),
        "token_size" => {
            state.knobs.token_size = count()?.try_into().map_err(|_large| wanted("a smaller integer"))?;
        }
        "expired_answers" => {
            state.knobs.expired_answers = value.as_bool().ok_or_else(|| wanted("true or false"))?;
        }
        "code_tolerance" => state.world.set_code_tolerance(count()?),
        _ => return Err(format!("there is no knob \"{name}\"")),
    }
    Ok(())
}

fn code(state: &mut State, query: &str) -> Result<Value, String> {
    let query = form(query);
    let user = query.get("user").map_or("alice", String::as_str);
    let serial = match query.get("serial") {
        Some(serial) => serial.clone(),
        None => Identity::of(&state.world, user).ok_or("no such user")?.serial,
    };
    if state.world.device(&serial).is_none() {
        return Err("no such device".to_owned());
    }
    if let Some(offset) = query.get("offset") {
        let steps = offset.parse().map_err(|_unparsable| "\"offset\" is not an integer".to_owned())?;
        return Ok(json!({"serial": serial, "code": state.code_at_offset(&serial, steps)}));
    }
    let code = match query.get("kind").map_or("fresh", String::as_str) {
        "fresh" => state.fresh_code(&serial),
        "current" => state.code_at_offset(&serial, 0),
        "unused" => state.unused_code(&serial).ok_or("all codes of the window were used")?,
        "wrong" => state.wrong_code(&serial),
        other => return Err(format!("there is no kind \"{other}\"")),
    };
    Ok(json!({"serial": serial, "code": code}))
}

fn identities(state: &State) -> Value {
    let users = state.world.users().iter();
    let known = users.filter_map(|user| Identity::of(&state.world, &user.name));
    known.map(|identity| (identity.name.clone(), identity.to_json())).collect::<Map<_, _>>().into()
}

fn text<'a>(body: &'a Value, name: &str) -> Result<&'a str, String> {
    body.get(name).and_then(Value::as_str).ok_or_else(|| format!("\"{name}\": a text is wanted"))
}
