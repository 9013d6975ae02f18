//! Moves a long-term key out of a section of the credentials file and into the keychain.
//!
//! At every moment the key is in the file or in the keychain, and whoever is stopped runs the command again: what is
//! done already is found done. Only what the keychain gives back, equal to the last character and accepted by AWS, lets
//! the plaintext go.

use super::add::{Prepared, configure, prepare, warnings};
use super::{Ports, failures};
use crate::config::edit::ProfileChange;
use crate::config::{MfaSource, Profile};
use crate::domain::aws_file::{SectionKey, SectionKeyError};
use crate::domain::endpoint::StsSite;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::keys::LongTermKey;
use crate::domain::mfa::MfaSerial;
use crate::domain::profile::{ProfileName, SectionName};
use crate::ports::keychain::KeychainError;
use crate::ports::session_store::{KeyCopy, KeyPlace, Removal};
use crate::ports::sts::CallerIdentity;
use crate::usecase::profiles;

/// Ends the name of the section in which aws-mfa and its kin keep the long-term key of a section.
const LONG_TERM: &str = "-long-term";

/// What is to be imported.
#[derive(Clone, Debug)]
pub struct ImportRequest {
    /// The profile that gets the key.
    pub profile: ProfileName,
    /// The section that holds it.
    pub section: SectionName,
    /// What the command line says of the profile's settings.
    pub change: ProfileChange,
    /// False if AWS is not to be asked.
    pub verify: bool,
    /// True if the plaintext is to stay in the file.
    pub keep_file: bool,
}

/// An import whose every check that changes nothing has been made.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The key: the file's, or the keychain's if the file's is gone already.
    pub key: LongTermKey,
    /// What the keychain held before.
    pub held: Held,
    /// The device that was found beside the key and will stand in the configuration.
    pub device: Option<MfaSerial>,
    /// False if the section holds no key any more.
    pub in_file: bool,
    change: ProfileChange,
    profile: Profile,
    site: Option<StsSite>,
    serial: Option<MfaSerial>,
}

/// What the keychain held of a profile before the import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// No key.
    Nothing,
    /// This key: an import that was stopped, or the second run of one.
    Same,
}

/// What became of the import.
#[derive(Clone, Debug)]
pub struct Imported {
    /// Who the key belongs to, if AWS was asked.
    pub identity: Option<CallerIdentity>,
    /// What happened to the section; `None` if it was not to be touched.
    pub removal: Option<Removal>,
    /// What the user should know.
    pub warnings: Vec<String>,
    /// Where the key still stands, in words, each with the command that helps.
    pub copies: Vec<(String, String)>,
    /// True if nothing is missing for a refresh.
    pub ready: bool,
}

/// Reads the key and makes every check that changes nothing.
///
/// # Errors
///
/// Class `Config` if the section holds no long-term key or the keychain holds another one of the profile, which may
/// exist nowhere else; class `CredentialsFile` if what the section holds cannot be read or taken out safely; else as
/// [`prepare`].
pub async fn plan(ports: &Ports, request: &ImportRequest) -> Result<Plan, Failure> {
    let ImportRequest { profile: name, section, .. } = request;
    let document = ports.store.read().await.map_err(|error| failures::store(&error, name))?;
    if document.sections().next().is_none() {
        return Err(failures::nothing_to_import(ports.store.path(), name));
    }
    let elsewhere = SectionName::parse(&format!("{section}{LONG_TERM}")).ok();
    let elsewhere = elsewhere.and_then(|other| Some((document.long_term_key(&other).ok()?.key, other)));
    let refused = |error: &SectionKeyError| {
        let elsewhere = elsewhere.as_ref().map(|(_, section)| section);
        failures::section_key(error, ports.store.path(), name, elsewhere)
    };
    let found = match document.long_term_key(section) {
        Ok(found) => found,
        // The header stays where a key was taken out: this is how a finished import looks, or one that was stopped at
        // its last step.
        Err(error @ (SectionKeyError::NoKey(_) | SectionKeyError::Temporary(_))) => {
            let held = ports.keychain.read(name).await.map_err(|_missing| refused(&error))?;
            let config = profiles::load_config(ports)?;
            let own = config.profile(name).is_some_and(|profile| profile.sections.contains(section));
            let another = elsewhere.as_ref().is_some_and(|(key, _)| !key.is_same_as(&held));
            // A typo is not to look like something that was done.
            if another || (matches!(error, SectionKeyError::Temporary(_)) && !own) {
                return Err(refused(&error));
            }
            let found = SectionKey { key: held, device: None };
            let prepared = prepare(ports, name, &request.change).await?;
            return planned(ports, request, &prepared, found, Held::Same, false).await;
        }
        Err(error) => return Err(refused(&error)),
    };
    let prepared = prepare(ports, name, &request.change).await?;
    let held = held(ports, request, &found.key).await?;
    let plan = planned(ports, request, &prepared, found, held, true).await?;
    if let Some(site) = &plan.site {
        ports.sts.check(site).await.map_err(|error| failures::sts(&error, name))?;
    }
    if !request.keep_file {
        let checked = ports.store.check_remove_key(section, &plan.key).await;
        checked.map_err(|error| failures::store(&error, name))?;
    }
    Ok(plan)
}

