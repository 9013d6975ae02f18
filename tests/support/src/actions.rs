//! The three calls. Each gets a proven caller; the one-time code is looked at last.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono::{DateTime, TimeDelta, Utc};

use crate::answer::escape;
use crate::auth::Caller;
use crate::error::StsError;
use crate::shapes::Shapes;
use crate::world::{Principal, Session, World};
use crate::{clock, ids, mfa};

const SERIAL: &str = "=/:,.@-+";
const ROLE_NAME: &str = "=,.@-+";

/// What decides about everything issued, beside the request.
#[derive(Debug)]
pub(crate) struct Terms {
    pub(crate) now: DateTime<Utc>,
    pub(crate) session_seconds: Option<i64>,
    pub(crate) token_size: usize,
    pub(crate) expired: bool,
}

/// The content of a call's result, and whether a one-time code was consumed for it.
pub(crate) type Success = (String, bool);

pub(crate) fn get_caller_identity(caller: &Caller) -> Success {
    let Principal { account, arn, user_id } = &caller.principal;
    let result =
        format!("    <Arn>{arn}</Arn>\n    <UserId>{user_id}</UserId>\n    <Account>{account}</Account>\n");
    (result, false)
}

pub(crate) fn get_session_token(
    world: &mut World,
    caller: &Caller,
    form: &BTreeMap<String, String>,
    terms: &Terms,
) -> Result<Success, StsError> {
    let mut shapes = Shapes::new(form);
    let serial = shapes.text("SerialNumber", 9, 256, SERIAL);
    let code = shapes.code();
    let seconds = shapes.duration(129_600, 43_200)?;
    shapes.finish()?;
    if caller.temporary {
        return Err(StsError::session_from_session());
    }
    check_region(world, caller)?;
    let consumed = check_code(world, caller, serial, code, terms)?;
    Ok((issue(world, caller.principal.clone(), consumed, seconds, terms), consumed))
}

pub(crate) fn assume_role(
    world: &mut World,
    caller: &Caller,
    form: &BTreeMap<String, String>,
    terms: &Terms,
) -> Result<Success, StsError> {
    let mut shapes = Shapes::new(form);
    let arn = shapes.required("RoleArn", 20, 2048, "=/:,.@-+");
    let session_name = shapes.required("RoleSessionName", 2, 64, ROLE_NAME);
    let external_id = shapes.text("ExternalId", 2, 1224, "=,.@:/-+");
    let serial = shapes.text("SerialNumber", 9, 256, SERIAL);
    let code = shapes.code();
    let seconds = shapes.duration(43_200, 3600)?;
    shapes.finish()?;
    check_region(world, caller)?;

    let denied = || StsError::may_not_assume(&caller.principal.arn, arn);
    let role = world.roles.iter().find(|role| role.arn == arn).cloned().ok_or_else(denied)?;
    let trusted = role.trusted_account.as_ref().is_none_or(|account| *account == caller.principal.account);
    let identified = role.external_id.as_deref().is_none_or(|wanted| external_id == Some(wanted));
    let authenticated = !role.needs_mfa || caller.mfa || code.is_some();
    if !(trusted && identified && authenticated) {
        return Err(denied());
    }
    if caller.temporary && seconds > 3600 {
        return Err(StsError::chained_over_one_hour());
    }
    if seconds > role.max_session_seconds {
        return Err(StsError::over_role_maximum());
    }
    let consumed = check_code(world, caller, serial, code, terms)?;

    let account = arn.split(':').nth(4).unwrap_or_default().to_owned();
    let name = arn.rsplit('/').next().unwrap_or_default();
    let principal = Principal {
        arn: format!("arn:aws:sts::{account}:assumed-role/{name}/{session_name}"),
        user_id: format!("{}:{session_name}", role.id),
        account,
    };
    let mut result = format!(
        "    <AssumedRoleUser>\n      <AssumedRoleId>{}</AssumedRoleId>\n      <Arn>{}</Arn>\n    </AssumedRoleUser>\n",
        principal.user_id, principal.arn
    );
    result.push_str(&issue(world, principal, consumed || caller.mfa, seconds, terms));
    Ok((result, consumed))
}

fn check_region(world: &World, caller: &Caller) -> Result<(), StsError> {
    if world.disabled_regions.contains(&caller.region) {
        return Err(StsError::region_off(&caller.principal.account));
    }
    Ok(())
}

/// Consumes the one-time code, if there is one.
fn check_code(
    world: &mut World,
    caller: &Caller,
    serial: Option<&str>,
    code: Option<&str>,
    terms: &Terms,
) -> Result<bool, StsError> {
    match (serial, code) {
        (None, None) => Ok(false),
        (Some(serial), Some(code)) => {
            mfa::consume(world, &caller.principal, serial, code, terms.now).map(|()| true)
        }
        _ => Err(StsError::serial_and_code_go_together()),
    }
}

/// Makes temporary credentials, remembers them and writes them as XML.
fn issue(world: &mut World, principal: Principal, mfa: bool, seconds: i64, terms: &Terms) -> String {
    let seconds = if terms.expired { -3600 } else { terms.session_seconds.unwrap_or(seconds) };
    let session = Session {
        access_key_id: ids::access_key_id("ASIA", &principal.account),
        secret: ids::secret(),
        token: ids::session_token(terms.token_size),
        expires_at: terms.now + TimeDelta::seconds(seconds),
        principal,
        mfa,
    };
    let mut xml = "    <Credentials>\n".to_owned();
    for (name, value) in [
        ("AccessKeyId", session.access_key_id.as_str()),
        ("SecretAccessKey", &session.secret),
        ("SessionToken", &session.token),
        ("Expiration", &clock::iso(session.expires_at)),
    ] {
        writeln!(xml, "      <{name}>{}</{name}>", escape(value)).unwrap();
    }
    xml.push_str("    </Credentials>\n");
    world.sessions.push(session);
    xml
}
