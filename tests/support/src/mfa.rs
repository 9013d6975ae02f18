//! The one-time code: whose device, which step, and only once.

use chrono::{DateTime, Utc};

use crate::clock::unix;
use crate::error::StsError;
use crate::totp::{STEP, code_at};
use crate::world::{MfaDevice, Principal, World};

/// Takes `code` of the device `serial` for `principal`, and marks its step as used.
///
/// # Errors
/// AWS's "unable to validate" for a serial that is unknown, disabled or not the caller's own; "invalid … pass code" for a
/// code that is wrong, too old or not newer than the last one taken.
pub(crate) fn consume(
    world: &mut World,
    principal: &Principal,
    serial: &str,
    code: &str,
    now: DateTime<Utc>,
) -> Result<(), StsError> {
    let tolerance = world.code_tolerance;
    let device = world
        .device_mut(serial)
        .filter(|device| device.enabled && device.user_id == principal.user_id)
        .ok_or_else(StsError::wrong_serial)?;
    let step = steps(unix(now), tolerance)
        .find(|step| device.last_step.is_none_or(|last| *step > last) && code_of(device, *step) == code)
        .ok_or_else(StsError::wrong_code)?;
    device.last_step = Some(step);
    Ok(())
}

/// The oldest code that would be taken now and for some seconds more, and was not given out so before; `None` when there
/// is none in the window.
pub(crate) fn unused_code(device: &mut MfaDevice, unix_time: u64, tolerance: u64) -> Option<String> {
    // The oldest step leaves the window when the current one ends.
    let soon = unix_time + 10;
    let newest = unix_time / STEP + tolerance;
    let known = device.last_step.max(device.given_step);
    let step =
        steps(soon, tolerance).find(|step| *step <= newest && known.is_none_or(|known| *step > known))?;
    device.given_step = Some(step);
    Some(code_of(device, step))
}

/// A well-formed code that is of no step near the window; another one each time, for callers that remember codes.
pub(crate) fn wrong_code(device: &MfaDevice, unix_time: u64, tolerance: u64) -> String {
    let right: Vec<String> = steps(unix_time, tolerance + 10).map(|step| code_of(device, step)).collect();
    let start = getrandom::u32().expect("the system has entropy");
    let mut candidates =
        (0..1_000_000).map(|number| format!("{:06}", start.wrapping_add(number) % 1_000_000));
    candidates.find(|code| !right.contains(code)).expect("most codes are wrong")
}

fn steps(unix_time: u64, tolerance: u64) -> impl Iterator<Item = u64> {
    let current = unix_time / STEP;
    current.saturating_sub(tolerance)..=current + tolerance
}

fn code_of(device: &MfaDevice, step: u64) -> String {
    code_at(&device.seed, step * STEP)
}