/// What the keychain holds of the profile, if that is not another key.
async fn held(ports: &Ports, request: &ImportRequest, key: &LongTermKey) -> Result<Held, Failure> {
    let ImportRequest { profile: name, section, .. } = request;
    match ports.keychain.read(name).await {
        Ok(held) if held.is_same_as(key) => Ok(Held::Same),
        Ok(held) => {
            let (held, key) = (held.id.last_four(), key.id.last_four());
            let message = format!(
                "the keychain holds another key of {name} ({held}), which may exist nowhere else; [{section}] has {key}"
            );
            Err(Failure::new(FailureClass::Config, message).hint(format!(
                "stsd add NAME --import {section}   (under another name; or, if {held} is no longer needed, first: stsd remove {name})"
            )))
        }
        Err(KeychainError::Missing(_)) => Ok(Held::Nothing),
        Err(error) => Err(failures::keychain(&error, name)),
    }
}

async fn planned(
    ports: &Ports,
    request: &ImportRequest,
    prepared: &Prepared,
    SectionKey { key, device }: SectionKey,
    held: Held,
    in_file: bool,
) -> Result<Plan, Failure> {
    let name = &request.profile;
    let mut change = request.change.clone();
    let device = device.filter(|_| prepared.lacks_serial);
    if device.is_some() {
        change.mfa_serial.clone_from(&device);
    }
    let profile = prepared.changed(ports, name, &change)?;
    let aws = profiles::aws_profile(ports, name.as_str()).await?;
    let site = request.verify.then(|| profiles::site(profile.region.clone(), &aws, name)).transpose()?;
    let serial = profiles::serial(&profile, &aws)?;
    Ok(Plan { key, held, device, in_file, change, profile, site, serial })
}

/// Stores the key, reads it back, asks AWS with what was read, and only then takes the plaintext out of the file.
///
/// # Errors
///
/// What the keychain, AWS, the configuration or the file refuse, each in its class; the message says where the key is
/// then. A key that AWS refuses does not stay in the keychain.
pub async fn import(ports: &Ports, request: &ImportRequest, plan: &Plan) -> Result<Imported, Failure> {
    let name = &request.profile;
    let identity = if plan.in_file { store(ports, request, plan).await? } else { None };
    let stands = if plan.in_file { Stands::Both } else { Stands::InKeychain };
    let configured = configure(ports, name, &plan.change).await;
    configured.map_err(|failure| standing(failure, request, stands))?;
    let removal = if request.keep_file { None } else { Some(take_out(ports, request, plan).await?) };
    let mut warnings = warnings(&plan.profile, &plan.key.id, identity.as_ref(), plan.serial.as_ref());
    if removal == Some(Removal::Foreign) && plan.in_file {
        warnings.push(format!("[{}] holds another key by now: it was left alone", request.section));
    }
    let copies = ports.store.copies(&plan.key).await;
    Ok(Imported {
        identity,
        removal,
        warnings,
        copies: copies.iter().map(|copy| in_words(copy, name)).collect(),
        ready: plan.serial.is_some() || plan.profile.mfa == MfaSource::None,
    })
}

/// Brings the key into the keychain and makes sure that it is there, whole and alive.
async fn store(
    ports: &Ports,
    request: &ImportRequest,
    plan: &Plan,
) -> Result<Option<CallerIdentity>, Failure> {
    let name = &request.profile;
    let in_keychain = |error: &KeychainError| failures::keychain(error, name);
    // Another program may have stored a key since the plan was made.
    let held = held(ports, request, &plan.key).await;
    let held = held.map_err(|failure| standing(failure, request, Stands::InFile))?;
    if held == Held::Nothing {
        let written = ports.keychain.write(name, &plan.key).await;
        written.map_err(|error| standing(in_keychain(&error), request, Stands::InFile))?;
        tracing::info!(profile = %name, key = %plan.key.id.last_four(), "key stored");
    }
    let copy = ports.keychain.read(name).await;
    let copy = copy.map_err(|error| standing(in_keychain(&error), request, Stands::InFile))?;
    if !copy.is_same_as(&plan.key) {
        let message = "the keychain gives back another key than was stored";
        let failure = Failure::new(FailureClass::Keychain, message);
        let failure = failure.hint(format!("secret-tool search --all service stsd username {name}"));
        return Err(standing(failure, request, Stands::InFile));
    }
    let Some(site) = &plan.site else { return Ok(None) };
    match ports.sts.caller_identity(site, &copy).await {
        Ok(identity) => Ok(Some(identity)),
        Err(error) => {
            let failure = failures::sts(&error, name);
            let refused = failure.class == FailureClass::AwsRefused;
            let stands =
                if refused && undo(ports, request, plan, held).await { Stands::InFile } else { Stands::Both };
            Err(standing(failure, request, stands))
        }
    }
}

