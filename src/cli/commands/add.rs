//! `stsd add`

use std::str::FromStr as _;

use secrecy::SecretString;

use crate::cli::args::AddArgs;
use crate::cli::commands::{import, seed};
use crate::cli::here::Here;
use crate::cli::output::Output;
use crate::cli::{flag, profile, terminal};
use crate::config::edit::ProfileChange;
use crate::domain::duration::SessionDuration;
use crate::domain::endpoint::Region;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::keys::{AccessKeyId, LongTermKey, parse_secret};
use crate::domain::mfa::MfaSerial;
use crate::domain::profile::{ProfileName, SectionName};
use crate::domain::totp::TotpSeed;
use crate::ports::keychain::KeychainError;
use crate::usecase::add::{AddRequest, Prepared, add, doubt, prepare};
use crate::usecase::failures;
use crate::usecase::import::ImportRequest;

pub(crate) async fn run(args: &AddArgs, here: &Here, output: Output) -> Result<u8, Failure> {
    let ports = &here.ports;
    let name = profile(&args.profile)?;
    let mut change = ProfileChange {
        mfa_serial: flag("add", "--mfa-serial", args.mfa_serial.as_deref(), MfaSerial::parse)?,
        region: flag("add", "--region", args.region.as_deref(), Region::parse)?,
        duration: flag("add", "--duration", args.duration.as_deref(), SessionDuration::from_str)?,
        totp: false,
    };
    let with_seed = seed::is_wanted(args)?;
    if let Some(section) = flag("add", "--import", args.import.as_deref(), SectionName::parse)? {
        let (verify, keep_file) = (!args.no_verify, args.keep_file);
        let request = ImportRequest { profile: name, section, change, verify, keep_file };
        return import::run(&request, here, output).await;
    }
    let id = flag("add", "--access-key-id", args.access_key_id.as_deref(), AccessKeyId::parse_long_term)?;
    if with_seed && id.is_none() {
        match ports.keychain.check_item(&name).await {
            Ok(()) => return seed::run(&name, &change, here, output).await,
            Err(KeychainError::Missing(_)) => {}
            Err(error) => return Err(failures::keychain(&error, &name)),
        }
    }
    let (prepared, key, seed) = if terminal::is_there() {
        // Nobody types a secret in vain.
        let prepared = prepare(ports, &name, &change).await?;
        let key = ask(id, &name, &prepared, &mut change)?;
        let seed = if with_seed { Some(seed::ask(ports, &name)?) } else { None };
        (prepared, key, seed)
    } else {
        let (key, seed) = piped(id, &name, with_seed)?;
        (prepare(ports, &name, &change).await?, key, seed)
    };
    if prepared.replaces {
        output.say(&format!("the keychain holds a key of {name}; this one replaces it"));
    }
    if let Some(doubt) = doubt(&key) {
        output.warn(doubt);
    }
    if !args.no_verify {
        output.say("asking AWS whose key it is …");
    }
    let request = AddRequest { profile: name.clone(), key, change, verify: !args.no_verify };
    let added = add(ports, &prepared, &request).await?;
    here.reload().await;
    for warning in &added.warnings {
        output.warn(warning);
    }
    match &added.identity {
        Some(identity) => output.say(&format!(
            "{name}: key {} of {} stored in the keychain",
            request.key.id.last_four(),
            identity.arn
        )),
        None => output
            .say(&format!("{name}: key {} stored in the keychain, unverified", request.key.id.last_four())),
    }
    if let Some(seed) = seed {
        seed::put(&name, &seed, &ProfileChange::default(), here, output).await?;
    }
    if added.ready {
        output.say(&format!("next: stsd refresh {name}"));
    }
    Ok(0)
}

/// Takes the secret from a pipe, and the seed from its second line; nothing can be asked.
fn piped(
    id: Option<AccessKeyId>,
    name: &ProfileName,
    with_seed: bool,
) -> Result<(LongTermKey, Option<TotpSeed>), Failure> {
    let example = format!("printf '%s\\n' \"$SECRET\" | stsd add {name} --access-key-id AKIA…");
    let Some(id) = id else {
        let message = "--access-key-id is missing: without a terminal nobody can be asked";
        return Err(Failure::new(FailureClass::Usage, message).hint(example));
    };
    if !with_seed {
        let line = terminal::one_line("the secret access key", &example)?;
        return Ok((LongTermKey { id, secret: secret(&line, name)? }, None));
    }
    let example = format!(
        "printf '%s\\n%s\\n' \"$SECRET\" \"$SEED\" | stsd add {name} --access-key-id AKIA… --totp-seed -"
    );
    let [line, seed] = terminal::lines(["the secret access key", "the TOTP seed"], &example)?;
    Ok((LongTermKey { id, secret: secret(&line, name)? }, Some(seed::parse(&seed, name)?)))
}

/// Asks a person for what the flags did not say.
fn ask(
    id: Option<AccessKeyId>,
    name: &ProfileName,
    prepared: &Prepared,
    change: &mut ProfileChange,
) -> Result<LongTermKey, Failure> {
    let id = match id {
        Some(id) => id,
        None => AccessKeyId::parse_long_term(&terminal::ask("Access key id: ")?).map_err(|error| {
            Failure::new(FailureClass::Usage, error.to_string()).hint(format!("stsd add {name}"))
        })?,
    };
    if prepared.lacks_serial {
        let answer =
            terminal::ask("MFA serial, such as arn:aws:iam::123456789012:mfa/alice (empty: later): ")?;
        let given = (!answer.is_empty()).then_some(answer);
        change.mfa_serial = flag("add", "the MFA serial", given.as_deref(), MfaSerial::parse)?;
    }
    let secret = secret(&terminal::ask_hidden("Secret access key (not shown): ")?, name)?;
    Ok(LongTermKey { id, secret })
}

fn secret(text: &SecretString, name: &ProfileName) -> Result<SecretString, Failure> {
    parse_secret(text).map_err(|error| {
        Failure::new(FailureClass::Usage, error.to_string())
            .hint(format!("copy it again, then: stsd add {name}"))
    })
}
