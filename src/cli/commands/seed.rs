//! `stsd add --totp-seed -`

use secrecy::{ExposeSecret as _, SecretString};

use crate::cli::args::AddArgs;
use crate::cli::here::Here;
use crate::cli::output::Output;
use crate::cli::terminal;
use crate::config::edit::ProfileChange;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::mfa::MfaCode;
use crate::domain::profile::ProfileName;
use crate::domain::totp::TotpSeed;
use crate::usecase::Ports;
use crate::usecase::add::{Prepared, prepare};
use crate::usecase::seed::{check, store};

/// True if a seed is to be stored.
pub(super) fn is_wanted(args: &AddArgs) -> Result<bool, Failure> {
    match args.totp_seed.as_ref().map(|value| value.0.as_str()) {
        None => Ok(false),
        Some("-") => Ok(true),
        // It is in the shell's history now, and is not taken from there.
        Some(_) => Err(Failure::new(
            FailureClass::Usage,
            "--totp-seed: the seed is not taken from the command line, where others see it; the only value is -",
        )
        .hint(format!("stsd add {} --totp-seed -", args.profile))),
    }
}

/// Stores the seed of a profile whose key is in the keychain already.
pub(super) async fn run(
    name: &ProfileName,
    change: &ProfileChange,
    here: &Here,
    output: Output,
) -> Result<u8, Failure> {
    let ports = &here.ports;
    let (prepared, seed) = if terminal::is_there() {
        let prepared = prepare(ports, name, change).await?;
        (prepared, ask(ports, name)?)
    } else {
        let line = terminal::one_line("the TOTP seed", &example(name))?;
        let seed = parse(&line, name)?;
        (prepare(ports, name, change).await?, seed)
    };
    put(name, &seed, change, here, output).await?;
    tell(name, &prepared, output);
    Ok(0)
}

/// Stores a seed that was taken.
pub(super) async fn put(
    name: &ProfileName,
    seed: &TotpSeed,
    change: &ProfileChange,
    here: &Here,
    output: Output,
) -> Result<(), Failure> {
    store(&here.ports, name, seed, change).await?;
    here.reload().await;
    if !terminal::is_there() {
        output.say("note: the seed was not checked against a code: there is no terminal to type one at");
    }
    output
        .say(&format!("{name}: TOTP seed stored in the keychain; refreshes need no code from you any more"));
    output.say("note: with the seed beside the key, whoever can read this keychain needs no second factor");
    Ok(())
}

fn tell(name: &ProfileName, prepared: &Prepared, output: Output) {
    if prepared.lacks_serial {
        output.warn(&format!(
            "profile {name} has no MFA serial yet: set mfa_serial in [profiles.{name}] of config.toml before the first refresh"
        ));
    } else {
        output.say(&format!("next: stsd refresh {name}"));
    }
}

/// Asks a person for the seed, and for a code to check it.
pub(super) fn ask(ports: &Ports, name: &ProfileName) -> Result<TotpSeed, Failure> {
    let seed = terminal::ask_hidden("TOTP seed, base32 or otpauth://… (not shown): ")?;
    let seed = parse(&seed, name)?;
    let shown = terminal::ask_hidden("Code that the device shows now, to check the seed: ")?;
    let shown = MfaCode::parse(shown.expose_secret().trim_ascii()).map_err(|error| {
        Failure::new(FailureClass::Usage, format!("{error}; nothing was stored")).hint(again(name))
    })?;
    check(ports, name, &seed, &shown)?;
    Ok(seed)
}

/// Reads a seed as it was given.
pub(super) fn parse(text: &SecretString, name: &ProfileName) -> Result<TotpSeed, Failure> {
    TotpSeed::parse(text)
        .map_err(|error| Failure::new(FailureClass::Usage, error.to_string()).hint(again(name)))
}

fn again(name: &ProfileName) -> String {
    format!("stsd add {name} --totp-seed -")
}

fn example(name: &ProfileName) -> String {
    format!("pass show aws/seed | stsd add {name} --totp-seed -")
}