/// Takes a key out of the keychain again that was not in it before; false if it is still there.
async fn undo(ports: &Ports, request: &ImportRequest, plan: &Plan, before: Held) -> bool {
    let name = &request.profile;
    if before == Held::Same {
        return false;
    }
    match held(ports, request, &plan.key).await {
        Ok(Held::Same) => {}
        Ok(Held::Nothing) => return true,
        // While AWS was asked somebody stored another; or the keychain does not say.
        Err(failure) => return failure.class == FailureClass::Config,
    }
    let undone = ports.keychain.delete(name).await;
    if let Err(error) = &undone {
        tracing::warn!(profile = %name, %error, "keychain not brought back");
    }
    undone.is_ok()
}

async fn take_out(ports: &Ports, request: &ImportRequest, plan: &Plan) -> Result<Removal, Failure> {
    let ImportRequest { profile: name, section, .. } = request;
    let error = match ports.store.remove_key(section, &plan.key).await {
        Ok(removal) => return Ok(removal),
        Err(error) => error,
    };
    // An error may have come after the replacement: the file itself says where the key is.
    let stands = match ports.store.read().await.map(|document| document.take_key(section, &plan.key)) {
        Ok(Ok((_, Removal::Absent | Removal::Foreign))) => Stands::InKeychain,
        Ok(Ok((_, Removal::Removed))) => Stands::Both,
        Ok(Err(_)) | Err(_) => Stands::Unknown,
    };
    let mut failure = failures::store(&error, name);
    if error.changed() {
        failure.hint = None;
    }
    Err(standing(failure, request, stands))
}

/// Where the key is when an import fails.
#[derive(Clone, Copy)]
enum Stands {
    InFile,
    Both,
    InKeychain,
    Unknown,
}

/// Adds to a failure where the key is, and what to run when its cause is mended.
fn standing(mut failure: Failure, request: &ImportRequest, stands: Stands) -> Failure {
    let ImportRequest { profile, section, .. } = request;
    let place = match stands {
        Stands::InFile => format!("the key is still in [{section}]"),
        Stands::Both => format!("the key is in the keychain and still in [{section}]"),
        Stands::InKeychain => format!("the key is in the keychain and no longer in [{section}]"),
        Stands::Unknown => format!("the key is in the keychain, perhaps also still in [{section}]"),
    };
    failure.message = format!("{} ({place})", failure.message);
    let again = format!("stsd add {profile} --import {section}");
    failure.hint = match failure.hint.take() {
        // What it says is meant for a refresh.
        _ if failure.class == FailureClass::Unavailable => Some(format!("try again in a while: {again}")),
        Some(hint) => Some(format!("{hint}   (then: {again})")),
        None => Some(again),
    };
    failure
}

/// Where a copy stands, and the command that removes it.
fn in_words(copy: &KeyCopy, profile: &ProfileName) -> (String, String) {
    let path = copy.path.display();
    let part = |secret: bool| if secret { "the secret" } else { "the id" };
    match &copy.place {
        KeyPlace::Section { section, line } => (
            format!("the key also stands in [{section}] of {path}, line {line}"),
            format!("stsd add {profile} --import {section}"),
        ),
        KeyPlace::Line(trace) => (
            format!("{} of the key also stands in {path}, line {}", part(trace.secret), trace.line),
            failures::edit(&copy.path, Some(trace.line)),
        ),
        KeyPlace::Backup { trace, kept } => {
            let text =
                format!("{} of the key also stands in {path}, line {}", part(trace.secret), trace.line);
            let remove = format!("rm {}", failures::quoted(&copy.path));
            let command = match (trace.secret, kept) {
                (true, true) => remove,
                (true, false) => {
                    format!("{remove}   (look into it first: it holds what stands nowhere else)")
                }
                (false, _) => failures::edit(&copy.path, Some(trace.line)),
            };
            (text, command)
        }
    }
}
