//! Which profiles are meant, and what a profile comes to once AWS's own settings have filled the gaps.

use std::path::Path;
use std::str::FromStr as _;

use super::{Ports, failures};
use crate::config::{Config, Deliver, KeychainKind, MfaSource, Profile};
use crate::domain::duration::SessionDuration;
use crate::domain::endpoint::{EndpointUrl, Region, StsSite};
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::flights::Device;
use crate::domain::mfa::MfaSerial;
use crate::domain::profile::{ProfileName, SectionName};
use crate::domain::record::{Record, State};
use crate::domain::text::nearest;
use crate::ports::aws_settings::AwsProfile;
use crate::ports::session_store::SectionTarget;

/// The region whose STS cannot be switched off.
const FALLBACK_REGION: &str = "us-east-1";

/// A profile with nothing left open: all that a refresh needs to know.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The profile.
    pub name: ProfileName,
    /// Where STS is called.
    pub site: StsSite,
    /// The MFA device; `None` for a profile that says `mfa = "none"`.
    pub serial: Option<MfaSerial>,
    /// Where the code comes from.
    pub mfa: MfaSource,
    /// How long a session is asked for.
    pub duration: SessionDuration,
    /// Where the session goes.
    pub targets: Vec<SectionTarget>,
    /// What the user should know although it stops nothing.
    pub warnings: Vec<String>,
}

/// The configuration as it stands in its file.
///
/// # Errors
///
/// Class [`Config`](FailureClass::Config): file, line and key are named.
pub fn load_config(ports: &Ports) -> Result<Config, Failure> {
    let text = ports.config.read().map_err(|error| failures::config_file(&error))?;
    crate::config::parse(&text).map_err(|error| failures::config(&error, ports.config.path()))
}

/// The profiles that a command means: those named, else the implied one.
///
/// # Errors
///
/// Class `Config` for an unknown profile or no profile at all, class `Usage` if several could be meant.
pub fn select<'a>(
    config: &'a Config,
    names: &[ProfileName],
    path: &Path,
) -> Result<Vec<&'a Profile>, Failure> {
    if names.is_empty() {
        return implied(config).map(|profile| vec![profile]);
    }
    let mut selected: Vec<&Profile> = Vec::new();
    for name in names {
        let profile = config.profile(name).ok_or_else(|| unknown(config, name, path))?;
        // Named twice is meant once.
        if !selected.iter().any(|other| other.name == profile.name) {
            selected.push(profile);
        }
    }
    Ok(selected)
}

fn implied(config: &Config) -> Result<&Profile, Failure> {
    if let Some(profile) = config.implied_profile() {
        return Ok(profile);
    }
    let Some(first) = config.profiles.first() else {
        return Err(Failure::new(FailureClass::Config, "no profile is configured yet").hint("stsd add work"));
    };
    let names: Vec<_> = config.profiles.iter().map(|profile| profile.name.as_str()).collect();
    Err(Failure::new(FailureClass::Usage, format!("which profile? There are {}", names.join(", ")))
        .hint(format!("name one ({}), or set default_profile in the configuration", first.name)))
}

fn unknown(config: &Config, name: &ProfileName, path: &Path) -> Failure {
    let failure =
        Failure::new(FailureClass::Config, format!("{}: there is no [profiles.{name}]", path.display()));
    match nearest(name.as_str(), config.profiles.iter().map(|profile| profile.name.as_str())) {
        Some(near) => failure.hint(format!("did you mean {near}? Otherwise: stsd add {name}")),
        None => failure.hint(format!("stsd add {name}")),
    }
}

/// What AWS's settings say of a profile, by its own name.
///
/// # Errors
///
/// Class `Config` if AWS's configuration file cannot be read.
pub async fn aws_profile(ports: &Ports, name: &str) -> Result<AwsProfile, Failure> {
    ports.aws.profile(name).await.map_err(|error| failures::aws_settings(&error))
}

/// Fills the gaps of a profile.
///
/// # Errors
///
/// Class `Config`: no MFA serial anywhere, a malformed one in AWS's configuration, an endpoint that would carry a
/// code in the clear, a setting that this version does not perform yet.
pub async fn resolve(
    ports: &Ports,
    config: &Config,
    profile: &Profile,
    state: &State,
    duration: Option<SessionDuration>,
) -> Result<Resolved, Failure> {
    supported(config, profile, ports.config.path())?;
    let aws = aws_profile(ports, profile.name.as_str()).await?;
    let site = site(profile.region.clone(), &aws, &profile.name)?;
    let serial = match profile.mfa {
        MfaSource::None => None,
        MfaSource::Prompt | MfaSource::Totp | MfaSource::Command(_) => Some(required_serial(profile, &aws)?),
    };
    let record = state.of(&profile.name);
    let targets = profile.sections.iter().map(|section| target(&record, section));
    let mut warnings = Vec::new();
    for section in &profile.sections {
        let rivals = aws_profile(ports, section.as_str()).await?.rivals;
        if !rivals.is_empty() {
            warnings.push(format!(
                "AWS's configuration sets {} for profile {section}: some tools will use that and not the session",
                rivals.join(", ")
            ));
        }
    }
    Ok(Resolved {
        name: profile.name.clone(),
        site,
        serial,
        mfa: profile.mfa.clone(),
        duration: match duration.or(profile.duration) {
            Some(duration) => duration,
            None => aws_duration(&aws, &profile.name)?,
        },
        targets: targets.collect(),
        warnings,
    })
}

