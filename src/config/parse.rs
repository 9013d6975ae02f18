//! From TOML to settings, with the line and the key of what is wrong.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::str::FromStr;

use serde::Deserialize;
use toml::Spanned;

use super::{Config, ConfigError, Deliver, KeychainKind, MfaSource, OnExpiry, Profile, PromptKind, Role};
use crate::domain::duration::Human;
use crate::domain::endpoint::Region;
use crate::domain::mfa::MfaSerial;
use crate::domain::profile::{ProfileName, SectionName};
use crate::domain::text::nearest;

/// The keys of the top level, for "did you mean".
const TOP_KEYS: [&str; 8] = [
    "default_profile",
    "warn_before",
    "notifications",
    "keychain",
    "prompt",
    "pinentry",
    "max_key_age",
    "profiles",
];

/// The keys of a profile.
const PROFILE_KEYS: [&str; 11] = [
    "mfa_serial",
    "region",
    "duration",
    "sections",
    "deliver",
    "mfa",
    "on_expiry",
    "source",
    "role_arn",
    "external_id",
    "role_session_name",
];

type Text = Option<Spanned<String>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawConfig {
    default_profile: Text,
    warn_before: Option<Vec<Spanned<String>>>,
    notifications: Option<bool>,
    keychain: Text,
    prompt: Text,
    pinentry: Option<PathBuf>,
    max_key_age: Text,
    #[serde(default)]
    profiles: BTreeMap<Spanned<String>, RawProfile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawProfile {
    mfa_serial: Text,
    region: Text,
    duration: Text,
    sections: Option<Spanned<Vec<Spanned<String>>>>,
    deliver: Text,
    mfa: Option<Spanned<toml::Value>>,
    on_expiry: Text,
    source: Text,
    role_arn: Option<String>,
    external_id: Option<String>,
    role_session_name: Option<String>,
}

/// Reads a configuration.
///
/// # Errors
///
/// [`ConfigError`] with line and key: no TOML, an unknown key, a value out of its range, a section that two
/// profiles claim, a default profile that is not there.
pub fn parse(text: &str) -> Result<Config, ConfigError> {
    let reader = Reader { text };
    let raw: RawConfig = toml::from_str(text).map_err(|error| reader.syntax(&error))?;
    let defaults = Config::default();
    let mut profiles = Vec::new();
    let mut tables: Vec<_> = raw.profiles.into_iter().collect();
    tables.sort_by_key(|(name, _)| name.span().start);
    for (name, table) in tables {
        let places: Vec<_> = table.sections.iter().flat_map(Spanned::get_ref).map(Spanned::span).collect();
        let profile = reader.profile(&name, table)?;
        reader.no_shared_section(&profiles, &profile, places.first().cloned().unwrap_or(name.span()))?;
        profiles.push(profile);
    }
    let mut warn_before = Vec::new();
    for lead in raw.warn_before.iter().flatten() {
        warn_before.push(reader.value::<Human>("warn_before", lead)?.0);
    }
    warn_before.sort_unstable_by(|a, b| b.cmp(a));
    let config = Config {
        default_profile: reader.optional(
            "default_profile",
            raw.default_profile.as_ref(),
            ProfileName::parse,
        )?,
        warn_before: if raw.warn_before.is_some() { warn_before } else { defaults.warn_before },
        notifications: raw.notifications.unwrap_or(defaults.notifications),
        keychain: reader.choice(
            "keychain",
            raw.keychain.as_ref(),
            &[("os", KeychainKind::Os), ("file", KeychainKind::File)],
        )?,
        prompt: reader.choice(
            "prompt",
            raw.prompt.as_ref(),
            &[
                ("auto", PromptKind::Auto),
                ("pinentry", PromptKind::Pinentry),
                ("zenity", PromptKind::Zenity),
                ("kdialog", PromptKind::Kdialog),
                ("osascript", PromptKind::Osascript),
                ("terminal", PromptKind::Terminal),
                ("none", PromptKind::None),
            ],
        )?,
        pinentry: raw.pinentry,
        max_key_age: reader
            .optional("max_key_age", raw.max_key_age.as_ref(), Human::from_str)?
            .map(|human| human.0),
        profiles,
    };
    if let (Some(name), Some(place)) = (&config.default_profile, &raw.default_profile)
        && config.profile(name).is_none()
    {
        return Err(reader.at(&place.span(), format!("default_profile: there is no [profiles.{name}]")));
    }
    Ok(config)
}

/// Turns spans into lines.
struct Reader<'a> {
    text: &'a str,
}

