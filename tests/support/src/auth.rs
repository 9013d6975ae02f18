//! Who a request comes from: key, session token, clock and signature, in this order.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};

use crate::error::StsError;
use crate::http::HttpRequest;
use crate::sigv4::{Authorization, hash, signature};
use crate::world::{KeyState, Principal, World};

/// How far a request's date may be from the server's clock.
const WINDOW: TimeDelta = TimeDelta::minutes(15);

/// Who signed a request, proven.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) principal: Principal,
    pub(crate) region: String,
    /// Whether the credentials are temporary.
    pub(crate) temporary: bool,
    /// Whether they were issued for a one-time code.
    pub(crate) mfa: bool,
}

/// Proves who signed `request`, at the server's time `now`.
pub(crate) fn authenticate(
    world: &World,
    request: &HttpRequest,
    now: DateTime<Utc>,
) -> Result<Caller, StsError> {
    let header = request.header("authorization").ok_or_else(StsError::unsigned)?;
    let authorization = Authorization::parse(header).map_err(|text| StsError::incomplete(&text))?;
    let timestamp = request.header("x-amz-date").ok_or_else(|| {
        StsError::incomplete(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.",
        )
    })?;
    let signed_at = parse_timestamp(timestamp)?;

    let token = request.header("x-amz-security-token");
    let (secret, caller) = find(world, &authorization, token, now)?;
    check_scope(&authorization, request, timestamp)?;
    check_clock(signed_at, now)?;
    if signature(&secret, &authorization, timestamp, request) != authorization.signature {
        return Err(StsError::wrong_secret());
    }
    Ok(caller)
}

/// Looks up the key; temporary ones need their token, long-term ones must not have one.
fn find(
    world: &World,
    authorization: &Authorization,
    token: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(String, Caller), StsError> {
    let id = &authorization.access_key_id;
    let region = authorization.region.clone();
    if let Some(session) = world.sessions.iter().find(|session| session.access_key_id == *id) {
        if token != Some(&session.token) {
            return Err(StsError::invalid_key());
        }
        if session.expires_at <= now {
            return Err(StsError::expired_token());
        }
        let principal = session.principal.clone();
        return Ok((session.secret.clone(), Caller { principal, region, temporary: true, mfa: session.mfa }));
    }
    let key = world.keys.iter().find(|key| key.id == *id && key.state == KeyState::Active);
    let user = key.and_then(|key| world.user_by_id(&key.user_id));
    match (key, user, token) {
        (Some(key), Some(user), None) => {
            let caller = Caller { principal: user.principal(), region, temporary: false, mfa: false };
            Ok((key.secret.clone(), caller))
        }
        _ => Err(StsError::invalid_key()),
    }
}

fn check_scope(
    authorization: &Authorization,
    request: &HttpRequest,
    timestamp: &str,
) -> Result<(), StsError> {
    if authorization.service != "sts" {
        return Err(StsError::signature("Credential should be scoped to correct service: 'sts'. "));
    }
    let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if authorization.region.is_empty() || !authorization.region.chars().all(letter) {
        return Err(StsError::signature("Credential should be scoped to a valid region. "));
    }
    if !timestamp.starts_with(&authorization.date) || authorization.date.len() != 8 {
        return Err(StsError::signature(format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: \
             '{}' != '{}', from '{timestamp}'.",
            authorization.date,
            timestamp.get(..8).unwrap_or_default()
        )));
    }
    for name in ["host", "x-amz-date", "x-amz-security-token"] {
        if request.header(name).is_some() != authorization.signs(name) {
            return Err(StsError::signature(format!(
                "'{name}' must be a 'SignedHeader' in the AWS Authorization."
            )));
        }
    }
    if request.header("x-amz-content-sha256").is_some_and(|sent| sent != hash(&request.body)) {
        return Err(StsError::wrong_secret());
    }
    Ok(())
}

fn check_clock(signed_at: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), StsError> {
    if signed_at < now - WINDOW {
        return Err(StsError::signed_too_early(signed_at, now, WINDOW));
    }
    if signed_at > now + WINDOW {
        return Err(StsError::signed_too_late(signed_at, now, WINDOW));
    }
    Ok(())
}

fn parse_timestamp(text: &str) -> Result<DateTime<Utc>, StsError> {
    NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%SZ").map(|time| time.and_utc()).map_err(|_unparsable| {
        StsError::incomplete(&format!(
            "Date must be in ISO-8601 'basic format'. Got '{text}'. See http://en.wikipedia.org/wiki/ISO_8601"
        ))
    })
}