/// What the code of a profile is for; nothing if it takes none, or if that cannot be said: a refresh says why.
pub async fn device(ports: &Ports, config: &Config, profile: &Profile) -> Option<Device> {
    if profile.mfa == MfaSource::None || supported(config, profile, ports.config.path()).is_err() {
        return None;
    }
    let aws = aws_profile(ports, profile.name.as_str()).await.ok()?;
    let serial = serial(profile, &aws).ok()??;
    let site = site(profile.region.clone(), &aws, &profile.name).ok()?;
    // The key matters, and is looked at, only where another profile may have the same device.
    let shares = |other: &&Profile| {
        let same = other.mfa_serial.as_ref().is_none_or(|theirs| *theirs == serial);
        other.name != profile.name && other.mfa != MfaSource::None && same
    };
    let key = match config.profiles.iter().find(shares) {
        Some(_) => Some(ports.keychain.read(&profile.name).await.ok()?.id),
        None => None,
    };
    Some(Device { serial, key, site, person: profile.mfa == MfaSource::Prompt })
}

/// A section with what is remembered of it.
#[must_use]
pub fn target(record: &Record, section: &SectionName) -> SectionTarget {
    let known = record.section(section);
    SectionTarget {
        section: section.clone(),
        written: known.map(|known| known.written.clone()),
        earlier: known.and_then(|known| known.earlier.clone()),
        created: known.is_some_and(|known| known.created),
    }
}

/// Where STS is called for a profile.
///
/// # Errors
///
/// Class `Config` for a malformed region or endpoint.
pub fn site(region: Option<Region>, aws: &AwsProfile, name: &ProfileName) -> Result<StsSite, Failure> {
    let wrong = |error: &dyn std::error::Error| {
        Failure::new(FailureClass::Config, format!("AWS's settings for profile {name}: {error}"))
            .hint("look at AWS_REGION, AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_STS and ~/.aws/config")
    };
    let region = match (region, &aws.region) {
        (Some(region), _) => region,
        (None, Some(text)) => Region::parse(text).map_err(|error| wrong(&error))?,
        (None, None) => Region::parse(FALLBACK_REGION).map_err(|error| wrong(&error))?,
    };
    let endpoint =
        aws.sts_endpoint.as_deref().map(EndpointUrl::parse).transpose().map_err(|error| wrong(&error))?;
    Ok(StsSite { region, endpoint, fips: aws.use_fips, dualstack: aws.use_dualstack })
}

/// The serial of a profile, wherever it stands.
///
/// # Errors
///
/// Class `Config` if AWS's configuration has a serial that STS cannot use.
pub fn serial(profile: &Profile, aws: &AwsProfile) -> Result<Option<MfaSerial>, Failure> {
    if let Some(serial) = &profile.mfa_serial {
        return Ok(Some(serial.clone()));
    }
    aws.mfa_serial.as_deref().map(MfaSerial::parse).transpose().map_err(|error| {
        Failure::new(
            FailureClass::Config,
            format!("mfa_serial of profile {} in AWS's configuration: {error}", profile.name),
        )
        .hint(format!("set mfa_serial in [profiles.{}] of config.toml", profile.name))
    })
}

/// The `duration_seconds` of AWS's configuration, else STS's own default. Beside a `role_arn` it is the role's.
fn aws_duration(aws: &AwsProfile, name: &ProfileName) -> Result<SessionDuration, Failure> {
    let of_a_role = aws.rivals.iter().any(|rival| rival == "role_arn");
    let Some(text) = aws.duration_seconds.as_ref().filter(|_| !of_a_role) else {
        return Ok(SessionDuration::DEFAULT);
    };
    SessionDuration::from_str(&format!("{text}s")).map_err(|error| {
        Failure::new(
            FailureClass::Config,
            format!("duration_seconds of profile {name} in AWS's configuration: {error}"),
        )
        .hint(format!("set duration = \"12h\" in [profiles.{name}] of config.toml"))
    })
}

fn required_serial(profile: &Profile, aws: &AwsProfile) -> Result<MfaSerial, Failure> {
    serial(profile, aws)?.ok_or_else(|| {
        Failure::new(FailureClass::Config, format!("profile {} has no MFA serial", profile.name)).hint(format!(
            "set mfa_serial in [profiles.{name}] (IAM > Users > Security credentials shows it), or mfa = \"none\"",
            name = profile.name
        ))
    })
}

/// Refuses a keychain that this version does not have, so that no key goes into another one than the user chose.
///
/// # Errors
///
/// Class `Config`.
pub fn supported_keychain(config: &Config, path: &Path) -> Result<(), Failure> {
    if config.keychain == KeychainKind::Os {
        return Ok(());
    }
    let message = format!("{}: keychain = \"file\" is not supported by this version", path.display());
    Err(Failure::new(FailureClass::Config, message).hint("set keychain = \"os\""))
}

/// Refuses what the configuration may say already but this version does not do.
fn supported(config: &Config, profile: &Profile, path: &Path) -> Result<(), Failure> {
    supported_keychain(config, path)?;
    let later = |key: &str, instead: &str| {
        let place = format!("{}: [profiles.{}]", path.display(), profile.name);
        Err(Failure::new(FailureClass::Config, format!("{place}: {key} is not supported by this version"))
            .hint(instead))
    };
    if profile.deliver == Deliver::Agent {
        return later("deliver = \"agent\"", "set deliver = \"file\"");
    }
    if profile.role.is_some() {
        return later(
            "a role (source, role_arn)",
            "let AWS's tools assume the role: source_profile in ~/.aws/config",
        );
    }
    Ok(())
}