impl Reader<'_> {
    fn profile(&self, name: &Spanned<String>, raw: RawProfile) -> Result<Profile, ConfigError> {
        let parsed = ProfileName::parse(name.get_ref())
            .map_err(|error| self.at(&name.span(), format!("profiles: {error}")))?;
        let sections = match &raw.sections {
            None => vec![parsed.own_section()],
            Some(list) if list.get_ref().is_empty() => {
                return Err(self.at(&list.span(), "sections: at least one section is needed".to_owned()));
            }
            Some(list) => {
                let mut sections = Vec::new();
                for section in list.get_ref() {
                    let parsed = self.parsed("sections", section, SectionName::parse)?;
                    if sections.contains(&parsed) {
                        return Err(self.at(&section.span(), format!("sections: [{parsed}] stands twice")));
                    }
                    sections.push(parsed);
                }
                sections
            }
        };
        let role = Role {
            source: self.optional("source", raw.source.as_ref(), ProfileName::parse)?,
            role_arn: raw.role_arn,
            external_id: raw.external_id,
            role_session_name: raw.role_session_name,
        };
        Ok(Profile {
            name: parsed,
            mfa_serial: self.optional("mfa_serial", raw.mfa_serial.as_ref(), MfaSerial::parse)?,
            region: self.optional("region", raw.region.as_ref(), Region::parse)?,
            duration: self.optional("duration", raw.duration.as_ref(), FromStr::from_str)?,
            sections,
            deliver: self.choice(
                "deliver",
                raw.deliver.as_ref(),
                &[("file", Deliver::File), ("agent", Deliver::Agent)],
            )?,
            mfa: self.mfa(raw.mfa.as_ref())?,
            on_expiry: self.choice(
                "on_expiry",
                raw.on_expiry.as_ref(),
                &[("keep", OnExpiry::Keep), ("remove", OnExpiry::Remove)],
            )?,
            role: (role.source.is_some() || role.role_arn.is_some()).then_some(role),
        })
    }

    /// Two profiles that write one section would replace each other's session.
    fn no_shared_section(
        &self,
        earlier: &[Profile],
        profile: &Profile,
        place: Range<usize>,
    ) -> Result<(), ConfigError> {
        for other in earlier {
            if let Some(shared) = other.sections.iter().find(|section| profile.sections.contains(section)) {
                let problem = format!("sections: [{shared}] is written by profile {} already", other.name);
                return Err(self.at(&place, problem));
            }
        }
        Ok(())
    }

    fn mfa(&self, raw: Option<&Spanned<toml::Value>>) -> Result<MfaSource, ConfigError> {
        let Some(raw) = raw else { return Ok(MfaSource::Prompt) };
        let wrong = || {
            let problem =
                "mfa: expected \"prompt\", \"totp\", \"none\" or { command = [\"program\", \"argument\"] }";
            self.at(&raw.span(), problem.to_owned())
        };
        match raw.get_ref() {
            toml::Value::String(text) => match text.as_str() {
                "prompt" => Ok(MfaSource::Prompt),
                "totp" => Ok(MfaSource::Totp),
                "none" => Ok(MfaSource::None),
                _ => Err(wrong()),
            },
            toml::Value::Table(table) if table.len() == 1 => {
                let command = table.get("command").and_then(toml::Value::as_array).ok_or_else(wrong)?;
                let words: Option<Vec<String>> =
                    command.iter().map(|word| word.as_str().map(ToOwned::to_owned)).collect();
                words.filter(|words| !words.is_empty()).map(MfaSource::Command).ok_or_else(wrong)
            }
            toml::Value::Integer(_)
            | toml::Value::Float(_)
            | toml::Value::Boolean(_)
            | toml::Value::Datetime(_)
            | toml::Value::Array(_)
            | toml::Value::Table(_) => Err(wrong()),
        }
    }

    /// One of a few words; the first is the default.
    fn choice<T: Copy>(
        &self,
        key: &str,
        raw: Option<&Spanned<String>>,
        words: &[(&str, T)],
    ) -> Result<T, ConfigError> {
        let found = match raw {
            None => words.first(),
            Some(raw) => words.iter().find(|(word, _)| word == raw.get_ref()),
        };
        found.map(|(_, value)| *value).ok_or_else(|| {
            let names: Vec<_> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
            let span = raw.map_or(0..0, Spanned::span);
            self.at(&span, format!("{key}: expected one of {}", names.join(", ")))
        })
    }

    fn optional<T, E: std::error::Error>(
        &self,
        key: &str,
        raw: Option<&Spanned<String>>,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<Option<T>, ConfigError> {
        raw.map(|raw| self.parsed(key, raw, parse)).transpose()
    }

    fn value<T: FromStr<Err: std::error::Error>>(
        &self,
        key: &str,
        raw: &Spanned<String>,
    ) -> Result<T, ConfigError> {
        self.parsed(key, raw, T::from_str)
    }

    fn parsed<T, E: std::error::Error>(
        &self,
        key: &str,
        raw: &Spanned<String>,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<T, ConfigError> {
        parse(raw.get_ref()).map_err(|error| self.at(&raw.span(), format!("{key}: {error}")))
    }

    /// What the TOML reader complains about, without the values that it quotes.
    fn syntax(&self, error: &toml::de::Error) -> ConfigError {
        let span = error.span().unwrap_or(0..0);
        let message = error.message().lines().next().unwrap_or_default();
        let key = message.strip_prefix("unknown field `").and_then(|rest| rest.split('`').next());
        let problem = match (key, message.split_once(", expected ")) {
            (Some(key), _) => match nearest(key, TOP_KEYS.into_iter().chain(PROFILE_KEYS)) {
                Some(known) => format!("unknown key `{key}`; did you mean `{known}`?"),
                None => format!("unknown key `{key}`"),
            },
            (None, Some((invalid, expected))) if invalid.starts_with("invalid ") => {
                let key = self.key_of(&span);
                format!("{key}expected {expected}")
            }
            _ => message.to_owned(),
        };
        self.at(&span, problem)
    }

    /// `key: ` if the span's line assigns to a key.
    fn key_of(&self, span: &Range<usize>) -> String {
        let line = self.text.lines().nth(self.line(span) - 1).unwrap_or_default();
        let key = line.split_once('=').map(|(key, _)| key.trim()).unwrap_or_default();
        let known = TOP_KEYS.iter().chain(&PROFILE_KEYS).any(|known| *known == key);
        if known { format!("{key}: ") } else { String::new() }
    }

    fn line(&self, span: &Range<usize>) -> usize {
        let before = self.text.get(..span.start).unwrap_or_default();
        before.matches('\n').count() + 1
    }

    fn at(&self, span: &Range<usize>, problem: String) -> ConfigError {
        ConfigError { line: self.line(span), problem }
    }
}
