//! Codes that need nobody: made from the seed in the keychain, or printed by the user's command.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, Utc};

use super::run::salt;
use crate::config::MfaSource;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::mfa::{MfaCode, MfaSerial};
use crate::domain::spent::SpentCode;
use crate::domain::totp;
use crate::usecase::profiles::Resolved;
use crate::usecase::{Ports, failures};

/// How many steps are waited for, if others take them too.
const STEPS: u32 = 4;

/// Obtains a code for a member of a group.
pub(super) async fn code(ports: &Ports, member: &Resolved, serial: &MfaSerial) -> Result<MfaCode, Failure> {
    match &member.mfa {
        MfaSource::Totp => of_seed(ports, member, serial).await,
        MfaSource::Command(command) => of_command(ports, member, command).await,
        MfaSource::Prompt | MfaSource::None => {
            Err(Failure::new(FailureClass::Internal, "the profile's code comes from a person"))
        }
    }
}

/// What may be wrong with a code that nobody typed and that AWS refused.
pub(super) fn doubt(member: &Resolved) -> String {
    let name = &member.name;
    if member.mfa == MfaSource::Totp {
        format!(
            "stsd add {name} --totp-seed -   (if this machine's clock is right, the seed is another device's)"
        )
    } else {
        format!(
            "stsd refresh {name}   (in half a minute: the command printed a code that was used, or another device's)"
        )
    }
}

/// The code of the present step, or of the next one if that was used.
async fn of_seed(ports: &Ports, member: &Resolved, serial: &MfaSerial) -> Result<MfaCode, Failure> {
    let name = &member.name;
    let seed = ports.keychain.read_seed(name).await.map_err(|error| failures::keychain(&error, name))?;
    for _ in 0..STEPS {
        let now = ports.clock.now();
        let unmade = || Failure::new(FailureClass::Internal, "no code can be made at this machine's time");
        let code = seed.code_at(now).ok_or_else(unmade);
        let code = code.map_err(|failure| failure.hint(failures::SET_THE_CLOCK))?;
        if claim(ports, serial, &code, now).await? {
            return Ok(code);
        }
        tracing::info!(profile = %name, "code used already, waiting for the next one");
        ports.timer.wait_until(totp::begin(totp::step(now).saturating_add(1))).await;
    }
    let message = format!("the codes of {serial} are used up by other refreshes");
    Err(Failure::new(FailureClass::MfaRefused, message).hint(format!("stsd refresh {name}   (in a minute)")))
}

/// Takes a code for this process alone; false if it was used. It counts as used from now on, before it is sent: two
/// processes make the same one.
async fn claim(
    ports: &Ports,
    serial: &MfaSerial,
    code: &MfaCode,
    now: DateTime<Utc>,
) -> Result<bool, Failure> {
    let spent = SpentCode::new(serial, code, now, salt(ports)?);
    let taken = Arc::new(AtomicBool::new(false));
    let (serial, code, was_taken) = (serial.clone(), code.clone(), Arc::clone(&taken));
    let saved = ports.state.update(Box::new(move |state| {
        let free = !state.spent.iter().any(|spent| spent.is(&serial, &code, now));
        if free {
            state.spend(spent, now);
        }
        was_taken.store(free, Ordering::SeqCst);
    }));
    match saved.await {
        Ok(()) => Ok(taken.load(Ordering::SeqCst)),
        // AWS refuses a code that was used: without a memory the worst is one refusal.
        Err(error) => {
            tracing::warn!(%error, "state not saved");
            Ok(true)
        }
    }
}

async fn of_command(ports: &Ports, member: &Resolved, command: &[String]) -> Result<MfaCode, Failure> {
    ports.commands.run(command).await.map_err(|error| {
        let (name, program) = (&member.name, command.first().map(String::as_str).unwrap_or_default());
        Failure::new(
            FailureClass::NoSession,
            format!("the command \"{program}\" of profile {name} gave no code: {error}"),
        )
        .hint(format!(
            "stsd refresh {name} --code 123456   (or mend mfa in [profiles.{name}] of config.toml)"
        ))
    })
}
