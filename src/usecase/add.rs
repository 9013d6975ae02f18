//! Stores a long-term key: checked with AWS, then in the keychain, then in the configuration.

use super::{Ports, failures};
use crate::config::edit::{ProfileChange, put_profile};
use crate::config::{self, Profile};
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::keys::{AccessKeyId, LongTermKey};
use crate::domain::profile::ProfileName;
use crate::ports::config_store::ConfigFileError;
use crate::ports::sts::CallerIdentity;
use crate::usecase::profiles;

/// How often the configuration is written when others write it at the same moment.
const WRITE_ATTEMPTS: u32 = 20;

/// What is to be stored.
#[derive(Clone, Debug)]
pub struct AddRequest {
    /// The profile.
    pub profile: ProfileName,
    /// Its key.
    pub key: LongTermKey,
    /// What the command line says of its settings.
    pub change: ProfileChange,
    /// False if AWS is not to be asked.
    pub verify: bool,
}

/// What was stored.
#[derive(Clone, Debug)]
pub struct Added {
    /// Who the key belongs to, if AWS was asked.
    pub identity: Option<CallerIdentity>,
    /// What the user should know.
    pub warnings: Vec<String>,
    /// True if nothing is missing for a refresh.
    pub ready: bool,
}

/// What is known of the profile before the key is asked for.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The configuration's text at that moment.
    text: String,
    /// True if nothing says which MFA device the profile has.
    pub lacks_serial: bool,
    /// True if the keychain holds a key of the profile, which the new one will replace.
    pub replaces: bool,
}

impl Prepared {
    /// What the configuration will say of the profile once it has the change.
    ///
    /// # Errors
    ///
    /// Class `Config`.
    pub(super) fn changed(
        &self,
        ports: &Ports,
        name: &ProfileName,
        change: &ProfileChange,
    ) -> Result<Profile, Failure> {
        let wrong_text = |error: &config::ConfigError| failures::config(error, ports.config.path());
        let text = put_profile(&self.text, name, change).map_err(|error| wrong_text(&error))?;
        let config = config::parse(&text).map_err(|error| wrong_text(&error))?;
        let missing = || Failure::new(FailureClass::Internal, "the profile is not in its configuration");
        config.profile(name).cloned().ok_or_else(missing)
    }
}

/// Makes sure that a key could be stored, before anybody types one: configuration readable, keychain there and open.
///
/// # Errors
///
/// Class `Config` or `Keychain`.
pub async fn prepare(ports: &Ports, name: &ProfileName, change: &ProfileChange) -> Result<Prepared, Failure> {
    let text = ports.config.read().map_err(|error| failures::config_file(&error))?;
    let config = config::parse(&text).map_err(|error| failures::config(&error, ports.config.path()))?;
    profiles::supported_keychain(&config, ports.config.path())?;
    ports.keychain.check().await.map_err(|error| failures::keychain(&error, name))?;
    let lacks_serial = match config.profile(name) {
        _ if change.mfa_serial.is_some() => false,
        Some(profile) if profile.mfa == config::MfaSource::None => false,
        Some(profile) => {
            profiles::serial(profile, &profiles::aws_profile(ports, name.as_str()).await?)?.is_none()
        }
        None => profiles::aws_profile(ports, name.as_str()).await?.mfa_serial.is_none(),
    };
    let replaces = ports.keychain.check_item(name).await.is_ok();
    Ok(Prepared { text, lacks_serial, replaces })
}

/// What makes a key look unlike one of AWS's. Other STS servers have other keys, so it is worth a word and no refusal.
#[must_use]
pub fn doubt(key: &LongTermKey) -> Option<&'static str> {
    let looks_right = key.id.looks_like_aws_long_term();
    (!looks_right)
        .then_some("the access key id does not look like a long-term key of AWS (AKIA and 16 of A-Z, 2-7)")
}

/// Stores a key. Nothing is stored unless AWS knows the key, or was not to be asked.
///
/// # Errors
///
/// What AWS, the keychain or the configuration refuse, each in its class. If the configuration cannot be written, the
/// key is in the keychain already and the message says so.
pub async fn add(ports: &Ports, prepared: &Prepared, request: &AddRequest) -> Result<Added, Failure> {
    let name = &request.profile;
    let profile = &prepared.changed(ports, name, &request.change)?;
    let aws = profiles::aws_profile(ports, name.as_str()).await?;
    let identity = if request.verify {
        let site = profiles::site(profile.region.clone(), &aws, name)?;
        let answer = ports.sts.caller_identity(&site, &request.key).await;
        Some(answer.map_err(|error| failures::sts(&error, name))?)
    } else {
        None
    };
    let serial = profiles::serial(profile, &aws)?;
    let warnings = warnings(profile, &request.key.id, identity.as_ref(), serial.as_ref());
    ports.keychain.write(name, &request.key).await.map_err(|error| failures::keychain(&error, name))?;
    tracing::info!(profile = %name, key = %request.key.id.last_four(), "key stored");
    configure(ports, name, &request.change).await?;
    let ready = serial.is_some() || profile.mfa == config::MfaSource::None;
    Ok(Added { identity, warnings, ready })
}

/// Writes the profile's table; if another program changes the file at that moment, into what that made of it.
pub(super) async fn configure(
    ports: &Ports,
    name: &ProfileName,
    change: &ProfileChange,
) -> Result<(), Failure> {
    let mut attempts = WRITE_ATTEMPTS;
    loop {
        let before = ports.config.read().map_err(|error| half_done(&error, name))?;
        let text = put_profile(&before, name, change)
            .map_err(|error| failures::config(&error, ports.config.path()))?;
        if text == before {
            return Ok(());
        }
        match ports.config.write(&before, &text).await {
            Err(ConfigFileError::Changed(_)) if attempts > 1 => attempts -= 1,
            written => return written.map_err(|error| half_done(&error, name)),
        }
    }
}

/// What the user should know of a key and its device: that they do not belong together, or that one is missing.
pub(super) fn warnings(
    profile: &Profile,
    id: &AccessKeyId,
    identity: Option<&CallerIdentity>,
    serial: Option<&crate::domain::mfa::MfaSerial>,
) -> Vec<String> {
    let mut warnings = Vec::new();
    let of_key = identity.map(|identity| identity.account.clone()).or_else(|| id.account());
    if let (Some(of_key), Some(of_device)) = (of_key, serial.and_then(crate::domain::mfa::MfaSerial::account))
        && of_key != of_device
    {
        warnings.push(format!(
            "the key belongs to account {of_key}, the MFA device to {of_device}: AWS will refuse the code"
        ));
    }
    if serial.is_none() && profile.mfa != config::MfaSource::None {
        warnings.push(format!(
            "profile {name} has no MFA serial yet: set mfa_serial in [profiles.{name}] of config.toml before the first refresh",
            name = profile.name
        ));
    }
    if identity.is_some_and(|identity| identity.arn.ends_with(":root")) {
        warnings.push(
            "this is the root user's key: its sessions last at most 1h; better use a key of an IAM user"
                .to_owned(),
        );
    }
    warnings
}

fn half_done(error: &ConfigFileError, name: &ProfileName) -> Failure {
    let mut failure = failures::config_file(error);
    failure.message = format!(
        "the key of {name} is in the keychain, but the configuration was not written: {}",
        failure.message
    );
    failure
}
